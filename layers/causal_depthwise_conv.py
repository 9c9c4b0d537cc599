"""CausalDepthwiseConv: each feature is mixed with its own past, and with no other feature."""

import jax.numpy as jnp

from ..kernels import rounded
from .causal_window import CausalWindow
from .checks import same_width
from .initializers import GlorotUniformInitializer, Initializer
from .recurrent import check_sequence


class CausalDepthwiseConv(CausalWindow):
    """Weighs the last kernel_size steps, feature by feature: y_t = sum_k w_k * x_(t - k).

    What lies before the first step counts as 0.

    Shapes: x (b, t, d) -> the same.

    Args:
      kernel_size: how many steps make a window.
      kernel_initializer: makes w.
      use_bfloat16: makes w in bfloat16; the products are in the wider of its dtype and x's.
      mode: as for every layer.

    Weights: w (kernel_size, d), the present step first.

    State: in predict and with carry, the last kernel_size - 1 inputs (b, kernel_size - 1, d),
    zeros at first; none if kernel_size is 1.

    Raises:
      ValueError: kernel_size is not a positive int; x is not (batch, time, features) of floats, or
        of another width than w; the state is of another batch.

    Source: Trax 1.4.1, trax.layers.convolution.CausalDepthwiseConv, which has no state.
    """

    def __init__(
        self,
        kernel_size: int = 3,
        kernel_initializer: Initializer = GlorotUniformInitializer(),
        use_bfloat16: bool = False,
        mode: str | None = None,
    ):
        super().__init__(kernel_size, 'CausalDepthwiseConv: kernel_size', mode)
        self._kernel_initializer, self._use_bfloat16 = kernel_initializer, use_bfloat16

    def weights_fn(self, signature, context):
        check_sequence(signature)
        w = self._kernel_initializer((self._before + 1, signature.shape[2]), context.key())
        return w.astype(jnp.bfloat16) if self._use_bfloat16 else w

    def over(self, longer, weights, context):
        same_width(longer, weights.shape[1])
        x, w = rounded(longer, context.precision), rounded(weights, context.precision)
        t = x.shape[1] - self._before
        starts = range(self._before, -1, -1)  # of what each w_k weighs
        return sum(x[:, i : i + t] * w[k] for k, i in enumerate(starts))
