"""Batches of data without indices, as generators and loaders have it: one behind the other."""

from collections.abc import Iterable, Iterator
from typing import Any, Generic, TypeVar

B = TypeVar('B')


class Passes(Iterator[B], Generic[B]):
    """Goes through data again and again, and can begin where an earlier one stood.

    The place is what the iterator of the data says by `get_state`, and is given to another one by
    `set_state`: nothing is read again. Iterators of grain have both. For others the place is None;
    data that can be started over is then read up to the batch, and an iterator goes on where it
    stands.

    >>> batches = Passes(['a', 'b', 'c'], start=2)
    >>> next(batches), next(batches)
    ('c', 'a')

    Args:
      data: batches.
      start: the number of the first one, where there is no place.
      place: of an earlier one that went through the same data.

    Raises:
      ValueError: there are no batches left; the iterators of the data take no place.
    """

    def __init__(self, data: Iterable[B], start: int = 0, place: Any = None) -> None:
        self._data, self._start = data, start
        self._pass: Any = None  # begun with the first batch: to begin may open files
        if place is not None:
            self._pass = iter(data)
            self._go_to(place)

    @property
    def place(self) -> Any:
        """Where the next batch is, as JSON has it; None where it is not known."""
        if not hasattr(self._pass, 'get_state'):
            return None
        state = self._pass.get_state()
        return state.decode() if isinstance(state, bytes) else state

    def __next__(self) -> B:
        if self._pass is None:
            self._pass = iter(self._data)
            for _ in range(self._start):
                self._take()
        return self._take()

    def _take(self):
        for _ in range(2):  # where one pass is over, another begins
            for batch in self._pass:
                return batch
            self._pass = iter(self._data)
        raise ValueError(
            'the training data has no batches left; give a list, or an object that can be iterated '
            'over again, for more steps'
        )

    def _go_to(self, place):
        if not hasattr(self._pass, 'set_state'):
            raise ValueError(
                'a checkpoint knows where its data stood, and that data told it by get_state, as '
                f"grain's does; {type(self._pass).__name__} has no set_state. Go on with the data "
                'that the checkpoint was made with.'
            )
        told = self._pass.get_state()  # a DataLoader of grain tells bytes, a dataset of it a dict
        self._pass.set_state(place.encode() if isinstance(told, bytes) else place)
