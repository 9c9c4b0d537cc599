"""Residual networks for images, of convolutions along which a shortcut runs."""

from collections.abc import Callable, Sequence

from .. import layers as tl
from ..layers.checks import positive

Makes = Callable[..., tl.Layer]


def Resnet(
    d_hidden: int = 64,
    n_output_classes: int = 1001,
    n_blocks: Sequence[int] = (3, 4, 6, 3),
    pool_size: tuple[int, int] = (7, 7),
    norm: Makes = tl.BatchNorm,
    non_linearity: Makes = tl.Relu,
    mode: str | None = None,
) -> tl.Serial:
    """Returns a residual network of bottlenecks: Resnet50 by default, for images from 224 x 224 up.

    The first layers make a quarter of the image, and each group of blocks but the first halves it
    and doubles the channels; so n groups (2 or more) want images of 2^(n + 1) times the pool.

    Shapes: x (b, height, width, channels) -> (b, n_output_classes) of logits.

    Args:
      d_hidden: the channels of the first layers; blocks give 4 times that, and more.
      n_output_classes: how many classes there are.
      n_blocks: how many blocks each group has.
      pool_size: of the mean at the end.
      norm: makes a normalisation: BatchNorm, or FilterResponseNorm with ThresholdedLinearUnit.
      non_linearity: makes an activation.
      mode: for the normalisation; the other layers have none.

    Raises:
      ValueError: a number is not a positive int.
      LayerError: the image is too small for the pool.

    Source: He et al. 2015, arXiv 1512.03385, table 1; Trax 1.4.1, trax.models.resnet.Resnet50.
    """

    def normalised(*conv, **options):
        return [tl.Conv(*conv, **options), norm(mode=mode)]

    def block(d, strides, shortcut):
        main = [
            normalised(d, (1, 1), strides),
            non_linearity(),
            normalised(d, (3, 3), padding='SAME'),
            non_linearity(),
            normalised(4 * d, (1, 1)),
        ]
        across = normalised(4 * d, (1, 1), strides) if shortcut else None
        return [tl.Residual(main, shortcut=across), non_linearity()]

    def group(i, n):
        positive(n, 'Resnet: n_blocks')
        d, strides = 2**i * d_hidden, (1, 1) if i == 0 else (2, 2)
        more = [block(d, (1, 1), shortcut=False) for _ in range(n - 1)]
        return [block(d, strides, shortcut=True), more]

    return tl.Serial(
        tl.ToFloat(),
        normalised(d_hidden, (7, 7), (2, 2), 'SAME'),
        non_linearity(),
        tl.MaxPool((3, 3), (2, 2)),
        [group(i, n) for i, n in enumerate(n_blocks)],
        tl.AvgPool(pool_size),
        tl.Flatten(),
        tl.Dense(n_output_classes),
    )
