"""Tagger, classifier and what they pool with: padding, chunks, masks, errors."""

import numpy as np
import pytest
from tolerances import assert_close

from retrax import layers as tl
from retrax import models

pytestmark = pytest.mark.usefixtures('compiled_quickly')

RANDOM = np.random.default_rng(0)
LENGTHS = (7, 4, 1)


def padded_ids() -> np.ndarray:
    ids = RANDOM.integers(1, 9, (3, 7))
    return np.where(np.arange(7) < np.array(LENGTHS)[:, None], ids, 0).astype(np.int32)


IDS = padded_ids()


def test_masked_mean_is_its_formula() -> None:
    x = RANDOM.normal(size=(3, 5, 4)).astype(np.float32)
    mask = np.array([[1, 1, 0, 1, 0], [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]])
    total = np.einsum('btd,bt->bd', x.astype(np.float64), mask)
    expected = total / np.maximum(mask.sum(1), 1)[:, None]
    hidden = np.where(mask[..., None], x, np.nan).astype(np.float32)
    for kind in (bool, np.int32, np.float32):
        assert_close(tl.MaskedMean()((hidden, mask.astype(kind))), expected)


@pytest.mark.parametrize('sizes', [[1] * 7, [3, 4], [7]])
def test_a_classifier_reads_rows_in_pieces(sizes: list[int]) -> None:
    model = models.RNNClassifier(9, 3, 4)
    model.init(tl.ShapeDtype(IDS.shape, np.int32))
    expected = model.as_mode('eval')(IDS)
    piecewise = model.as_mode('predict')
    state, start = piecewise.new_state(3), 0
    for size in sizes:
        piece = IDS[:, start : start + size]
        y, state = piecewise.pure_fn(piece, model.weights, state, None)
        start += size
    assert_close(y, expected)


@pytest.mark.parametrize(
    'model',
    [
        models.RNNClassifier(9, 3, 4, 2),
        models.RNNClassifier(9, 3, 4, 2, bidirectional=True),
        models.RNNTagger(9, 3, 4, 2, bidirectional=False),
        models.RNNTagger(9, 3, 4, 2),
        models.TransformerEncoder(9, 3, 4, 6, 2, 2, masked_mean=True),
    ],
)
def test_padding_changes_nothing(model: tl.Layer) -> None:
    model = model.as_mode('eval')
    model.init(tl.ShapeDtype(IDS.shape, np.int32))
    together = np.asarray(model(IDS))
    for row, length in enumerate(LENGTHS):
        alone = np.asarray(model(IDS[row : row + 1, :length]))[0]
        found = together[row, :length] if together.ndim == 3 else together[row]
        assert_close(found, alone)


@pytest.mark.parametrize('make', [models.RNNClassifier, models.RNNTagger])
def test_a_mask_is_as_good_as_an_id(make) -> None:
    ids = make(9, 3, 4, mode='eval')
    mask = make(9, 3, 4, padding='mask', mode='eval')
    ids.init(tl.ShapeDtype(IDS.shape, np.int32))
    mask.init((tl.ShapeDtype(IDS.shape, np.int32), tl.ShapeDtype(IDS.shape, np.bool_)))
    for theirs, array in ids.named_weights().items():
        np.testing.assert_array_equal(mask.named_weights()[theirs], array)
    valid = np.arange(7) < np.array(LENGTHS)[:, None]
    garbage = np.where(valid, IDS, 5).astype(np.int32)  # what stands at padding does not count
    found, expected = np.asarray(mask((garbage, valid))), np.asarray(ids(IDS))
    if make is models.RNNTagger:
        found, expected = found[valid], expected[valid]
    assert_close(found, expected)


def test_a_mask_of_another_shape() -> None:
    x = np.ones((2, 5, 3), np.float32)
    with pytest.raises(tl.LayerError, match=r'the mask: expected the shape \(2, 5\), as') as error:
        tl.MaskedMean()((x, np.ones((2, 4))))
    assert 'SequenceMask() makes one of ids' in str(error.value)
    with pytest.raises(tl.LayerError, match=r'the shape \(batch, time, features\)'):
        tl.MaskedMean()((x[0], np.ones((5,))))


def test_what_no_model_can_be() -> None:
    with pytest.raises(ValueError, match='RNNTagger: n_layers must be a positive int, got 0'):
        models.RNNTagger(n_layers=0)
    with pytest.raises(ValueError, match="RNNClassifier: padding must be 'ids' or 'mask', got 'l"):
        models.RNNClassifier(padding='lengths')  # type: ignore[arg-type]
    with pytest.raises(ValueError, match='LSTMLM: n_layers must be a positive int, got 0'):
        models.LSTMLM(n_layers=0)
