"""trax.supervised.lr_schedules, which is also trax.lr."""

from ...optimizers.lr_schedules import body_and_tail as _BodyAndTail
from ...optimizers.lr_schedules import constant, multifactor, warmup, warmup_and_rsqrt_decay
from ...optimizers.lr_schedules import cosine_sawtooth as _CosineSawtoothTail

__all__ = [
    '_BodyAndTail',
    '_CosineSawtoothTail',
    'constant',
    'multifactor',
    'warmup',
    'warmup_and_rsqrt_decay',
]
