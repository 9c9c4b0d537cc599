"""Optimizers under Trax's names, with Trax's arguments, defaults and numerics.

Each is a function that returns an optax transformation, so it works wherever one of optax does,
and the other way round. This folder knows arrays, and neither layers nor loops.
"""

from .adafactor import Adafactor
from .adam import Adam
from .around import Accumulated, Clipped
from .averaged import Averaged, averaged_weights
from .leafwise import LeafwiseState, leafwise
from .lr_schedules import constant, multifactor, warmup, warmup_and_rsqrt_decay
from .momentum import Momentum
from .rms_prop import RMSProp
from .sgd import SGD
from .sm3 import SM3, MomentumType

__all__ = [
    'SGD',
    'SM3',
    'Accumulated',
    'Adafactor',
    'Adam',
    'Averaged',
    'Clipped',
    'LeafwiseState',
    'Momentum',
    'MomentumType',
    'RMSProp',
    'averaged_weights',
    'constant',
    'leafwise',
    'multifactor',
    'warmup',
    'warmup_and_rsqrt_decay',
]
