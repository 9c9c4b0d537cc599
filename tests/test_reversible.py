"""Reversible layers: the same outputs and gradients as plain residuals, without their memory."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

KEY = jax.random.PRNGKey(3)
D = 4
X = np.random.default_rng(0).normal(size=(2, 5, D)).astype(np.float32)


def tanh() -> tl.Layer:
    return tl.Fn('Tanh', jnp.tanh)


def series() -> list[tl.Layer]:
    return [tl.GRU(D), tl.Dropout(0.5), tl.Dense(D), tanh()]


def blocks(parts: list[Any]) -> tl.Layer:
    halves = [[tl.ReversibleHalfResidual(*part), tl.ReversibleSwap()] for part in parts]
    return tl.Serial(
        tl.Dense(D), tl.Dup(), tl.ReversibleSerial(halves), tl.Concatenate(), tl.Dense(2)
    )


def plain_blocks(parts: list[Any]) -> tl.Layer:
    """The same without reversible layers."""

    def half(part: list[tl.Layer]) -> tl.Layer:
        # x, c -> c, x, c -> f(c), x, c -> x + f(c), c -> c, x + f(c)
        return tl.Serial(tl.Select([1, 0, 1]), part, tl.Add(), tl.Swap())

    return tl.Serial(
        tl.Dense(D), tl.Dup(), [half(part) for part in parts], tl.Concatenate(), tl.Dense(2)
    )


def gradients(model: tl.Layer, flat: list[Any], x: Any = X, mode: str = 'train') -> Any:
    """The value of a loss, and its gradients for weights, in flat order, and inputs."""
    view = model.as_mode(mode)
    structure = jax.tree.structure(view.weights)
    state = view.new_state(2)

    @jax.jit
    def loss(flat: list[Any], x: Any) -> Any:
        y, _ = view.pure_fn(x, jax.tree.unflatten(structure, flat), state, KEY)
        return jnp.sum(jnp.sin(y))

    return jax.value_and_grad(loss, (0, 1))(flat, x)


def test_outputs_and_gradients_are_those_of_the_plain_residual() -> None:
    made = [blocks([series() for _ in range(4)]), plain_blocks([series() for _ in range(4)])]
    for model in made:
        model.init(tl.signature(X))
    flat = jax.tree.leaves(make_loud(made[0]).weights)
    with jax.enable_x64(True):
        point = ([jnp.asarray(w, jnp.float64) for w in flat], jnp.asarray(X, jnp.float64))
        one, two = (gradients(model, *point, 'eval') for model in made)
        for got, expected in zip(jax.tree.leaves(one), jax.tree.leaves(two), strict=True):
            np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-9)


def test_dropout_falls_in_the_backward_pass_as_it_fell_in_the_forward_pass() -> None:
    """Gradients against differences, in float64: other masks would give other slopes."""
    model = blocks([[tl.Dropout(0.5), tl.Dense(D), tanh()] for _ in range(3)])
    model.init(tl.signature(X))
    flat = jax.tree.leaves(make_loud(model).weights)
    random = np.random.default_rng(1)
    with jax.enable_x64(True):
        flat = [jnp.asarray(w, jnp.float64) for w in flat]
        way = [random.normal(size=w.shape) for w in flat]
        x = jnp.asarray(X, jnp.float64)
        _, (slopes, _) = gradients(model, flat, x)
        above, below = (
            gradients(model, [w + e * d for w, d in zip(flat, way, strict=True)], x)[0]
            for e in (1e-6, -1e-6)
        )
        slope = sum(jnp.sum(s * d) for s, d in zip(slopes, way, strict=True))
        np.testing.assert_allclose(slope, (above - below) / 2e-6, rtol=1e-6)


def stored(make: Callable[[list[Any]], tl.Layer], n: int) -> int:
    """How many bytes besides the weights the forward pass keeps for the backward pass."""
    model = make([[tl.Dense(D), tanh()] for _ in range(n)])
    model.init(tl.signature(X))
    weights = model.weights
    _, vjp = jax.vjp(lambda w, x: model.pure_fn(x, w, model.state, KEY)[0], weights, X)
    mine = {id(w) for w in jax.tree.leaves(weights)}
    return sum(a.nbytes for a in jax.tree.leaves(vjp) if id(a) not in mine)


def test_the_forward_pass_keeps_no_activation_per_block() -> None:
    activation = X.nbytes
    assert stored(blocks, 12) == stored(blocks, 4)
    assert stored(plain_blocks, 12) >= stored(plain_blocks, 4) + 8 * activation


def scratch(make: Callable[[list[Any]], tl.Layer], n: int, x: np.ndarray) -> int:
    """The compiler's own account of the scratch memory of a gradient."""
    model = make([[tl.Dense(D), tanh()] for _ in range(n)])
    model.init(tl.signature(x))

    def loss(weights: Any) -> Any:
        return jnp.sum(model.pure_fn(x, weights, model.state, KEY)[0] ** 2)

    compiled = jax.jit(jax.grad(loss)).lower(model.weights).compile()
    return compiled.memory_analysis().temp_size_in_bytes


