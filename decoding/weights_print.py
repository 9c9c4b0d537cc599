"""A fingerprint of weights: few numbers that other weights do not have."""

import hashlib
from typing import Any

import numpy as np

from ..combinators import StateError


def weights_print(named: dict[str, Any]) -> np.ndarray:
    """Returns (n, 2) uint32, a line for each array by path, equal in every process."""
    lines = [hashlib.blake2b(_bytes(named[path]), digest_size=8).digest() for path in sorted(named)]
    return np.frombuffer(b''.join(lines), '<u4').astype(np.uint32).reshape(-1, 2)


def _bytes(array):
    array = np.asarray(array)
    return f'{array.dtype}{array.shape}'.encode() + array.tobytes()


def check_weights(got: np.ndarray, named: dict[str, Any], who: str) -> None:
    """Raises StateError, naming a path, unless a fingerprint is that of these weights."""
    mine = weights_print(named)
    if got.shape == mine.shape and (got == mine).all():
        return
    where = 'their number differs'
    if got.shape == mine.shape:
        first = int((got != mine).any(axis=1).argmax())
        where = f'the first that differs is {sorted(named)[first]}'
    raise StateError(
        f'{who}: expected the weights that the stream had, got others; {where}. Load the weights '
        'that the text was begun with, or say other_weights=True to go on with these.'
    )
