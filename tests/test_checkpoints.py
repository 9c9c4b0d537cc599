"""Checkpoints: bit for bit there and back, or refused; steps are numbers."""

import json
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
from hypothesis import given
from hypothesis import strategies as st
from trees import Gates, assert_same, model

from retrax import checkpoints
from retrax.checkpoints import CheckpointError

DTYPES = [
    *('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64'),
    *('float16', 'float32', 'float64', 'complex64'),
    *('bfloat16', 'float8_e4m3fn', 'float8_e5m2'),
]


def test_a_tree_comes_back_with_its_metadata(tmp_path: Path) -> None:
    metadata = {'step': 12, 'vocab': ['a', 'ä', '\u2028'], 'loss': 0.1, 'nested': {'none': None}}
    checkpoints.save(tmp_path / 'runs' / 'a', model(), metadata)

    tree, read = checkpoints.restore(tmp_path / 'runs' / 'a', model(0.0))
    assert_same(tree, model())
    assert read == metadata == checkpoints.read_metadata(str(tmp_path / 'runs' / 'a'))


def test_paths_are_readable_in_the_files(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / 'a', model(), {})
    paths = ['opt/2/0', 'opt/2/1', 'weights/GRU#1/b1', 'weights/GRU#1/w1']

    assert sorted(os.listdir(tmp_path / 'a')) == ['arrays.safetensors', 'checkpoint.json']
    assert sorted(json.loads((tmp_path / 'a/checkpoint.json').read_text())['arrays']) == paths
    with safetensors.safe_open(tmp_path / 'a/arrays.safetensors', 'np') as file:
        assert sorted(file.keys()) == paths
        np.testing.assert_array_equal(file.get_tensor('opt/2/1'), np.arange(5))


def test_a_dict_key_is_kept_as_it_is(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / 'a', {'GRU#1.w1': jnp.ones(2)}, {})
    record = json.loads((tmp_path / 'a/checkpoint.json').read_text())
    assert record['arrays'] == {'GRU#1.w1': {'shape': [2], 'dtype': 'float32'}}


@pytest.mark.parametrize('tree', [(), None, {'a': {}, 'b': [None]}])
def test_a_tree_without_arrays(tmp_path: Path, tree: Any) -> None:
    checkpoints.save(tmp_path / 'a', tree, {'step': 1})
    assert checkpoints.restore(tmp_path / 'a', tree) == (tree, {'step': 1})


def test_a_bare_array_and_a_description_of_it(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / 'a', jnp.float32(-0.0), {})
    tree, _ = checkpoints.restore(tmp_path / 'a', jax.ShapeDtypeStruct((), jnp.float32))
    assert_same(tree, jnp.float32(-0.0))


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('shape', [(), (0, 3), (2, 3)])
def test_every_dtype_keeps_its_bits(tmp_path: Path, dtype: str, shape: tuple[int, ...]) -> None:
    count = int(np.prod(shape)) * jnp.dtype(dtype).itemsize
    random = np.random.default_rng(0).integers(0, 2 if dtype == 'bool' else 256, count, np.uint8)
    array = random.view(jnp.dtype(dtype)).reshape(shape)

    checkpoints.save(tmp_path / 'a', {'x': array}, {})
    assert_same(checkpoints.restore(tmp_path / 'a', {'x': array})[0], {'x': array})


def test_64_bits_are_never_narrowed(tmp_path: Path) -> None:
    tree = {'x': np.array([2**40 + 1]), 'y': np.array([1 / 3])}
    checkpoints.save(tmp_path / 'a', tree, {})
    like = jax.tree.map(lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), tree)
    assert_same(checkpoints.restore(tmp_path / 'a', like)[0], tree)


def test_memory_order_and_byte_order_do_not_matter(tmp_path: Path) -> None:
    matrix = np.arange(6.0, dtype=np.float32).reshape(2, 3)
    odd = {'swapped': matrix.astype('>f4'), 'fortran': np.asfortranarray(matrix), 'cut': matrix.T}
    checkpoints.save(tmp_path / 'a', odd, {})
    plain = {'swapped': matrix, 'fortran': matrix, 'cut': np.ascontiguousarray(matrix.T)}
    assert_same(checkpoints.restore(tmp_path / 'a', odd)[0], plain)


def test_what_comes_back_can_be_donated_and_written_to(tmp_path: Path) -> None:
    tree = {'jax': jnp.arange(4.0), 'numpy': np.arange(4.0)}
    checkpoints.save(tmp_path / 'a', tree, {})
    got, _ = checkpoints.restore(tmp_path / 'a', tree)
    got['numpy'] += 1
    doubled = jax.jit(lambda x: 2 * x, donate_argnums=0)(got['jax'])
    np.testing.assert_array_equal(doubled, 2 * np.arange(4.0))


def test_equal_trees_make_equal_files(tmp_path: Path) -> None:
    for name in 'ab':
        checkpoints.save(tmp_path / name, model(), {'step': 1})
    for file in ('arrays.safetensors', 'checkpoint.json'):
        assert (tmp_path / 'a' / file).read_bytes() == (tmp_path / 'b' / file).read_bytes()


