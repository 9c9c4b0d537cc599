"""Stages that look at the order of examples and leave the examples alone."""

import itertools
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from .pipeline import Stage


def shuffle(samples: Iterable[Any], queue_size: int, seed: int = 0) -> Iterator[Any]:
    """Yields samples in another order, holding `queue_size` of them.

    Each comes from a random place of a queue, which the next one fills; so none comes more than
    queue_size places early, and with 1 all keep theirs.

    Raises:
      ValueError: queue_size is below 1.
    """
    if queue_size < 1:
        raise ValueError(f'shuffle: expected a queue_size of at least 1, got {queue_size}')
    random, held = np.random.default_rng(seed), []
    for sample in samples:
        if len(held) < queue_size:
            held.append(sample)
            continue
        place = int(random.integers(queue_size))
        yield held[place]
        held[place] = sample
    yield from (held[i] for i in random.permutation(len(held)))


def Shuffle(queue_size: int = 1024, seed: int = 0) -> Stage:
    """Returns `shuffle` as a stage."""
    return lambda samples: shuffle(samples, queue_size, seed)


def Log(n_steps_per_example: int = 1, only_shapes: bool = True) -> Stage:
    """Returns a stage that prints every n-th example, or only its shapes and dtypes."""

    def log(stream: Iterable[Any]) -> Iterator[Any]:
        for i, example in enumerate(stream):
            if i % n_steps_per_example == 0:
                print(_shapes(example) if only_shapes else example)  # noqa: T201 - what it is for
            yield example

    return log


def _shapes(example):
    if isinstance(example, list | tuple):
        return tuple(map(_shapes, example))
    array = np.asarray(example)
    return f'{array.dtype}[{",".join(map(str, array.shape))}]'


def UniformlySeek(
    name: str | None = None,
    host_id: int = 0,
    n_hosts: int = 1,
    dataset_size: int = 2**18,
) -> Stage:
    """Returns a stage that begins at the part of a data set that is this host's.

    Args:
      name: of the data set, for people.
      host_id: the number of this host, from 0.
      n_hosts: how many there are.
      dataset_size: how many examples there are.
    """
    del name

    def seek(stream: Iterable[Any]) -> Iterator[Any]:
        rest = iter(stream)
        for _ in range(host_id * (dataset_size // n_hosts)):
            next(rest, None)
        return rest

    return seek


def Prefetch(n_prefetch: int = 2) -> Stage:
    """Returns a stage that makes up to n examples ahead, in a thread."""

    def prefetch(stream: Iterable[Any]) -> Iterator[Any]:
        made: queue.Queue[Callable[[], Any]] = queue.Queue(n_prefetch)
        given_up = threading.Event()
        threading.Thread(target=_fill, args=(stream, made, given_up), daemon=True).start()
        try:
            while True:
                try:
                    example = made.get()()
                except StopIteration:
                    return
                yield example
        finally:
            given_up.set()

    return prefetch


def _fill(stream, made, given_up):
    """Puts functions into a queue that give an example each; the last one raises."""
    examples, last = itertools.chain.from_iterable([stream]), False  # next() is to call iter() too
    while not last and not given_up.is_set():
        try:
            example = next(examples)
            given = lambda example=example: example  # noqa: E731
        except BaseException as error:  # StopIteration too: it is the consumer's
            given, last = _raising(error), True
        while not given_up.is_set():
            try:
                made.put(given, timeout=0.1)
                break
            except queue.Full:
                continue


def _raising(error):
    def give():
        raise error

    return give
