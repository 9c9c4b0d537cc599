"""Assertions on how close two trees are; what is close is in retrax.inspection.laws."""

from typing import Any

from retrax.inspection.laws import TOLERANCE, not_close, not_equal, other_kind, tolerance

__all__ = [
    'TOLERANCE',
    'assert_close',
    'assert_equal',
    'assert_same_kind',
    'differs',
    'tolerance',
]


def assert_close(got: Any, expected: Any, factor: float = 1.0) -> None:
    """Equal trees up to the tolerance of the dtype that was computed with."""
    found = not_close(got, expected, factor)
    assert not found, found


def assert_equal(got: Any, expected: Any) -> None:
    """Equal trees, bit for bit, dtypes too."""
    found = not_equal(got, expected)
    assert not found, found


def assert_same_kind(got: Any, expected: Any, dtypes: bool = True) -> None:
    """Equal structure, shapes and dtypes."""
    found = other_kind(got, expected, dtypes)
    assert not found, found


def differs(a: Any, b: Any) -> bool:
    """Whether two trees of one structure differ by more than tolerance anywhere."""
    return bool(not_close(a, b))
