"""What generate says to those who ask for what cannot be."""

import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from decoding_oracle import IDS, VOCAB, gru_lm, slow_generate, with_weights, without_shift

import retrax
from retrax import layers as tl
from retrax.combinators import LayerError
from retrax.decoding import generate

pytestmark = pytest.mark.usefixtures('compiled_quickly')

WRONG = [
    ({'max_new_tokens': -1}, 'max_new_tokens must be an int of at least 0, got -1'),
    ({'max_new_tokens': 1.5}, 'max_new_tokens must be an int'),
    ({'batch_size': 0}, 'batch_size must be an int of at least 1'),
    ({'temperature': -0.1}, 'temperature must be at least 0 and finite, got -0.1'),
    ({'temperature': float('nan')}, 'temperature must be at least 0 and finite'),
    ({'temperature': [1.0, 1.0]}, 'one for each of 1 rows'),
    ({'prompt': [1, VOCAB]}, rf'the prompt has id {VOCAB} at \(0, 1\).*ids 0 to {VOCAB - 1}'),
    ({'prompt': [[1, -1]]}, 'the prompt has id -1'),
    ({'prompt': [[1, 2], 3]}, r'prompt must be .* or a list of rows of ids, got list of unequal'),
    (
        {'prompt': [[[1]]]},
        r'must be \(n,\) or \(batch, n\), or a list of rows, got shape \(1, 1, 1\)',
    ),
    ({'prompt': [[1, 2]], 'prompt_lengths': [3]}, r'must be 1 ints from 0 to 2, one for each row'),
    ({'prompt': [[1, 2]], 'prompt_lengths': [1, 2]}, r'prompt_lengths .* got \[1, 2\]'),
    ({'prompt': [[1, 2]], 'prompt_lengths': [1.0]}, r'prompt_lengths must be 1 ints'),
    ({'prompt': [[1, 2], [3]], 'prompt_lengths': [1, 2]}, r'prompt_lengths .* got \[1, 2\]'),
    ({'prompt': [[1, 2], [VOCAB]]}, rf'the prompt has id {VOCAB} at \(1, 0\)'),
    ({'start_id': VOCAB}, rf'start_id has id {VOCAB} at \(0,\), and the model has ids 0 to'),
    ({'start_id': 2**32}, 'start_id must be an id of the model, got 4294967296'),
    ({'max_new_tokens': 2**31}, r'max_new_tokens must be an int of at least 0 and below 2\*\*31'),
    ({'temperature': 1e39}, r'temperature must be at least 0 and finite, got 1e\+39'),
    ({'top_p': 1e-50}, 'top_p must be above 0 and at most 1, got 1e-50'),
    ({'prompt': [[1], [2]], 'batch_size': 3}, 'prompt has 2 rows and batch_size is 3'),
    ({'eos_id': VOCAB}, 'eos_id has id'),
    ({'eos_id': -1}, 'eos_id must be an int of at least 0'),
    ({'row_ids': [0, 1]}, r'row_ids must be 1 ints from 0 to .*, one for each row, got \[0, 1\]'),
    ({'row_ids': [-1]}, r'row_ids must be 1 ints'),
    ({'row_ids': [0.5]}, r'row_ids must be 1 ints'),
    ({'n': 0}, 'n must be an int of at least 1, got 0'),
    ({'n': 2, 'top_k': [1]}, 'one for each of 2 rows'),
    ({'temperature': 'hot'}, "temperature must be at least 0 and finite, got 'hot'"),
    ({'top_k': 0}, 'top_k must be an int of at least 1, got 0; vocab_size or more changes nothing'),
    ({'top_k': 2.0}, 'top_k must be an int of at least 1, got 2.0'),
    ({'top_k': True}, 'top_k must be an int of at least 1, got True'),
    ({'top_p': 0}, 'top_p must be above 0 and at most 1, got 0; 1 changes nothing, 0.9 is usual'),
    (
        {'top_p': [0.5, 1.1], 'batch_size': 2},
        r'top_p must be above 0 and at most 1, got \[0.5, 1.1',
    ),
    ({'top_p': float('nan')}, 'top_p must be above 0 and at most 1, got nan'),
    ({'min_p': -0.1}, 'min_p must be between 0 and 1, got -0.1'),
    ({'min_p': [0.1, 0.1]}, r'min_p must be a number, or one for each of 1 rows, got shape \(2,\)'),
    ({'repetition_penalty': 0}, 'repetition_penalty must be above 0 and finite, got 0; 1 changes'),
    ({'banned': [1, VOCAB]}, rf'banned has id {VOCAB} at \(1,\), and the model has ids 0 to'),
    ({'banned': [[1], [2]]}, 'one list for each of 1 rows, got 2 lists'),
    ({'banned': ['a']}, 'banned must be integer ids'),
    ({'banned': VOCAB}, rf'banned has id {VOCAB}'),
    ({'banned': range(VOCAB)}, f'banned has all {VOCAB} ids in row 0'),
    ({'banned': [[1], range(VOCAB)], 'batch_size': 2}, f'banned has all {VOCAB} ids in row 1'),
]


