"""For how many steps a model has room, for errors where a text may have outgrown it."""

from typing import Any

from ..combinators.paths import places


def told_room(model: Any) -> str:
    """Says, behind other sentences, which layer has room for the fewest steps; '' if all go on."""
    ends = [(*layer.room_for_steps, path) for path, layer in places(model) if layer.room_for_steps]
    if not ends:
        return ''
    argument, n, path = min(ends, key=lambda end: end[1])
    return f' So does a text of more than {n} steps: {path} has no room for more ({argument}).'
