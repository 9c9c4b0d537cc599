"""What a model declares to be, derived from all layers in it, and whether it was seen to be so.

A combinator is what its parts are: causal if all are, with memory if one has some. The claim of a
model of parts is a bound: two layers that look ahead may undo each other. The claim of one
layer must be seen, both ways.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

from ...combinators import Layer, PureLayer, holds
from .finding import Finding, Spot, broken, kept, place, seen


@dataclasses.dataclass(frozen=True)
class Declared:
    """The declarations of a model; None where a function in it was not declared.

    Attributes:
      model: whose they are.
    """

    model: Layer

    @property
    def has_memory(self) -> bool:
        """Whether it keeps state along time."""
        return _has_memory(self.model)

    @property
    def keeps_statistics(self) -> bool:
        """Whether it keeps state that is not of a sequence."""
        return any(layer.keeps_statistics for layer in walk(self.model))

    @property
    def stops_gradient(self) -> bool | None:
        """Whether it holds gradients back."""
        return self._any('stops_gradient', bool)

    def looks_ahead(self, mode: str) -> bool | None:
        """Whether outputs depend on later inputs in a mode."""
        return self._any('is_causal', lambda claim: not holds(claim, mode))

    def couples_rows(self, mode: str) -> bool | None:
        """Whether rows of a batch influence each other in a mode."""
        return self._any('couples_rows', lambda claim: holds(claim, mode))

    def draws(self, mode: str) -> bool:
        """Whether it draws random numbers in a mode."""
        return any(holds(layer.draws, mode) for layer in walk(self.model))

    def _any(self, name, claims):
        said = {
            None if is_undeclared(layer, name) else claims(getattr(layer, name))
            for layer in walk(self.model)
        }
        return True if True in said else None if None in said else False


def is_undeclared(layer: Layer, name: str) -> bool:
    """Whether a layer is a function about which its user said nothing."""
    return type(layer) is PureLayer and name not in vars(layer)


def walk(layer: Any) -> Iterator[Any]:
    """Yields the layer and all within."""
    yield layer
    for sub in layer.sublayers:
        yield from walk(sub)


def _has_memory(layer):
    return layer.has_memory or (not layer._tl_rests and any(map(_has_memory, layer.sublayers)))


def judged(
    model: Layer,
    does: str,
    claim: bool | None,
    was_seen: str,
    name: str,
    find: Callable[[], Spot] = lambda: None,
) -> Finding:
    """Returns the finding for a claim that was tested.

    Args:
      model: the model.
      does: what is claimed or not, such as 'look ahead'.
      claim: whether the model says so; None if a function in it was not declared.
      was_seen: how it was seen to; '' if it was not.
      name: the attribute of a layer that declares it.
      find: returns the first layer which does so.
    """
    if not claim and not was_seen:
        return kept(f'was not seen to {does}')
    if claim and was_seen:
        return kept(f'says that it does {does}, and does')
    if claim:
        if model.sublayers:
            return seen(f'a layer in it says that it does {does}; the model was not seen to')
        return broken(f'says that it does {does}, but was not seen to')
    spot = find()
    if claim is None and (spot is None or is_undeclared(spot[0], name)):
        return seen(f'{was_seen}; {name} is not declared', place(spot))
    return broken(f'says that it does not {does}, but {was_seen}', place(spot))
