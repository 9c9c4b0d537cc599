"""Models of images: their formulas and sizes, what they are given, and that they learn."""

import math
from typing import Any

import jax
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close

import retrax
from retrax import data, models, training
from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')


def test_mlp() -> None:
    x = np.random.default_rng(0).normal(size=(3, 2, 4)).astype(np.float32)
    model = models.MLP((5, 6, 2), tl.Tanh)
    model.init(tl.signature(x))
    make_loud(model)
    y = x.astype(np.float64).reshape(3, 8)
    w1, b1, w2, b2, w3, b3 = (np.asarray(w, np.float64) for w in jax.tree.leaves(model.weights))
    expected = np.tanh(np.tanh(y @ w1 + b1) @ w2 + b2) @ w3 + b3
    assert_close(model(x), expected)
    with_activation = models.MLP((5, 6, 2), tl.Tanh, out_activation=True)
    with_activation.init(tl.signature(x))
    with_activation.weights = (*model.weights, ())
    assert_close(with_activation(x), np.tanh(expected))


def test_resnet_is_resnet_50() -> None:
    """As many weights as Keras's ResNet50 learns, whose convolutions have biases too."""
    image = tl.ShapeDtype((2, 224, 224, 3))
    model = models.Resnet(n_output_classes=1000)
    weights, _ = model.weights_and_state_signature(image)
    assert sum(math.prod(w.shape) for w in jax.tree.leaves(weights)) == 25_583_592
    assert model.output_signature(image) == tl.ShapeDtype((2, 1000))


@pytest.mark.parametrize('n', [1, 3])
def test_a_wide_resnet_has_6_n_and_4_convolutions(n: int) -> None:
    assert repr(models.WideResnet(n)).count('Conv') == 6 * n + 4


def test_norms_and_activations_of_a_choice() -> None:
    model = models.Resnet(2, 3, (1, 1), (1, 1), tl.FilterResponseNorm, tl.ThresholdedLinearUnit)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 3)).astype(np.float32)
    assert model(x).shape == (2, 3)
    assert 'BatchNorm' not in repr(model)
    assert repr(model).count('ThresholdedLinearUnit') == 7


def test_pictures() -> None:
    rows = data.parse_rows(data.pictures(400, 16))
    assert data.pictures(400, 16) == data.pictures(400, 16) != data.pictures(400, 16, seed=1)
    assert data.labels_of(rows) == ('cross', 'diamond', 'disc', 'square')
    assert all(len(row.text) == 256 and set(row.text) <= set('#.') for row in rows)
    ink = {label: [] for label in data.labels_of(rows)}
    for row in rows:
        ink[row.label].append(row.text.count('#'))
    means = [np.mean(counts) for counts in ink.values()]
    assert max(means) - min(means) < 0.5 * np.std(np.concatenate(list(ink.values())))


def test_a_small_residual_network_learns_pictures() -> None:
    """Chance is a quarter."""
    rows = data.parse_rows(data.pictures(1152, 16))
    ids = np.array([[ord(c) for c in row.text] for row in rows])
    targets = np.unique([row.label for row in rows], return_inverse=True)[1]
    network = models.Resnet(8, 4, (1,), (3, 3), norm=lambda mode: tl.BatchNorm(momentum=0.8))
    model = models.PictureClassifier(network, 128, 16, 16)
    batches = [(ids[i : i + 32], targets[i : i + 32]) for i in range(0, 1024, 32)]
    retrax.fit(model, batches, 250, optimizer=training.Adam(5e-3))
    predicted = np.argmax(model.as_mode('eval')(ids[1024:]), -1)
    assert np.mean(predicted == targets[1024:]) > 0.55


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (lambda: models.MLP(()), 'MLP: layer_widths must have at least one width'),
        (lambda: models.MLP((4, 0)), 'Dense: n_units must be a positive int, got 0'),
        (lambda: models.Resnet(n_blocks=(2, 0)), 'Resnet: n_blocks must be a positive int, got 0'),
        (lambda: models.WideResnet(0), 'WideResnet: n_blocks must be a positive int, got 0'),
        (lambda: models.WideResnet(1, 0), 'WideResnet: widen_factor must be a positive int'),
        (
            lambda: models.WideResnet(1).init(tl.ShapeDtype((2, 28, 28, 3))),
            'the window: expected at most the size of the input, (7, 7), got (8, 8)',
        ),
        (
            lambda: models.PictureClassifier(models.MLP((3,)), height=0),
            'PictureClassifier: height must be a positive int, got 0',
        ),
        (
            lambda: models.PictureClassifier(models.MLP((3,)), 7, 4, 4)(np.zeros((2, 15), int)),
            'the length of a text: expected that of a picture of 4 x 4 pixels, 16, got 15. In a '
            'config it is train.window.',
        ),
    ],
)
def test_what_goes_wrong(make: Any, text: str) -> None:
    with pytest.raises((ValueError, tl.LayerError)) as caught:
        make()
    assert text in str(caught.value)
