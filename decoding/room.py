"""For how many steps a model has room."""

from typing import Any

from ..combinators import InMode


def room(model: Any) -> int | None:
    """Returns for how many steps the layer has room that has it for the fewest; None: all go on."""
    ends = _ends(model)
    return min(n for n, _, _ in ends) if ends else None


def told_room(model: Any) -> str:
    """Says, behind other sentences, which layer has room for the fewest steps; '' if all go on."""
    ends = _ends(model)
    if not ends:
        return ''
    n, path, argument = min(ends)
    return f' So does a text of more than {n} steps: {path} has no room for more ({argument}).'


def _ends(model):
    return [(n, '/'.join(path), argument) for path, (argument, n) in _rooms(model, ())]


def _rooms(layer, path):
    """Yields the room of each layer that has an end, with its place; none that never steps."""
    if isinstance(layer, InMode) and layer.rests:
        return
    if layer.room_for_steps:
        yield path, layer.room_for_steps
    for place, sub in zip(layer.labels, layer.sublayers, strict=True):
        yield from _rooms(sub, (*path, place))
