"""Weights laid out for many steps: for one row, and rounded once instead of at every step."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import layers as tl
from ..kernels import pack


class Layout(NamedTuple):
    """How kernels lie in memory."""

    precision: str  # that their products have
    one_row: bool

    @property
    def changes(self) -> list[str]:
        """What it does to kernels, in words."""
        words = {'laid out for one row': self.one_row, 'rounded to bfloat16': self.rounds}
        return [word for word, does in words.items() if does]

    @property
    def rounds(self) -> bool:
        """Whether products round them, so that they can be rounded before."""
        return self.precision == 'bf16'

    def of(self, weights: Any) -> Any:
        """Returns weights with all matrices laid out so."""
        return jax.tree.map(self._kernel, weights)

    def _kernel(self, w):
        if w.ndim != 2:
            return w
        w = w.astype(jnp.bfloat16) if self.rounds else w
        return pack(w) if self.one_row else w


def fits(layer: Any) -> bool:
    """Whether a layer hands its kernels to `dot` and does nothing else with them."""
    if isinstance(layer, tl.Recurrent):
        return layer.is_plain
    return type(layer) is tl.Dense


def of_layer(layer: Any, layout: Layout, weights: Any) -> Any:
    """Returns the weights of a layer that `fits`, with its kernels laid out."""
    if not isinstance(layer, tl.Recurrent):
        return layout.of(weights)
    n = len(weights) - len(layer.cell.params(weights))
    return (*layout.of(tuple(weights[:n])), *weights[n:])
