"""trax.fastmath: trees, gradients and small functions, against NumPy and by hand."""

import collections
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax import layers as tl
from retrax.interop.trax import fastmath, layers, random, shapes, trees

Pair = collections.namedtuple('Pair', ['a', 'b'])


def test_nested_map_keeps_containers_and_passes_none_by():
    tree = {'x': [1, None], 'y': Pair(2, (3, ()))}
    assert trees.nested_map(lambda v: v + 1, tree) == {'x': [2, None], 'y': Pair(3, (4, ()))}
    assert trees.nested_map(str, [None], ignore_nones=False) == ['None']
    assert isinstance(trees.nested_map(abs, Pair(1, 2)), Pair)
    with pytest.raises(ValueError, match='is a leaf, and level is 1'):
        trees.nested_map(sum, (1, [2]), level=1)


def test_nested_zip_and_stack():
    one, two = {'w': (np.ones(2), None)}, {'w': (np.zeros(2), None)}
    stacked = trees.nested_stack([one, two])
    np.testing.assert_array_equal(stacked['w'][0], [[1, 1], [0, 0]])
    assert stacked['w'][1] is None
    assert trees.nested_zip([Pair(1, 2), Pair(3, 4)]) == Pair((1, 3), (2, 4))


def test_weights_of_a_model_flatten_and_unflatten():
    model = tl.Serial(tl.GRU(3), tl.Dense(2), tl.LogSoftmax())
    model.init(tl.ShapeDtype((1, 4, 5)))
    flat = [w for w in trees.tree_flatten(model.weights) if w is not None]
    assert [w.shape for w in flat] == [w.shape for w in jax.tree.leaves(model.weights)]
    again, rest = trees.tree_unflatten([*flat, 'left'], model.weights, copy_from_tree=[()])
    assert rest == ['left']
    assert jax.tree.structure(again) == jax.tree.structure(model.weights)
    assert trees.tree_leaves((1, None)) == [1]
    assert trees.tree_leaves((1, None), ignore_nones=False) == [1, None]


def test_indexed_updates():
    x, index, y = np.array([1.0, 2.0, 3.0]), np.array([0, 2]), np.array([5.0, 1.0])
    assert fastmath.index_update(x, index, y).tolist() == [5, 2, 1]
    assert fastmath.index_add(x, index, y).tolist() == [6, 2, 4]
    assert fastmath.index_max(x, index, y).tolist() == [5, 2, 3]
    assert fastmath.index_min(x, index, y).tolist() == [1, 2, 1]


def test_conv_is_numpy_s_correlation():
    x, kernel = np.random.default_rng(0).normal(size=(2, 9)), np.array([1.0, -2.0, 0.5])
    y = fastmath.conv(
        x[:, :, None].astype('float32'),
        kernel[:, None, None].astype('float32'),
        (1,),
        'VALID',
        ('NHC', 'HIO', 'NHC'),
        (2,),
    )
    spread = np.array([1.0, 0, -2.0, 0, 0.5])
    expected = [np.correlate(row, spread, mode='valid') for row in x]
    np.testing.assert_allclose(y[..., 0], expected, atol=1e-6)


def test_own_gradients_are_used():
    doubled = fastmath.custom_grad(lambda x: (x**2, lambda g: (4 * x * g,)), lambda x: x**2)
    assert float(fastmath.grad(doubled)(3.0)) == 12
    tripled = fastmath.custom_vjp(
        lambda x, n: x**2 + n, lambda x, n: (x**2 + n, x), lambda x, g: (6 * x * g, None)
    )
    value, gradient = fastmath.value_and_grad(tripled)(3.0, 1.0)
    assert (float(value), float(gradient)) == (10, 18)


def test_abstract_eval_computes_nothing():
    def f(x, y):
        return {'product': x @ y, 'rows': (x[0],)}

    made = fastmath.abstract_eval(f)(
        shapes.ShapeDtype((2, 3)), jax.ShapeDtypeStruct((3, 4), jnp.float32)
    )
    assert made == {'product': tl.ShapeDtype((2, 4)), 'rows': (tl.ShapeDtype((3,)),)}
    assert isinstance(made['product'], shapes.ShapeDtype)


def test_random_keys_are_trax_s():
    """Its keys were two numbers; the second is the seed."""
    key = random.get_prng(7)
    assert key.tolist() == [0, 7]
    assert random.normal(random.split(key)[0], (2,)).shape == (2,)


def test_a_data_set_is_read_as_numpy():
    rows = [{'x': np.ones(2)}, {'x': np.zeros(2)}]
    dataset = types.SimpleNamespace(as_numpy_iterator=lambda: iter(rows))
    assert list(fastmath.dataset_as_numpy(dataset, batch_size=8)) == rows


def test_shapes():
    sig = shapes.signature({'x': [np.ones((2, 3), np.int16)]})
    assert sig == {'x': [tl.ShapeDtype((2, 3), np.int16)]}
    with pytest.raises(AssertionError, match=r'expected shape \(3,\), got \(2,\)'):
        shapes.assert_same_shape(np.ones(2), np.ones(3))
    assert layers.to_list((np.ones(2), np.zeros(1))) == [[1, 1], [0]]
    assert layers.to_list(np.ones((1, 2))) == [[1, 1]]


def test_layers_are_checked_as_trax_checks_them():
    from retrax.interop.trax import layer_tests

    def tagger(mode, vocab_size=10):
        return tl.Serial(tl.Embedding(vocab_size, 4), tl.GRU(4, mode=mode))

    def language_model(mode, vocab_size):
        return tl.Serial(tl.ShiftRight(mode=mode), tagger(None, vocab_size))

    x = np.arange(12).reshape(2, 6) % 10
    layer_tests.test_eval_is_deterministic(x, tagger)
    layer_tests.test_eval_equals_predict(x, tagger)
    layer_tests.test_eval_equals_predict_configs(x, tagger, [{'vocab_size': n} for n in (11, 12)])
    layer_tests.test_eval_equals_predict_discrete(language_model, vocab_size=7)

    with pytest.raises(AssertionError, match=r'differs from eval at 3:4 of 6\. Config: {}'):
        layer_tests.test_eval_equals_predict_configs(x, lambda mode: tagger('eval'), [{}])
