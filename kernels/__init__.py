"""Numerics without layers: recurrences and products, one function each.

Kernels know arrays and precisions. They know no layer, no mode and no state. Sequences are time
major inside, (time, batch, features), and batch major at the face, (batch, time, features).
"""

from .attention import attention
from .implementation import Implementation
from .linear_recurrence import linear_recurrence
from .products import Packed, affine, dot, pack, rounded, unpack
from .recurrence import Affine, Flags, identity, recur, recur_from
from .rows import Rows

__all__ = [
    'Affine',
    'Flags',
    'Implementation',
    'Packed',
    'Rows',
    'affine',
    'attention',
    'dot',
    'identity',
    'linear_recurrence',
    'pack',
    'recur',
    'recur_from',
    'rounded',
    'unpack',
]
