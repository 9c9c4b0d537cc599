"""Trax's checkpoints: what real Trax wrote is read, and what is written can be read by others.

`golden/loop_checkpoint` was written by Trax 1.4.1's training.Loop. NumPy and Python's own pickle
are the independent readers and writers.
"""

import gzip
import json
import pickle
import sys
import types
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close

from retrax import layers as tl
from retrax.interop.trax_checkpoints import (
    Limits,
    TraxCheckpointError,
    init_from_file,
    read,
    write,
)

GOLDEN = Path(__file__).parent / 'golden'
LOOP = GOLDEN / 'loop_checkpoint' / 'model.pkl.gz'


def lm(vocab: int = 16, d: int = 8, **mode: Any) -> tl.Serial:
    return tl.Serial(
        tl.ShiftRight(**mode),
        tl.Embedding(vocab, d),
        [tl.GRU(d) for _ in range(2)],
        tl.Dense(vocab),
        tl.LogSoftmax(),
    )


def blocks(file: Path) -> list[np.ndarray]:
    """The arrays of a file, as NumPy reads them."""
    arrays = []
    with gzip.open(file) as stream:
        while stream.peek(1):
            arrays.append(np.load(stream))
    return arrays


def pickled(file: Path, value: Any, protocol: int = 4) -> Path:
    file.write_bytes(gzip.compress(pickle.dumps(value, protocol)))
    return file


