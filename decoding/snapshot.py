"""A generation as a value: to go on from it later, more than once, or in another process."""

from typing import Any, NamedTuple

import jax
import numpy as np

from ..combinators import StateError
from ..combinators.cache import Kept, in_caches
from ..combinators.state import Held
from .constraint import zeros
from .filters import Filters
from .steps import Cursor, Settings


class Snapshot(NamedTuple):
    """Where a stream stands: a pytree of arrays that nothing changes any more."""

    state: Any  # of the model, behind the tokens that were given to the caller
    cursor: Cursor
    settings: Settings
    counts: np.ndarray  # (3,) int32: tokens to come; given; whether their log-probabilities too
    weights_print: Any = None  # (n, 2) uint32: the fingerprint of the weights


Snapshots = Snapshot | tuple[Snapshot, ...]
"""Of a stream, or of one with deterministic=True: one for each row."""


def places(state: Any) -> dict[str, str]:
    """Returns the fingerprint of the model for each place that has state."""
    return {node.path or 'the model': node.owner for node in _held(state)}


def _held(state):
    nodes = jax.tree.leaves(state, is_leaf=lambda node: isinstance(node, Held))
    return [node for node in nodes if isinstance(node, Held)]


def check_batch(got: Any, expected: Any, who: str) -> None:
    """Raises ValueError, naming a path, unless two states of a model are of one batch size."""
    for theirs, mine in zip(_held(got), _held(expected), strict=True):
        shapes = [jax.tree.map(np.shape, node.value) for node in (theirs, mine)]
        if shapes[0] != shapes[1]:
            raise ValueError(
                f'{who}: state of {mine.path or "the model"}: expected shapes {shapes[1]}, got '
                f'{shapes[0]}. The state of a snapshot is for as many rows as its other parts.'
            )


def check_places(got: dict[str, str], model: Any, state: Any) -> None:
    """Raises StateError, naming a path, unless a snapshot is of a model of equal definition."""
    mine = places(state)
    for path in (*mine, *got):
        if mine.get(path) != got.get(path):
            raise StateError(
                f'state of {path}: expected a snapshot of {model.name} as it is defined here, got '
                'one of another model. Make the model as it was made for the stream, with the '
                'same layers and sizes.'
            )


def describe(snapshot: Snapshots) -> dict[str, Any]:
    """Returns what JSON can hold of a snapshot, and `blank` needs to know."""
    if not isinstance(snapshot, Snapshot):
        return {'rows': [describe(row) for row in snapshot]}
    settings, filters = snapshot.settings, snapshot.settings.filters
    table = None if settings.constraint is None else settings.constraint.table
    wide = [array for array in (snapshot.cursor.seen, filters.banned, table) if array is not None]
    return {
        'n_ids': wide[0].shape[1] if wide else 0,
        'n_states': 0 if table is None else len(table),
        'n_weights': len(snapshot.weights_print),
        'places': places(snapshot.state),
        'batch_size': len(snapshot.cursor.token),
        'key': [str(settings.key.dtype), *settings.key.shape],
        'filters': [name for name, value in filters._asdict().items() if value is not None],
        'n_source': 0 if settings.source is None else settings.source.shape[1],
        'kept': [] if settings.source is None else _kept_arrays(snapshot.state),
    }


def _kept_arrays(state):
    """Returns dtype and shape of each array that the model keeps of its source."""
    found: list[Any] = []
    in_caches(lambda kept: found.extend(jax.tree.leaves(kept)) or kept, state)
    return [[str(array.dtype), *array.shape] for array in found]


def _with_kept_arrays(state, kept_arrays):
    """Returns a state with zeros of these dtypes and shapes in the places of `_kept_arrays`."""
    given = iter(kept_arrays)

    def zeros_like(_):
        dtype, *shape = next(given)
        return np.zeros(shape, dtype)

    return in_caches(lambda kept: Kept(jax.tree.map(zeros_like, kept.outputs), None), state)


def blank(model: Any, facts: dict[str, Any]) -> Snapshots:
    """Returns a snapshot of zeros for a model, with the structure that `describe` was told.

    Raises:
      StateError: it was of another model.
    """
    if 'rows' in facts:
        return tuple(_blank(model, row) for row in facts['rows'])
    return _blank(model, facts)


def _blank(model, facts):
    batch, n_ids, on = facts['batch_size'], facts['n_ids'], facts['filters']
    state = model.as_mode('predict').new_state(batch)
    check_places(facts['places'], model, state)
    if n_source := facts.get('n_source', 0):  # files of earlier versions do not say it
        state = _with_kept_arrays(state, facts['kept'])

    def rows(dtype: Any, *more: int) -> Any:
        return np.zeros((batch, *more), dtype)

    every = Filters(
        rows(np.float32), rows(bool, n_ids), rows(np.int32), rows(np.float32), rows(np.float32)
    )
    filters = every._replace(**{name: None for name in every._fields if name not in on})
    zero: Any = np.zeros((), np.int32)
    dtype, *shape = facts['key']
    seen = rows(bool, n_ids) if 'repetition_penalty' in on else None
    cursor = Cursor(rows(np.int32), rows(bool), rows(np.int32), seen)
    key: Any = np.zeros(shape, dtype)
    settings = Settings(key, rows(np.uint32), rows(np.float32), zero, filters)
    if n_states := facts['n_states']:
        cursor = cursor._replace(states=rows(np.int32))
        settings = settings._replace(constraint=zeros(n_states, n_ids), until=rows(np.int32))
    if n_source:
        settings = settings._replace(source=rows(np.int32, n_source))
    print_ = np.zeros((facts['n_weights'], 2), np.uint32)
    return Snapshot(state, cursor, settings, np.zeros(3, np.int32), print_)
