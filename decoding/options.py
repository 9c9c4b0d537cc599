"""How a caller of `generate` wants tokens to be chosen, checked: a value for each row."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from .automaton import NONE
from .filters import Filters
from .prompts import check_ids, count
from .request import Request


class Range(NamedTuple):
    """The values that an option may have."""

    contains: Callable[[np.ndarray], Any]
    words: str
    advice: str
    kind: Any = np.float32


LARGEST = np.iinfo(np.int32).max
TEMPERATURE = Range(
    lambda t: np.isfinite(t) & (t >= 0),
    'at least 0 and finite',
    '0 takes the most probable token, 1 samples from the model as it is',
)
REPETITION_PENALTY = Range(
    lambda x: np.isfinite(x) & (x > 0), 'above 0 and finite', '1 changes nothing, 1.2 is usual'
)
TOP_K = Range(
    lambda k: k >= 1, 'an int of at least 1', 'vocab_size or more changes nothing', np.int32
)
TOP_P = Range(
    lambda p: (p > 0) & (p <= 1), 'above 0 and at most 1', '1 changes nothing, 0.9 is usual'
)
START_ID = Range(
    lambda i: (i >= 0) & (i <= LARGEST),
    'an id of the model',
    'None takes that of the model',
    np.int32,
)
MIN_P = Range(lambda p: (p >= 0) & (p <= 1), 'between 0 and 1', '0 changes nothing, 0.05 is usual')


def per_row(
    value: Any, what: str, range_: Range, batch_size: int, who: str = 'generate'
) -> np.ndarray:
    """Returns a number for each row.

    Raises:
      ValueError: one is out of its range or no number, or there are not as many as rows.
    """
    given = np.asarray(value)
    kinds = (np.integer,) if range_.kind is np.int32 else (np.integer, np.floating)
    is_right = issubclass(given.dtype.type, kinds)
    if is_right and range_.kind is np.float32:
        with np.errstate(over='ignore'):
            given = given.astype(np.float32)  # the range is that of what the device is given
    if not (is_right and range_.contains(given).all()):
        raise ValueError(f'{who}: {what} must be {range_.words}, got {value!r}; {range_.advice}')
    if given.shape not in ((), (batch_size,)):
        raise ValueError(
            f'{who}: {what} must be a number, or one for each of {batch_size} rows, got '
            f'shape {given.shape}'
        )
    if range_.kind is np.int32:
        given = np.minimum(given, LARGEST)
    return np.broadcast_to(given, (batch_size,)).astype(range_.kind)


def start_ids(given: Any, model: Any, n_rows: int, who: str) -> np.ndarray | None:
    """Returns what each row begins with: what was given, or the model's own; None if it has none.

    Raises:
      ValueError: what was given are no ids, or not as many as rows; or the model gives another
        token than the one behind those that it has read.
    """
    if model.shift > 1:
        raise ValueError(
            f'{who}: {model.name} moves its ids {model.shift} places to the right, so in predict '
            'its scores are of a token that is further ahead than the next one. To make one token '
            'after another it must have one ShiftRight() of one place, or none.'
        )
    first = model.start_id if given is None else given
    return None if first is None else per_row(first, 'start_id', START_ID, n_rows, who)


def eos(eos_id: int | None, vocab_size: int, who: str) -> np.int32:
    """Returns the id that ends a row; NONE for none.

    Raises:
      ValueError: the model has no such id.
    """
    if eos_id is None:
        return np.int32(NONE)
    checked = count(eos_id, 'eos_id', who=who)
    return check_ids(np.asarray([checked]), vocab_size, 'eos_id', who)[0]


def filters(who: str, request: Request, n_rows: int, vocab_size: int) -> Filters:
    """Returns the settings of the filters for each row; what is None stays None.

    Raises:
      ValueError: one is out of its range, or there are not as many as rows.
    """

    def rows(what, range_):
        value = getattr(request, what)
        return None if value is None else per_row(value, what, range_, n_rows, who)

    banned = request.banned
    checked = (
        rows('repetition_penalty', REPETITION_PENALTY),
        None if banned is None else banned_ids(banned, n_rows, vocab_size, who),
        rows('top_k', TOP_K),
        rows('top_p', TOP_P),
        rows('min_p', MIN_P),
    )
    return Filters(*jax.device_put(checked))


def banned_ids(banned: Any, batch_size: int, vocab_size: int, who: str = 'generate') -> np.ndarray:
    """Returns (batch, vocab_size), true for what may not be chosen.

    Raises:
      ValueError: an id is out of range, all ids of a row are banned, or there are not as many
        lists as rows.
    """
    rows = [banned] if isinstance(banned, int | np.integer) else list(banned)
    if not rows or np.ndim(rows[0]) == 0:
        rows = [rows] * batch_size
    if len(rows) != batch_size:
        raise ValueError(
            f'{who}: banned must be a list of ids, or one list for each of {batch_size} rows, '
            f'got {len(rows)} lists'
        )
    mask = ids_mask([np.asarray(row) for row in rows], vocab_size, 'banned', who)
    if mask.all(axis=1).any():
        raise ValueError(
            f'{who}: banned has all {vocab_size} ids in row {int(mask.all(axis=1).argmax())}, '
            'so no token can be chosen; leave at least one'
        )
    return mask


def ids_mask(rows: Any, vocab_size: int, what: str, who: str = 'generate') -> np.ndarray:
    """Returns (len(rows), vocab_size), true for the ids in each row.

    Raises:
      ValueError: an id is no int, or out of range.
    """
    mask = np.zeros((len(rows), vocab_size), bool)
    for line, ids in zip(mask, rows, strict=True):
        if ids.size and not np.issubdtype(ids.dtype, np.integer):
            raise ValueError(f'{who}: {what} must be integer ids, got dtype {ids.dtype}')
        line[check_ids(ids.astype(np.int64), vocab_size, what, who)] = True
    return mask


def row_ids(given: Any, batch_size: int, who: str = 'generate') -> np.ndarray:
    """Returns the numbers that key the noise of rows, uint32; 0, 1, ... by default.

    Raises:
      ValueError: they are no such ints, or not as many as rows.
    """
    rows = np.arange(batch_size) if given is None else np.asarray(given)
    fits = np.issubdtype(rows.dtype, np.integer) and rows.shape == (batch_size,)
    if not fits or (rows < 0).any() or (rows >= 2**32).any():
        raise ValueError(
            f'{who}: row_ids must be {batch_size} ints from 0 to 2**32 - 1, one for each row, got '
            f'{given!r}'
        )
    return rows.astype(np.uint32)
