"""Signatures: the shape and dtype of what flows, with numbers or names for sizes.

A signature is one `ShapeDtype`, or a tuple of them, as inputs are one array or a tuple of
arrays. A size is an int, or a name such as 'b' that stands for any size; equal names in one
signature mean equal sizes, and 't<=64' is a name with a limit. This module knows arrays and shapes;
it knows no layer.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import export

from . import lines
from .errors import needs_values
from .observing import observer


@dataclasses.dataclass(frozen=True, init=False, repr=False)
class ShapeDtype:
    """The shape and dtype of an array that need not exist.

    >>> ShapeDtype((2, 3))
    float32[2,3]
    >>> ShapeDtype(('b', 't'), np.int32)
    int32[b,t]

    Args:
      shape: sizes; each is an int, a name, or a name with a limit: 't<=64'.
      dtype: of the elements.
    """

    shape: tuple[Any, ...]
    dtype: np.dtype

    def __init__(self, shape: Any, dtype: Any = np.float32):
        if isinstance(shape, int | str):
            raise ValueError(f'shape must be a tuple of sizes, got {shape!r}; write ({shape!r},)')
        object.__setattr__(self, 'shape', tuple(_size(d) for d in shape))
        object.__setattr__(self, 'dtype', np.dtype(dtype))

    def __repr__(self):
        return f'{self.dtype.name}[{",".join(str(d) for d in self.shape)}]'

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.shape)

    @property
    def is_symbolic(self) -> bool:
        """Whether some size is a name instead of a number."""
        return any(not isinstance(d, int) for d in self.shape)


def _size(d):
    if isinstance(d, str) or (isinstance(d, int | np.integer) and d >= 0):
        return d if isinstance(d, str) else int(d)
    if isinstance(d, int | np.integer):
        raise ValueError(f'a size cannot be negative, got {d}')
    if isinstance(d, float | bool | type(None)) or np.ndim(d) > 0:
        raise ValueError(f"a size is an int or a name such as 'b', got {d!r}")
    return d  # a symbolic dimension of jax


def signature(x: Any) -> Any:
    """Returns the signature of `x`: arrays become `ShapeDtype`s, containers stay as they are.

    >>> signature((np.zeros((2, 3), np.int16), 1.5))
    (int16[2,3], float32[])
    """
    if isinstance(x, tuple | list):
        parts = [signature(item) for item in x]
        return type(x)(*parts) if hasattr(x, '_fields') else type(x)(parts)
    if isinstance(x, dict):
        return {k: signature(v) for k, v in x.items()}
    if x is None:
        return x
    if not (hasattr(x, 'shape') and hasattr(x, 'dtype')):
        x = np.asarray(x)
    # NumPy's 64 bits are what jax makes of them: 32, unless jax_enable_x64 is set.
    return ShapeDtype(x.shape, jax.dtypes.canonicalize_dtype(x.dtype))


def asked(x: Any) -> Any:
    """Returns the signature of what init is asked for.

    Raises:
      ValueError: `x` is a shape, which does not tell a dtype, and not a signature.
    """
    if isinstance(x, tuple | list) and x and all(isinstance(d, int | str | None) for d in x):
        raise ValueError(
            f'expected a signature or an array, got the sizes {x}; write ShapeDtype({x}, np.int32) '
            'for ids, or ShapeDtype with np.float32 for features'
        )
    return signature(x)


def canonical(x: Any) -> Any:
    """Returns a NumPy array in the dtype that jax gives it: int32 for int64, unless x64 is on."""
    if not isinstance(x, np.ndarray):
        return x
    dtype = jax.dtypes.canonicalize_dtype(x.dtype)
    return x if dtype == x.dtype else x.astype(dtype)


def is_symbolic(tree: Any) -> bool:
    """Whether a signature has a name for a size anywhere."""
    return any(isinstance(s, ShapeDtype) and s.is_symbolic for s in jax.tree.leaves(tree))


def with_symbols(tree: Any) -> Any:
    """Returns the signature with its names made symbolic dimensions of one scope.

    Equal names in two scopes do not match, hence one scope for a whole signature.

    Raises:
      ValueError: a name is no name, or has a limit that is none.
    """
    sizes = [d for s in jax.tree.leaves(tree) if isinstance(s, ShapeDtype) for d in s.shape]
    written = list(dict.fromkeys(d for d in sizes if isinstance(d, str)))
    if not written:
        return tree
    names = [d.partition('<=')[0].strip() for d in written]
    unique = list(dict.fromkeys(names))
    try:
        symbols = export.symbolic_shape(
            ','.join(unique), constraints=[d for d in written if '<=' in d]
        )
        table = dict(zip(unique, symbols, strict=True))
    except ValueError:
        raise ValueError(
            f"sizes: expected ints, names such as 'b', or names with a limit such as 't<=64', "
            f'got {", ".join(map(repr, written))}'
        ) from None
    return substitute(tree, {d: table[name] for d, name in zip(written, names, strict=True)})


def substitute(tree: Any, table: dict[Any, Any]) -> Any:
    """Returns the signature with each size that `table` names replaced."""

    def one(s):
        if not isinstance(s, ShapeDtype):
            return s
        return ShapeDtype([table.get(_key(d), d) for d in s.shape], s.dtype)

    return jax.tree.map(one, tree)


def _key(d):
    return d if isinstance(d, int) else str(d)


def without_symbols(tree: Any) -> Any:
    """Returns the signature with symbolic dimensions written as text again."""

    def one(s):
        return ShapeDtype([d if isinstance(d, int) else str(d) for d in s.shape], s.dtype)

    return jax.tree.map(one, tree)


def with_batch(s: Any, batch_size: int) -> Any:
    """Returns a signature with another first axis, and 1 for the other sizes that are names."""
    if not s.shape:
        return s
    rest = (d if isinstance(d, int) else 1 for d in s.shape[1:])
    return ShapeDtype((batch_size, *rest), s.dtype)


def spec(tree: Any) -> Any:
    """Returns the signature as `jax.ShapeDtypeStruct`s, which jax traces with."""
    return jax.tree.map(
        lambda s: jax.ShapeDtypeStruct(s.shape, s.dtype) if isinstance(s, ShapeDtype) else s, tree
    )


def infer(function: Callable[..., Any], inputs: Any) -> Any:
    """Returns the signature of `function(inputs)`, by tracing the real code.

    Where code cannot be traced with names for sizes (`if t > 4`, a reshape by t, a parallel
    scan over t), it is traced at several numbers within the limits instead, and each size of the
    result is written as the line through them, in each name; an observer is told.

    Raises:
      whatever the code raises at names, where the same line fails at numbers too; else what it
      raises at numbers, with a note that says at which.
    """
    if not is_symbolic(inputs):
        return _trace(function, inputs)
    try:
        return signature(jax.eval_shape(function, spec(inputs)))
    except Exception as symbolic_error:
        try:
            outputs = _generalise(function, inputs)
        except lines.NoLineError:
            symbolic_error.add_note(
                'Its sizes are no straight lines in those of the inputs, as trying numbers shows; '
                'give numbers for the sizes.'
            )
            raise symbolic_error from None
        except Exception as error:
            if _raised_at(error) == _raised_at(symbolic_error):
                raise symbolic_error from None
            raise
        observer().generalised(outputs)
        return outputs


def _raised_at(error):
    trace = error.__traceback__
    while trace.tb_next is not None:
        trace = trace.tb_next
    return trace.tb_frame.f_code, trace.tb_lineno


def _trace(function, inputs):
    try:
        return signature(jax.eval_shape(function, spec(inputs)))
    except Exception as error:
        if not needs_values(error):
            raise
        # A user's code that branches on values: run it on zeros instead.
        return signature(function(jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), inputs)))


def _generalise(function, inputs):
    symbols = {
        str(d): d for s in jax.tree.leaves(inputs) for d in s.shape if not isinstance(d, int)
    }
    if not all(name.isidentifier() for name in symbols):
        raise lines.NoLineError
    return lines.through(lambda sizes: _trace(function, substitute(inputs, sizes)), symbols)
