"""Weights laid out for steps with one row."""

from typing import Any

import jax

from .. import layers as tl
from ..kernels import pack


def fits(layer: Any) -> bool:
    """Whether a layer's matrices may be packed: it hands them to `dot` and does nothing else."""
    if isinstance(layer, tl.Recurrent):
        return layer.is_plain
    return type(layer) is tl.Dense


def packed(weights: Any) -> Any:
    """Returns weights with their matrices packed."""
    return jax.tree.map(lambda w: pack(w) if w.ndim == 2 else w, weights)