keys = st.text(st.characters(codec='utf-8', exclude_characters='/'), min_size=1, max_size=6)
arrays = st.builds(
    lambda dtype, shape, seed: np.asarray(
        np.random.default_rng(seed).integers(0, 2, shape), jnp.dtype(dtype)
    ),
    st.sampled_from(DTYPES),
    st.lists(st.integers(0, 3), max_size=3).map(tuple),
    st.integers(0, 2**32),
)
trees = st.recursive(
    arrays | arrays.filter(lambda a: a.dtype.itemsize < 8).map(jnp.asarray) | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.lists(inner, max_size=3).map(tuple)
        | st.builds(Gates, inner, inner)
        | st.dictionaries(keys, inner, max_size=3)
    ),
    max_leaves=8,
)


@given(tree=trees)
def test_any_tree_comes_back(tmp_path_factory: pytest.TempPathFactory, tree: Any) -> None:
    path = tmp_path_factory.mktemp('any') / 'a'
    checkpoints.save(path, tree, {})
    assert_same(checkpoints.restore(path, tree)[0], tree)


# ------------------------------------------------------------------------- what cannot be saved


@pytest.mark.parametrize(
    ('leaf', 'message'),
    [
        (1.5, r'a/0: expected a JAX or NumPy array, got float\. .*numpy\.asarray'),
        (np.float32(1), r'a/0: expected a JAX or NumPy array, got float32'),
        ('text', r'a/0: expected a JAX or NumPy array, got str'),
        (np.ma.ones(2), r'a/0: expected a JAX or NumPy array, got MaskedArray'),
        (np.ones(2, complex), r'a/0: expected a dtype among .*, got complex128'),
        (np.array(['x']), r'a/0: expected a dtype among .*, got <U1'),
        (np.array([None]), r'a/0: expected a dtype among .*, got object'),
        (jax.random.key(0), r'a/0: .* got a typed random key\. Save jax\.random\.key_data'),
    ],
)
def test_leaves_that_would_come_back_changed(tmp_path: Path, leaf: Any, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        checkpoints.save(tmp_path / 'a', {'a': (leaf,)}, {})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ('tree', 'message'),
    [
        ({'a/b': np.ones(1), 'a': {'b': np.ones(1)}}, r"'a/b': two leaves of the tree have this"),
        ({'a': {1: np.ones(1)}, 'a/1': np.ones(1)}, r"'a/1': two leaves of the tree"),
        ({'__metadata__': np.ones(1)}, r'safetensors keeps this name for itself'),
        ({'\ud800': np.ones(1)}, r'expected a path that is valid Unicode'),
    ],
)
def test_paths_that_no_file_can_hold(tmp_path: Path, tree: Any, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        checkpoints.save(tmp_path / 'a', tree, {})
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ('metadata', 'message'),
    [
        ({'x': object()}, r'metadata: expected what JSON can hold .* not JSON serializable'),
        ({'x': float('nan')}, r'metadata: expected what JSON can hold .* not JSON compliant'),
        ({'x': '\ud800'}, r'metadata: expected what JSON can hold'),
        ({'x': [{1: 2}]}, r"metadata\['x'\]\[0\]: expected text keys, as JSON has, got 1"),
    ],
)
def test_metadata_that_json_cannot_hold(tmp_path: Path, metadata: Any, message: str) -> None:
    with pytest.raises(CheckpointError, match=message):
        checkpoints.save(tmp_path / 'a', {}, metadata)
    assert os.listdir(tmp_path) == []


# ---------------------------------------------------------------------------------------- steps


def test_steps_compare_as_numbers(tmp_path: Path) -> None:
    assert checkpoints.latest(tmp_path / 'nothing') is None
    assert checkpoints.latest(tmp_path) is None
    for step in (2, 1200, 123456789, 40):
        checkpoints.save(checkpoints.step_path(tmp_path, step), {}, {})
    assert sorted(os.listdir(tmp_path))[0] == 'step-00000002'
    assert checkpoints.latest(tmp_path) == tmp_path / 'step-123456789'
    os.rename(tmp_path / 'step-00000040', tmp_path / 'step-4000000000')
    os.rename(tmp_path / 'step-123456789', tmp_path / 'step-9')
    assert checkpoints.latest(tmp_path) == tmp_path / 'step-4000000000'


def test_what_is_no_checkpoint_is_not_the_latest(tmp_path: Path) -> None:
    checkpoints.save(checkpoints.step_path(tmp_path, 1), {}, {})
    for name in ('.step-00000009.new', '.step-00000009.old', 'step-00000008', 'step-x', 'best'):
        (tmp_path / name).mkdir()
    (tmp_path / 'step-00000007').write_text('a file')
    assert checkpoints.latest(tmp_path) == tmp_path / 'step-00000001'


def test_a_step_is_a_number_from_0_on() -> None:
    assert checkpoints.step_path('runs', np.int64(3)) == Path('runs/step-00000003')
    with pytest.raises(CheckpointError, match='step: expected a number from 0 on, got -1'):
        checkpoints.step_path('runs', -1)
    with pytest.raises(TypeError):
        checkpoints.step_path('runs', 1.5)  # pyright: ignore[reportArgumentType]
