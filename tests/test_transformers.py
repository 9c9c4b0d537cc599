"""Transformers: what they decode is what full passes say, and padding of a source is not seen."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, transformer, with_weights
from small_models import make_loud
from tolerances import assert_close

import retrax
from retrax import layers as tl
from retrax import models
from retrax.combinators import LayerError, StateError
from retrax.interop.trax import decoding

SOURCE = np.array([[3, 7, 5, 2, 4], [6, 1, 0, 0, 0]], np.int32)
START = np.zeros((2, 1), np.int32)


@pytest.fixture(scope='module')
def lm() -> tl.Layer:
    return with_weights(transformer(), scale=0.7)


@pytest.fixture(scope='module')
def writer() -> tl.Layer:
    model = models.Transformer(
        9, VOCAB, 8, 12, n_encoder_layers=2, n_decoder_layers=2, n_heads=2, max_len=16
    )
    model.init(tl.signature((SOURCE, SOURCE)))
    return make_loud(model)


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
    with pytest.raises(FloatingPointError, match='row 0 for new token 3 have no finite maximum'):
        retrax.generate(model, [[1, 2, 3], [4]], 4, 0)
    with pytest.raises(LayerError, match=r'at most 6, for max_len 6, got 8. Make the layer with a'):
        retrax.generate(model, [[1] * 9], 4, 0)


def greedy(model: tl.Layer, source: np.ndarray, n: int) -> np.ndarray:
    """The likeliest tokens, by a full pass over both texts for each."""
    text = np.zeros((len(source), n), np.int32)
    for t in range(n):
        scores, _ = model.as_mode('eval')((source, text))
        text[:, t] = np.argmax(scores[:, t], -1)
    return text


def test_the_decoder_steps_and_the_encoder_reads_once(writer: tl.Layer) -> None:
    view, text = writer.as_mode('predict'), greedy(writer, SOURCE, 8)
    _, state = view.init(tl.signature((SOURCE, START)))
    expected, _ = writer.as_mode('eval')((SOURCE, text))
    fed = np.concatenate([START, text], 1)
    step = jax.jit(lambda source, token, state: view.pure_fn((source, token), w, state, None))
    w, got = view.weights, []
    for t in range(8):
        source = SOURCE if t == 0 else 0 * SOURCE  # not looked at any more
        (scores, _), state = step(source, fed[:, t : t + 1], state)
        got.append(scores)
    assert_close(jnp.concatenate(got, 1), expected, 3)


def test_padding_of_the_source_is_not_seen(writer: tl.Layer) -> None:
    text = np.array([[1, 2, 3, 4]], np.int32)
    view = writer.as_mode('eval')
    assert_close(view((SOURCE[1:], text))[0], view((SOURCE[1:, :2], text))[0], 3)


@pytest.mark.parametrize('temperature', [0.0, 0.8])
def test_sampling_by_steps_is_sampling_by_full_passes(writer: tl.Layer, temperature: float) -> None:
    options: Any = {'batch_size': 2, 'eos_id': -1, 'max_length': 7, 'seed': 2}
    by_steps, whole = (
        decoding.autoregressive_sample(
            writer, SOURCE, temperature=temperature, eval_mode=eval_mode, **options
        )
        for eval_mode in (False, True)
    )
    np.testing.assert_array_equal(by_steps, whole)
    if temperature == 0:
        np.testing.assert_array_equal(by_steps, greedy(writer, SOURCE, 7))


def test_what_does_not_fit(writer: tl.Layer) -> None:
    with pytest.raises(ValueError, match='takes 2 inputs; give the first one as `inputs`'):
        decoding.autoregressive_sample(writer, batch_size=2)
    view = writer.as_mode('predict')
    view.init(tl.signature((SOURCE, START)))
    with pytest.raises(StateError, match=r'Cache: the state is for outputs .* a new state for inp'):
        view((SOURCE[:, :4], START))
    with pytest.raises(ValueError, match='a multiple of 3 heads, got 8'):
        models.TransformerLM(VOCAB, 8, 8, 1, n_heads=3)
    for make in (models.TransformerLM, models.TransformerDecoder, models.TransformerEncoder):
        with pytest.raises(ValueError, match=f'{make.__name__}: n_layers must be a positive int'):
            make(VOCAB, n_layers=0)


def test_told_or_viewed_is_the_same(writer: tl.Layer) -> None:
    """A model made for predict decodes as a view of one that was made for training."""
    sizes: Any = {'n_encoder_layers': 2, 'n_decoder_layers': 2, 'n_heads': 2, 'max_len': 16}
    told = models.Transformer(9, VOCAB, 8, 12, **sizes, mode='predict')
    told.init(tl.signature((SOURCE, START)))
    told.weights = writer.weights
    tokens = [
        decoding.autoregressive_sample(
            model, SOURCE, 2, 0.0, eos_id=-1, max_length=5, accelerate=False
        )
        for model in (told, writer)
    ]
    np.testing.assert_array_equal(*tokens)