@pytest.fixture(scope='module')
def model() -> tl.Layer:
    return with_weights(gru_lm())


@pytest.mark.parametrize(('arguments', 'message'), WRONG)
def test_wrong_arguments(model, arguments, message) -> None:
    with pytest.raises(ValueError, match=message):
        generate(model, **arguments)


@pytest.mark.parametrize('function', [retrax.generate, retrax.stream])
def test_an_argument_that_there_is_not(function, model) -> None:
    with pytest.raises(TypeError, match=f"{function.__name__}: .* unexpected .* 'topk'"):
        function(model, topk=3)
    with pytest.raises(TypeError, match=f"{function.__name__}: missing .* 'model'"):
        function()


@pytest.mark.parametrize('prompt', [[1.0, 2.0], ['a'], [True], [[1], [2.0, 3.0]], ['ab', 'c']])
def test_a_prompt_of_no_integers(model, prompt) -> None:
    with pytest.raises(TypeError, match='prompt must be integer ids'):
        generate(model, prompt)


@pytest.mark.parametrize('prompt', [None, []])
def test_no_start_id(prompt) -> None:
    model = with_weights(without_shift())
    with pytest.raises(ValueError, match=r'no start id.*needs a prompt of at least one id'):
        generate(model, prompt)


@pytest.mark.parametrize('cell', [tl.GRUCell, tl.PeepholeLSTMCell])
def test_an_uninitialised_model(cell) -> None:
    layers = tl.Embedding(VOCAB, 4), tl.Recurrent(cell(4)), tl.Dense(VOCAB)
    with pytest.raises(ValueError, match=r'call model\.init'):
        generate(tl.Serial(tl.ShiftRight(), *layers), max_new_tokens=3)


@pytest.mark.parametrize(
    ('before', 'n'), [([tl.ShiftRight(2)], 2), ([tl.ShiftRight(), tl.ShiftRight()], 2)]
)
def test_a_model_whose_scores_are_of_a_later_token(before, n) -> None:
    model = with_weights(tl.Serial(before, without_shift()))
    message = f'moves its ids {n} places to the right'
    with pytest.raises(ValueError, match=f'generate: .* {message}'):
        generate(model, [3, 1], 3)
    with pytest.raises(ValueError, match=f'beam_search: .* {message}'):
        retrax.beam_search(model, [3, 1], 3)
    with pytest.raises(ValueError, match=f'score: .* {message}'):
        retrax.score(model, [3, 1, 2])


@pytest.mark.parametrize(
    'seed', [None, 1.5, 'a', jnp.array(3), jax.random.split(jax.random.key(0))]
)
def test_no_seed(model, seed) -> None:
    with pytest.raises(TypeError, match='a seed must be an int, or one key of jax'):
        generate(model, max_new_tokens=3, seed=seed)


def test_a_top_k_beyond_all_integers_of_the_device_changes_nothing(model) -> None:
    free = generate(model, max_new_tokens=40, seed=2)
    for top_k in (2**31, 2**32 + 1, sys.maxsize):
        np.testing.assert_array_equal(generate(model, max_new_tokens=40, seed=2, top_k=top_k), free)


def test_a_start_id_that_is_read_and_never_given() -> None:
    layers = tl.Embedding(VOCAB + 1, 4), tl.GRU(4), tl.Dense(VOCAB)
    model = with_weights(tl.Serial(tl.ShiftRight(start_id=VOCAB), *layers))
    made = generate(model, [3, 1], 6, temperature=0)
    np.testing.assert_array_equal(made, slow_generate(model, [3, 1], 6))
    assert retrax.score(model, [3, 1]).counts.all()


def test_weights_that_were_set_as_plain_tuples() -> None:
    layers = tl.Embedding(VOCAB, 4), tl.Dropout(0.1), tl.GRU(4), tl.Dense(VOCAB)
    model = with_weights(tl.Serial(tl.ShiftRight(), *layers))
    expected = generate(model, [3], 6, temperature=0)
    model.weights = tuple(tuple(w) if isinstance(w, tuple) else w for w in model.weights)
    np.testing.assert_array_equal(generate(model, [3], 6, temperature=0), expected)


def test_arrays_that_change_after_they_were_set_change_nothing() -> None:
    model = with_weights(gru_lm())
    arrays = jax.tree.map(np.array, model.weights)
    model.weights = arrays
    expected = generate(model, [3], 20, temperature=0)
    y = model.as_mode('eval')(np.array([[3, 1]]))
    for array in jax.tree.leaves(arrays):
        array[...] = 0.5
    np.testing.assert_array_equal(generate(model, [3], 20, temperature=0), expected)
    np.testing.assert_array_equal(model.as_mode('eval')(np.array([[3, 1]])), y)


