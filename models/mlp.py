"""A multilayer perceptron."""

from collections.abc import Callable, Sequence

from .. import layers as tl


def MLP(
    layer_widths: Sequence[int] = (128, 64),
    activation_fn: Callable[[], tl.Layer] = tl.Relu,
    out_activation: bool = False,
    flatten: bool = True,
    mode: str | None = None,
) -> tl.Serial:
    """Returns Dense layers with an activation between each two.

    Shapes: x (b, ...) -> (b, layer_widths[-1]); with flatten=False (..., d) -> (..., that).

    Args:
      layer_widths: the width of each Dense.
      activation_fn: makes an activation.
      out_activation: whether there is one at the end too.
      flatten: whether all axes but the first become one at first.
      mode: as for every model; no layer here has one.

    Raises:
      ValueError: there is no width, or one is not a positive int.

    Source: Trax 1.4.1, trax.models.mlp.MLP.
    """
    if not layer_widths:
        raise ValueError('MLP: layer_widths must have at least one width')
    layers = [[tl.Dense(width), activation_fn()] for width in layer_widths]
    if not out_activation:
        layers[-1].pop()
    return tl.Serial([tl.Flatten()] if flatten else [], layers)
