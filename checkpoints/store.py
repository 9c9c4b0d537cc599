"""Save a pytree of arrays and get it back, bit for bit."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import safetensors
import safetensors.numpy

from .errors import CheckpointError
from .files import replace_directory, whole_directory
from .paths import named_leaves
from .record import ARRAYS_FILE, RECORD_FILE, make_record, read_arrays_file, read_record

# What both JAX and the safetensors format know. complex128 and the 4-bit types are not among them.
_DTYPES = {
    np.dtype(dtype).name: np.dtype(dtype)
    for dtype in (
        *(np.bool_, np.int8, np.int16, np.int32, np.int64),
        *(np.uint8, np.uint16, np.uint32, np.uint64),
        *(np.float16, np.float32, np.float64, np.complex64),
        *(jnp.bfloat16, jnp.float8_e4m3fn, jnp.float8_e5m2),
    )
}


def save(path: str | Path, tree: Any, metadata: dict[str, Any]) -> None:
    """Saves `tree` and `metadata` as the directory `path`, which appears whole or not at all.

    A checkpoint already at `path` is replaced; until the new one is complete and in place, the old
    one can be restored, also after a crash.

    Args:
        path: The directory to write; its parents are made.
        tree: A pytree whose leaves are JAX or NumPy arrays. Python numbers are refused, because
            they would come back as something else.
        metadata: What JSON can hold; tuples come back as lists.

    Raises:
        CheckpointError: a leaf or the metadata cannot be stored, or `path` holds other files.
            Nothing was written.
    """
    leaves, _ = named_leaves(tree)
    arrays = {name: _to_numpy(name, leaf) for name, leaf in leaves.items()}
    data = safetensors.numpy.save(arrays)
    shapes = {
        name: {'shape': list(array.shape), 'dtype': array.dtype.name}
        for name, array in arrays.items()
    }
    record = make_record(metadata, shapes, data)
    replace_directory(Path(path), {ARRAYS_FILE: data, RECORD_FILE: record})


def restore(path: str | Path, like: Any) -> tuple[Any, dict[str, Any]]:
    """Returns the tree and the metadata saved at `path`, after checking everything.

    Args:
        path: What `save` was given.
        like: A pytree of the expected structure. Its leaves are arrays, or have `shape` and
            `dtype` as `jax.ShapeDtypeStruct` has; their values are not used.

    Returns:
        `(tree, metadata)`. The leaves are JAX arrays; NumPy arrays where `like` holds one, and
        where JAX would narrow the dtype (64 bits without `jax_enable_x64`).

    Raises:
        CheckpointError: the files are missing, cut or changed, of an unknown format version, or
            of a tree with other paths, shapes or dtypes.
    """
    wanted, structure = named_leaves(like)
    directory, record = read_record(Path(path))
    _check_fit(directory / RECORD_FILE, wanted, record['arrays'])
    data = read_arrays_file(directory, record)
    stored = {name: spec['data'] for name, spec in safetensors.deserialize(data)}
    leaves = []
    for name, leaf in wanted.items():
        spec = record['arrays'][name]
        array = np.frombuffer(stored[name], _DTYPES[spec['dtype']]).reshape(spec['shape'])
        leaves.append(_as_asked(array, leaf))
    return jax.tree_util.tree_unflatten(structure, leaves), record['metadata']


def exists(path: str | Path) -> bool:
    """Whether a checkpoint is at `path`, or set aside there by a save that was interrupted.

    A damaged one counts: it is there, and `restore` says what is wrong with it.
    """
    return whole_directory(Path(path)).is_dir()


def verify(path: str | Path) -> None:
    """Reads all of a checkpoint, and checks it against its checksums.

    Raises:
        CheckpointError: the files are missing, cut or changed, or of an unknown format version.
    """
    read_arrays_file(*read_record(Path(path)))


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Returns the metadata saved at `path` without reading the arrays.

    Raises:
        CheckpointError: there is no checkpoint, or its checkpoint.json is damaged.
    """
    _, record = read_record(Path(path))
    return record['metadata']


def _to_numpy(name: str, leaf: Any) -> np.ndarray:
    # Not isinstance for NumPy: a masked array would lose its mask.
    if not isinstance(leaf, jax.Array) and type(leaf) not in (np.ndarray, np.memmap):
        raise CheckpointError(
            f'{name}: expected a JAX or NumPy array, got {type(leaf).__name__}. Put it into the '
            'metadata, or wrap it as numpy.asarray(value).'
        )
    if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
        raise CheckpointError(
            f'{name}: expected an array of numbers, got a typed random key. Save '
            'jax.random.key_data(key), and make it a key again with jax.random.wrap_key_data.'
        )
    array = np.asarray(leaf, order='C')
    if array.dtype.name not in _DTYPES:
        raise CheckpointError(
            f'{name}: expected a dtype among {", ".join(_DTYPES)}, got {array.dtype}. Convert it '
            'before saving.'
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder('='))


def _as_asked(array: np.ndarray, leaf: Any) -> Any:
    if isinstance(leaf, np.ndarray) or jax.dtypes.canonicalize_dtype(array.dtype) != array.dtype:
        return array.copy()  # its own memory, writable
    return jnp.array(array)


def _check_fit(file: Path, wanted: dict[str, Any], stored: dict[str, dict[str, Any]]) -> None:
    problems = []
    if missing := [name for name in wanted if name not in stored]:
        problems.append(f'not in the file: {_listed(missing)}')
    if unexpected := [name for name in stored if name not in wanted]:
        problems.append(f'only in the file: {_listed(unexpected)}')
    different = [
        f'{name}: expected {expected}, got {got}'
        for name, leaf in wanted.items()
        if name in stored
        and (expected := _described(name, leaf))
        != (got := f'{stored[name]["dtype"]}{tuple(stored[name]["shape"])}')
    ]
    problems += different[:5]
    if len(different) > 5:
        problems.append(f'and {len(different) - 5} more that differ')
    if problems:
        raise CheckpointError(
            f'{file}: expected the arrays of the tree given as `like`, got others:\n  '
            + '\n  '.join(problems)
            + '\nIt was saved from another model, or with other sizes. Build the model with the '
            'settings it was saved with; read_metadata(path) returns what was noted beside it.'
        )


def _described(name: str, leaf: Any) -> str:
    if not hasattr(leaf, 'shape') or not hasattr(leaf, 'dtype'):
        raise CheckpointError(
            f'{name}: expected an array or a jax.ShapeDtypeStruct in `like`, got '
            f'{type(leaf).__name__}.'
        )
    return f'{getattr(leaf.dtype, "name", leaf.dtype)}{tuple(leaf.shape)}'


def _listed(names: list[str]) -> str:
    more = f', and {len(names) - 5} more' if len(names) > 5 else ''
    return ', '.join(names[:5]) + more
