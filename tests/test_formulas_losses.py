"""Law 12 for losses and metrics: their formulas in float64 NumPy."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(3, 5, 4)).astype(np.float32)
WIDE = X.astype(np.float64)
TARGETS = RANDOM.integers(0, 4, (3, 5)).astype(np.int32)
WEIGHTS = RANDOM.uniform(0, 1, (3, 5)).astype(np.float32)
WEIGHTS[0] = 0  # a row of padding
WEIGHTS[1, 3:] = 0

LOG_PROBS = WIDE - np.log(np.exp(WIDE).sum(-1, keepdims=True))
PICKED = np.take_along_axis(LOG_PROBS, TARGETS[..., None], -1)[..., 0]
RIGHT = WIDE.argmax(-1) == TARGETS


def mean(values: Any, weights: Any = WEIGHTS) -> Any:
    return (values * weights.astype(np.float64)).sum() / weights.astype(np.float64).sum()


@pytest.mark.parametrize('e', [None, 0.0, 0.1, 1.0])
def test_category_cross_entropy(e: float | None) -> None:
    p = (1 - (e or 0)) * np.eye(4)[TARGETS] + (e or 0) / 4
    expected = -(p * LOG_PROBS).sum(-1).mean()
    assert_close(tl.CategoryCrossEntropy(e)((X, TARGETS)), expected)


def test_a_category_without_probability_and_no_label_smoothing() -> None:
    x, targets = np.float32([[0, -np.inf, 0]]), np.int32([2])
    assert_close(tl.CategoryCrossEntropy(0.0)((x, targets)), np.log(2))


@pytest.mark.parametrize('make', [tl.CategoryCrossEntropy, tl.WeightedCategoryCrossEntropy])
def test_label_smoothing_is_a_share(make: Any) -> None:
    with pytest.raises(ValueError, match=r'from 0 to 1, got 1\.5'):
        make(label_smoothing=1.5)


def test_cutoff() -> None:
    loss = tl.WeightedCategoryCrossEntropy(cutoff=1.2)
    assert_close(loss((X, TARGETS, WEIGHTS)), mean(np.maximum(-PICKED - 1.2, 0)))


def test_cross_entropies_of_logits_and_sums() -> None:
    loss = tl.CrossEntropyLossWithLogSoftmax()
    assert_close(loss((X, TARGETS, WEIGHTS)), mean(-PICKED))
    assert_close(loss((X, TARGETS.astype(np.float32), WEIGHTS)), mean(-PICKED))
    log_probs = LOG_PROBS.astype(np.float32)
    total = -(PICKED * WEIGHTS).sum()
    assert_close(tl.CrossEntropySum()((log_probs, TARGETS, WEIGHTS)), total)
    assert_close(tl.WeightedSum()((X, X)), (WIDE**2).sum())


def test_binary_cross_entropy() -> None:
    x, t = 3 * X, (X > 0.3).astype(np.int32)
    q = 1 / (1 + np.exp(-3 * WIDE))
    expected = -(t * np.log(q) + (1 - t) * np.log(1 - q)).mean()
    assert_close(tl.BinaryCrossEntropy()((x, t)), expected)


def test_binary_cross_entropy_of_large_logits() -> None:
    x, t = np.float32([1e4, -1e4, 1e4, 0]), np.array([0, 1, 1, 1])
    loss = tl.BinaryCrossEntropy()
    assert_close(loss((x, t)), (2e4 + np.log(2)) / 4)
    gradient = jax.grad(lambda x: loss((x, t)))(x)
    assert_close(gradient, np.array([0.25, -0.25, 0, -0.125]))


def test_binary_cross_entropy_of_probabilities() -> None:
    p, t = RANDOM.uniform(0.01, 0.99, (3, 5)).astype(np.float32), TARGETS % 2
    values = -np.where(t == 1, np.log(p.astype(np.float64)), np.log(1 - p.astype(np.float64)))
    assert_close(tl.BinaryCrossEntropyLoss()((p, t, WEIGHTS)), mean(values))
    assert_close(tl.BinaryCrossEntropySum()((p, t, WEIGHTS)), (values * WEIGHTS).sum())
    sure = np.float32([[0, 1]])
    assert_close(tl.BinaryCrossEntropyLoss()((sure, sure, np.ones((1, 2)))), 0.0)
    gradient = jax.grad(lambda p: tl.BinaryCrossEntropyLoss()((p, sure, np.ones((1, 2)))))(sure)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize('dtype', [jnp.bfloat16, np.float16])
def test_binary_cross_entropy_of_certain_probabilities_in_16_bits(dtype: Any) -> None:
    x, targets = np.array([1, 0, 1], dtype), np.array([1, 0, 0], dtype)
    loss = tl.BinaryCrossEntropySum()((x, targets, np.ones(3, np.float32)))
    assert_close(loss, -np.log1p(-np.float64(np.float32(1 - 1e-7))), factor=10)


def test_distances() -> None:
    y = X[::-1].copy()
    weights = RANDOM.uniform(0, 1, X.shape).astype(np.float32)
    d = np.abs(WIDE - y)
    assert_close(tl.L2Loss()((X, y, weights)), mean(d**2, weights))
    huber = np.where(d < 1, d**2 / 2, d - 0.5)
    assert_close(tl.SmoothL1Loss()((X, y, weights)), mean(huber, weights))


def test_accuracies() -> None:
    assert_close(tl.CategoryAccuracy()((X, TARGETS)), RIGHT.mean())
    assert_close(tl.Accuracy()((X, TARGETS, WEIGHTS)), mean(RIGHT))
    binary = tl.Accuracy(tl.ThresholdToBinary(0.1))
    t = TARGETS % 2
    assert_close(binary((X[..., 0], t, WEIGHTS)), mean((X[..., 0] > 0.1) == t))
    assert repr(tl.Accuracy()) == 'Accuracy_in3'


@pytest.mark.parametrize('make', [tl.SequenceAccuracy, tl.MaskedSequenceAccuracy])
def test_sequence_accuracies(make: Any) -> None:
    """A row without weights does not count, neither as right nor as wrong."""
    targets = WIDE.argmax(-1)
    whole = (X, targets, WEIGHTS)
    assert_close(make()(whole), 1.0)
    wrong_at_padding = targets.copy()
    wrong_at_padding[0] += 1
    wrong_at_padding[1, 3:] += 1
    assert_close(make()((X, wrong_at_padding, WEIGHTS)), 1.0)
    wrong = targets.copy()
    wrong[2, 1] = (wrong[2, 1] + 1) % 4
    assert_close(make()((X, wrong, WEIGHTS)), 0.5)


@pytest.mark.parametrize('dtype', [np.uint8, np.int8])
@pytest.mark.parametrize('make', [tl.MacroAveragedFScore, tl.WeightedFScore])
def test_f_scores_of_more_categories_than_8_bits_count(make: Any, dtype: Any) -> None:
    x, targets = RANDOM.normal(size=(40, 300)).astype(np.float32), RANDOM.integers(0, 100, 40)
    x[:, 256:] += 5 * (x[:, 256:] > 1.5)
    assert_close(make()((x, targets.astype(dtype))), make()((x, targets.astype(np.int32))))


@pytest.mark.parametrize('beta', [0.5, 1.0, 2.0])
@pytest.mark.parametrize('first', [0, 1])
def test_f_scores(beta: float, first: int) -> None:
    """Category 3 is predicted by nothing and wanted by nothing: its score is 0."""
    x = WIDE - [0, 0, 0, 100]
    targets = TARGETS % 3
    predicted = x.argmax(-1)
    scores, counts = [], []
    for k in range(first, 4):
        hits = ((predicted == k) & (targets == k)).sum()
        n_predicted, n_wanted = (predicted == k).sum(), (targets == k).sum()
        precision = hits / n_predicted if n_predicted else 0
        recall = hits / n_wanted if n_wanted else 0
        below = beta**2 * precision + recall
        scores.append((1 + beta**2) * precision * recall / below if below else 0)
        counts.append(n_wanted)
    inputs = (x.astype(np.float32), targets)
    assert_close(tl.MacroAveragedFScore(beta, first)(inputs), np.mean(scores))
    expected = np.average(scores, weights=counts)
    assert_close(tl.WeightedFScore(beta, first)(inputs), expected)


@pytest.mark.parametrize(
    ('layer', 'inputs'),
    [
        (tl.L2Loss(), (X, X[:, :1], X)),
        (tl.BinaryCrossEntropy(), (X, TARGETS)),
        (tl.Accuracy(), (X, X, WEIGHTS)),
        (tl.CategoryAccuracy(), (X, X)),
        (tl.WeightedFScore(), (X, TARGETS[:1])),
    ],
)
def test_targets_are_not_broadcast(layer: tl.Layer, inputs: Any) -> None:
    with pytest.raises(tl.LayerError, match='the shape of targets: expected'):
        layer(inputs)


@pytest.mark.parametrize('make', [tl.SequenceAccuracy, tl.MaskedSequenceAccuracy, tl.Accuracy])
def test_weights_with_an_axis_too_many(make: Any) -> None:
    with pytest.raises(tl.LayerError, match=r'weights: expected \(3, 5\), got \(3, 5, 1\)'):
        make()((X, TARGETS, WEIGHTS[..., None]))


def test_weights_of_a_distance_are_those_of_each_number() -> None:
    with pytest.raises(tl.LayerError, match=r'the shape of weights: .* each number its own weight'):
        tl.L2Loss()((X, X, WEIGHTS[..., None]))


CATEGORIES = (
    *(tl.CrossEntropyLoss, tl.WeightedCategoryCrossEntropy, tl.CrossEntropyLossWithLogSoftmax),
    *(tl.CrossEntropySum, tl.WeightedCategoryAccuracy, tl.MaskedSequenceAccuracy),
    *(tl.CategoryCrossEntropy, tl.CategoryAccuracy, tl.MacroAveragedFScore, tl.WeightedFScore),
)
BINARY = (tl.BinaryCrossEntropyLoss, tl.BinaryCrossEntropySum, tl.BinaryCrossEntropy)


def with_target(make: Any, target: int, place: tuple[int, int]) -> tuple[tl.Layer, Any]:
    """A loss or metric, and what it takes, with a target of our own at a place."""
    targets = TARGETS.copy() if make in CATEGORIES else TARGETS % 2
    targets[place] = target
    layer = make()
    x = X if make in CATEGORIES else 1 / (1 + np.exp(-X[..., 0]))
    return layer, (x, targets, WEIGHTS)[: layer.n_in]


@pytest.mark.parametrize('target', [-1, 4])
@pytest.mark.parametrize('make', [*CATEGORIES, *BINARY])
def test_a_target_that_is_no_category(make: Any, target: int) -> None:
    layer, x = with_target(make, target, (2, 1))
    last = 3 if make in CATEGORIES else 1
    text = f'targets: expected numbers from 0 to {last}, got {target}. It is at [2, 1].'
    with pytest.raises(tl.LayerError) as caught:
        layer(x)
    assert text in str(caught.value)
    assert f'layer {make.__name__}' in str(caught.value)
    fix = 'Give what is to be' if layer.n_in == 3 else 'What takes weights can leave targets'
    assert fix in str(caught.value)
    model = tl.Serial(tl.Fn('Same', lambda x: 1.0 * x), layer)  # compiled
    with pytest.raises(tl.LayerError) as caught:
        model(x)
    assert text in str(caught.value)


@pytest.mark.parametrize('target', [-100, 4])
@pytest.mark.parametrize('make', [m for m in (*CATEGORIES, *BINARY) if m().n_in == 3])
def test_a_target_of_weight_0_may_be_anything(make: Any, target: int) -> None:
    layer, x = with_target(make, target, (1, 3))
    _, expected = with_target(make, 0, (1, 3))
    model = tl.Serial(tl.Fn('Same', lambda x: 1.0 * x), layer)  # compiled
    assert_close(layer(x), layer(expected))
    assert_close(model(x), layer(expected))
    gradient = jax.jit(jax.grad(lambda a: layer((a, *x[1:]))))(x[0])
    assert np.isfinite(gradient).all()


def test_compiled_losses_of_a_target_that_is_no_category_are_nan() -> None:
    for make in (tl.CrossEntropyLoss, tl.WeightedCategoryCrossEntropy, tl.CategoryCrossEntropy):
        for target in (-1, 4):
            layer, x = with_target(make, target, (2, 1))
            assert np.isnan(jax.jit(lambda x, layer=layer: layer(x))(x))


@pytest.mark.parametrize('target', [0.7, np.nan])
def test_a_label_in_floats_that_is_no_whole_number(target: float) -> None:
    whole = TARGETS.astype(np.float32)
    targets, left_out = whole.copy(), whole.copy()
    targets[2, 1] = left_out[1, 3] = target  # where the weight is not 0, and where it is
    text = rf'targets: expected whole numbers from 0 to 3, got {target}. It is at \[2, 1\]. '
    for make in (tl.CrossEntropyLoss, tl.CategoryCrossEntropy, tl.CategoryAccuracy):
        layer = make()
        model = tl.Serial(tl.Fn('Same', lambda x: 1.0 * x), layer)  # compiled
        for each in (layer, model):
            with pytest.raises(tl.LayerError, match=text):
                each((X, targets, WEIGHTS)[: layer.n_in])
    for make in (tl.CrossEntropyLoss, tl.WeightedCategoryCrossEntropy):
        layer, expected = make(), make()((X, TARGETS, WEIGHTS))
        compiled = jax.jit(lambda x, layer=layer: layer(x))
        assert np.isnan(compiled((X, targets, WEIGHTS)))
        for given in (whole, left_out):
            assert_close(compiled((X, given, WEIGHTS)), expected)
            assert_close(layer((X, given, WEIGHTS)), expected)
        gradient = jax.grad(lambda x, layer=layer: layer((x, left_out, WEIGHTS)))(X)
        assert np.isfinite(gradient).all()
    with pytest.raises(tl.LayerError, match='targets: expected numbers from 0 to 1, got nan'):
        tl.BinaryCrossEntropy()((X[..., 0], 0 * targets + np.nan))


@pytest.mark.parametrize('e', [None, 0.1])
@pytest.mark.parametrize('size', [1.0, 50.0, 1e4, 1e8, 1e30])
def test_losses_of_extreme_logits(size: float, e: float | None) -> None:
    """They stay as exact as float32 is; the naive formula overflows from 89 on."""
    x = (X * size).astype(np.float32)
    wide = x.astype(np.float64)
    moved = wide - wide.max(-1, keepdims=True)
    log_probs = moved - np.log(np.exp(moved).sum(-1, keepdims=True))
    p = (1 - (e or 0)) * np.eye(4)[TARGETS] + (e or 0) / 4
    expected = mean(-(p * log_probs).sum(-1)) / size
    losses = [tl.WeightedCategoryCrossEntropy(e)]
    losses += [tl.CrossEntropyLossWithLogSoftmax()] if e is None else []
    losses += [tl.Serial(tl.LogSoftmax(), tl.CrossEntropyLoss())] if e is None else []
    for loss in losses:
        value, gradient = jax.value_and_grad(lambda x, loss=loss: loss((x, TARGETS, WEIGHTS)))(x)
        assert_close(value / size, expected)
        q = np.exp(log_probs)
        assert_close(gradient, (q - p) * (WEIGHTS / WEIGHTS.sum(dtype=np.float64))[..., None])


def test_an_infinite_value_of_weight_0_is_left_out() -> None:
    x = X.copy()
    x[0] = np.inf
    for make in (tl.L2Loss, tl.SmoothL1Loss):
        weights = np.broadcast_to(WEIGHTS[..., None], X.shape)
        finite = np.where(np.isfinite(x), x, 0)
        assert_close(make()((x, X, weights)), make()((finite, X, weights)))
