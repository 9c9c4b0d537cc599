"""Looking at a model: summary, trace, trace_stack, parameter_count, verify.

Inspection knows layers by what all of them have: a path, a mode, inputs, outputs, weights, state.
It knows no particular layer.
"""

from .counts import parameter_count
from .data_stack import StackTrace, trace_stack
from .dependence import Dependence, dependence
from .summary import Summary, summary
from .trace import Trace, trace
from .verify import LawBroken, Report, verify

__all__ = [
    'Dependence',
    'LawBroken',
    'Report',
    'StackTrace',
    'Summary',
    'Trace',
    'dependence',
    'parameter_count',
    'summary',
    'trace',
    'trace_stack',
    'verify',
]
