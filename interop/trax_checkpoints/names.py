"""The names in Trax's checkpoints, and the data that a call of each stands for.

They are what NumPy and jax write for arrays, dtypes and numbers, Python's defaultdict, and Trax's
ShapeDtype and History. This module checks arguments and makes arrays of bytes; it imports and
calls nothing that a file names.
"""

import math
from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np

from .values import Name, Record, Refused

_NUMPY = ('numpy.core', 'numpy._core')  # before and since NumPy 2
_CODES = ('b1', 'i1', 'i2', 'i4', 'i8', 'u1', 'u2', 'u4', 'u8', 'f2', 'f4', 'f8', 'c8', 'c16')
DTYPES = {code: np.dtype(f'<{code}') for code in _CODES}
BFLOAT16 = np.dtype(jnp.bfloat16)
_BFLOAT16_NAMES = {Name('ml_dtypes', 'bfloat16'), Name('jaxlib.xla_extension', 'bfloat16')}
_NDARRAY, _LIST = Name('numpy', 'ndarray'), Name('builtins', 'list')
_RECORDS = {
    Name('trax.shapes', 'ShapeDtype'): 'ShapeDtype',
    Name('trax.supervised.history', 'History'): 'History',
    Name('trax.history', 'History'): 'History',
}


def known(name: Name) -> Any:
    """Returns a name, or the dtype that it names, if Trax's checkpoints have it."""
    if name.module == 'numpy' and name.name in _SCALARS:
        return _SCALARS[name.name]
    if name in _MAKERS or name in _RECORDS or name in _BFLOAT16_NAMES or name in (_NDARRAY, _LIST):
        return name
    raise Refused(f'the name {name}')


def made(name: Any, arguments: Any) -> Any:
    """Returns the data that calling a name would have made."""
    if not isinstance(name, Name) or name not in _MAKERS or type(arguments) is not tuple:
        raise Refused(f'a call of {name if isinstance(name, Name) else type(name).__name__}')
    maker: Any = _MAKERS[name]
    if len(arguments) != maker.__code__.co_argcount:
        raise Refused(f'a call of {name} with other arguments than it has')
    return maker(*arguments)


def record(name: Any, arguments: Any) -> Record:
    """Returns an object of one of Trax's classes, without its content."""
    if not isinstance(name, Name) or name not in _RECORDS or arguments:
        raise Refused(f'an instance of {name if isinstance(name, Name) else type(name).__name__}')
    return Record(_RECORDS[name])


def fill(value: Any, content: Any) -> None:
    """Gives a record, an array or a dtype the content that its pickle says."""
    if isinstance(value, Record):
        value.fields.update(_fields(content))
    elif type(value) is np.ndarray and type(content) is tuple and len(content) == 5:
        _, shape, dtype, by_columns, data = content
        if type(data) is not bytes:
            raise Refused('an array without bytes')
        _array(data, dtype, shape, 'C')
        state: Any = (1, shape, dtype, by_columns is True, data)
        value.__setstate__(state)
    elif not isinstance(value, np.dtype) or not _is_plain_dtype(content):
        raise Refused(f'content for a {type(value).__name__}')


def _fields(content):
    """A class with __slots__ has the pair (None, its slots)."""
    if type(content) is tuple and len(content) == 2 and content[0] is None:
        content = content[1]
    if type(content) is not dict or not all(type(key) is str for key in content):
        raise Refused('fields that are no dict')
    return content


def _is_plain_dtype(content):
    """Version, byte order, and no parts: what little-endian machines write for a number."""
    return (
        type(content) is tuple
        and len(content) == 8
        and content[1] in ('<', '|')
        and content[2:5] == (None, None, None)
    )


def _array(data: Any, dtype: Any, shape: Any, order: Any) -> np.ndarray:
    """Returns the array of some bytes, sharing them, if there are as many as its shape needs."""
    if not isinstance(dtype, np.dtype):
        raise Refused('an array of no dtype')
    if type(shape) is not tuple or not all(type(n) is int and n >= 0 for n in shape):
        raise Refused('an array without a shape')
    if not isinstance(data, bytes | bytearray) or order not in ('C', 'F'):
        raise Refused('an array without bytes')
    if len(shape) > 32 or math.prod(shape) * dtype.itemsize != len(data):
        raise Refused(
            f'an array of {dtype.name}{ascii(shape)[:80]} with {len(data):,} bytes, which is not '
            'its size'
        )
    return np.frombuffer(data, dtype).reshape(shape, order=order)


def _blank_array(cls, shape, code):
    if cls != _NDARRAY or shape != (0,) or code != b'b':
        raise Refused('an array of a class of its own')
    return np.empty(0, np.int8)  # filled in place by the operation that follows


def _dtype(code, align, copy):
    if isinstance(code, Name) and code in _BFLOAT16_NAMES:
        return BFLOAT16
    if type(code) is not str or code not in DTYPES:
        raise Refused(f'the dtype {ascii(code)[:80]}, which is no number')
    return DTYPES[code]


def _scalar(dtype, data):
    return _array(data, dtype, (), 'C')[()]


def _jax_array(maker, arguments, content, aval):
    """A jax array is a NumPy array, made and filled, and facts about its type."""
    if not isinstance(maker, Name) or _MAKERS.get(maker) is not _blank_array:
        raise Refused('a jax array that is made of something else than an array')
    array = made(maker, arguments)
    fill(array, content)
    return array


def _default_dict(factory):
    if factory != _LIST:
        raise Refused('a defaultdict of something else than lists')
    return {}


_SCALARS = {dtype.name: dtype for dtype in DTYPES.values()}
_MAKERS: dict[Name, Callable[..., Any]] = {
    **{Name(f'{numpy}.multiarray', '_reconstruct'): _blank_array for numpy in _NUMPY},
    **{Name(f'{numpy}.multiarray', 'scalar'): _scalar for numpy in _NUMPY},
    **{Name(f'{numpy}.numeric', '_frombuffer'): _array for numpy in _NUMPY},
    Name('numpy', 'dtype'): _dtype,
    Name('jax._src.array', '_reconstruct_array'): _jax_array,
    Name('jax._src.device_array', 'reconstruct_device_array'): _jax_array,
    Name('collections', 'defaultdict'): _default_dict,
}
