"""A layer's own backward pass counts wherever the layer stands."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close, assert_equal

from retrax import layers as tl

X = np.random.default_rng(0).normal(size=(2, 3, 4)).astype(np.float32)
KEY = jax.random.PRNGKey(0)


class Scaled(tl.Layer):
    """y = w x, as Trax users write it."""

    def forward(self, x: Any) -> Any:
        return x * self.weights

    def init_weights_and_state(self, input_signature: Any) -> None:
        self.weights = jnp.full(input_signature.shape[-1], 0.7)


class PureScaled(tl.Layer):
    """The same as a pure layer."""

    def weights_fn(self, signature: Any, context: Any) -> Any:
        return jnp.full(signature.shape[-1], 0.7)

    def apply_fn(self, x: Any, weights: Any, state: Any, context: Any) -> Any:
        return x * weights, state


class FiveFold:
    """Gradients of weights five times as large as they are."""

    has_backward = True

    def backward(
        self,
        inputs: Any,
        output: Any,
        grad: Any,
        weights: Any,
        state: Any,
        new_state: Any,
        rng: Any,
    ) -> Any:
        axes = tuple(range(inputs.ndim - 1))
        return grad * weights, 5 * jnp.sum(grad * inputs, axes)


class FiveFoldScaled(FiveFold, Scaled):
    pass


class FiveFoldPureScaled(FiveFold, PureScaled):
    pass


def yes() -> tl.Layer:
    return tl.Fn('Yes', lambda: jnp.array(True))


WRAPPERS: dict[str, Callable[[tl.Layer], tl.Layer]] = {
    'nothing': lambda layer: layer,
    'Serial': lambda layer: tl.Serial(tl.Fn('Tanh', jnp.tanh), [layer]),
    'Parallel': lambda layer: tl.Serial(tl.Dup(), tl.Parallel(layer, None), tl.Add()),
    'Branch': lambda layer: tl.Serial(tl.Branch(layer, None), tl.Multiply()),
    'Residual': lambda layer: tl.Residual(layer),
    'SerialWithSideOutputs': lambda layer: tl.SerialWithSideOutputs([tl.Serial(layer, tl.Dup())]),
    'Bidirectional': lambda layer: tl.Serial(tl.Bidirectional(layer), tl.Fn('Half', half)),
    'InMode': tl.InMode,
    'Scan': lambda layer: tl.Scan(layer, axis=1, n_carry=0),
    'Scan remat': lambda layer: tl.Scan(layer, axis=1, n_carry=0, remat=True),
    'Cond': lambda layer: tl.Cond(yes(), layer),
    'Chunk': lambda layer: tl.Chunk(layer, 1),
    'BatchLeadingAxes': tl.BatchLeadingAxes,
    'Cache': lambda layer: tl.Cache(layer, mode='predict'),
    'ReversibleHalfResidual': lambda layer: tl.Serial(
        tl.Dup(), tl.ReversibleSerial(tl.ReversibleHalfResidual(layer))
    ),
}


def half(x: Any) -> Any:
    """The outputs of the forward direction."""
    return x[..., : x.shape[-1] // 2]


def weight_gradient(model: tl.Layer) -> Any:
    model.init(tl.signature(X))

    @jax.jit
    @jax.grad
    def gradient(weights: Any) -> Any:
        y, _ = model.pure_fn(X, weights, model.new_state(2), KEY)
        return sum(jnp.sum(jnp.sin(a)) for a in jax.tree.leaves(y))

    return jax.tree.leaves(gradient(model.weights))


@pytest.mark.parametrize('wrapper', WRAPPERS)
@pytest.mark.parametrize('kinds', [(FiveFoldScaled, Scaled), (FiveFoldPureScaled, PureScaled)])
def test_inside_every_combinator(wrapper: str, kinds: tuple[type, type]) -> None:
    own, automatic = (weight_gradient(WRAPPERS[wrapper](kind())) for kind in kinds)
    assert own[0].any()
    assert_close(own, [5 * g for g in automatic], 10)


class Noisy(tl.Layer):
    """Draws the same numbers in both directions."""

    has_backward = True

    def forward(self, x: Any) -> Any:
        return x * jax.random.normal(self.rng, x.shape)

    def backward(
        self,
        inputs: Any,
        output: Any,
        grad: Any,
        weights: Any,
        state: Any,
        new_state: Any,
        rng: Any,
    ) -> Any:
        assert self.state == new_state == ()
        return grad * jax.random.normal(rng, grad.shape), ()


@pytest.mark.parametrize('key', [KEY, jax.random.key(0)], ids=['old key', 'typed key'])
def test_the_backward_pass_has_the_key_of_the_forward_pass(key: Any) -> None:
    model = tl.Scan(tl.Serial(tl.Dropout(0.1), Noisy()), axis=1, n_carry=0)
    ones = np.ones_like(X)

    def loss(x: Any) -> Any:
        return jnp.sum(model.pure_fn(x, model.weights, model.new_state(2), key)[0])

    model.init(tl.signature(ones))
    y, _ = model.pure_fn(ones, model.weights, model.state, key)
    assert len(np.unique(y)) > 15
    assert_close(jax.jit(jax.grad(loss))(ones), y)


class Wrong(Scaled):
    has_backward = True

    def backward(
        self,
        inputs: Any,
        output: Any,
        grad: Any,
        weights: Any,
        state: Any,
        new_state: Any,
        rng: Any,
    ) -> Any:
        return jnp.dot(grad, jnp.ones(99)), weights


def test_an_error_in_it_names_the_layer() -> None:
    model = tl.Serial(tl.Dense(4), Wrong())
    with pytest.raises(
        tl.LayerError, match=r'(?s)differentiating layer Wrong at Wrong#1 failed.*test_backward\.py'
    ):
        weight_gradient(model)


def test_vmap_and_gradients_of_a_batch_of_examples() -> None:
    layer = FiveFoldScaled()
    layer.init(tl.ShapeDtype((4,)))

    def loss(weights: Any, x: Any) -> Any:
        return jnp.sum(layer.pure_fn(x, weights, (), KEY)[0])

    grads = jax.vmap(jax.grad(loss), (None, 0))(layer.weights, X[0])
    assert_equal(grads, 5 * X[0])