@pytest.fixture
def trax(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Trax's two classes that stand in its files, by Trax's names."""

    class ShapeDtype:
        __slots__ = ('dtype', 'shape')

        def __init__(self, shape: Any, dtype: Any):
            self.shape, self.dtype = shape, dtype

    class History:
        def __init__(self) -> None:
            self._values = {'train': {'metrics/Loss': [(1, np.float32(0.5))]}}

    modules = {
        'trax': {},
        'trax.shapes': {'ShapeDtype': ShapeDtype},
        'trax.supervised': {},
        'trax.supervised.history': {'History': History},
    }
    for name, contents in modules.items():
        module = types.ModuleType(name)
        for cls in contents.values():
            cls.__module__, cls.__qualname__ = name, cls.__name__
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)
    return types.SimpleNamespace(ShapeDtype=ShapeDtype, History=History)


# Reading.


def test_a_checkpoint_of_real_trax() -> None:
    found = read(LOOP)
    expected = blocks(LOOP.with_name('model.weights.npy.gz'))
    assert len(found.weights) == len(expected) == 11
    for mine, theirs in zip(found.weights, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs, strict=True)
    assert found.step == 10
    assert repr(found.input_signature) == '(int32[4,10],)'
    assert found.state is not None
    assert [float(s) for s in found.state] == [pytest.approx(0.1)]  # the rate of a Dropout
    assert found.version == 'Mar-10-2021'
    assert found.history['train']['training/learning_rate'] == [
        (1, pytest.approx(0.002)),
        (5, pytest.approx(0.01)),
    ]
    assert found.history['eval']['metrics/CrossEntropyLoss'][1] == (5, pytest.approx(2.7623491))


@pytest.mark.parametrize('protocol', [3, 4, 5])
def test_weights_inside_the_pickle(tmp_path: Path, trax: Any, protocol: int) -> None:
    """The form before March 2021, with the history as an object."""
    arrays = [
        np.arange(6, dtype=np.float32).reshape(2, 3),
        np.asfortranarray(np.arange(6.0).reshape(3, 2)),
        np.array([True, False]),
        np.zeros((0, 4), np.int64),
        np.arange(2000, dtype=np.float16),
        np.array(1 + 2j, np.complex64),
        np.arange(3).astype(jnp.bfloat16),
    ]
    contents = {
        'step': 7,
        'flat_weights': arrays,
        'flat_state': (np.float32(0.1), jnp.arange(3)),
        'history': trax.History(),
        'slots': [None, {'m': arrays[0]}],
        'opt_params': {'learning_rate': 0.01, 'large': 2**70, 'note': b'\0'},
        'input_signature': trax.ShapeDtype((2, 5), np.int32),
        'version_timestamp': 'Jun-18-2020',
    }
    found = read(pickled(tmp_path / 'model.pkl.gz', contents, protocol))
    for mine, theirs in zip(found.weights, arrays, strict=True):
        np.testing.assert_array_equal(mine, theirs, strict=True)
    assert found.state is not None
    assert [s.tolist() for s in found.state] == [pytest.approx(0.1), [0, 1, 2]]
    assert found.history == {'train': {'metrics/Loss': [(1, 0.5)]}}
    assert (found.step, found.version) == (7, 'Jun-18-2020')
    assert found.input_signature == tl.ShapeDtype((2, 5), np.int32)


@pytest.mark.parametrize('name', ['model.weights.npy.gz', 'model.pkl.gz.npy'])
def test_weights_beside_the_pickle_in_bfloat16(tmp_path: Path, name: str) -> None:
    numbers = np.arange(5).astype(jnp.bfloat16)
    file = pickled(tmp_path / 'model.pkl.gz', {'flat_weights': 2, 'step': 3})
    with gzip.open(tmp_path / name, 'wb') as stream:
        np.save(stream, numbers.view(np.uint16))
        np.save(stream, np.asfortranarray(np.ones((2, 3), np.float32)))
    first, second = read(file).weights
    np.testing.assert_array_equal(first, numbers, strict=True)
    np.testing.assert_array_equal(second, np.ones((2, 3), np.float32), strict=True)


def test_what_a_file_does_not_have(tmp_path: Path) -> None:
    found = read(pickled(tmp_path / 'm', {'flat_weights': []}))
    assert found == ([], None, None, None, {}, None)


# Models.


def test_weights_of_trax_give_the_outputs_of_trax(tmp_path: Path, trax: Any) -> None:
    case = 'GRULM_small'
    facts = json.loads((GOLDEN / 'golden.json').read_text())[case]
    arrays = np.load(GOLDEN / 'golden.npz')
    rng, limits = np.random.RandomState(facts['weight_seed']), facts['weight_lims']
    weights = [rng.uniform(-limits, limits, s).astype(np.float32) for s in facts['weight_shapes']]
    x = arrays[f'{case}/x']
    signature = (trax.ShapeDtype(x.shape, x.dtype),)  # as the Loop keeps it
    contents = {'flat_weights': weights, 'flat_state': [], 'input_signature': signature}
    file = pickled(tmp_path / 'model.pkl.gz', contents)
    model = lm(facts['vocab'], 16, mode='eval')
    model.init_from_file(file)
    assert_close(model(x), arrays[f'{case}/eval_out'], 3)  # as test_golden compares it


def test_init_from_file_places_weights_by_order() -> None:
    model = lm()
    weights, state = model.init_from_file(LOOP, weights_only=True)
    expected = blocks(LOOP.with_name('model.weights.npy.gz'))
    for mine, theirs in zip(model.named_weights().values(), expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert jax.tree.structure(weights) == jax.tree.structure(model.weights)
    assert jax.tree.leaves(state) == []
    assert model.input_signature == tl.ShapeDtype((4, 10), np.int32)
    assert model(np.zeros((2, 3), np.int32)).shape == (2, 3, 16)


def test_a_view_takes_weights_and_makes_its_own_state() -> None:
    model = lm()
    model.init_from_file(LOOP, weights_only=True)
    decoder = model.as_mode('predict')
    decoder.init_from_file(LOOP, True, tl.ShapeDtype((3, 1), np.int32))
    assert [s.shape for s in jax.tree.leaves(decoder.state)] == [(3, 8), (3, 8)]
    np.testing.assert_array_equal(model.weights[1], decoder.weights[1])


def test_shared_weights_stand_once_in_a_file(tmp_path: Path) -> None:
    def shared() -> tl.Serial:
        dense = tl.Dense(4)
        return tl.Serial(dense, dense)

    model, x = shared(), np.ones((2, 4), np.float32)
    y = model(x)
    model.save_to_file(tmp_path / 'm.pkl.gz', input_signature=tl.signature(x))
    assert len(read(tmp_path / 'm.pkl.gz').weights) == 2
    other = shared()
    weights, _ = other.init_from_file(tmp_path / 'm.pkl.gz')
    assert weights[1] is tl.GET_WEIGHTS_FROM_CACHE
    np.testing.assert_array_equal(other(x), y)


def test_bfloat16_fills_float32_and_floats_of_64_bits_do_not(tmp_path: Path) -> None:
    weights = [np.ones((3, 2)), np.ones(2)]
    file, inputs = tmp_path / 'm.pkl.gz', tl.ShapeDtype((1, 3))
    write(file, [jnp.asarray(w, jnp.bfloat16) for w in weights], None, inputs)
    model = tl.Serial(tl.Dense(2))
    model.init_from_file(file)
    assert {w.dtype for w in jax.tree.leaves(model.weights)} == {np.dtype(np.float32)}
    write(file, weights, None, inputs)
    with pytest.raises(
        TraxCheckpointError, match=r'Dense#1.w: expected float32.*got float64\[3, 2'
    ):
        model.init_from_file(file)


def test_errors_name_the_entry_and_the_path_and_change_nothing() -> None:
    model = lm(16, 4)
    model.init(tl.ShapeDtype((1, 1), np.int32))
    before = model.weights
    with pytest.raises(TraxCheckpointError) as error:
        model.init_from_file(LOOP, weights_only=True)
    text = str(error.value)
    assert 'entry 1, GRU#1.w1: expected float32[8, 8], got float32[16, 16]' in text
    assert 'and 5 more' in text
    assert 'Build the model with the layers and sizes' in text
    assert jax.tree.leaves(model.weights)[0] is jax.tree.leaves(before)[0]


def test_another_number_of_weights_is_told() -> None:
    model = tl.Serial(tl.Embedding(16, 8))
    with pytest.raises(TraxCheckpointError, match='expected 1 entries, got 11'):
        model.init_from_file(LOOP, weights_only=True)


def test_a_state_of_trax_that_does_not_fit_is_told() -> None:
    model = lm()
    with pytest.raises(
        TraxCheckpointError, match=r'expected nothing, got float32\[\].*weights_only'
    ):
        model.init_from_file(LOOP)
    assert not model.has_weights


def test_a_file_without_signature_asks_for_one(tmp_path: Path) -> None:
    write(tmp_path / 'm.pkl.gz', [np.ones((3, 2), np.float32), np.ones(2, np.float32)])
    model = tl.Dense(2)
    with pytest.raises(TraxCheckpointError, match='input_signature=ShapeDtype'):
        model.init_from_file(tmp_path / 'm.pkl.gz')
    model.init_from_file(tmp_path / 'm.pkl.gz', input_signature=tl.ShapeDtype((1, 3)))
    assert model(np.ones((1, 3), np.float32)).tolist() == [[4, 4]]


# Writing.


def test_save_and_load_is_bit_for_bit_with_state(tmp_path: Path) -> None:
    model = lm(mode='predict')
    model.init(tl.ShapeDtype((2, 1), np.int32), rng=3)
    x = np.array([[1, 2, 3], [4, 5, 6]], np.int32)
    model(x)
    model.save_to_file(tmp_path / 'mine.pkl.gz')
    other = lm(mode='predict')
    other.init_from_file(tmp_path / 'mine.pkl.gz')
    np.testing.assert_array_equal(other(x), model(x), strict=True)


def test_pickle_reads_what_trax_would(tmp_path: Path, trax: Any) -> None:
    """Structure for structure what Trax's own save_to_file writes."""
    model = lm()
    model.init(tl.ShapeDtype((2, 3), np.int32))
    model.save_to_file(tmp_path / 'mine.pkl.gz')
    with gzip.open(tmp_path / 'mine.pkl.gz') as stream:
        contents = pickle.load(stream)
    assert set(contents) == {'flat_weights', 'flat_state', 'input_signature'}
    expected = [np.asarray(w) for w in jax.tree.leaves(model.weights)]
    for mine, theirs in zip(contents['flat_weights'], expected, strict=True):
        np.testing.assert_array_equal(mine, theirs, strict=True)
        assert type(mine) is np.ndarray
        assert mine.flags.writeable
    signature = contents['input_signature']
    assert isinstance(signature, trax.ShapeDtype)
    assert (signature.shape, signature.dtype) == ((2, 3), np.int32)


@pytest.mark.parametrize(
    'array',
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(4, dtype='>f4'),
        np.zeros((0, 2), np.int8),
        np.array(True),
        np.arange(3).astype(jnp.bfloat16),
        np.arange(300, dtype=np.int64)[::2],
    ],
    ids=lambda a: f'{a.dtype.str}{a.shape}',
)
def test_arrays_of_all_kinds_come_back(tmp_path: Path, array: np.ndarray) -> None:
    write(tmp_path / 'm.pkl.gz', [array], [array])
    found = read(tmp_path / 'm.pkl.gz')
    for got in (*found.weights, *(found.state or [])):
        np.testing.assert_array_equal(got, array)
        assert got.dtype == array.dtype.newbyteorder('=')


