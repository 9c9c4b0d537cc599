"""Stages that change the fields of each example: its inputs, targets, weights."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from .pipeline import Stage


def as_fields(example: Any) -> tuple[Any, ...]:
    """Returns the fields of an example; an array, or anything else, is its only one."""
    return tuple(example) if isinstance(example, list | tuple) else (example,)


def changed(fields: Sequence[Any], new: Mapping[int, Any]) -> tuple[Any, ...]:
    """Returns fields, some of them new."""
    return tuple(new.get(i, field) for i, field in enumerate(fields))


def on_keys(change: Callable[[Any], Any], example: Any, keys: Sequence[Any] | None = None) -> Any:
    """Returns an example with fields changed: of a tuple, of a dict, or it is the only one itself.

    Args:
      change: of one field.
      example: what has fields.
      keys: which fields; all by default.
    """
    if isinstance(example, dict):
        return {k: change(x) if keys is None or k in keys else x for k, x in example.items()}
    if isinstance(example, list | tuple):
        named = enumerate(example)
        return tuple(change(x) if keys is None or i in keys else x for i, x in named)
    return change(example)


def Dup() -> Stage:
    """Returns a stage that doubles the first field: (x, ...) becomes (x, x, ...)."""
    return lambda stream: ((x, x, *rest) for x, *rest in stream)


def CastTo(dtype: Any = np.int32, indices: Sequence[int] = (0, 1), debug: bool = False) -> Stage:
    """Returns a stage that gives some fields a dtype.

    Args:
      dtype: of NumPy.
      indices: the numbers of these fields.
      debug: prints the dtypes that were others, except int64 that becomes int32.
    """

    def cast(x: Any) -> Any:
        before = np.asarray(x).dtype
        if debug and before not in (dtype, np.int64):
            print(f'{before} becomes {np.dtype(dtype)}')  # noqa: T201 - what it is for
        return np.asarray(x).astype(dtype)

    return lambda stream: (on_keys(cast, tuple(example), indices) for example in stream)


def AppendValue(val: Mapping[int, Any] | None = None) -> Stage:
    """Returns a stage that appends values to fields, along their last axis: an end of sequence.

    >>> next(iter(AppendValue({0: [1]})([(np.array([7, 8]), np.array([9]))])))
    (array([7, 8, 1]), array([9]))
    """
    values = val or {}

    def append(example: Any) -> Any:
        fields = as_fields(example)
        longer = {k: np.append(fields[k], value, -1) for k, value in values.items()}
        made = changed(fields, longer)
        return made if isinstance(example, list | tuple) else made[0]

    return lambda stream: map(append, stream)


def ConvertToUnicode(keys: Sequence[Any] | None = None) -> Stage:
    """Returns a stage that reads bytes as UTF-8, without what is not; str stays as it is."""

    def read(x: Any) -> str:
        return x if isinstance(x, str) else bytes(x).decode('utf-8', errors='ignore')

    return lambda stream: (on_keys(read, example, keys) for example in stream)


def add_loss_weights(stream: Iterable[Any], id_to_mask: int | None = None) -> Iterator[Any]:
    """Yields (inputs, targets, weights): weights of 1 where there are none, 0 for one id.

    Examples of another number of fields than 2 or 3 stay as they are.

    Args:
      stream: of (inputs, targets) or (inputs, targets, weights).
      id_to_mask: targets with this id, such as that of padding, are given the weight 0.

    Raises:
      ValueError: an id is to be masked in examples of another number of fields.
    """
    for example in stream:
        if len(example) not in (2, 3):
            if id_to_mask is not None:
                raise ValueError(
                    'AddLossWeights: expected (inputs, targets) or (inputs, targets, weights) to '
                    f'mask the id {id_to_mask}, got {len(example)} fields'
                )
            yield example
            continue
        inputs, targets, *given = example
        weights = np.asarray(given[0] if given else np.ones(np.shape(targets)), np.float32)
        if id_to_mask is not None:
            weights = weights * (np.asarray(targets) != id_to_mask)
        yield inputs, targets, weights.astype(np.float32)


def AddLossWeights(id_to_mask: int | None = None) -> Stage:
    """Returns `add_loss_weights` as a stage."""
    return lambda stream: add_loss_weights(stream, id_to_mask)
