"""What a layer says that it is, so that laws can hold it to its word.

A class declares for all its layers. What depends on arguments, such as the axis of a reduction,
is declared by the one layer: `declare` in its constructor, or an argument of PureLayer and Fn.
"""

from typing import Any

# True, False, or the modes in which it is so.
Declaration = bool | tuple[str, ...]


def declare(layer: Any, **declarations: Declaration | None) -> None:
    """Declares for this one layer what is not None; to be called in its constructor."""
    vars(layer).update({name: said for name, said in declarations.items() if said is not None})


def holds(declaration: Declaration, mode: str) -> bool:
    """Returns whether what a layer declares is so in a mode.

    >>> holds(True, 'eval'), holds(('train',), 'eval')
    (True, False)
    """
    return declaration if isinstance(declaration, bool) else mode in declaration