def test_the_compiled_backward_pass_needs_no_memory_per_block() -> None:
    x = np.zeros((512, 5, D), np.float32)
    growth, plain = (scratch(f, 12, x) - scratch(f, 4, x) for f in (blocks, plain_blocks))
    assert growth < x.nbytes / 2
    assert plain > 7 * x.nbytes


def chain() -> tl.Layer:
    return tl.ReversibleSerial(
        tl.ReversibleHalfResidual(tl.Dense(D), tl.Dropout(0.5)),
        tl.ReversibleSwap(),
        [tl.ReversibleHalfResidual(tl.GRU(D)), tl.ReversiblePrintShape(2, 'here')],
        tl.ReversibleSerial(tl.ReversibleSelect([1, 0, 1])),
    )


def test_reverse_gives_the_inputs_back(capsys: pytest.CaptureFixture[str]) -> None:
    model = chain()
    x = (X, 2 * X)
    model.init(tl.signature(x))
    make_loud(model)
    y, new_state = model.pure_fn(x, model.weights, model.state, KEY)
    assert len(y) == 3
    back = model.reverse(y, model.weights, model.state, new_state, KEY)
    assert_close(back, x)
    assert 'PrintShape: here: [(2, 5, 4)[float32], (2, 5, 4)[float32]]' in capsys.readouterr().out


def test_reverse_and_grad_of_a_chain_is_the_vjp_of_its_parts() -> None:
    """Against automatic differentiation through the plain forward of each layer."""
    model = chain()
    x = (X, 2 * X)
    model.init(tl.signature(x))
    make_loud(model)
    y, new_state = model.pure_fn(x, model.weights, model.state, KEY)
    grad = jax.tree.map(jnp.cos, y)
    back, (dx, dw) = model.reverse_and_grad(y, grad, model.weights, model.state, new_state, KEY)

    def forward(x: Any, weights: Any) -> Any:
        a, b = x
        dense, gru = weights[0][0][0], weights[2][0][0]
        mask = (back[0] * 0 + _mask(model)) / 0.5
        a, b = b, a + (b @ dense.w + dense.b) * mask
        a, b = a + tl.GRU(D).pure_fn(b, gru, (), None)[0], b
        return b, a, b

    expected = jax.vjp(forward, x, model.weights)[1](tuple(grad))
    assert_close(back, x)
    assert_close(dx, expected[0], 10)
    assert_close(jax.tree.leaves(dw), jax.tree.leaves(expected[1]), 10)


def _mask(model: tl.Layer) -> Any:
    """What the dropout of the chain lets through, seen on a pass with weights of a known effect."""
    weights = jax.tree.map(jnp.zeros_like, model.weights)
    half = weights[0]
    dense = half[0][0]._replace(b=jnp.ones(D))
    weights = (((dense, *half[0][1:]),), *weights[1:])
    zero = jnp.zeros_like(X)
    y, _ = model.pure_fn((zero, zero), weights, model.state, KEY)
    return y[0] != 0


class Doubled(tl.ReversibleLayer):
    """A layer as Trax users write them."""

    def forward(self, x: Any) -> Any:
        return x * (2 + self.weights**2)

    def init_weights_and_state(self, input_signature: Any) -> None:
        self.weights = jnp.ones(input_signature.shape[-1])

    def reverse(self, output, weights=(), state=(), new_state=(), rng=None):  # type: ignore[no-untyped-def]
        return output / (2 + weights**2)


def test_a_users_reversible_layer_in_a_series_in_a_series() -> None:
    shared = Doubled()
    model = tl.Serial(tl.Dense(D), tl.ReversibleSerial(shared, Doubled(), shared))
    model.init(tl.signature(X))
    make_loud(model)
    w1, w2 = (np.asarray(w) for w in jax.tree.leaves(model.weights[1]))

    def loss(weights: Any) -> Any:
        return jnp.sum(model.pure_fn(X, weights, model.state, KEY)[0])

    grads = jax.grad(loss)(model.weights)
    inside = np.asarray(X @ model.weights[0].w + model.weights[0].b).sum((0, 1))
    a, b = 2 + w1**2, 2 + w2**2
    assert_close(grads[1][0], inside * 2 * a * 2 * w1 * b, 10)
    assert_close(grads[1][1], inside * a * a * 2 * w2, 10)
    assert grads[1][2] is tl.SHARED


