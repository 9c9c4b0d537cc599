"""Batches that are counted over all epochs: what every in-memory set of batches is."""

import abc
import operator
from collections.abc import Iterator
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

B = TypeVar('B')


class Epochs(abc.ABC, Generic[B]):
    """A sequence of batches without an own position: batch i is a function of i.

    So the whole state of a walk over it is one number: a run that was stopped goes on at its step
    and sees what it would have seen. `len` is the number of batches in one epoch, and is the same
    in all of them; indices go on over it, without an end.
    """

    @abc.abstractmethod
    def __len__(self) -> int:
        """The number of batches in one epoch."""

    @abc.abstractmethod
    def _batch(self, epoch: int, place: int) -> B:
        """Returns the batch at a place of an epoch."""

    def __getitem__(self, index: int) -> B:
        """Return the batch of a global step >= 0: batch index % len of epoch index // len.

        Raises:
            IndexError: the index is negative.
        """
        step = operator.index(index)
        if step < 0:
            raise IndexError(
                f'{type(self).__name__} got the index {step}; it counts batches over all epochs '
                'from the first one, so it starts at 0 and has no end to count back from.'
            )
        return self._batch(*divmod(step, len(self)))

    def __iter__(self) -> Iterator[B]:
        """Yield the batches of one epoch."""
        return (self[step] for step in range(len(self)))


def order_of(n: int, seed: int | None, epoch: int) -> npt.NDArray[np.intp]:
    """Returns the order of n things in an epoch: their own without a seed, else a drawn one."""
    if seed is None:
        return np.arange(n)
    return np.random.default_rng((seed, epoch)).permutation(n)
