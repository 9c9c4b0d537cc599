"""What a layer is and how layers compose: the data stack, modes, carry, errors, sharing.

Combinators know no particular layer, no files, no optimizers and no configuration.
"""

from .accelerate import Accelerate
from .batch_leading_axes import BatchLeadingAxes
from .bidirectional import Bidirectional
from .cache import Cache
from .chunk import Chunk
from .cond import Cond
from .construction import add_provider
from .context import MODES, PRECISIONS, Context, Policy, as_key
from .declarations import Declaration, declare, holds
from .errors import LayerError, ModeError, ModeWarning, StateError, mismatch
from .flat import flatten_weights_and_state, unflatten_weights_and_state
from .fn import Add, Concatenate, FlattenList, Fn, Gate, Multiply, PureLayer, Split, SubtractTop
from .in_mode import InMode
from .layer import Layer
from .observing import Observer, observing
from .parallel import Branch, Parallel, Residual
from .paths import leaves
from .programs import Programs
from .ranges import in_range, same_numbers
from .reversible import ReversibleLayer
from .reversible_half_residual import ReversibleHalfResidual
from .reversible_moves import (
    ReversibleConcatenatePair,
    ReversibleReshape,
    ReversibleSelect,
    ReversibleSwap,
)
from .reversible_serial import ReversibleSerial
from .rewriting import with_sublayers
from .scan import Scan
from .select import Drop, Dup, Rearrange, Select, Swap
from .serial import Serial
from .sharing import SHARED, expand
from .side_outputs import SerialWithSideOutputs
from .signature import ShapeDtype, signature
from .stack import push as outputs_onto_stack
from .stack import take as inputs_from_stack
from .state import Held

# Trax's names for what an empty or shared part of a tree shows.
EMPTY_WEIGHTS = EMPTY_STATE = ()
GET_WEIGHTS_FROM_CACHE = SHARED

__all__ = [
    'EMPTY_STATE',
    'EMPTY_WEIGHTS',
    'GET_WEIGHTS_FROM_CACHE',
    'MODES',
    'PRECISIONS',
    'SHARED',
    'Accelerate',
    'Add',
    'BatchLeadingAxes',
    'Bidirectional',
    'Branch',
    'Cache',
    'Chunk',
    'Concatenate',
    'Cond',
    'Context',
    'Declaration',
    'Drop',
    'Dup',
    'FlattenList',
    'Fn',
    'Gate',
    'Held',
    'InMode',
    'Layer',
    'LayerError',
    'ModeError',
    'ModeWarning',
    'Multiply',
    'Observer',
    'Parallel',
    'Policy',
    'Programs',
    'PureLayer',
    'Rearrange',
    'Residual',
    'ReversibleConcatenatePair',
    'ReversibleHalfResidual',
    'ReversibleLayer',
    'ReversibleReshape',
    'ReversibleSelect',
    'ReversibleSerial',
    'ReversibleSwap',
    'Scan',
    'Select',
    'Serial',
    'SerialWithSideOutputs',
    'ShapeDtype',
    'Split',
    'StateError',
    'SubtractTop',
    'Swap',
    'add_provider',
    'as_key',
    'declare',
    'expand',
    'flatten_weights_and_state',
    'holds',
    'in_range',
    'inputs_from_stack',
    'leaves',
    'mismatch',
    'observing',
    'outputs_onto_stack',
    'same_numbers',
    'signature',
    'unflatten_weights_and_state',
    'with_sublayers',
]
