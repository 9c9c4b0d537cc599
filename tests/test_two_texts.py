"""Models that read one text and write another: steps are full passes, padding is not seen."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import VOCAB, with_weights
from tolerances import assert_close

import retrax
from retrax import layers as tl
from retrax import models
from retrax.combinators import StateError
from retrax.interop.trax import decoding

pytestmark = pytest.mark.usefixtures('compiled_quickly')

SOURCE = np.array([[3, 7, 5, 2, 4], [6, 1, 0, 0, 0]], np.int32)
ROWS = [[3, 7, 5, 2, 4], [6, 1]]
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


def test_sources_and_prompts_of_any_lengths(writer: tl.Layer) -> None:
    """Rows are what they are alone, however they are padded and whatever they begin with."""
    text = greedy(writer, SOURCE, 8)
    np.testing.assert_array_equal(retrax.generate(writer, None, 8, 0, source=ROWS), text)
    cut = [text[0, :2], text[1, :5]]
    got = retrax.generate(writer, cut, 3, 0, source=ROWS)
    np.testing.assert_array_equal(got, [text[0, 2:5], text[1, 5:8]])
    options: Any = {'seed': 3, 'temperature': 0.8, 'return_log_probs': True}
    together = retrax.generate(writer, cut, 8, source=ROWS, n=2, **options)
    for row, (source, prompt) in enumerate(zip(ROWS, cut, strict=True)):
        ids = [2 * row, 2 * row + 1]
        alone = retrax.generate(writer, prompt, 8, source=source, n=2, row_ids=ids, **options)
        np.testing.assert_array_equal(together[0][ids], alone[0])
        assert_close(together[1][ids], alone[1], 10)


def test_alone_by_the_program_of_one_row(writer: tl.Layer) -> None:
    options: Any = {'seed': 3, 'deterministic': True, 'return_log_probs': True}
    together = retrax.generate(writer, None, 9, source=ROWS, **options)
    alone = retrax.generate(writer, None, 9, source=ROWS[1], row_ids=[1], **options)
    jax.tree.map(lambda many, one: np.testing.assert_array_equal(many[1:], one), together, alone)


def test_beams_and_scores(writer: tl.Layer) -> None:
    text = greedy(writer, SOURCE, 8)
    narrow = retrax.beam_search(writer, None, 8, 1, source=ROWS)
    np.testing.assert_array_equal(narrow.tokens[:, 0], text)
    found = retrax.beam_search(writer, text[:, :2], 6, 3, source=SOURCE, n_best=3)
    greedily = retrax.score(writer, text, source=ROWS).log_probs[:, 2:].sum(1)
    assert (found.log_probs[:, 0] >= greedily - 1e-5).all()
    given = writer.as_mode('eval')
    for i in range(3):
        whole = np.concatenate([text[:, :2], found.tokens[:, i]], axis=1)
        scores = jax.nn.log_softmax(given((SOURCE, whole))[0])
        expected = jnp.take_along_axis(scores, whole[..., None], -1)[..., 0]
        assert_close(retrax.score(writer, whole, source=ROWS, window=3).log_probs, expected, 10)
        assert_close(found.log_probs[:, i], expected[:, 2:].sum(1), 10)


def test_a_stream_goes_on_from_a_file(writer: tl.Layer, tmp_path: Any) -> None:
    running = retrax.stream(writer, None, 14, seed=2, source=ROWS)
    retrax.save_snapshot(tmp_path / 'text', running.snapshot())
    (text,) = running
    loaded = retrax.load_snapshot(tmp_path / 'text', writer)
    (again,) = retrax.resume(writer, loaded)
    np.testing.assert_array_equal(again, text)
    (many,) = retrax.resume(writer, retrax.fork(writer, loaded, 2))
    np.testing.assert_array_equal(many[::2], text)
    assert (many[1::2] != text).any()


def counting() -> tuple[tl.Layer, list[int]]:
    """A model that draws, and a list that grows when it reads its source."""
    calls: list[int] = []

    def spy(x: jax.Array) -> jax.Array:
        jax.debug.callback(lambda: calls.append(1))
        return x

    encoder = tl.Serial(tl.Fn('Spy', spy), tl.Embedding(9, 8), tl.Mean(axis=1, keepdims=True))
    model = tl.Serial(
        tl.Parallel(
            tl.Cache(encoder, mode='train'),
            tl.Serial(tl.ShiftRight(mode='train'), tl.Embedding(VOCAB, 8)),
        ),
        tl.Add(),
        tl.InMode(tl.Dropout(0.5), predict='train'),
        tl.Dense(VOCAB),
    )
    return with_weights(model, inputs=tl.signature((SOURCE, START))), calls


def test_a_source_is_read_once() -> None:
    model, calls = counting()
    calls.clear()
    text = retrax.generate(model, [[1, 2, 3]], 70, source=SOURCE, n=2)
    jax.effects_barrier()
    assert len(calls) == 4  # a model that draws runs row by row
    alone = retrax.generate(model, [1, 2, 3], 70, source=SOURCE[1], row_ids=[3])
    np.testing.assert_array_equal(alone[0], text[3])


def test_a_source_that_nothing_keeps_is_given_at_each_step() -> None:
    add = lambda source, text: (jax.nn.one_hot((source[:, :1] + text) % 9, 9), source)  # noqa: E731
    model = tl.Serial(tl.Parallel(None, tl.ShiftRight(mode='train')), tl.Fn('Add', add, n_out=2))
    model.init(tl.signature((SOURCE, START)))
    text = retrax.generate(model, None, 40, 0, source=SOURCE)
    np.testing.assert_array_equal(text, np.outer([3, 6], np.arange(1, 41)) % 9)


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
    with pytest.raises(
        ValueError, match=r'generate: Serial takes 2 inputs; give what it reads as s'
    ):
        retrax.generate(writer, [1, 2])
    with pytest.raises(
        ValueError, match='beam_search: source has 2 rows, and prompt or batch_size 3'
    ):
        retrax.beam_search(writer, [[1]] * 3, source=SOURCE)
    with pytest.raises(
        ValueError, match='score: each row of source must have an id, and none below'
    ):
        retrax.score(writer, [1], source=[[], [1]])
    with pytest.raises(tl.LayerError, match=r'ids: expected numbers from 0 to 8, got 12. It is at'):
        retrax.generate(writer, source=[1, 12])
    with pytest.raises(ValueError, match='takes one input, so it has no source; give what a text'):
        retrax.stream(with_weights(models.GRULM(VOCAB, 4, 1)), source=[1])


def test_a_source_is_padded_only_as_far_as_there_are_places() -> None:
    sizes: Any = {'n_encoder_layers': 1, 'n_decoder_layers': 1, 'n_heads': 2, 'max_len': 6}
    model = models.Transformer(9, VOCAB, 8, 12, **sizes)
    with_weights(model, inputs=tl.signature((SOURCE, START)))
    text = greedy(model, SOURCE, 5)
    np.testing.assert_array_equal(retrax.generate(model, None, 5, 0, source=ROWS), text)
    with pytest.raises(tl.LayerError, match='the number of steps: expected at most 6'):
        retrax.generate(model, source=[1] * 7)
    with pytest.raises(FloatingPointError, match=r'more than 6 steps: PositionalEncoding#1 has no'):
        retrax.generate(model, None, 7, 0, source=ROWS)


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
