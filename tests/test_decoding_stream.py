"""stream: the tokens of generate as they come, and how far the device is ahead."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import gru_lm, with_weights

from retrax import layers as tl
from retrax.decoding import generate, resume, stream
from retrax.decoding.steps import CHUNK

pytestmark = pytest.mark.usefixtures('compiled_quickly')

PROMPT = [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


@pytest.mark.parametrize('options', [{}, {'top_k': 4, 'repetition_penalty': 1.2}])
def test_the_tokens_of_generate(model, options) -> None:
    chunks = list(stream(model, PROMPT, 70, seed=3, **options))
    assert [chunk.shape for chunk in chunks] == [(2, CHUNK), (2, CHUNK), (2, 6)]
    expected = generate(model, PROMPT, 70, seed=3, **options)
    np.testing.assert_array_equal(np.concatenate(chunks, axis=1), expected)


def test_log_probs(model) -> None:
    chunks = list(stream(model, PROMPT, 40, seed=3, return_log_probs=True))
    both = [np.concatenate(parts, axis=1) for parts in zip(*chunks, strict=True)]
    expected = generate(model, PROMPT, 40, seed=3, return_log_probs=True)
    np.testing.assert_array_equal(both[0], expected[0])
    np.testing.assert_array_equal(both[1], expected[1])


def test_it_ends_where_all_rows_have_met_eos(model) -> None:
    first = int(generate(model, max_new_tokens=1, temperature=0)[0, 0])
    running = stream(model, max_new_tokens=10 * CHUNK, temperature=0, eos_id=first)
    assert next(running).tolist() == [[first] * CHUNK]
    assert list(running) == []
    assert list(running) == []


def test_one_chunk_is_in_flight(model, monkeypatch) -> None:
    running = stream(model, max_new_tokens=4 * CHUNK)
    written, steps = [], running._program.steps

    def counted(*args):
        written.append(args)
        return steps.write(*args)

    monkeypatch.setattr(running._program, 'steps', steps._replace(write=counted))
    counts = []
    for _ in running:
        counts.append(len(written))
    assert counts == [2, 3, 4, 4]


@pytest.mark.parametrize('options', [{}, {'deterministic': True}])
def test_a_stream_that_was_interrupted_goes_on(model, monkeypatch, options) -> None:
    expected = generate(model, PROMPT, 70, seed=3, **options)
    running = stream(model, PROMPT, 70, seed=3, **options)
    chunks = [next(running)]

    def interrupted(arrays):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(jax, 'device_get', interrupted)
        with pytest.raises(KeyboardInterrupt):
            next(running)
    resumed = resume(model, running)
    chunks.extend(running)
    np.testing.assert_array_equal(np.concatenate(chunks, axis=1), expected)
    np.testing.assert_array_equal(np.concatenate(list(resumed), axis=1), expected[:, CHUNK:])


@pytest.mark.parametrize('options', [{}, {'eos_id': 3}, {'eos_id': 3, 'deterministic': True}])
def test_a_stream_that_has_failed_fails_again(options) -> None:
    scores = tl.Fn('Count', lambda x: jax.nn.one_hot(x + 1, 50) + _nan_at(x, 40))
    bad = tl.Serial(tl.ShiftRight(), scores)
    bad.init(tl.ShapeDtype((1, 1), np.int32))
    running = stream(bad, [[1], [20]], 60, temperature=0, **options)
    for _ in range(2):
        with pytest.raises(FloatingPointError, match='row 1 for new token'):
            list(running)


def _nan_at(x, token):
    return jnp.where(x == token, jnp.nan, 0.0)[..., None]


def test_an_error_comes_when_its_chunk_is_read() -> None:
    scores = tl.Fn(
        'Count', lambda x: jax.nn.one_hot(x + 1, 50) + jnp.where(x == 40, jnp.nan, 0.0)[..., None]
    )
    bad = tl.Serial(tl.ShiftRight(), scores)
    bad.init(tl.ShapeDtype((1, 1), np.int32))
    running = stream(bad, max_new_tokens=50, temperature=0)
    assert next(running)[0, -1] == CHUNK
    with pytest.raises(FloatingPointError, match='row 0 for new token 40 '):
        next(running)