def test_whole_numbers_ride_along() -> None:
    """A mask of integers takes no gradient and breaks none."""
    f = tl.Serial(tl.Fn('Masked', lambda c, mask: c * mask), tl.Dense(D))
    model = tl.ReversibleSerial(tl.ReversibleHalfResidual(f))
    mask = np.array([[1], [0]])[:, None]
    model.init(tl.signature((X, X, mask)))
    make_loud(model)

    def loss(c: Any) -> Any:
        return jnp.sum(model.pure_fn((X, c, mask), model.weights, model.state, KEY)[0][0])

    expected = np.broadcast_to(model.weights[0][0][0][1].w.sum(1) * mask, X.shape)
    assert_close(jax.grad(loss)(X), expected, 10)


def in_a_scan() -> tl.Layer:
    step = tl.ReversibleHalfResidual(tl.Dense(D), tl.Dropout(0.5))
    # x, carry -> x + f(carry), carry -> its sum as the output, and as the carry
    return tl.Scan(tl.Serial(step, tl.Add(), tl.Dup()), n_carry=1)


def in_chunks() -> tl.Layer:
    return tl.Chunk(tl.Serial(tl.Dup(), tl.ReversibleHalfResidual(tl.Dense(D), tl.Dropout(0.5))), 1)


@pytest.mark.parametrize('make', [in_a_scan, in_chunks])
def test_inside_loops(make: Callable[[], tl.Layer]) -> None:
    """The key is one of the loop's own, also when the loop runs backwards."""
    model = make()
    x = (X, X[0]) if model.n_in == 2 else X
    model.init(tl.signature(x))
    flat, structure = jax.tree.flatten(make_loud(model).weights)
    random = np.random.default_rng(0)
    with jax.enable_x64(True):
        point = [jnp.asarray(w, jnp.float64) for w in flat]
        x = jax.tree.map(lambda a: jnp.asarray(a, jnp.float64), x)

        @jax.jit
        @jax.value_and_grad
        def loss(flat: list[Any]) -> Any:
            y, _ = model.pure_fn(x, jax.tree.unflatten(structure, flat), model.state, KEY)
            return sum(jnp.sum(jnp.sin(a)) for a in jax.tree.leaves(y))

        way = [random.normal(size=w.shape) for w in flat]
        above, below = (
            loss([w + e * d for w, d in zip(point, way, strict=True)])[0] for e in (1e-6, -1e-6)
        )
        slope = sum(jnp.sum(s * d) for s, d in zip(loss(point)[1], way, strict=True))
        np.testing.assert_allclose(slope, (above - below) / 2e-6, rtol=1e-6)


def test_errors() -> None:
    with pytest.raises(ValueError, match=r'item 1, Dense_3, is not reversible\. Put it in'):
        tl.ReversibleSerial(tl.ReversibleSwap(), tl.Dense(3))
    with pytest.raises(ValueError, match='expected each index from 0 to 2 at least once'):
        tl.ReversibleSelect([0, 2])
    with pytest.raises(ValueError, match='the layers give 2 outputs; a sum takes one'):
        tl.ReversibleHalfResidual(tl.Dense(3), tl.Dup())
    wide = tl.ReversibleHalfResidual(tl.Dense(7))
    with pytest.raises(tl.LayerError, match=r'give float32\[2,5,7\], which cannot be added to'):
        wide.init(tl.signature((X, X)))
    with pytest.raises(tl.LayerError, match=r'begins with \(2, 4\), got \(2, 5, 4\)'):
        tl.ReversibleReshape((2, 4), (8,))(X)
    with pytest.raises(tl.LayerError, match=r'two inputs of one shape, got \(2, 5, 4\) and \(2, 5'):
        tl.ReversibleConcatenatePair()((X, X[..., :1]))


def test_moves_there_and_back() -> None:
    pair = tl.ReversibleConcatenatePair()
    y = pair((X, 2 * X))
    assert_equal(y, (np.concatenate([X, 2 * X], -1),) * 2)
    assert_equal(pair.reverse(y), (X, 2 * X))
    reshape = tl.ReversibleReshape((2, 5), (10,))
    assert_equal(reshape(X), X.reshape(10, 4))
    assert_equal(reshape.reverse(reshape(X)), X)
    assert_equal(tl.ReversibleSwap().reverse((X, 2 * X)), (2 * X, X))
