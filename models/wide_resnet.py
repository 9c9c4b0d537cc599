"""A wide residual network, for small images."""

from .. import layers as tl
from ..layers.checks import positive


def WideResnet(
    n_blocks: int = 3,
    widen_factor: int = 1,
    n_output_classes: int = 10,
    bn_momentum: float = 0.9,
    mode: str | None = None,
) -> tl.Serial:
    """Returns a residual network of 6 n_blocks + 4 layers, for images from 32 x 32 up.

    Three groups of blocks with 16, 32 and 64 times widen_factor channels; each but the first halves
    the image.

    Shapes: x (b, height, width, channels) -> (b, n_output_classes) of logits, for 32 x 32.

    Args:
      n_blocks: how many blocks each group has.
      widen_factor: how many times wider than a plain one it is.
      n_output_classes: how many classes there are.
      bn_momentum: how much of the running statistics stays at each batch.
      mode: for BatchNorm; the other layers have none.

    Raises:
      ValueError: a number is not a positive int.
      LayerError: the image is smaller than 29 x 29, so that 8 x 8 places are not left at the end.

    Source: Zagoruyko and Komodakis 2016, arXiv 1605.07146, table 1; Trax 1.4.1,
    trax.models.resnet.WideResnet, which puts a shortcut around all blocks of a group but the first.
    """
    positive(n_blocks, 'WideResnet: n_blocks')
    positive(widen_factor, 'WideResnet: widen_factor')

    def conv(channels, strides):
        return tl.Conv(channels, (3, 3), strides, 'SAME')

    def activated():
        return [tl.BatchNorm(momentum=bn_momentum, mode=mode), tl.Relu()]

    def block(channels, strides):
        return [activated(), conv(channels, strides), activated(), conv(channels, (1, 1))]

    def group(channels, strides):
        rest = [block(channels, (1, 1)) for _ in range(n_blocks - 1)]
        first = tl.Residual(block(channels, strides), shortcut=conv(channels, strides))
        return [first, tl.Residual(rest) if rest else []]

    return tl.Serial(
        tl.ToFloat(),
        conv(16, (1, 1)),
        group(16 * widen_factor, (1, 1)),
        group(32 * widen_factor, (2, 2)),
        group(64 * widen_factor, (2, 2)),
        activated(),
        tl.AvgPool((8, 8)),
        tl.Flatten(),
        tl.Dense(n_output_classes),
    )