@pytest.mark.parametrize(
    'model', [tl.Serial(tl.ShiftRight()), tl.Serial(tl.ShiftRight(), tl.Embedding(4, 2), tl.Dup())]
)
def test_no_language_model(model) -> None:
    model.init(IDS)
    with pytest.raises(ValueError, match=r'must map ids .* to scores .*; it gives'):
        generate(model, max_new_tokens=3)


def test_a_model_of_three_inputs() -> None:
    model = tl.Serial(tl.Add(), tl.Add(), tl.Embedding(4, 2))
    model.init((IDS, IDS, IDS))
    with pytest.raises(ValueError, match='takes 3 inputs; a language model takes one'):
        generate(model, [1])


def test_nan_is_an_error_and_not_token_0(model) -> None:
    bad = with_weights(gru_lm())
    bad.weights = jax.tree.map(lambda w: w * jnp.nan, bad.weights)
    for settings in ({}, {'temperature': 0}, {'eos_id': 3}):
        with pytest.raises(FloatingPointError, match='row 0 for new token 0 have no finite max'):
            generate(bad, max_new_tokens=70, **settings)


def test_nan_in_one_row_later_is_found(model) -> None:
    poison = tl.Fn('Poison', lambda x: jnp.where(x == 7, jnp.nan, 0.0)[..., None])
    plain = tl.Fn('Count', lambda x: jax.nn.one_hot((x + 1) % 9, 9))
    bad = tl.Serial(tl.ShiftRight(), tl.Branch(poison, plain), tl.Add())
    bad.init(IDS)
    with pytest.raises(FloatingPointError, match='row 1 for new token 3 '):
        generate(bad, [[1], [4]], max_new_tokens=4, temperature=0)
    assert generate(bad, [[1], [4]], 3, 0).tolist() == [[2, 3, 4], [5, 6, 7]]
    # Behind an eos nothing is chosen any more, so nothing is wrong there.
    assert generate(bad, [[4]], 9, 0, eos_id=7).tolist() == [[5, 6] + 7 * [7]]


def test_nothing_to_choose_from() -> None:
    banned = tl.Serial(
        tl.ShiftRight(), tl.Fn('Banned', lambda x: jnp.full((*x.shape, 4), -jnp.inf))
    )
    banned.init(IDS)
    with pytest.raises(FloatingPointError, match='no finite maximum'):
        generate(banned, max_new_tokens=2)


def test_ids_of_any_integer_type(model) -> None:
    expected = generate(model, [1, 2], 5, 0)
    for dtype in (np.uint8, np.int64, np.uint64):
        np.testing.assert_array_equal(generate(model, np.array([1, 2], dtype), 5, 0), expected)
    np.testing.assert_array_equal(generate(model, jnp.array([1, 2]), 5, 0), expected)


class Window(tl.Layer):
    """Keeps up to 6 steps, as a layer with a cache of fixed size; beyond, what it gives is NaN."""

    has_memory = True
    size = 6

    def state_fn(self, signature, context):
        b, _, d = signature.shape
        return (jnp.zeros((b, self.size, d)), jnp.zeros((b,), jnp.int32)) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        b, t, d = x.shape
        if t > self.size:
            raise ValueError(f'{t} steps do not fit into a cache of {self.size}')
        kept, n = state if context.steps else (jnp.zeros((b, self.size, d)), jnp.zeros((b,), int))
        places = n[:, None] + jnp.arange(t)
        kept = kept.at[jnp.arange(b)[:, None], places].set(x, mode='drop')
        y = jnp.cumsum(kept, axis=1)[jnp.arange(b)[:, None], jnp.minimum(places, self.size - 1)]
        y = jnp.where((places < self.size)[..., None], y, jnp.nan)
        return y, (kept, n + t) if context.steps else state


def test_a_prompt_longer_than_a_cache_is_never_silent() -> None:
    model = with_weights(
        tl.Serial(tl.ShiftRight(), tl.Embedding(VOCAB, 6), Window(), tl.Dense(VOCAB))
    )
    rows = [[1, 2, 3], [4], []]
    got = generate(model, rows, 3, 0)
    for row, prompt in enumerate(rows):  # 6 steps: the start id, 3 + 3 ids but the last
        expected = slow_generate(model, np.int32(prompt), 3, 0, step=Window.size)
        np.testing.assert_array_equal(got[row], expected[0])
    with pytest.raises(FloatingPointError, match='row 0 for new token 3 have no finite maximum'):
        generate(model, rows, 4, 0)
    with pytest.raises(FloatingPointError, match='row 1 for new token 0 have no finite maximum'):
        generate(model, [[1], [1, 2, 3, 4, 5, 6]], 4, 0)
    with pytest.raises(
        LayerError, match=r'Window#1 failed\n(.*\n)*.*8 steps do not fit into a cac'
    ):
        generate(model, [[1] * 9], 4, 0)
