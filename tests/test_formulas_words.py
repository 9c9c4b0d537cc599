"""Law 12 for the small words: activations, reductions, norms and functions, in float64 NumPy."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 5, 4)).astype(np.float32)
ERF = np.vectorize(math.erf)


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def elu(x: np.ndarray, a: float) -> np.ndarray:
    return np.where(x > 0, x, a * (np.exp(np.minimum(x, 0)) - 1))


ALPHA, LAMBDA = 1.6732632423543772, 1.0507009873554805
ACTIVATIONS: list[tuple[tl.Layer, Callable[[np.ndarray], np.ndarray]]] = [
    (tl.Relu(), lambda x: np.maximum(x, 0)),
    (tl.ParametricRelu(0.3), lambda x: np.maximum(0.3 * x, 0)),
    (tl.LeakyRelu(0.2), lambda x: np.where(x > 0, x, 0.2 * x)),
    (tl.LeakyRelu(), lambda x: np.where(x > 0, x, 0.01 * x)),
    (tl.Elu(), lambda x: elu(x, 1)),
    (tl.Elu(0.7), lambda x: elu(x, 0.7)),
    (tl.Selu(), lambda x: LAMBDA * elu(x, ALPHA)),
    (tl.Selu(0.5, 2.0), lambda x: 2 * elu(x, 0.5)),
    (tl.Gelu(), lambda x: x / 2 * (1 + ERF(x / math.sqrt(2)))),
    (
        tl.FastGelu(),
        lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    ),
    (tl.Sigmoid(), sigmoid),
    (tl.Tanh(), np.tanh),
    (tl.HardSigmoid(), lambda x: np.minimum(np.maximum(x, 0), 1)),
    (tl.HardTanh(), lambda x: np.minimum(np.maximum(x, -1), 1)),
    (tl.Softplus(), lambda x: np.log(1 + np.exp(x))),
    (tl.Exp(), np.exp),
    (tl.Swish(), lambda x: x * sigmoid(x)),
    (tl.Glu(), lambda x: x[..., :2] * sigmoid(x[..., 2:])),
    (tl.Negate(), lambda x: -x),
    (tl.StopGradient(), lambda x: x),
    (tl.ThresholdToBinary(), lambda x: (x > 0.5).astype(np.int32)),
    (tl.ThresholdToBinary(-0.2), lambda x: (x > -0.2).astype(np.int32)),
]


@pytest.mark.parametrize(('layer', 'formula'), ACTIVATIONS, ids=lambda v: getattr(v, 'name', ''))
def test_activation(layer: tl.Layer, formula: Callable[[np.ndarray], np.ndarray]) -> None:
    for x in (X, 3 * X):
        assert_close(layer(x), formula(np.asarray(x, np.float64)))


INTEGERS = [tl.Sigmoid, tl.Swish, tl.Glu, tl.Softmax, tl.LogSoftmax, tl.LayerNorm]


@pytest.mark.parametrize('make', [*INTEGERS, tl.FilterResponseNorm])
@pytest.mark.parametrize('dtype', [np.int32, np.uint8])
def test_integers_count_as_floats(make: Callable[[], tl.Layer], dtype: Any) -> None:
    integers = np.array([[[1, 2, 0, -4], [250, 0, 3, 9]]]).astype(dtype)
    assert_close(make()(integers), make()(integers.astype(np.float32)))


def test_log_and_softplus_at_the_edges() -> None:
    positive = np.abs(X) + 0.1
    assert_close(tl.Log()(positive), np.log(positive.astype(np.float64)))
    assert_close(tl.Softplus()(np.float32([-1000, 1000])), np.array([0.0, 1000.0]))


@pytest.mark.parametrize('make', [tl.Relu, tl.HardTanh, tl.Gelu, tl.Softplus, tl.Swish, tl.Glu])
def test_activations_keep_the_dtype(make: Callable[[], tl.Layer]) -> None:
    for dtype in (jnp.bfloat16, jnp.float16, jnp.float32):
        assert make()(jnp.asarray(X, dtype)).dtype == dtype


def test_relu_has_derivative_0_at_0() -> None:
    assert jax.grad(lambda x: tl.Relu()(x))(0.0) == 0


def test_glu_wants_halves() -> None:
    with pytest.raises(tl.LayerError, match='expected an even number, got 3'):
        tl.Glu()(X[..., :3])


def test_thresholded_linear_unit() -> None:
    layer = tl.ThresholdedLinearUnit()
    weights, _ = layer.init(tl.signature(X))
    assert_equal(weights, jnp.zeros(()))
    layer.weights = jnp.float32(0.4)
    assert_close(layer(X), np.maximum(X, 0.4))


REDUCTIONS = [
    (tl.Mean, np.mean),
    (tl.Min, np.min),
    (tl.Max, np.max),
    (tl.Sum, np.sum),
]


@pytest.mark.parametrize('axis', [-1, 0, 1, None])
@pytest.mark.parametrize(('make', 'formula'), REDUCTIONS)
def test_reduction(make: Any, formula: Any, axis: int | None) -> None:
    wide = X.astype(np.float64)
    assert_close(make(axis)(X), formula(wide, axis))
    assert_close(make(axis=axis, keepdims=True)(X), formula(wide, axis, keepdims=True))


def test_reductions_without_arguments() -> None:
    assert tl.Sum()(X).shape == ()
    assert tl.Mean()(X).shape == tl.Max()(X).shape == tl.ArgMax()(X).shape == (3, 5)


@pytest.mark.parametrize('axis', [-1, 0, 1, None])
def test_log_sum_exp_and_arg_max(axis: int | None) -> None:
    for x in (X, 1e4 * X):
        wide = x.astype(np.float64)
        top = wide.max(axis, keepdims=True)
        expected = top + np.log(np.exp(wide - top).sum(axis, keepdims=True))
        assert_close(tl.LogSumExp(axis)(x), expected)
        assert_equal(tl.ArgMax(axis)(x), jnp.asarray(wide.argmax(axis), jnp.int32))


def test_to_float_and_flatten() -> None:
    assert tl.ToFloat()(np.array([1, 2])).dtype == jnp.float32
    for kept, shape in ((0, (60,)), (1, (3, 20)), (2, (3, 5, 4))):
        assert_equal(tl.Flatten(kept)(X), jnp.asarray(X.reshape(shape)))
    with pytest.raises(tl.LayerError, match='expected more than 3, the axes to keep, got 3'):
        tl.Flatten(3)(X)


@pytest.mark.parametrize('center', [True, False])
@pytest.mark.parametrize('epsilon', [1e-6, 0.5])
def test_layer_norm(center: bool, epsilon: float) -> None:
    layer = tl.LayerNorm(center, epsilon)
    layer.init(tl.signature(X))
    scale, bias = (np.asarray(w, np.float64) for w in make_loud(layer).weights)
    wide = X.astype(np.float64)
    if center:
        wide = wide - wide.mean(-1, keepdims=True)
    expected = wide / np.sqrt((wide**2).mean(-1, keepdims=True) + epsilon) * scale
    assert_close(layer(X), expected + bias if center else expected)


def test_layer_norm_of_bfloat16_is_computed_in_float32() -> None:
    x = jnp.asarray(100 + X, jnp.bfloat16)
    layer = tl.LayerNorm()
    y = layer(x)
    assert y.dtype == jnp.bfloat16
    assert_close(y, tl.LayerNorm()(jnp.asarray(x, jnp.float32)).astype(jnp.bfloat16))


@pytest.mark.parametrize('learned', [True, False])
def test_filter_response_norm(learned: bool) -> None:
    x = RANDOM.normal(size=(2, 3, 4, 5)).astype(np.float32)
    layer = tl.FilterResponseNorm(learn_epsilon=learned, init_epsilon=0.1, init_learnt_epsilon=0.3)
    weights, _ = layer.init(tl.signature(x))
    assert_close(weights.epsilon, np.array([0.3]) if learned else ())
    gamma, beta, epsilon = make_loud(layer).weights
    bound = 0.1 + (abs(float(epsilon[0])) if learned else 0)
    wide = x.astype(np.float64)
    expected = wide / np.sqrt((wide**2).mean((1, 2), keepdims=True) + bound)
    assert_close(layer(x), np.asarray(gamma) * expected + np.asarray(beta))
    with pytest.raises(ValueError, match='must be positive, got 0'):
        tl.FilterResponseNorm(init_epsilon=0)
    with pytest.raises(tl.LayerError, match=r'expected \(batch, positions'):
        tl.FilterResponseNorm()(x[0, 0])


def test_one_hot_and_log_softmax() -> None:
    ids = np.array([[2, 0], [1, 7]])
    expected = (ids[..., None] == np.arange(3)).astype(np.float32)
    assert_equal(tl.one_hot(ids, 3), jnp.asarray(expected))
    assert tl.one_hot(ids, 3, jnp.int32).dtype == jnp.int32
    for dtype in (np.uint8, np.int8):
        assert_equal(tl.one_hot(ids.astype(dtype), 300), tl.one_hot(ids, 300))
    wide = X.astype(np.float64)
    assert_close(tl.log_softmax(X), wide - np.log(np.exp(wide).sum(-1, keepdims=True)))


def test_samples_have_their_probabilities() -> None:
    """Of 20,000 draws each share is the probability, to 5 deviations of a count."""
    p = np.array([0.5, 0.3, 0.2])
    log_probs = np.broadcast_to(np.log(p), (20_000, 3))
    drawn = np.asarray(tl.logsoftmax_sample(log_probs, rng=3))
    share = np.bincount(drawn, minlength=3) / 20_000
    assert (np.abs(share - p) < 5 * np.sqrt(p * (1 - p) / 20_000)).all()
    assert_equal(tl.logsoftmax_sample(log_probs, rng=3), jnp.asarray(drawn))
    narrow = jnp.zeros((2_000, 100), jnp.bfloat16)  # with noise as coarse, the first would win
    assert abs((tl.logsoftmax_sample(narrow, rng=3) < 50).mean() - 0.5) < 5 * 0.5 / 2_000**0.5
    assert (np.asarray(tl.logsoftmax_sample(log_probs, temperature=0.0)) == 0).all()


def test_samples_without_a_key_differ_from_call_to_call() -> None:
    log_probs = np.zeros((100, 50), np.float32)
    one, two = tl.logsoftmax_sample(log_probs), tl.logsoftmax_sample(log_probs)
    assert not np.array_equal(one, two)
    with pytest.raises(ValueError, match='a key, inside compiled code'):
        jax.jit(tl.logsoftmax_sample)(log_probs)


def test_gaussian_densities() -> None:
    x, mu = RANDOM.normal(size=(2, 6, 3)).astype(np.float32)
    root = RANDOM.normal(size=(6, 3, 3))
    sigma = (root @ root.transpose(0, 2, 1) + np.eye(3)).astype(np.float32)
    difference, wide = (x - mu).astype(np.float64), sigma.astype(np.float64)
    exponent = np.einsum('bi,bij,bj->b', difference, np.linalg.inv(wide), difference)
    constant = 3 * math.log(2 * math.pi) + np.log(np.linalg.det(wide))
    assert_close(tl.log_gaussian_pdf(x, mu, sigma), -(constant + exponent) / 2)
    variances = np.abs(RANDOM.normal(size=(6, 3))).astype(np.float32) + 0.5
    diagonal = variances[..., None] * np.eye(3, dtype=np.float32)
    assert_close(
        tl.log_gaussian_diag_pdf(x, mu, variances), tl.log_gaussian_pdf(x, mu, diagonal), 3
    )


def test_weights_and_random_uniform() -> None:
    layer = tl.Weights(tl.RandomNormalInitializer(2.0), (40, 50), use_bfloat16=True)
    weights, _ = layer.init(())
    assert_equal(layer(()), weights)
    assert weights.dtype == jnp.bfloat16
    drawn = np.asarray(tl.RandomUniform(1.0, 3.0, (200, 100))(()))
    assert drawn.min() >= 1
    assert drawn.max() < 3
    assert abs(drawn.mean() - 2) < 5 * 2 / math.sqrt(12 * drawn.size)
    shift = tl.Serial(tl.Weights(tl.ZerosInitializer(), (4,)), tl.Add())
    assert_equal(shift(X), jnp.asarray(X))


@pytest.mark.parametrize('padding', ['SAME', 'WRAP', 'VALID'])
@pytest.mark.parametrize('k', [1, 3, 5])
def test_locally_connected(padding: str, k: int) -> None:
    layer = tl.LocallyConnected1d(2, k, padding=padding)
    layer.init(tl.signature(X))
    w, b = (np.asarray(a, np.float64) for a in make_loud(layer).weights)
    h, n = k // 2, 5 - k + 1 if padding == 'VALID' else 5
    expected = np.zeros((3, n, 2)) + b
    for i in range(n):
        for j in range(k):
            p = i + k - 1 - j if padding == 'VALID' else i + j - h
            if padding == 'SAME' and not 0 <= p < 5:
                continue
            expected[:, i] += X[:, p % 5].astype(np.float64) @ w[p % 5, j]
    assert_close(layer(X), expected)
    with pytest.raises(tl.LayerError, match='the number of positions: expected 5, got 4'):
        layer(X[:, :4])


def test_locally_connected_says_what_it_takes() -> None:
    with pytest.raises(ValueError, match='kernel_size must be odd, got 2'):
        tl.LocallyConnected1d(3, 2)
    with pytest.raises(ValueError, match="padding must be 'VALID', 'SAME' or 'WRAP', got 'same'"):
        tl.LocallyConnected1d(3, 3, padding='same')


def test_print_shape(capsys: pytest.CaptureFixture[str]) -> None:
    assert repr(tl.PrintShape(2)) == 'PrintShape_2_in2_out2'
    one, two = tl.PrintShape(2, 'here')((X, np.zeros(3, np.int32)))
    assert one.shape == X.shape
    assert two.shape == (3,)
    assert 'PrintShape: here: [(3, 5, 4)[float32], (3,)[int32]]' in capsys.readouterr().out
