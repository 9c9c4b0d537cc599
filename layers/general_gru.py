"""GeneralGRUCell: a gated recurrent unit whose transforms are any layers, convolutions too."""

from collections.abc import Callable
from typing import Any

from ..combinators import Branch, Dup, Fn, Gate, Layer, Multiply, Serial
from .activations import Sigmoid, Tanh
from .conv import Conv
from .dropout import Dropout


def GeneralGRUCell(
    candidate_transform: Callable[[], Layer],
    memory_transform_fn: Callable[[], Layer] | None = None,
    gate_nonlinearity: Callable[[], Layer] = Sigmoid,
    candidate_nonlinearity: Callable[[], Layer] = Tanh,
    dropout_rate_c: float = 0.1,
    sigmoid_bias: float = 0.5,
) -> Serial:
    """Returns a gated recurrent unit without an input of its own, made of layers.

        u  = gate(U(s) + sigmoid_bias)
        r  = gate(R(s) + sigmoid_bias)
        c  = dropout(nonlinearity(C(r * s)))
        s' = u * M(s) + (1 - u) * c

    U, R and C are three layers, each with weights of its own.

    Shapes: s (..., d) -> the same, if the transforms keep the shape.

    Args:
      candidate_transform: makes U, R and C.
      memory_transform_fn: makes M; None for the identity.
      gate_nonlinearity: makes the activation of u and r.
      candidate_nonlinearity: makes the activation of c.
      dropout_rate_c: the rate of the dropout on c.
      sigmoid_bias: what is added inside the gates; above 0 they are open at first.

    Source: Trax 1.4.1, trax.layers.rnn.GeneralGRUCell.
    """

    def gate() -> list[Any]:
        shift = Fn(f'AddSigmoidBias({sigmoid_bias})', lambda x: x + sigmoid_bias)
        return [candidate_transform(), shift, gate_nonlinearity()]

    candidate = [
        Dup(),  # s, s
        gate(),  # r, s
        Multiply(),  # r * s
        candidate_transform(),
        candidate_nonlinearity(),
        Dropout(dropout_rate_c),
    ]
    memory = memory_transform_fn() if memory_transform_fn is not None else []
    return Serial(
        Branch(memory, gate(), candidate),  # M(s), u, c
        Gate(),
    )


def ConvGRUCell(n_units: int, kernel_size: tuple[int, int] = (3, 3)) -> Serial:
    """Returns a GeneralGRUCell of convolutions, whose state is an image.

    Shapes: s (b, height, width, n_units) -> the same.

    Args:
      n_units: the number of channels.
      kernel_size: of the convolutions.

    Source: Ballas et al. 2015, arXiv 1511.06432; Trax 1.4.1, trax.layers.rnn.ConvGRUCell.
    """
    return GeneralGRUCell(lambda: Conv(n_units, kernel_size, padding='SAME'))
