"""Looking at a model: summary, trace, parameter_count.

Inspection knows layers by what all of them have: a path, a mode, inputs, outputs, weights, state.
It knows no particular layer.
"""

from .counts import parameter_count
from .summary import Summary, summary
from .trace import Trace, trace

__all__ = ['Summary', 'Trace', 'parameter_count', 'summary', 'trace']
