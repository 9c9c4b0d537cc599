"""Stages that look at the lengths of examples: leave some out, cut, pad."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .fields import as_fields, changed
from .pipeline import Stage


def length_of(example: Any, length_axis: int = 0, length_keys: Sequence[int] = (0, 1)) -> int:
    """Returns the length of an example along an axis, of the longest of some of its fields."""
    if isinstance(example, list | tuple):
        return max(np.shape(example[key])[length_axis] for key in length_keys)
    return np.shape(example)[length_axis]


def FilterByLength(
    max_length: int | None,
    min_length: int | None = 0,
    length_keys: Sequence[int] | None = None,
    length_axis: int = 0,
) -> Stage:
    """Returns a stage that keeps examples with min_length <= length <= max_length.

    >>> keep = FilterByLength(2, length_keys=[0])
    >>> list(keep([([3, 1], 'a'), ([4, 1, 5], 'b')]))
    [([3, 1], 'a')]

    Args:
      max_length: None is no limit.
      min_length: None is no limit.
      length_keys: the fields whose longest counts, (0, 1) by default.
      length_axis: of these fields.
    """
    keys = length_keys or (0, 1)

    def keeps(example: Any) -> bool:
        length = length_of(example, length_axis, keys)
        return (max_length is None or length <= max_length) and (
            min_length is None or length >= min_length
        )

    return lambda stream: filter(keeps, stream)


def FilterEmptyExamples(axes: Sequence[int] | None = None, debug: bool = False) -> Stage:
    """Returns a stage that leaves out examples with an empty field, of shape (0,).

    Args:
      axes: the fields that are looked at; all by default.
      debug: prints what is left out.
    """

    def filtered(stream: Iterable[Any]) -> Iterator[Any]:
        for example in stream:
            looked_at = enumerate(as_fields(example))
            if not any(np.shape(x) == (0,) for i, x in looked_at if axes is None or i in axes):
                yield example
            elif debug:
                print(f'left out: {example!r}')  # noqa: T201 - what it is for

    return filtered


def TruncateToLength(len_map: Mapping[int, tuple[int, ...]] | None = None) -> Stage:
    """Returns a stage that cuts fields off at the end of each axis; it adds nothing.

    Args:
      len_map: from the number of a field to the longest that each axis may be.
    """

    def cut(x: Any, shape: tuple[int, ...]) -> Any:
        return np.asarray(x)[tuple(slice(n) for n in shape)]

    def truncate(example: Any) -> tuple[Any, ...]:
        fields = as_fields(example)
        return changed(fields, {k: cut(fields[k], n) for k, n in (len_map or {}).items()})

    return lambda stream: map(truncate, stream)


def PadToLength(
    len_map: Mapping[int, int],
    pad_value: Mapping[int, Any] | int = 0,
    multiple: bool = False,
) -> Stage:
    """Returns a stage that pads fields (n,) at their end.

    Args:
      len_map: from the number of a field to its length; longer ones stay as they are.
      pad_value: from the number of a field to what it is padded with, or one for all.
      multiple: pads to the next multiple of that length instead.

    Raises:
      ValueError: there is no len_map.
    """
    if len_map is None:
        raise ValueError('PadToLength: expected a len_map, from fields to lengths, got None')

    def padded(x: Any, length: int, value: Any) -> Any:
        n = len(x)
        missing = -n % length if multiple else max(0, length - n)
        return np.pad(x, (0, missing), constant_values=value)

    def pad(example: Any) -> Any:
        values = pad_value if isinstance(pad_value, Mapping) else dict.fromkeys(len_map, pad_value)
        fields = as_fields(example)
        made = changed(fields, {k: padded(fields[k], n, values[k]) for k, n in len_map.items()})
        return made if isinstance(example, list | tuple) else made[0]

    return lambda stream: map(pad, stream)