def test_what_cannot_be_told_is_not_written(tmp_path: Path) -> None:
    for wrong in (np.zeros(2, np.uint16), np.array(['a']), np.zeros(2, jnp.float8_e5m2)):
        with pytest.raises(ValueError, match=r'weights\[0\]: expected a dtype that Trax'):
            write(tmp_path / 'm.pkl.gz', [wrong])
    with pytest.raises(ValueError, match='expected an initialised model to save'):
        lm().save_to_file(tmp_path / 'm.pkl.gz')
    assert list(tmp_path.iterdir()) == []


def test_equal_models_make_equal_files(tmp_path: Path) -> None:
    for name in ('a', 'b'):
        write(tmp_path / name, [np.ones(3)], None, (tl.ShapeDtype((1, 2)),))
    assert (tmp_path / 'a').read_bytes() == (tmp_path / 'b').read_bytes()


def test_a_limit_can_be_lifted_for_a_model_too(tmp_path: Path) -> None:
    file, inputs = tmp_path / 'm.pkl.gz', tl.ShapeDtype((1, 3000))
    write(file, [np.zeros((3000, 3000), np.float32)], None, inputs)
    model = tl.Serial(tl.Dense(3000, use_bias=False))
    with pytest.raises(TraxCheckpointError, match=r'limits=Limits\(ratio=...\) to read or'):
        model.init_from_file(file)
    init_from_file(model, file, limits=Limits(ratio=2000))
    assert not model.weights[0].any()
