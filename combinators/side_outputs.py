"""SerialWithSideOutputs: a series whose layers put results aside, such as the states of cells."""

from collections.abc import Sequence

from .layer import Layer
from .select import Select
from .serial import Serial, ensure_layers
from .stack import flatten


def SerialWithSideOutputs(
    layers: Sequence[Layer], n_side_outputs: int | Sequence[int] = 1
) -> Layer:
    """Returns a series in which the last outputs of each layer go below the rest of the stack.

    For layers of one input and two outputs it takes x and gives

        x, s_1 = layer_1(x);  x, s_2 = layer_2(x);  ...   ->   x, s_1, s_2, ...

    A layer may take more than one item. The others come from the stack, below what the layer
    before it left there: layers F, G: 2 -> 2 take x, a, b and give y, s_1, s_2, where
    z, s_1 = F(x, a) and y, s_2 = G(z, b).

    Args:
      layers: the layers, or lists of them.
      n_side_outputs: how many of its last outputs each layer puts aside, for all or one by one.

    Raises:
      ValueError: there are not as many numbers as layers, or a layer gives too few outputs.

    Source: Trax 1.4.1, trax.layers.combinators.SerialWithSideOutputs.
    """
    layers = ensure_layers(flatten(layers), 'SerialWithSideOutputs')
    if isinstance(n_side_outputs, int):
        n_side_outputs = [n_side_outputs] * len(layers)
    _check(layers, n_side_outputs)
    size = _depth(layers, n_side_outputs)
    series = []
    for layer, n_side in zip(layers, n_side_outputs, strict=True):
        size += layer.n_out - layer.n_in
        main = layer.n_out - n_side
        order = [*range(main), *range(layer.n_out, size), *range(main, layer.n_out)]
        series += [layer, Select(order)]
    return Serial(series)


def _depth(layers, n_side_outputs):
    """Returns how many items the layers take, when side outputs are out of reach."""
    depth = lowest = 0
    for layer, n_side in zip(layers, n_side_outputs, strict=True):
        depth -= layer.n_in
        lowest = min(lowest, depth)
        depth += layer.n_out - n_side
    return -lowest


def _check(layers, n_side_outputs):
    if len(n_side_outputs) != len(layers):
        raise ValueError(
            f'SerialWithSideOutputs: expected n_side_outputs for {len(layers)} layers, got '
            f'{list(n_side_outputs)}'
        )
    for layer, n_side in zip(layers, n_side_outputs, strict=True):
        if not 0 <= n_side <= layer.n_out:
            raise ValueError(
                f'SerialWithSideOutputs: {layer._name} gives {layer.n_out} outputs, so it cannot '
                f'put {n_side} aside'
            )
