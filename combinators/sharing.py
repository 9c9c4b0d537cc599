"""Sharing: the same layer object at two places means one copy of its weights.

A `Cell` is the identity of a layer and holds the weights of a leaf. In a tree of weights the
second place of a layer shows the one `SHARED` marker, which has no arrays inside, so that
gradients and optimizers see each weight once; `expand` puts the weights back before the model
runs, and so gradients of both places add up. State is never shared.
"""

from typing import Any

import jax


class _Shared:
    """The marker; a pytree node without children that unflattens to the one instance."""

    def __repr__(self):
        return 'SHARED'

    def __deepcopy__(self, memo):
        return self

    def __copy__(self):
        return self

    def __reduce__(self):
        return 'SHARED'


SHARED = _Shared()
jax.tree_util.register_pytree_node(_Shared, lambda _: ((), None), lambda _, __: SHARED)


class Cell:
    """The identity of a layer, kept by its views, and the weights of a leaf."""

    __slots__ = ('initialised', 'weights')

    def __init__(self, weights: Any = (), initialised: bool = False):
        self.weights, self.initialised = weights, initialised

    def put(self, weights: Any) -> None:
        """Stores weights."""
        self.weights, self.initialised = weights, True

    def forget(self) -> None:
        """Drops the weights, as if they had never been made."""
        self.weights, self.initialised = (), False

    def __deepcopy__(self, memo):
        copy = Cell(self.weights, self.initialised)  # arrays are immutable, so they may be common
        memo[id(self)] = copy
        return copy

    def __reduce__(self):
        return Cell, (self.weights, self.initialised)


def expand(layer: Any, weights: Any, seen: dict[Cell, Any] | None = None) -> Any:
    """Returns the weights with each marker replaced by the weights of the first place.

    Raises:
      ValueError: a marker stands where no layer came before, or a part is missing.
    """
    seen = {} if seen is None else seen
    if weights is SHARED:
        if layer._tl_cell not in seen:
            raise ValueError(
                f'weights of {layer!r}: a marker of shared weights without a first place; '
                'are these the weights of another model, or of a part of one?'
            )
        return seen[layer._tl_cell]
    if layer._sublayers:
        weights = tuple(expand(s, w, seen) for s, w in pair(layer, weights))
    seen[layer._tl_cell] = weights
    return weights


def pair(layer: Any, parts: Any) -> Any:
    """Returns pairs of sublayer and part of a tree.

    Raises:
      ValueError: there are not as many parts as sublayers.
    """
    n = len(layer._sublayers)
    if not isinstance(parts, tuple | list) or len(parts) != n:
        got = f'{len(parts)}' if isinstance(parts, tuple | list) else type(parts).__name__
        raise ValueError(
            f'weights of {layer._name}: expected a tuple of {n} parts, one for each sublayer, '
            f'got {got}. Are these the weights of another model?'
        )
    return zip(layer._sublayers, parts, strict=True)
