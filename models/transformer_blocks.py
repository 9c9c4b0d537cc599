"""The blocks that Transformers are stacked of."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

from .. import layers as tl


@dataclasses.dataclass(frozen=True)
class Blocks:
    """Makes blocks of equal sizes; each is a list of layers with residuals around its parts.

    Attributes:
      d_model: the width of vectors between blocks.
      d_ff: the width within a feed-forward part.
      n_heads: how many heads attention has.
      dropout: the rate behind each part, and of strengths of attention.
      dropout_shared_axes: axes along which values that are left out share their fate.
      mode: for all that is told one.
      ff_activation: makes the activation of a feed-forward part.
      max_len: how many steps there may be.
    """

    d_model: int
    d_ff: int
    n_heads: int
    dropout: float
    dropout_shared_axes: Sequence[int] | None
    mode: str | None
    ff_activation: Callable[[], tl.Layer]
    max_len: int

    def drop(self) -> tl.Layer:
        """Returns a Dropout."""
        return tl.Dropout(self.dropout, self.dropout_shared_axes, self.mode)

    def positions(self) -> tl.Layer:
        """Returns the vectors of places."""
        return tl.PositionalEncoding(self.max_len, mode=self.mode)

    def stack(
        self, first: tl.Layer, block: Callable[[], list[tl.Layer]], n_layers: int
    ) -> list[Any]:
        """Returns what makes vectors, their places, blocks, and the norm behind the last."""
        blocks = [block() for _ in range(n_layers)]
        return [first, self.drop(), self.positions(), blocks, tl.LayerNorm()]

    def encoder(self) -> list[tl.Layer]:
        """Returns a block that sees what the mask leaves: vectors, mask -> vectors, mask."""
        attention = tl.Attention(self.d_model, self.n_heads, self.dropout, self.mode)
        return [tl.Residual(tl.LayerNorm(), attention, self.drop()), self._feed_forward()]

    def decoder(self) -> list[tl.Layer]:
        """Returns a block that does not look ahead."""
        return [self._causal(self.dropout), self._feed_forward()]

    def encoder_decoder(self) -> list[tl.Layer]:
        """Returns a block that sees an encoder's vectors too: vec_d, mask, vec_e -> the same."""
        attention = tl.AttentionQKV(
            self.d_model, self.n_heads, self.dropout, self.mode, cache_KV_in_predict=True
        )
        crossing = tl.Residual(
            tl.LayerNorm(),
            tl.Select([0, 2, 2, 1, 2]),  # vec_d, vec_e, vec_e, mask, vec_e
            attention,
            self.drop(),
        )
        return [self._causal(), crossing, self._feed_forward()]

    def _causal(self, dropout=0.0):
        attention = tl.CausalAttention(
            self.d_model, self.n_heads, dropout, max_inference_length=self.max_len, mode=self.mode
        )
        return tl.Residual(tl.LayerNorm(), attention, self.drop())

    def _feed_forward(self):
        return tl.Residual(
            tl.LayerNorm(),
            tl.Dense(self.d_ff),
            self.ff_activation(),
            self.drop(),
            tl.Dense(self.d_model),
            self.drop(),
        )
