"""The words of the language: `from retrax import layers as tl`.

This folder has the layers; the name `retrax.layers` also has the combinators, so that one
import is enough. Layers know neither each other, nor optimizers, devices or configuration.
"""

from ..combinators import *  # noqa: F403 - the flat face has all combinators
from ..combinators import __all__ as _combinators
from .dense import Dense, DenseWeights
from .dropout import Dropout
from .embedding import Embedding
from .gru import GRU, GRUCell
from .initializers import (
    GlorotNormalInitializer,
    GlorotUniformInitializer,
    InitializerFromFile,
    KaimingNormalInitializer,
    KaimingUniformInitializer,
    LeCunNormalInitializer,
    LeCunUniformInitializer,
    OrthogonalInitializer,
    RandomNormalInitializer,
    RandomUniformInitializer,
    ScaledInitializer,
    ZerosInitializer,
)
from .losses import (
    Accuracy,
    CrossEntropyLoss,
    WeightedCategoryAccuracy,
    WeightedCategoryCrossEntropy,
)
from .shift_right import ShiftRight
from .softmax import LogSoftmax, Softmax

__all__ = [
    *_combinators,
    'Accuracy',
    'CrossEntropyLoss',
    'Dense',
    'DenseWeights',
    'Dropout',
    'Embedding',
    'GRU',
    'GRUCell',
    'GlorotNormalInitializer',
    'GlorotUniformInitializer',
    'InitializerFromFile',
    'KaimingNormalInitializer',
    'KaimingUniformInitializer',
    'LeCunNormalInitializer',
    'LeCunUniformInitializer',
    'LogSoftmax',
    'OrthogonalInitializer',
    'RandomNormalInitializer',
    'RandomUniformInitializer',
    'ScaledInitializer',
    'ShiftRight',
    'Softmax',
    'WeightedCategoryAccuracy',
    'WeightedCategoryCrossEntropy',
    'ZerosInitializer',
]
