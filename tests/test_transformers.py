"""Transformers that write on: what they decode is what full passes say."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, transformer, with_weights
from tolerances import assert_close

import retrax
from retrax import layers as tl
from retrax import models
from retrax.cli.text import within_room
from retrax.combinators import LayerError

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def lm() -> tl.Layer:
    return with_weights(transformer(), scale=0.7)


def log_probs(model: tl.Layer, text: np.ndarray) -> jax.Array:
    """The log-probability of each id of a text, by one full pass."""
    found = jax.nn.log_softmax(model.as_mode('eval')(text))
    return jnp.take_along_axis(found, text[..., None], -1)[..., 0]


def test_beams_carry_their_caches(lm: tl.Layer) -> None:
    rows = [[1, 2, 3], [4]]
    found = retrax.beam_search(lm, rows, 9, n_beams=3, length_penalty=0.0)
    for row, prompt in enumerate(rows):
        text = np.int32([[*prompt, *found.tokens[row, 0]]])
        total = log_probs(lm, text)[0, len(prompt) :].sum()
        assert_close(found.scores[row, 0], total, 10)


def test_a_fork_goes_on_from_the_cache(lm: tl.Layer) -> None:
    whole = retrax.generate(lm, [[1, 2], [5, 4, 3]], 40, 0.8, seed=3)
    stream = retrax.stream(lm, [[1, 2], [5, 4, 3]], 40, 0.8, seed=3)
    first = next(stream)
    fork = stream.snapshot()
    for rest in (stream, retrax.resume(lm, fork)):
        np.testing.assert_array_equal(np.concatenate([first, *rest], 1), whole)


def test_a_text_longer_than_the_cache() -> None:
    model = with_weights(models.TransformerLM(VOCAB, 4, 4, 1, 2, max_len=6))
    assert retrax.generate(model, [[1, 2, 3], [4]], 3, 0).shape == (2, 3)
    room = r'than 6 steps: PositionalEncoding#1 has no room for more \(max_len\)'
    told = f'row 0 for new token 3 have no finite maximum (.|\n)*{room}'
    with pytest.raises(FloatingPointError, match=told):
        retrax.generate(model, [[1, 2, 3], [4]], 4, 0)
    with pytest.raises(FloatingPointError, match=f'^beam_search: a score of row 0 is NaN.*{room}'):
        retrax.beam_search(model, [[1, 2, 3]], 8)
    assert [within_room(model, ids, 300) for ids in (None, [3, 1], [0] * 7)] == [6, 4, 300]
    assert within_room(models.GRULM(VOCAB, 4), [3, 1], 300) == 300
    with pytest.raises(LayerError, match=r'at most 6, for max_len 6, got 8. Make the layer with a'):
        retrax.generate(model, [[1] * 9], 4, 0)


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match='a multiple of 3 heads, got 8'):
        models.TransformerLM(VOCAB, 8, 8, 1, n_heads=3)
    for make in (models.TransformerLM, models.TransformerDecoder, models.TransformerEncoder):
        with pytest.raises(ValueError, match=f'{make.__name__}: n_layers must be a positive int'):
            make(VOCAB, n_layers=0)
