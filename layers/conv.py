"""Conv: maps windows of an image, or of a sequence, all with the same weights."""

import jax

from ..combinators import declare
from .convolution import IMAGES, Axes, Convolution
from .initializers import Initializer, RandomNormalInitializer


class Conv(Convolution):
    """Convolves: each output is an affine map of a window of the input.

        y_ij = sum_kl x_(s i + k, s j + l) w_kl + b

    With 'SAME' the input has zeros around it, so that there are ceil(size / stride) outputs along
    each axis; with 'VALID' there are outputs for whole windows only.

    Shapes: x (..., height, width, d) -> (..., height', width', filters); all axes before the
    last three are batches. Other dimension_numbers take one batch axis.

    Args:
      filters: the number of output channels.
      kernel_size: the size of the window along each axis.
      strides: how far the window moves along each axis; 1 by default.
      padding: 'VALID' or 'SAME'.
      dimension_numbers: the axes of x, w and y: N for batch, C for channels, I and O for input
        and output channels.
      kernel_initializer: makes w; Glorot's normal distribution by default.
      bias_initializer: makes b.
      use_bias: without it the layer holds the bare w.

    Weights: ConvWeights(w, b), or w.

    Raises:
      ValueError: a size is not a positive int, padding is unknown, x is of other axes or
        channels than w, or there is no whole window in it with 'VALID'.

    Source: Trax 1.4.1, trax.layers.convolution.Conv.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, ...],
        strides: tuple[int, ...] | None = None,
        padding: str = 'VALID',
        dimension_numbers: Axes = IMAGES,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        use_bias: bool = True,
    ):
        super().__init__(
            *(filters, kernel_size, strides, padding, dimension_numbers, kernel_initializer),
            bias_initializer if use_bias else None,
        )
        declare(self, is_causal=self._keeps_axis_1())

    def _keeps_axis_1(self):
        """Whether what is at a place of axis 1 comes from that place alone."""
        i = self._window_axis_1()
        return i is not None and self._windows.sizes[i] == self._windows.strides[i] == 1

    def convolved(self, x, w):
        self._windows.check_fit('the kernel', self._lengths(x))
        return jax.lax.conv_general_dilated(
            *(x, w, self._windows.strides, self._windows.padding),
            dimension_numbers=(self._axes_of_x, self._axes_of_w, self._axes_of_y),
        )


def Conv1d(
    filters: int,
    kernel_size: int,
    stride: int = 1,
    padding: str = 'VALID',
    kernel_initializer: Initializer | None = None,
    bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    use_bias: bool = True,
) -> Conv:
    """Returns a Conv along the steps of sequences.

    Shapes: x (b, t, d) -> (b, t', filters).

    Args:
      filters: the number of output features.
      kernel_size: how many steps make a window.
      stride: how many steps lie between two windows.
      padding: 'VALID' or 'SAME'; see Conv.
      kernel_initializer: makes w (kernel_size, d, filters).
      bias_initializer: makes b.
      use_bias: without it the layer holds the bare w.

    Source: Trax 1.4.1, trax.layers.convolution.Conv1d.
    """
    return Conv(
        filters,
        (kernel_size,),
        (stride,),
        padding,
        ('NWC', 'WIO', 'NWC'),
        kernel_initializer,
        bias_initializer,
        use_bias,
    )
