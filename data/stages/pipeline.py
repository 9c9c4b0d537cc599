"""Pipelines: stages, functions from an iterator to an iterator, one after another or in turns.

    lines = lambda _: open('my_file.txt')
    batches = Serial(lines, Tokenize(vocab_type='char'), Shuffle(), Batch(32))

The first stage makes the stream and is given None. A stage may be any function on iterators, such
as `lambda stream: map(f, stream)`.
"""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

Stage = Callable[[Any], Iterable[Any]]


class Pipeline:
    """Stages, one after another: a stage itself, and data that can be gone through again.

    Called, it gives an iterator, as in Trax. As data for training it is better given as it is: it
    is then started over as often as needed, and a run that is resumed goes on at its batch, by
    going through the stages up to there. What the stages of retrax draw, they draw anew from their
    seeds each time, so the order is that of the first time.
    """

    def __init__(self, *stages: Stage | Sequence[Any]):
        self.stages: tuple[Stage, ...] = tuple(_flat(stages))
        self._source: Any = None  # what the first stage gave the last time

    def __call__(self, stream: Any = None) -> Iterator[Any]:
        """Returns an iterator over what comes out of the last stage."""
        for stage in self.stages:
            stream = stage(stream)
        return iter(stream)

    def __iter__(self) -> Iterator[Any]:
        """Starts over.

        Raises:
          ValueError: the first stage gives an iterator that it gave before.
        """
        first, *others = self.stages
        source = first(None)
        if source is self._source and iter(source) is source:
            raise ValueError(
                'a pipeline cannot be started over: its first stage gave the iterator that it gave '
                'before, which stands where it was left. Give a function that makes a new one, '
                "lambda _: open('my_file.txt'), or call the pipeline yourself, once."
            )
        self._source = source
        return Pipeline(*others)(source)

    def __repr__(self):
        return f'Pipeline({len(self.stages)} stages)'


def Serial(*stages: Stage | Sequence[Any]) -> Pipeline:
    """Returns the stages, which may be in lists, as one.

    >>> numbers = Serial(lambda _: range(6), lambda xs: filter(lambda x: x % 2, xs))
    >>> list(numbers), next(numbers())
    ([1, 3, 5], 1)
    """
    return Pipeline(*stages)


def Parallel(
    fns: Sequence[Callable[..., Iterable[Any]]],
    counters: Sequence[int] | None = None,
    reweight_by_minimum: bool = False,
    gradually_reweight: bool = False,
    use_remainders: bool = False,
) -> Stage:
    """Returns a stage that takes from several sources in turns, until one of them has no more.

    >>> letters = Parallel([lambda: 'abcd', lambda: 'xy'], counters=[2, 1])
    >>> ''.join(letters())
    'axbycd'

    Args:
      fns: each makes a stream; called with the stream that the stage is given, if it is given one.
      counters: how many of each source make a round; 1 of each by default, with 0 none is taken.
      reweight_by_minimum: divides the counters by the smallest, so rounds are shorter.
      gradually_reweight: sorts the sources by their counters, and behind each example of one takes
        as many of the next as the quotient of their counters says: a (b c c) (b c c) for 1, 2, 4.
      use_remainders: takes what those quotients leave over at the end of such a round.

    Raises:
      ValueError: not as many counters as sources, or none above 0.
    """
    counts = [1] * len(fns) if counters is None else [*counters]
    if len(counts) != len(fns) or sum(counts) < 1 or min(counts) < 0:
        raise ValueError(
            f'Parallel: expected a counter from 0 up for each of {len(fns)} sources, one of them '
            f'above 0, got {counts}'
        )
    taken = [(fn, count) for fn, count in zip(fns, counts, strict=True) if count]
    counts = [count for _, count in taken]
    if reweight_by_minimum:
        counts = [count // min(counts) for count in counts]
    rounds = _gradual if gradually_reweight else _in_turns

    def parallel(gen: Any = None) -> Iterator[Any]:
        streams = [iter(fn() if gen is None else fn(gen)) for fn, _ in taken]
        for source in rounds(counts, use_remainders):
            try:
                yield next(streams[source])
            except StopIteration:
                return

    return parallel


def _in_turns(counts, _):
    """Yields sources in a circle, those that have not had their part of the round."""
    had = [0] * len(counts)
    for source in itertools.cycle(range(len(counts))):
        if had[source] < counts[source]:
            had[source] += 1
            if had == counts:
                had = [0] * len(counts)
            yield source


def _gradual(counts, use_remainders):
    order = sorted(range(len(counts)), key=counts.__getitem__)
    repeats = [1] + [counts[b] // counts[a] for a, b in itertools.pairwise(order)]

    def nested(level):
        for _ in range(repeats[level] if level < len(order) else 0):
            yield order[level]
            yield from nested(level + 1)

    while True:
        yield from nested(0)
        for level, source in enumerate(order if use_remainders else ()):
            left = counts[source] - math.prod(repeats[: level + 1])
            yield from itertools.repeat(source, left)


def _flat(stages):
    for stage in stages:
        if isinstance(stage, list | tuple):
            yield from _flat(stage)
        else:
            yield stage
