"""How close is close: the one place for tolerances, and texts that say what differs."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# Relative and absolute at once, for values near 1. float32 has 24 bits (6e-8): sums of a few
# hundred terms and a dozen steps of recurrence, in another order, lose a factor of about 100.
TOLERANCE = {'float64': 1e-12, 'float32': 1e-5, 'bfloat16': 2e-2, 'float16': 2e-3}


def tolerance(dtype: Any, factor: float = 1.0) -> float:
    """Returns the tolerance of a dtype; integers and booleans have none."""
    return factor * TOLERANCE.get(np.dtype(dtype).name, 0.0)


def not_close(got: Any, expected: Any, factor: float = 1.0) -> str:
    """Says where two trees differ by more than the tolerance of what was got; '' if nowhere."""
    return other_kind(got, expected, dtypes=False) or _first(got, expected, factor, _far)


def not_equal(got: Any, expected: Any) -> str:
    """Says where two trees differ, bit for bit, dtypes too; '' if nowhere."""
    return other_kind(got, expected) or _first(got, expected, 0.0, _other_bytes)


def other_kind(got: Any, expected: Any, dtypes: bool = True) -> str:
    """Says where structure, shapes or dtypes of two trees differ; '' if nowhere."""
    one, two = jax.tree.structure(got), jax.tree.structure(expected)
    if one != two:
        one, two = (dict(jax.tree.leaves_with_path(side)) for side in (got, expected))
        more, less = ([k for k in a if k not in b] for a, b in ((one, two), (two, one)))
        what = [_at(keys, '') or 'one array' for keys in (*more[:1], *less[:1])]
        return f'another structure: {" instead of ".join(what)}'
    for (keys, a), b in zip(jax.tree.leaves_with_path(got), jax.tree.leaves(expected), strict=True):
        if np.shape(a) != np.shape(b):
            return f'shape{_at(keys)} is {np.shape(a)}, expected {np.shape(b)}'
        if dtypes and jnp.asarray(a).dtype != jnp.asarray(b).dtype:
            return f'dtype{_at(keys)} is {jnp.asarray(a).dtype}, expected {jnp.asarray(b).dtype}'
    return ''


def _first(got, expected, factor, differs):
    for (keys, a), b in zip(jax.tree.leaves_with_path(got), jax.tree.leaves(expected), strict=True):
        limit = tolerance(jnp.asarray(a).dtype, factor)
        bad = np.argwhere(differs(a, b, limit))
        if len(bad):
            index = tuple(int(i) for i in bad[0])
            one, two = (np.asarray(side, np.float64)[index] for side in (a, b))
            place = f' at {list(index)}' if index else ''
            return f'{one:.8g} instead of {two:.8g}{place}{_at(keys, " of ")}'
    return ''


def _far(a, b, limit):
    a, b = (np.asarray(side, np.float64) for side in (a, b))
    return ~np.isclose(a, b, rtol=limit, atol=limit, equal_nan=True)


def _other_bytes(a, b, _):
    a, b = (np.asarray(side)[..., None].copy() for side in (a, b))
    return (a.view(np.uint8) != b.view(np.uint8)).any(-1)


def _at(keys, before=' at '):
    return f'{before}{jax.tree_util.keystr(keys)}' if keys else ''
