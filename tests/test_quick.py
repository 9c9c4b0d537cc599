"""Tests that compile quickly leave nothing behind for tests that compile as users do."""

import jax
import pytest
from quick import is_thorough, quickly

TRACED: list[int] = []


@jax.jit
def double(x: int) -> int:
    TRACED.append(1)  # only while jax makes a program
    return 2 * x


@pytest.mark.skipif(is_thorough(), reason='compiles all as users do')
def test_a_program_compiled_quickly_is_not_run_outside() -> None:
    with quickly():
        assert (double(1), double(2), len(TRACED)) == (2, 4, 1)
    assert (double(1), double(2), len(TRACED)) == (2, 4, 2)
    with quickly():
        assert (double(1), len(TRACED)) == (2, 2)
