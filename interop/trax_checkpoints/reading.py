"""What Trax's checkpoints say, as arrays and plain values."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ...combinators import ShapeDtype
from . import blocks, pickles
from .compressed import decompressed
from .errors import TraxCheckpointError
from .limits import DEFAULTS, Limits
from .names import BFLOAT16
from .values import Record


class TraxCheckpoint(NamedTuple):
    """A checkpoint of Trax; what a file does not have is None."""

    weights: list[np.ndarray]  # in the order of the layers
    state: list[np.ndarray] | None  # the same
    step: int | None
    input_signature: Any  # a ShapeDtype, or a tuple of them
    history: dict[str, dict[str, list[Any]]]  # {'train': {metric: [(step, value), ...]}, ...}
    version: str | None  # Trax's version_timestamp


def read(file_name: str | os.PathLike[str], limits: Limits = DEFAULTS) -> TraxCheckpoint:
    """Reads `model.pkl.gz`, and `model.weights.npy.gz` beside it where the weights are there.

    Arrays of uint16 are bfloat16, which Trax stores so.

    Raises:
      TraxCheckpointError: the file is not one of Trax's checkpoints, is damaged, asks for code to
        run, or is larger than the limits.
      OSError: from the file system.
    """
    file = _local(file_name)
    found = pickles.loads(decompressed(file, limits), file, limits)
    if type(found) is not dict or 'flat_weights' not in found:
        got = f'a dict of {ascii(list(found))[:200]}' if type(found) is dict else 'something else'
        raise TraxCheckpointError(
            f"{file}: expected a dict with 'flat_weights', got {got}. Name the model.pkl.gz that "
            "Trax's training.Loop or model.save_to_file wrote."
        )
    weights = found['flat_weights']
    if type(weights) is int:  # Trax's mark that they are in a file of their own
        weights_file = _weights_file(file)
        weights = blocks.load(decompressed(weights_file, limits), weights_file)
    state = found.get('flat_state')
    return TraxCheckpoint(
        _arrays(weights, 'flat_weights', file, limits),
        None if state is None else _arrays(state, 'flat_state', file, limits),
        _plain(_numbers(found.get('step')), int),
        _signature(found.get('input_signature'), file),
        _history(found.get('history')),
        _plain(found.get('version_timestamp'), str),
    )


def _local(file_name):
    if '://' in str(file_name):
        raise TraxCheckpointError(
            f'{file_name}: expected a file on this machine, got an address. Download it first, '
            'with model.weights.npy.gz beside it if that exists.'
        )
    return Path(file_name)


def _weights_file(file):
    """Trax's name for it, and the name that older versions gave."""
    older = file.with_name(file.name + '.npy')
    if not file.name.endswith('.pkl.gz'):
        return older
    newer = file.with_name(file.name.removesuffix('pkl.gz') + 'weights.npy.gz')
    if older.exists() and not newer.exists():
        return older
    if not newer.exists():
        raise TraxCheckpointError(
            f'{file}: expected {newer.name} beside it, which holds its weights, got nothing. Copy '
            'both files.'
        )
    return newer


def _arrays(values, what, file, limits):
    if type(values) not in (list, tuple):
        raise _wrong(file, what, 'a list of arrays', type(values).__name__)
    for number, value in enumerate(values):
        if not isinstance(value, np.ndarray | np.number | np.bool_):
            raise _wrong(file, f'{what}[{number}]', 'an array', type(value).__name__)
    if sum(value.nbytes for value in values) > limits.bytes:
        raise _wrong(file, what, f'at most {limits.bytes:,} bytes', 'more, by repeating arrays')
    return [_bits_as_bfloat16(np.asarray(value)) for value in values]


def _bits_as_bfloat16(array):
    return array.view(BFLOAT16) if array.dtype == np.uint16 else array


def _signature(value, file):
    if type(value) in (tuple, list):
        parts = tuple(_signature(part, file) for part in value)
        return None if None in parts else parts
    if not isinstance(value, Record):
        return None
    shape, dtype = value.fields.get('shape'), value.fields.get('dtype')
    if not isinstance(shape, tuple | list) or not all(type(n) is int and n >= 0 for n in shape):
        return None  # Trax allows None for a size: it does not say what the model was made for
    if not isinstance(dtype, np.dtype):
        raise _wrong(file, 'input_signature', 'a shape and a dtype', 'another dtype')
    return ShapeDtype(shape, dtype)


def _history(value):
    fields = value.fields if isinstance(value, Record) else value
    values = fields.get('_values') if type(fields) is dict else None
    return _numbers(values) if type(values) is dict else {}


def _numbers(value):
    """Arrays of one number, which metrics are, become Python's numbers."""
    if type(value) is dict:
        return {key: _numbers(part) for key, part in value.items()}
    if type(value) in (list, tuple):
        return type(value)(map(_numbers, value))
    return value.item() if isinstance(value, np.ndarray | np.generic) and not value.ndim else value


def _plain(value, kind):
    return value if type(value) is kind else None


def _wrong(file, what, expected, got):
    return TraxCheckpointError(
        f'{file}: {what}: expected {expected}, got {got}. It is not one of Trax 1.4.1, or it was '
        'changed since: get it again from a source that you trust.'
    )
