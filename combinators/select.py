"""Select and its kin: copy, reorder and drop items of the stack."""

from collections.abc import Sequence

from .fn import PureLayer
from .stack import as_items, as_stack


class Rearrange(PureLayer):
    """Replaces the top n_in items of the stack by those at `indices`, untouched.

    Args:
      indices: places from the top of the stack, 0 first.
      n_in: how many items it takes.
      name: the name to print.
    """

    def __init__(self, indices, n_in, name):
        def move(xs):
            items = as_items(xs) if n_in != 1 else (xs,)
            return as_stack(tuple(items[i] for i in indices))

        super().__init__(move, n_in=n_in, n_out=len(indices), name=name)
        self._indices = tuple(indices)

    @property
    def indices(self):
        """The places on the stack of what it gives."""
        return self._indices


def Select(indices: Sequence[int], n_in: int | None = None, name: str | None = None) -> Rearrange:
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
    return Rearrange(indices, n_in, name)


def Drop() -> Rearrange:
    """Returns a layer that drops the top item."""
    return Rearrange([], 1, 'Drop')


def Dup() -> Rearrange:
    """Returns a layer that copies the top item."""
    return Rearrange([0, 0], 1, 'Dup')


def Swap() -> Rearrange:
    """Returns a layer that exchanges the two top items."""
    return Rearrange([1, 0], 2, 'Swap')
