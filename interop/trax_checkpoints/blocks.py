"""Arrays that stand one after the other in a file, each as numpy.save writes it."""

import io
import math
from pathlib import Path

import numpy as np

from .errors import TraxCheckpointError
from .names import DTYPES

_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


def load(data: bytes, file: Path) -> list[np.ndarray]:
    """Returns the arrays in some bytes, sharing them.

    Raises:
      TraxCheckpointError: a header or an array is cut, or no array of numbers.
    """
    stream, arrays = io.BytesIO(data), []
    while stream.tell() < len(data):
        start = stream.tell()
        try:
            arrays.append(_next(stream, data))
        except Exception as error:  # of many kinds: NumPy parses headers as Python's text
            raise TraxCheckpointError(
                f'{file}: expected array number {len(arrays)} as numpy.save writes it at byte '
                f'{start:,} of {len(data):,}, got something else: {ascii(str(error))[1:200]}. '
                'Copy the file again from where it came.'
            ) from error
    return arrays


def _next(stream, data):
    version = np.lib.format.read_magic(stream)
    if version not in _HEADERS:
        raise ValueError(f'format version {version}')
    shape, by_columns, dtype = _HEADERS[version](stream)
    if dtype not in DTYPES.values():
        raise ValueError(f'dtype {dtype}, which is no number')
    if min(shape, default=0) < 0 or len(shape) > 32:
        raise ValueError(f'shape {shape}')
    n, at = math.prod(shape), stream.tell()
    if n * dtype.itemsize > len(data) - at:
        raise ValueError(
            f'{dtype}{shape} needs {n * dtype.itemsize:,} bytes, there are {len(data) - at:,}'
        )
    stream.seek(at + n * dtype.itemsize)
    flat = np.frombuffer(data, dtype, n, at)
    return flat.reshape(shape, order='F' if by_columns else 'C')
