"""Composing in a config alone: the combinators with a list where Python has varargs.

    train.model = @Serial()
    Serial.layers = [@ShiftRight(), @Embedding(), @GRU(), @Dense(), @LogSoftmax()]

A config binds these; Python code uses those of combinators/.
"""

from collections.abc import Sequence

from .. import combinators
from ..combinators import Layer

Layers = Sequence[Layer | Sequence[Layer] | None]


def Serial(layers: Layers, name: str | None = None) -> Layer:
    """Returns layers one after another."""
    return combinators.Serial(*layers, name=name)


def Parallel(layers: Layers, name: str | None = None) -> Layer:
    """Returns layers side by side, each with inputs of its own."""
    return combinators.Parallel(*layers, name=name)


def Branch(layers: Layers, name: str = 'Branch') -> Layer:
    """Returns layers side by side, each with the same inputs."""
    return combinators.Branch(*layers, name=name)


def Residual(layers: Layers, shortcut: Layer | None = None) -> Layer:
    """Returns layers with a way around them."""
    return combinators.Residual(*layers, shortcut=shortcut)
