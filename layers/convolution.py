"""Convolution: what a convolution and its transpose share, their axes and weights."""

import abc
import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import Layer, mismatch
from ..kernels import rounded
from .checks import positive
from .initializers import GlorotNormalInitializer, Initializer
from .windows import windows

Axes = tuple[str, str, str]
IMAGES: Axes = ('NHWC', 'HWIO', 'NHWC')


class ConvWeights(NamedTuple):
    """Weights of a convolution from d to n channels."""

    w: jax.Array  # the window's axes, d and n, in the order of dimension_numbers; (h, w, d, n)
    b: jax.Array  # (n,), with axes of size 1 behind it where the channels are not last


class Convolution(Layer):
    """Maps windows with one kernel; a subclass says how.

    Args:
      filters: the number of output channels.
      kernel_size, strides, padding: as Windows has them.
      dimension_numbers: the axes of x, w and y.
      kernel_initializer: makes w; Glorot's normal distribution by default.
      bias_initializer: makes b; None for no bias.
    """

    def __init__(
        self,
        filters: int,
        kernel_size: tuple[int, ...],
        strides: tuple[int, ...] | None,
        padding: str,
        dimension_numbers: Axes,
        kernel_initializer: Initializer | None,
        bias_initializer: Initializer | None,
    ):
        super().__init__()
        who = type(self).__name__
        self._axes_of_x, self._axes_of_w, self._axes_of_y = dimension_numbers
        self._window_axes = ''.join(axis for axis in self._axes_of_w if axis not in 'IO')
        self._windows = windows(
            who, 'kernel_size', kernel_size, strides, padding, self._window_axes
        )
        self._filters = positive(filters, f'{who}: filters')
        self._bias_initializer = bias_initializer
        self._kernel_initializer = kernel_initializer or GlorotNormalInitializer(
            self._axes_of_w.index('O'), self._axes_of_w.index('I')
        )

    @abc.abstractmethod
    def convolved(self, x: Any, w: Any) -> Any:
        """Returns the products of all windows of x, which has one batch axis, with w, summed."""

    def weights_fn(self, signature, context):
        self._check_axes(signature)
        d = signature.shape[self._axes_of_x.index('C') - len(self._axes_of_x)]
        sizes = iter(self._windows.sizes)
        channels = {'I': d, 'O': self._filters}
        shape = tuple(channels[axis] if axis in 'IO' else next(sizes) for axis in self._axes_of_w)
        w = self._kernel_initializer(shape, context.key('w'))
        if self._bias_initializer is None:
            return w
        behind = len(self._axes_of_y) - 1 - self._axes_of_y.index('C')
        b = self._bias_initializer((self._filters, *(1,) * behind), context.key('b'))
        return ConvWeights(w, b)

    def apply_fn(self, x, weights, state, context):
        self._check_axes(x)
        w, b = weights if self._bias_initializer is not None else (weights, None)
        axes = len(self._axes_of_x)
        d = w.shape[self._axes_of_w.index('I')]
        channels = x.shape[self._axes_of_x.index('C') - axes]
        if channels != d:
            raise mismatch('the channels of the input', d, channels)
        batches = x.shape[: 1 - axes]
        flat = x.reshape(math.prod(batches), *x.shape[1 - axes :])
        dtype = jnp.promote_types(x.dtype, w.dtype)
        factors = (rounded(a.astype(dtype), context.precision) for a in (flat, w))
        y = self.convolved(*factors)
        y = y.reshape(*batches, *y.shape[1:])
        return (y if b is None else y + b.reshape((1,) * (y.ndim - b.ndim) + b.shape)), state

    def _window_axis_1(self):
        """Which of the axes of a window axis 1 is; None if it is none, or does not stay axis 1."""
        axis = self._axes_of_x[1]
        stays = axis in self._window_axes and axis == self._axes_of_y[1]
        return self._window_axes.index(axis) if stays else None

    def _lengths(self, x):
        """Returns the sizes of the axes of x along which windows move."""
        return [x.shape[self._axes_of_x.index(axis)] for axis in self._window_axes]

    def _check_axes(self, x):
        n, first = len(x.shape), self._axes_of_x == self._axes_of_y == 'NHWC'
        if n == len(self._axes_of_x) or (first and n > 4):
            return
        raise mismatch('the axes of the input', self._axes_of_x, f'{n} axes: {x.shape}')
