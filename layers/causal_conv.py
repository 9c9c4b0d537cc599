"""CausalConv: a convolution along the steps of a sequence that does not look ahead."""

from .causal_window import CausalWindow
from .checks import positive
from .conv import Conv1d
from .initializers import Initializer, RandomNormalInitializer
from .recurrent import check_sequence


class CausalConv(CausalWindow):
    """Maps the last kernel_width steps: y_t = sum_k x_(t - kernel_width + 1 + k) w_k + b.

    What lies before the first step counts as 0.

    Shapes: x (b, t, d) -> (b, t, filters).

    Args:
      filters: the number of output features.
      kernel_width: how many steps make a window.
      kernel_initializer: makes w; Glorot's normal distribution by default.
      bias_initializer: makes b.
      use_bias: without it the layer holds the bare w.
      mode: as for every layer.

    Weights: ConvWeights(w (kernel_width, d, filters), b (filters,)), or w.

    State: in predict and with carry, the last kernel_width - 1 inputs (b, kernel_width - 1, d),
    zeros at first; none if kernel_width is 1.

    Raises:
      ValueError: a size is not a positive int; x is not (batch, time, features) of floats, or of
        another width than w; the state is of another batch.

    Source: Trax 1.4.1, trax.layers.convolution.CausalConv, which has no state.
    """

    def __init__(
        self,
        filters: int,
        kernel_width: int = 3,
        kernel_initializer: Initializer | None = None,
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        use_bias: bool = True,
        mode: str | None = None,
    ):
        super().__init__(kernel_width, 'CausalConv: kernel_width', mode)
        self._conv = Conv1d(
            positive(filters, 'CausalConv: filters'),
            kernel_width,
            kernel_initializer=kernel_initializer,
            bias_initializer=bias_initializer,
            use_bias=use_bias,
        )

    def weights_fn(self, signature, context):
        check_sequence(signature)
        return self._conv.weights_fn(signature, context)

    def over(self, longer, weights, context):
        return self._conv.apply_fn(longer, weights, (), context)[0]
