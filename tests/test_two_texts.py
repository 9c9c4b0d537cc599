"""Models that read one text and write another: steps are full passes, padding is not seen."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, with_weights
from tolerances import assert_close

from retrax import layers as tl
from retrax import models
from retrax.combinators import StateError
from retrax.interop.trax import decoding

SOURCE = np.array([[3, 7, 5, 2, 4], [6, 1, 0, 0, 0]], np.int32)
START = np.zeros((2, 1), np.int32)


def transformer(**told: Any) -> tl.Layer:
    layers: Any = {'n_encoder_layers': 2, 'n_decoder_layers': 2}
    return models.Transformer(9, VOCAB, 8, 12, **layers, n_heads=2, max_len=16, **told)


def lstms(**told: Any) -> tl.Layer:
    return models.LSTMSeq2SeqAttn(9, VOCAB, 8, n_attention_heads=2, **told)


@pytest.fixture(scope='module', params=[transformer, lstms])
def make(request: pytest.FixtureRequest) -> Callable[..., tl.Layer]:
    return request.param


@pytest.fixture(scope='module')
def writer(make: Callable[..., tl.Layer]) -> tl.Layer:
    return with_weights(make(), seed=2, inputs=tl.signature((SOURCE, START)))


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
        assert (by_steps[0] != by_steps[1]).any()  # they depend on what was read


def test_told_or_viewed_is_the_same(writer: tl.Layer, make: Callable[..., tl.Layer]) -> None:
    """A model made for predict decodes as a view of one that was made for training."""
    told = make(mode='predict')
    told.init(tl.signature((SOURCE, START)))
    told.weights = writer.weights
    tokens = [
        decoding.autoregressive_sample(
            model, SOURCE, 2, 0.0, eos_id=-1, max_length=5, accelerate=False
        )
        for model in (told, writer)
    ]
    np.testing.assert_array_equal(*tokens)


def test_what_does_not_fit(writer: tl.Layer) -> None:
    with pytest.raises(ValueError, match='takes 2 inputs; give the first one as `inputs`'):
        decoding.autoregressive_sample(writer, batch_size=2)
    view = writer.as_mode('predict')
    view.init(tl.signature((SOURCE, START)))
    with pytest.raises(StateError, match=r'Cache: the state is for outputs .* a new state for inp'):
        view((SOURCE[:, :4], START))


def test_sizes_of_lstms_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match='a multiple of 3 heads, got 8'):
        models.LSTMSeq2SeqAttn(d_model=8, n_attention_heads=3)
    for name in ('n_encoder_layers', 'n_decoder_layers'):
        none: Any = {name: 0}
        with pytest.raises(ValueError, match=f'LSTMSeq2SeqAttn: {name} must be a positive int'):
            models.LSTMSeq2SeqAttn(**none)


def test_attention_of_trax_code_in_a_residual() -> None:
    """As courses write it: what attention gives back below its first output, the mask, stays."""
    block = tl.Residual(tl.AttentionQKV(4, n_heads=2, mode='eval'))
    q, kv = np.ones((2, 3, 4), np.float32), np.ones((2, 5, 4), np.float32)
    mask = np.ones((2, 1, 1, 5), bool)
    block.init(tl.signature((q, kv, kv, mask)))
    attention = tl.AttentionQKV(4, n_heads=2, mode='eval')
    attention.init(tl.signature((q, kv, kv, mask)))
    attention.weights = jax.tree.unflatten(
        jax.tree.structure(attention.weights), jax.tree.leaves(block.weights)
    )
    y, given = block((q, kv, kv, mask))
    assert_close(y, q + attention((q, kv, kv, mask))[0])
    np.testing.assert_array_equal(given, mask)
