"""How close is close: the one place for tolerances in tests."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# Relative and absolute at once, for values near 1. float32 has 24 bits (6e-8): sums of a few
# hundred terms and a dozen steps of recurrence, in another order, lose a factor of about 100.
TOLERANCE = {'float64': 1e-12, 'float32': 1e-5, 'bfloat16': 2e-2, 'float16': 2e-3}


def tolerance(dtype: Any, factor: float = 1.0) -> float:
    """The tolerance of a dtype; integers and booleans have none."""
    return factor * TOLERANCE.get(np.dtype(dtype).name, 0.0)


def assert_close(got: Any, expected: Any, factor: float = 1.0) -> None:
    """Equal trees up to the tolerance of the dtype that was computed with."""
    assert_same_kind(got, expected, dtypes=False)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        t = tolerance(jnp.asarray(a).dtype, factor)
        np.testing.assert_allclose(
            np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=t, atol=t
        )


def assert_equal(got: Any, expected: Any) -> None:
    """Equal trees, bit for bit, dtypes too."""
    assert_same_kind(got, expected)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert np.asarray(a).tobytes() == np.asarray(b).tobytes()


def assert_same_kind(got: Any, expected: Any, dtypes: bool = True) -> None:
    """Equal structure, shapes and dtypes."""
    assert jax.tree.structure(got) == jax.tree.structure(expected)
    for a, b in zip(jax.tree.leaves(got), jax.tree.leaves(expected), strict=True):
        assert np.shape(a) == np.shape(b)
        assert not dtypes or jnp.asarray(a).dtype == jnp.asarray(b).dtype


def differs(a: Any, b: Any) -> bool:
    """Whether two trees of one structure differ by more than tolerance anywhere."""
    try:
        assert_close(a, b)
    except AssertionError:
        return True
    return False
