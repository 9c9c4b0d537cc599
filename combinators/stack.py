"""The data stack: how layers hand arrays to each other. Index 0 is the top.

A stack of one item is the item itself; of none, the empty tuple; of more, a tuple.
"""

from typing import Any

from .signature import ShapeDtype


def as_items(stack: Any) -> tuple[Any, ...]:
    """Returns the items of a stack as a tuple, from the top down."""
    return tuple(stack) if isinstance(stack, tuple | list) else (stack,)


def as_stack(items: tuple[Any, ...]) -> Any:
    """Returns items as a stack: one item stands without a tuple."""
    return items[0] if len(items) == 1 else items


def take(stack: Any, n: int) -> Any:
    """Returns the top n items of a stack, as a layer wants them.

    Raises:
      ValueError: there are fewer than n.
    """
    items = as_items(stack)
    if len(items) < n:
        raise ValueError(
            f'expected {n} items on the stack, got {len(items)}. Dup, Select or Branch before it '
            'can put more there.'
        )
    return as_stack(items[:n])


def push(outputs: Any, stack: Any, n: int) -> Any:
    """Returns the stack with its top n items replaced by outputs."""
    return as_stack(as_items(outputs) + as_items(stack)[n:])


def draw(stack: Any, n: int) -> str:
    """Draws a stack of signatures as text and marks the top n items, which a layer takes."""
    items = as_items(stack)
    if not items:
        return '  stack: empty'
    lines = [
        f'    {i}: {_text(item)}{"  <- taken" if i < n else ""}' for i, item in enumerate(items)
    ]
    lines += [f'    {i}: nothing  <- wanted' for i in range(len(items), n)]
    return '\n'.join(['  stack, top first:', *lines])


def _text(item):
    return repr(item) if isinstance(item, ShapeDtype | tuple | list) else type(item).__name__


def arity(layers: Any) -> tuple[int, int]:
    """Returns how many items a series of layers takes from the stack and puts there."""
    depth = lowest = 0
    for layer in layers:
        depth -= layer.n_in
        lowest = min(lowest, depth)
        depth += layer.n_out
    return -lowest, depth - lowest


def flatten(items: Any) -> list[Any]:
    """Returns the items of nested lists and tuples in one list.

    >>> flatten([1, (2, 3, (4, 5), [6, 7]), [[[8]]]])
    [1, 2, 3, 4, 5, 6, 7, 8]
    """
    if not isinstance(items, tuple | list):
        return [items]
    return [x for item in items for x in flatten(item)]
