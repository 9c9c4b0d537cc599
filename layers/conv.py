"""Conv: maps windows of an image, or of a sequence, all with the same weights."""

import math
from typing import NamedTuple

import jax

from ..combinators import Layer, declare, mismatch
from ..kernels import rounded
from .checks import positive
from .initializers import GlorotNormalInitializer, Initializer, RandomNormalInitializer

Axes = tuple[str, str, str]


class ConvWeights(NamedTuple):
    """Weights of a convolution from d to n channels."""

    w: jax.Array  # the window's axes, d and n, in the order of dimension_numbers; (h, w, d, n)
    b: jax.Array  # (n,), with axes of size 1 behind it where the channels are not last


class Conv(Layer):
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
      ValueError: a size is not a positive int, padding is unknown, or x is of other axes or
        channels than w.

    Source: Trax 1.4.1, trax.layers.convolution.Conv.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, ...],
        strides: tuple[int, ...] | None = None,
        padding: str = 'VALID',
        dimension_numbers: Axes = ('NHWC', 'HWIO', 'NHWC'),
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        use_bias: bool = True,
    ):
        super().__init__()
        self._axes_of_x, self._axes_of_w, self._axes_of_y = dimension_numbers
        strides = strides or (1,) * len(kernel_size)
        for what, sizes in (('kernel_size', kernel_size), ('strides', strides)):
            if len(sizes) != len(self._axes_of_w) - 2:
                expected = f'{len(self._axes_of_w) - 2} numbers, as in {self._axes_of_w}'
                raise mismatch(f'Conv: {what}', expected, sizes)
        if padding not in ('VALID', 'SAME'):
            raise mismatch('Conv: padding', "'VALID' or 'SAME'", repr(padding))
        self._filters = positive(filters, 'Conv: filters')
        self._kernel_size = tuple(positive(n, 'Conv: kernel_size') for n in kernel_size)
        self._strides = tuple(positive(n, 'Conv: strides') for n in strides)
        self._padding, self._use_bias = padding, use_bias
        self._bias_initializer = bias_initializer
        self._kernel_initializer = kernel_initializer or GlorotNormalInitializer(
            self._axes_of_w.index('O'), self._axes_of_w.index('I')
        )
        declare(self, is_causal=self._keeps_axis_1())

    def _keeps_axis_1(self):
        """Whether what is at a place of axis 1 comes from that place alone."""
        if self._axes_of_x[1] in 'NC' or self._axes_of_x[1] != self._axes_of_y[1]:
            return False
        window = [axis for axis in self._axes_of_w if axis not in 'IO']
        i = window.index(self._axes_of_x[1])
        return self._kernel_size[i] == self._strides[i] == 1

    def weights_fn(self, signature, context):
        self._check_axes(signature)
        d = signature.shape[self._axes_of_x.index('C') - len(self._axes_of_x)]
        sizes = iter(self._kernel_size)
        channels = {'I': d, 'O': self._filters}
        shape = tuple(channels[axis] if axis in 'IO' else next(sizes) for axis in self._axes_of_w)
        w = self._kernel_initializer(shape, context.key('w'))
        if not self._use_bias:
            return w
        behind = len(self._axes_of_y) - 1 - self._axes_of_y.index('C')
        b = self._bias_initializer((self._filters, *(1,) * behind), context.key('b'))
        return ConvWeights(w, b)

    def apply_fn(self, x, weights, state, context):
        self._check_axes(x)
        w, b = weights if self._use_bias else (weights, None)
        axes = len(self._axes_of_x)
        d = w.shape[self._axes_of_w.index('I')]
        channels = x.shape[self._axes_of_x.index('C') - axes]
        if channels != d:
            raise mismatch('the channels of the input', d, channels)
        batches = x.shape[: 1 - axes]
        y = jax.lax.conv_general_dilated(
            rounded(x.reshape(math.prod(batches), *x.shape[1 - axes :]), context.precision),
            rounded(w, context.precision),
            self._strides,
            self._padding,
            dimension_numbers=(self._axes_of_x, self._axes_of_w, self._axes_of_y),
        )
        y = y.reshape(*batches, *y.shape[1:])
        return (y if b is None else y + b.reshape((1,) * (y.ndim - b.ndim) + b.shape)), state

    def _check_axes(self, x):
        n, first = len(x.shape), self._axes_of_x == self._axes_of_y == 'NHWC'
        if n == len(self._axes_of_x) or (first and n > 4):
            return
        raise mismatch('the axes of the input', self._axes_of_x, f'{n} axes: {x.shape}')


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
