"""ConvTranspose: each place of an image, or of a sequence, becomes a window of a larger one."""

import jax

from ..combinators import declare
from .convolution import IMAGES, Axes, Convolution
from .initializers import Initializer, RandomNormalInitializer
from .windows import spread


class ConvTranspose(Convolution):
    """Adds up windows: the input at i goes, times the kernel, to a window that begins at s i.

        y_m = sum of x_i w_(K - 1 - (m - s i)) + b over all i with 0 <= m - s i < K

    along each axis, for strides s and a kernel of size K; the kernel counts backwards, as in jax
    and Trax. With 'VALID' there are n s + max(K - s, 0) outputs for n inputs; with 'SAME' n s of
    them, the middle ones if K > s.

    Shapes: x (..., height, width, d) -> (..., height', width', filters); all axes before the
    last three are batches. Other dimension_numbers take one batch axis.

    Args:
      filters: the number of output channels.
      kernel_size: the size of the window along each axis.
      strides: how far windows are from each other; 1 by default.
      padding: 'VALID' or 'SAME'.
      rhs_dilation: how far the numbers of the kernel are from each other; 1 by default. K is then
        the size of what they span.
      dimension_numbers: the axes of x, w and y, as for Conv.
      kernel_initializer: makes w; Glorot's normal distribution by default.
      bias_initializer: makes b.

    Weights: ConvWeights(w, b).

    Raises:
      ValueError: a size is not a positive int, padding is unknown, or x is of other axes or
        channels than w.

    Source: Dumoulin and Visin 2016, arXiv 1603.07285, chapter 4; Trax 1.4.1,
    trax.layers.deconvolution.ConvTranspose.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, ...],
        strides: tuple[int, ...] | None = None,
        padding: str = 'VALID',
        rhs_dilation: tuple[int, ...] | None = None,
        dimension_numbers: Axes = IMAGES,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
    ):
        super().__init__(
            *(filters, kernel_size, strides, padding, dimension_numbers, kernel_initializer),
            bias_initializer,
        )
        self._dilation = spread(
            'ConvTranspose: rhs_dilation', rhs_dilation, self._windows.sizes, self._window_axes
        )
        declare(self, is_causal=self._begins_at_its_place())

    def _begins_at_its_place(self):
        """Whether no window begins before the place along axis 1 that it comes from."""
        i = self._window_axis_1()
        if i is None:
            return False
        span = (self._windows.sizes[i] - 1) * self._dilation[i] + 1
        return self._windows.padding == 'VALID' or span - self._windows.strides[i] < 2

    def convolved(self, x, w):
        return jax.lax.conv_transpose(
            *(x, w, self._windows.strides, self._windows.padding, self._dilation),
            dimension_numbers=(self._axes_of_x, self._axes_of_w, self._axes_of_y),
        )
