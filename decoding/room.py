"""For how many steps a model has room."""

from typing import Any

from ..combinators.paths import places


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
    layers = ((layer.room_for_steps, path) for path, layer in places(model))
    return [(n, path, argument) for (argument, n), path in (x for x in layers if x[0])]
