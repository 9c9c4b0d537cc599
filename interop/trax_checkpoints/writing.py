"""A checkpoint as Trax's `save_to_file` writes it, so that real Trax reads it."""

import gzip
import io
import os
from pathlib import Path
from typing import Any

import numpy as np

from . import pickling
from .names import BFLOAT16, DTYPES


def write(
    file_name: str | os.PathLike[str],
    weights: list[Any],
    state: list[Any] | None = None,
    input_signature: Any = None,
) -> None:
    """Writes arrays as a gzip pickle of `{flat_weights, flat_state, input_signature}`.

    The file appears whole or not at all. Equal values make equal files.

    Args:
      file_name: where to; a file that is there is replaced, as Trax does.
      weights: arrays in the order of the layers. bfloat16 is stored as its bits, in uint16.
      state: the same; an empty list is stored if there is none, because Trax asks for one.
      input_signature: a `ShapeDtype`, or a tuple of them.

    Raises:
      ValueError: an array is of a dtype that Trax's format cannot tell.
    """
    values = {
        'flat_weights': [_bits(array, f'weights[{i}]') for i, array in enumerate(weights)],
        'flat_state': [_bits(array, f'state[{i}]') for i, array in enumerate(state or [])],
    }
    if input_signature is not None:
        values['input_signature'] = input_signature
    data = io.BytesIO()
    with gzip.GzipFile(fileobj=data, mode='wb', compresslevel=2, mtime=0) as stream:
        pickling.dump(values, stream.write)
    file = Path(file_name)
    fresh = file.with_name(f'.{file.name}.new')
    try:
        fresh.write_bytes(data.getvalue())
        os.replace(fresh, file)
    finally:
        fresh.unlink(missing_ok=True)


def _bits(array, what):
    array = np.asarray(array)
    array = array.astype(array.dtype.newbyteorder('<'), copy=False)
    if array.dtype == BFLOAT16:
        return array.view(np.uint16)
    if array.dtype == np.uint16 or array.dtype not in DTYPES.values():
        raise ValueError(
            f"{what}: expected a dtype that Trax's files can hold, got {array.dtype.name}. They "
            'keep bfloat16 in uint16, and numbers of other kinds as they are. Convert it first.'
        )
    return array
