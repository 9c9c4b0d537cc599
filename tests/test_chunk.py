"""Chunk and BatchLeadingAxes: the batch cut up and put together; Cache and Accelerate."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

X = np.random.default_rng(0).normal(size=(6, 5, 3)).astype(np.float32)


def ready(model: tl.Layer, x: np.ndarray = X) -> tl.Layer:
    model.init(tl.signature(x))
    return make_loud(model)


@pytest.mark.parametrize('size', [1, 2, 3, 4, 6])
def test_chunks_are_the_batch_and_each_keeps_its_rows_state(size: int) -> None:
    """In Trax the state of one chunk goes on into the next: rows get others' state."""
    layer = ready(tl.GRU(4))
    expected = layer.as_mode('eval')(X)
    view = tl.Chunk(layer, size).as_mode('predict')
    steps = [view(X[:, t : t + 1]) for t in range(5)]
    assert_close(jnp.concatenate(steps, 1), expected)


def test_chunks_draw_masks_of_their_own() -> None:
    model = tl.Chunk(tl.Dropout(0.5, mode='train'), 3)
    y = model(np.ones((6, 50), np.float32), rng=0)
    assert not np.array_equal(y[:3], y[3:])


def test_gradients_through_chunks() -> None:
    layer = ready(tl.Serial(tl.GRU(4), tl.Dense(2)))
    chunked = tl.Chunk(layer, 2)

    def gradient(model: tl.Layer, weights: object) -> object:
        def loss(w: object) -> object:
            return jnp.sum(model.pure_fn(X, w, model.new_state(6), None)[0] ** 2)

        return jax.grad(loss)(weights)

    chunked.init(tl.signature(X))
    make_loud(layer)
    assert_close(gradient(chunked, chunked.weights)[0], gradient(layer, layer.weights), 10)


def test_the_backward_pass_holds_the_activations_of_one_chunk() -> None:
    """The compiler's own account of scratch memory: two wide layers on 4096 rows, or 64 at once."""
    x = np.zeros((4096, 8), np.float32)
    layer = ready(tl.Serial(tl.Dense(512), tl.Fn('Tanh', jnp.tanh), tl.Dense(1)), x)

    def scratch(model: tl.Layer) -> int:
        model.init(tl.signature(x))

        def loss(weights: object) -> object:
            return jnp.sum(model.pure_fn(x, weights, model.state, None)[0] ** 2)

        compiled = jax.jit(jax.grad(loss)).lower(model.weights).compile()
        return compiled.memory_analysis().temp_size_in_bytes

    assert scratch(tl.Chunk(layer, 64)) < scratch(layer) / 8


def test_a_batch_that_cannot_be_cut() -> None:
    layer = tl.Dense(2)
    with pytest.raises(tl.LayerError, match='chunk_size 4 does not divide the batch of 6 rows'):
        tl.Chunk(layer, 4, pass_unchunkable=False).init(tl.signature(X))
    with pytest.raises(tl.LayerError, match='expected outputs with the batch as first axis'):
        tl.Chunk(tl.Fn('Sum', lambda x: jnp.sum(x)), 2).init(tl.signature(X))
    with pytest.raises(tl.LayerError, match='expected inputs with one first axis, the batch'):
        tl.Chunk(tl.Concatenate(axis=0), 2).init((tl.ShapeDtype((4, 2)), tl.ShapeDtype((2, 2))))
    assert tl.Chunk(layer, 0) is layer


@pytest.mark.parametrize('axes', [(), (2,), (2, 1), (2, 3, 2)])
def test_leading_axes_are_batch(axes: tuple[int, ...]) -> None:
    x = np.random.default_rng(0).normal(size=(*axes, 5, 3)).astype(np.float32)
    layer = tl.GRU(4)
    model = tl.BatchLeadingAxes(layer, n_last_axes_to_keep=2)
    model.init(tl.signature(x))
    make_loud(layer)
    expected = layer.as_mode('eval')(x.reshape(-1, 5, 3))
    assert_close(model.as_mode('eval')(x), expected.reshape(*axes, 5, 4))


def test_leading_axes_of_several_inputs_and_outputs() -> None:
    model = tl.BatchLeadingAxes(tl.Serial(tl.Concatenate(), tl.Dup()))
    one, two = np.ones((2, 3, 4)), np.ones((2, 3, 1))
    assert [y.shape for y in model((one, two))] == [(2, 3, 5), (2, 3, 5)]
    with pytest.raises(tl.LayerError, match=r'same axes before the last 1, got shapes \(2, 3, 4\)'):
        model((one, two[:1]))


def test_cache_computes_once_until_there_is_a_new_state() -> None:
    calls = []

    def spy(x: jax.Array) -> jax.Array:
        jax.debug.callback(lambda: calls.append(1))
        return 2 * x

    view = tl.Cache(tl.Serial(tl.Fn('Spy', spy))).as_mode('predict')
    first, second = X[:, 0], X[:, 1]
    view.init(tl.signature(first))
    assert_equal([view(first), view(second), view(second)], [2 * first] * 3)
    jax.effects_barrier()
    assert len(calls) == 1
    view.state = view.new_state(6)
    assert_equal(view(second), 2 * second)
    assert_equal(view.as_mode('eval')(first), 2 * first)
    assert_equal(view.as_mode('train')(second), 2 * second)


def test_cache_refuses_the_state_of_another_size() -> None:
    view = tl.Cache(tl.Fn('Double', lambda x: 2 * x)).as_mode('predict')
    view.init(tl.signature(X))
    with pytest.raises(
        tl.StateError, match=r'Cache: the state is for outputs \(float32\[6,5,3\],\)'
    ):
        view(X[:2])


def test_accelerate_gives_the_layer_back() -> None:
    layer = tl.Dense(3)
    assert tl.Accelerate(layer) is layer
    assert tl.Accelerate(layer, n_devices=8) is layer
    with pytest.raises(ValueError, match='n_devices must be a positive int, got 0'):
        tl.Accelerate(layer, n_devices=0)


def test_flat_weights_and_state_go_from_model_to_model() -> None:
    shared = tl.Dense(3)
    model = ready(tl.Serial(shared, tl.GRU(3, mode='predict'), shared))
    model(X)
    weights, state = tl.flatten_weights_and_state(model.weights, model.state)
    assert (len(weights), len(state)) == (6, 1)

    other = tl.Serial(tl.Dense(3), tl.GRU(3, mode='predict'))
    signature = other.weights_and_state_signature(tl.signature(X))
    other.weights, other.state = tl.unflatten_weights_and_state(weights, state, signature)
    assert other.weights[0].w is shared.weights.w
    assert_equal(jax.tree.leaves(other.state), state)
    only, nothing = tl.unflatten_weights_and_state(weights, [], signature, weights_only=True)
    assert_equal(only, other.weights)
    assert nothing is None
    with pytest.raises(ValueError, match='weights: the model has 6 arrays, got 5'):
        tl.unflatten_weights_and_state(weights[:5], state, signature)
