"""Stages for language models: one text from two, chunks, prefixes, and spans to fill in."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from .pipeline import Serial, Stage


def ConcatenateToLMInput(pad_to_length: int | None = None) -> Stage:
    """Returns a stage that makes one text of (inputs, targets), with weights 1 on the targets.

    It gives (text, text, weights); of a single array x, (x, x).

    >>> next(iter(ConcatenateToLMInput(5)([(np.array([7, 8]), np.array([9]))])))[1:]
    (array([7, 8, 9, 0, 0]), array([0., 0., 1., 0., 0.], dtype=float32))

    Args:
      pad_to_length: of the text; by default it is not padded.

    Raises:
      ValueError: an example has more fields, or is longer than it is to be padded to.
    """

    def joined(example: Any) -> tuple[Any, ...]:
        fields = example if isinstance(example, list | tuple) else (example,)
        if len(fields) == 1:
            return fields[0], fields[0]
        if len(fields) != 2:
            raise ValueError(
                f'ConcatenateToLMInput: expected (inputs, targets), got {len(fields)} fields'
            )
        text = np.concatenate(fields, axis=-1)
        weights = np.repeat(np.array([0, 1], np.float32), [len(field) for field in fields])
        if pad_to_length is not None:
            if len(text) > pad_to_length:
                raise ValueError(
                    f'ConcatenateToLMInput: inputs and targets have {len(fields[0])} and '
                    f'{len(fields[1])} ids, more than pad_to_length={pad_to_length}. Leave such '
                    'examples out, or cut them with TruncateToLength.'
                )
            padding = 0, pad_to_length - len(text)
            text, weights = np.pad(text, padding), np.pad(weights, padding)
        return text, text, weights

    return lambda stream: map(joined, stream)


def PrefixLM(input_length: int = 128, output_length: int = 512) -> Stage:
    """Returns a stage that cuts texts into (inputs, targets): some ids, and those after them.

    The last targets may be shorter; what is left without any is dropped.

    >>> list(PrefixLM(2, 3)([[1, 2, 3, 4, 5, 6, 7, 8]]))
    [([1, 2], [3, 4, 5]), ([6, 7], [8])]
    """

    def cut(stream: Iterable[Any]) -> Iterator[Any]:
        for text in stream:
            for at in range(0, len(text) - input_length, input_length + output_length):
                middle = at + input_length
                yield text[at:middle], text[middle : middle + output_length]

    return cut


def generate_sequential_chunks(max_length: int) -> Stage:
    """Returns a stage that cuts texts into chunks of at most so many ids."""

    def cut(stream: Iterable[Any]) -> Iterator[Any]:
        for text in stream:
            for at in range(0, max(len(text), 1), max_length):
                yield text[at : at + max_length]

    return cut


def random_spans_noise_mask(
    length: int,
    noise_density: float = 0.15,
    mean_noise_span_length: float = 3.0,
    seed1: Any = None,
    seed2: Any = None,
    example: Any = None,
) -> np.ndarray:
    """Returns which ids of a text are noise: random spans, the first of them not at the start.

    Text and noise take turns, and all ways to divide either into as many spans are equally likely.

    Shapes: (length,) bool.

    Args:
      length: of the text.
      noise_density: the part of it that is noise.
      mean_noise_span_length: how long spans are on average.
      seed1: of the lengths of noise, or a generator of NumPy; 0 by default.
      seed2: the same of the text between.
      example: has no influence.

    Source: Raffel et al. 2020, Exploring the Limits of Transfer Learning with a Unified
    Text-to-Text Transformer (arXiv 1910.10683), section 3.1.4.
    """
    del example
    n = max(length, 2)
    n_noise = min(max(round(n * noise_density), 1), n - 1)
    n_spans = max(round(n_noise / mean_noise_span_length), 1)
    n_spans = min(n_spans, n_noise, n - n_noise)
    noise, text = (
        _divided(total, n_spans, np.random.default_rng(seed or 0))
        for total, seed in ((n_noise, seed1), (n - n_noise, seed2))
    )
    lengths = np.stack([text, noise], axis=1).reshape(-1)
    return np.repeat(np.arange(2 * n_spans) % 2 == 1, lengths)[:length]


def _divided(total, n_parts, random):
    """Returns the lengths of parts, each at least 1."""
    cuts = np.sort(random.choice(total - 1, n_parts - 1, replace=False)) + 1
    return np.diff(np.concatenate([[0], cuts, [total]]))


def generate_random_noise_mask(
    noise_density: float = 0.15,
    mean_noise_span_length: float = 3.0,
    seed1: int | None = None,
    seed2: int | None = None,
) -> Stage:
    """Returns a stage that gives (text, mask), see `random_spans_noise_mask`.

    Args:
      noise_density: the part of a text that is noise.
      mean_noise_span_length: how long spans are on average.
      seed1: of all that is drawn for the lengths of noise; 0 by default.
      seed2: the same for the text between; 1 by default.
    """

    def add_mask(stream: Iterable[Any]) -> Iterator[Any]:
        first = np.random.default_rng(0 if seed1 is None else seed1)
        second = np.random.default_rng(1 if seed2 is None else seed2)
        for text in stream:
            sizes = len(text), noise_density, mean_noise_span_length
            yield text, random_spans_noise_mask(*sizes, first, second)

    return add_mask


def consume_noise_mask(vocab_size: int = 32100) -> Stage:
    """Returns a stage from (text, mask) to (inputs, targets): what stays, and what was taken out.

    In both, the k-th span that is in the other one is the id vocab_size - k.

    >>> text, mask = np.arange(1, 7), np.array([0, 0, 1, 1, 0, 1], bool)
    >>> [x.tolist() for x in next(iter(consume_noise_mask(100)([(text, mask)])))]
    [[1, 2, 99, 5, 98], [99, 3, 4, 98, 6]]
    """

    def without(text: Any, taken: Any) -> np.ndarray:
        starts = taken & ~np.pad(taken[:-1], (1, 0))
        marked = np.where(starts, vocab_size - np.cumsum(starts), text)
        return marked[starts | ~taken]

    return lambda stream: (
        (without(np.asarray(text), mask), without(np.asarray(text), ~mask)) for text, mask in stream
    )


def MLM(
    vocab_size: int,
    max_length: int,
    noise_density: float = 0.15,
    mean_noise_span_length: float = 3.0,
) -> Stage:
    """Returns a stage from texts to (inputs, targets) whose task is to fill in random spans."""
    return Serial(
        generate_sequential_chunks(max_length),
        generate_random_noise_mask(noise_density, mean_noise_span_length),
        consume_noise_mask(vocab_size),
    )
