"""Weights laid out for steps with one row."""

from typing import Any

import jax

from .. import layers as tl
from ..kernels import pack


def fits(layer: Any) -> bool:
    """Whether a layer's kernels may be packed: it hands them to `dot` and does nothing else."""
    if isinstance(layer, tl.Recurrent):
        return layer.is_plain
    return type(layer) is tl.Dense


def of_layer(layer: Any, weights: Any) -> Any:
    """Returns the weights of a layer that `fits`, with its kernels packed."""
    if not isinstance(layer, tl.Recurrent):
        return packed(weights)
    n = len(weights) - len(layer.cell.params(weights))
    return type(weights)(*packed(weights[:n]), *weights[n:])


def packed(weights: Any) -> Any:
    """Returns weights with all matrices packed."""
    return jax.tree.map(lambda w: pack(w) if w.ndim == 2 else w, weights)
