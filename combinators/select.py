"""Select and its kin: copy, reorder and drop items of the stack."""

from collections.abc import Sequence

from .fn import Fn, PureLayer
from .stack import as_items, as_stack


def Select(indices: Sequence[int], n_in: int | None = None, name: str | None = None) -> PureLayer:
    """Returns a layer that replaces the top n_in items by those at `indices`.

    >>> Select([1, 0, 0])
    Select[1,0,0]_in2_out3

    Args:
      indices: places from the top of the stack, 0 first.
      n_in: how many items it takes; by default as many as the largest index needs.
      name: the name to print.

    Raises:
      ValueError: an index is negative, or beyond n_in.
    """
    indices = list(indices)
    n_in = max(indices, default=-1) + 1 if n_in is None else n_in
    if any(i < 0 or i >= n_in for i in indices):
        raise ValueError(f'Select({indices}): expected indices from 0 to {n_in - 1}')
    name = f'Select{indices}'.replace(' ', '') if name is None else name

    def select(xs):
        items = as_items(xs) if n_in != 1 else (xs,)
        return as_stack(tuple(items[i] for i in indices))

    return PureLayer(select, n_in=n_in, n_out=len(indices), name=name)


def Drop() -> PureLayer:
    """Returns a layer that drops the top item."""
    return Fn('Drop', lambda x: (), n_out=0)


def Dup() -> PureLayer:
    """Returns a layer that copies the top item."""
    return Fn('Dup', lambda x: (x, x), n_out=2)


def Swap() -> PureLayer:
    """Returns a layer that exchanges the two top items."""
    return Fn('Swap', lambda x0, x1: (x1, x0), n_out=2)
