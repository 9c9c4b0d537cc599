"""Looking at a model: summary, trace, trace_stack, parameter_count.

Inspection knows layers by what all of them have: a path, a mode, inputs, outputs, weights, state.
It knows no particular layer.
"""

from .counts import parameter_count
from .data_stack import StackTrace, trace_stack
from .summary import Summary, summary
from .trace import Trace, trace

__all__ = [
    'StackTrace',
    'Summary',
    'Trace',
    'parameter_count',
    'summary',
    'trace',
    'trace_stack',
]
