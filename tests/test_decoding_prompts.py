"""Prompts of different lengths in one batch: each row is as if it were alone."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import MODELS, VOCAB, gru_lm, slow_generate, with_weights, without_shift

from retrax import layers as tl
from retrax.combinators import StateError
from retrax.decoding import beam_search, generate, score
from retrax.decoding.prefill import LONGEST, longest_piece, pieces, turns
from retrax.decoding.rows import batch_axes

pytestmark = pytest.mark.usefixtures('compiled_quickly')

LENGTHS = [5, 1, 12, 7, 2]
ROWS = [np.random.RandomState(n).randint(0, VOCAB, n).tolist() for n in LENGTHS]


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


@pytest.mark.parametrize('make', MODELS, ids=lambda make: make.__name__)
def test_equals_the_oracle(make) -> None:
    model = with_weights(make())
    got = generate(model, ROWS, 12, 0.8, seed=7)
    for row, prompt in enumerate(ROWS):
        alone = slow_generate(model, prompt, 12, 0.8, seed=7, row_ids=[row])
        np.testing.assert_array_equal(got[row], alone[0])


def test_padding_is_not_read(model) -> None:
    padded = np.full((len(ROWS), 14), -9)  # no id of the model
    for line, row in zip(padded, ROWS, strict=True):
        line[: len(row)] = row
    got = generate(model, padded, 9, seed=1, prompt_lengths=LENGTHS)
    np.testing.assert_array_equal(got, generate(model, ROWS, 9, seed=1))


def test_beams_too(model) -> None:
    found = beam_search(model, ROWS, 9, n_beams=3)
    for row, prompt in enumerate(ROWS):
        alone = beam_search(model, prompt, 9, n_beams=3)
        np.testing.assert_array_equal(found.tokens[row], alone.tokens[0])
        np.testing.assert_allclose(found.scores[row], alone.scores[0], atol=1e-4)


def test_empty_rows(model) -> None:
    got = generate(model, [[], ROWS[2], []], 9, seed=1)
    np.testing.assert_array_equal(got[[0, 2]], generate(model, None, 9, seed=1, batch_size=3)[::2])
    np.testing.assert_array_equal(got[1], generate(model, ROWS[2], 9, seed=1, row_ids=[1])[0])
    with pytest.raises(ValueError, match=r'at least one id in each row: .*; row 1 is empty'):
        generate(with_weights(without_shift()), [[1], [], [2]])


def test_a_text_that_is_cut_at_other_places_goes_on_as_before(model) -> None:
    options = {'repetition_penalty': 1.4, 'top_k': 5, 'seed': 2}
    whole = generate(model, ROWS, 40, **options)
    cuts = [3, 17, 0, 8, 20]
    prompt = [[*row, *line[:n]] for row, line, n in zip(ROWS, whole, cuts, strict=True)]
    rest = generate(model, prompt, 20, **options)
    for line, part, n in zip(whole, rest, cuts, strict=True):
        np.testing.assert_array_equal(part, line[n : n + 20])


@pytest.mark.parametrize('longest', [1, 4, LONGEST])
def test_each_row_reads_the_pieces_that_it_reads_alone(longest) -> None:
    lengths = np.array([0, 1, 4, 1037, 511, 512, 3])
    read = [[] for _ in lengths]
    sizes = []
    for size, rows in turns(lengths, longest):
        sizes.append(size)
        for row in np.flatnonzero(rows):
            read[row].append(size)
    assert read == [pieces(n, longest) for n in lengths]
    assert len(sizes) <= lengths.max() // longest + 9


def test_many_rows_are_read_in_short_pieces_and_are_as_alone(model) -> None:
    rows = np.random.RandomState(3).randint(0, VOCAB, (128, 150))
    assert longest_piece(len(rows)) == 128
    got = generate(model, rows, 9, temperature=0.0)
    for row in (0, 77):
        np.testing.assert_array_equal(got[row], generate(model, rows[row], 9, temperature=0.0)[0])
    found = score(model, rows).log_probs
    np.testing.assert_allclose(found[77], score(model, rows[77]).log_probs[0], atol=1e-5)


class Counter(tl.Layer):
    """Counts the steps; one number for all rows, as a model with a shared position has."""

    has_memory = True

    def state_fn(self, signature, context):
        return jnp.zeros((), jnp.int32) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        n = state if context.steps else 0
        places = n + jnp.arange(x.shape[1])
        y = x + jnp.sin(places)[None, :, None]
        return y, n + x.shape[1] if context.steps else state


class Folded(tl.Layer):
    """Keeps three rows of state for each row of the batch along one axis."""

    has_memory = True

    def state_fn(self, signature, context):
        return jnp.zeros((3 * signature.shape[0], 2)) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        return x, state


def between(layer: tl.Layer) -> tl.Layer:
    model = tl.Serial(tl.ShiftRight(), tl.Embedding(VOCAB, 6), layer, tl.GRU(6), tl.Dense(VOCAB))
    return with_weights(model)


def test_a_state_that_rows_share_is_refused_by_path() -> None:
    counting = between(Counter())
    got = generate(counting, [ROWS[0], ROWS[0][::-1]], 9, 0)
    np.testing.assert_array_equal(got[0], slow_generate(counting, ROWS[0], 9)[0])
    with pytest.raises(StateError, match=r'state of Counter#1: .* is one for all rows .*'):
        generate(counting, ROWS, 9, 0)
    with pytest.raises(StateError, match=r'state of Folded#1: its shape is \(6, 2\) for 2 rows'):
        generate(between(Folded()), ROWS, 9, 0)


def test_a_state_that_rows_share_and_that_stays_is_kept() -> None:
    model = between(tl.BatchNorm())
    got = generate(model, ROWS, 6, 0)
    for row, prompt in enumerate(ROWS):
        np.testing.assert_array_equal(got[row], generate(model, prompt, 6, 0)[0])


def test_batch_axes_are_found() -> None:
    assert set(jax.tree.leaves(batch_axes(with_weights(gru_lm()).as_mode('predict')))) == {0}
    assert set(jax.tree.leaves(batch_axes(between(Counter()).as_mode('predict')))) == {-1, 0}
