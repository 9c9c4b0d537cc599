"""Pickles of plain values, arrays and ShapeDtypes, with Trax's and NumPy's names in them.

Python's own pickle writes only names that it can import, and `trax.shapes.ShapeDtype` is not
there. Protocol 4, which Python 3.4 and later read.
"""

import pickle
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from ...combinators import ShapeDtype


def dump(value: Any, out: Callable[[bytes], Any]) -> None:
    """Pickles a value, calling `out` with one part after the other.

    Args:
      value: of dicts, lists, tuples, ints, text, bytes, little-endian arrays and ShapeDtypes.
      out: such as a file's `write`.
    """
    out(pickle.PROTO + b'\x04')
    _write(value, out)
    out(pickle.STOP)


def _write(value, out):
    if isinstance(value, np.ndarray):
        _array(value, out)
    elif isinstance(value, np.dtype):
        _dtype(value, out)
    elif isinstance(value, ShapeDtype):
        fields = {'shape': value.shape, 'dtype': value.dtype}
        out(_name('trax.shapes', 'ShapeDtype') + pickle.EMPTY_TUPLE + pickle.NEWOBJ)
        _write((None, fields), out)
        out(pickle.BUILD)
    elif isinstance(value, dict):
        _parts([part for item in value.items() for part in item], out, pickle.EMPTY_DICT)
        out(pickle.SETITEMS)
    elif isinstance(value, list):
        _parts(value, out, pickle.EMPTY_LIST)
        out(pickle.APPENDS)
    elif isinstance(value, tuple):
        _parts(value, out)
        out(pickle.TUPLE)
    else:
        _literal(value, out)


def _parts(values, out, start=b''):
    out(start + pickle.MARK)
    for value in values:
        _write(value, out)


def _literal(value, out):
    if value is None or isinstance(value, bool):
        out({None: pickle.NONE, True: pickle.NEWTRUE, False: pickle.NEWFALSE}[value])
    elif isinstance(value, int):
        data = pickle.encode_long(value)
        out(pickle.LONG1 + struct.pack('<B', len(data)) + data)
    elif isinstance(value, str):
        data = value.encode()
        out(pickle.BINUNICODE + struct.pack('<I', len(data)) + data)
    elif isinstance(value, bytes):
        out(pickle.BINBYTES8 + struct.pack('<Q', len(value)))
        out(value)
    else:
        raise TypeError(f'expected a plain value, got {type(value).__name__}')


def _array(array, out):
    out(_name('numpy.core.multiarray', '_reconstruct'))  # where NumPy 1 has it, and 2 finds it
    out(pickle.MARK + _name('numpy', 'ndarray'))
    _write((0,), out)
    _write(b'b', out)
    out(pickle.TUPLE + pickle.REDUCE)
    _write((1, array.shape, array.dtype, False, array.tobytes()), out)
    out(pickle.BUILD)


def _dtype(dtype, out):
    out(_name('numpy', 'dtype'))
    _write((dtype.str[1:], False, True), out)
    out(pickle.REDUCE)
    order = '|' if dtype.itemsize == 1 else '<'
    _write((3, order, None, None, None, -1, -1, 0), out)
    out(pickle.BUILD)


def _name(module, name):
    return pickle.GLOBAL + f'{module}\n{name}\n'.encode()
