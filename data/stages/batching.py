"""Stages from examples to batches, and back."""

import bisect
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from .lengths import length_of
from .pipeline import Stage


def batch(stream: Iterable[Any], batch_size: int, keep_tail: bool = False) -> Iterator[Any]:
    """Yields batches: tuples of arrays, each of one field of the examples, padded with 0.

    Args:
      stream: of examples, tuples of arrays or numbers.
      batch_size: examples per batch.
      keep_tail: whether the last examples, if they are fewer, make a batch of their own.

    Raises:
      ValueError: batch_size is below 1.
    """
    if batch_size < 1:
        raise ValueError(f'batch: expected a batch_size of at least 1, got {batch_size}')
    held: list[Any] = []
    for example in stream:
        held.append(example)
        if len(held) == batch_size:
            yield _stacked(held)
            held = []
    if held and keep_tail:
        yield _stacked(held)


def Batch(batch_size: int, keep_tail: bool = False) -> Stage:
    """Returns `batch` as a stage."""
    return lambda stream: batch(stream, batch_size, keep_tail)


def bucket_by_length(
    stream: Iterable[Any],
    length_fn: Callable[[Any], int],
    boundaries: Sequence[int],
    batch_sizes: Sequence[int],
    strict_pad_on_len: bool = False,
    keep_tail: bool = False,
) -> Iterator[Any]:
    """Yields batches of examples of about one length, whenever a bucket is full.

    Args:
      stream: of examples.
      length_fn: gives the length of one.
      boundaries: the longest length of each bucket, increasing.
      batch_sizes: examples per batch of each bucket, and, if there is one more, of what is longer.
      strict_pad_on_len: see `pad_to_max_dims`.
      keep_tail: whether what is left in the buckets at the end makes batches too.

    Raises:
      ValueError: an example is longer than all buckets.
    """
    buckets: list[list[Any]] = [[] for _ in batch_sizes]

    def padded(i: int) -> Any:
        boundary = boundaries[i] if i < len(boundaries) else None
        return _stacked(buckets[i], boundary, strict_pad_on_len)

    for example in stream:
        length = length_fn(example)
        i = bisect.bisect_left(boundaries, length)
        if i >= len(buckets):
            raise ValueError(
                f'BucketByLength: an example has length {length}, the longest bucket is for '
                f'{boundaries[-1]}. Give one more batch size for what is longer, or leave such '
                'examples out with FilterByLength.'
            )
        buckets[i].append(example)
        if len(buckets[i]) == batch_sizes[i]:
            yield padded(i)
            buckets[i] = []
    if keep_tail:
        yield from (padded(i) for i, bucket in enumerate(buckets) if bucket)


def BucketByLength(
    boundaries: Sequence[int],
    batch_sizes: Sequence[int],
    length_keys: Sequence[int] | None = None,
    length_axis: int = 0,
    strict_pad_on_len: bool = False,
    keep_tail: bool = False,
) -> Stage:
    """Returns `bucket_by_length` as a stage; the length is that of the longest of some fields.

    Args:
      boundaries: the longest length of each bucket, increasing.
      batch_sizes: examples per batch of each bucket, and, if there is one more, of what is longer.
      length_keys: the fields, (0, 1) by default.
      length_axis: of these fields.
      strict_pad_on_len: see `pad_to_max_dims`.
      keep_tail: whether what is left in the buckets at the end makes batches too.
    """
    keys = length_keys or (0, 1)
    return lambda stream: bucket_by_length(
        stream,
        lambda example: length_of(example, length_axis, keys),
        boundaries,
        batch_sizes,
        strict_pad_on_len,
        keep_tail,
    )


def UnBatch() -> Stage:
    """Returns a stage that takes batches apart: one example for each row.

    Raises:
      ValueError: the fields of a batch have different numbers of rows.
    """

    def unbatch(stream: Iterable[Any]) -> Iterator[Any]:
        for fields in stream:
            if len({len(field) for field in fields}) != 1:
                raise ValueError(
                    f'UnBatch: the fields of a batch have {[len(f) for f in fields]} rows'
                )
            yield from zip(*fields, strict=True)

    return unbatch


def pad_to_max_dims(
    tensors: Iterable[Any], boundary: Any = None, strict_pad_on_len: bool = False
) -> np.ndarray:
    """Returns arrays of one rank as one array, padded with 0 at the end of each axis.

    Args:
      tensors: the arrays.
      boundary: None pads to the longest; an int to that, but an axis of less than half of it to
        the next power of 2; one per axis to a multiple of it, where it is not None.
      strict_pad_on_len: pads to a multiple of the boundary.

    Raises:
      ValueError: not as many boundaries as axes.
    """
    arrays = [np.asarray(tensor) for tensor in tensors]
    longest = [max(sizes) for sizes in zip(*(a.shape for a in arrays), strict=True)]
    per_axis = isinstance(boundary, list | tuple)
    bounds = boundary if per_axis else [boundary] * len(longest)
    if len(bounds) != len(longest):
        raise ValueError(
            f'pad_to_max_dims: expected a boundary for each of {len(longest)} axes, got {boundary}'
        )
    choose = _next_multiple if per_axis or strict_pad_on_len else _towards
    shape = [n if b is None else choose(n, b) for n, b in zip(longest, bounds, strict=True)]
    stacked = np.zeros((len(arrays), *shape), np.result_type(*arrays))
    for i, array in enumerate(arrays):
        stacked[(i, *map(slice, array.shape))] = array
    return stacked


def _next_multiple(n: int, of: int) -> int:
    return -(-n // of) * of


def _towards(n: int, boundary: int) -> int:
    """Returns the boundary, or where that would be more than twice n the next power of 2."""
    enough = max(n, boundary)
    return 2 ** math.ceil(math.log2(max(n, 1))) if 2 * n < enough else enough


def _stacked(examples, boundary=None, strict=False):
    fields = zip(*examples, strict=True)
    return tuple(pad_to_max_dims(field, boundary, strict) for field in fields)
