"""Looking at a model: summary, trace, trace_stack, gates, forced, parameter_count, verify.

Inspection knows layers by what all of them have: a path, a mode, inputs, outputs, weights, state.
It knows no particular layer, except that Recurrent ones name values of their steps.
"""

from .counts import parameter_count
from .data_stack import StackTrace, trace_stack
from .dependence import Dependence, dependence
from .forcing import forced, recurrent_names
from .gates import Gates, GateStatistics, gates
from .recording import Recording, record
from .summary import Summary, summary
from .trace import Trace, trace
from .unused import Unused, WeightUse, unused
from .verify import LawBroken, Report, verify

__all__ = [
    'Dependence',
    'GateStatistics',
    'Gates',
    'LawBroken',
    'Recording',
    'Report',
    'StackTrace',
    'Summary',
    'Trace',
    'Unused',
    'WeightUse',
    'dependence',
    'forced',
    'gates',
    'parameter_count',
    'record',
    'recurrent_names',
    'summary',
    'trace',
    'trace_stack',
    'unused',
    'verify',
]
