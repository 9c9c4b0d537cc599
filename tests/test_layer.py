"""The face of a layer: what people call, what it remembers, and what it must not do."""

import copy
import pickle
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import IDS, X, lm, ready, ready_lm
from tolerances import assert_close, assert_equal, assert_same_kind, differs

from retrax import layers as tl

# ----------------------------------------------------------------------------- weights and sharing


def test_a_shared_layer_shows_a_marker_at_its_second_place() -> None:
    dense = tl.Dense(3)
    model = ready(tl.Serial(dense, tl.Dense(3), dense))
    assert model.weights[2] is tl.GET_WEIGHTS_FROM_CACHE is tl.SHARED
    assert jax.tree.map(lambda w: w, model.weights)[2] is tl.SHARED
    assert copy.deepcopy(model.weights)[2] is tl.SHARED
    assert pickle.loads(pickle.dumps(tl.SHARED)) is tl.SHARED
    assert len(jax.tree.leaves(model.weights)) == 4
    assert list(model.named_weights()) == ['Dense#1.w', 'Dense#1.b', 'Dense#2.w', 'Dense#2.b']


def test_a_shared_model_shows_one_marker() -> None:
    part = tl.Serial(tl.Dense(3), tl.Dense(3))
    model = ready(tl.Serial(part, part))
    assert model.weights[1] is tl.SHARED
    assert len(jax.tree.leaves(model.weights)) == 4


def test_setting_a_sublayers_weights_shows_in_the_parent() -> None:
    model = ready(tl.Serial(tl.Dense(3), tl.Dense(2)))
    new = (np.ones((3, 2), np.float32), np.zeros(2, np.float32))
    model.sublayers[1].weights = new
    assert model.weights[1] is model.sublayers[1].weights
    for held, given in zip(model.weights[1], new, strict=True):
        np.testing.assert_array_equal(held, given)
    assert_close(model(X), tl.Serial(model.sublayers[0])(X).sum(-1, keepdims=True).repeat(2, -1))


@pytest.mark.parametrize('kind', [list, tuple])
def test_setters_take_plain_lists_and_tuples(kind: type) -> None:
    model, other = ready_lm(), lm()
    other.init(tl.signature(IDS), rng=1)

    def plain(tree: Any) -> Any:
        if not isinstance(tree, tuple):
            return tree
        return kind(plain(part) for part in tree)

    before = model(IDS)
    other.weights = plain(model.weights)
    assert_equal(other(IDS), before)
    assert list(other.named_weights()) == list(model.named_weights())


def test_weights_given_to_a_call_are_not_stored_but_the_state_is() -> None:
    model = ready(tl.GRU(3, mode='predict'))
    before = model.weights
    double = jax.tree.map(lambda w: 2 * w, before)
    one, first = model(X, weights=double), model.state
    assert differs(one, ready(tl.GRU(3, mode='predict'))(X))
    assert_equal(model.weights, before)
    assert_close(first, one[:, -1])


def test_a_weightless_layer_runs_without_init() -> None:
    assert tl.Add()((1, 2)) == 3
    model = tl.Serial(tl.Dup(), tl.Add())
    assert_equal(model(X), jnp.asarray(2 * X))


def test_a_model_that_was_never_initialised_makes_weights_from_its_first_input() -> None:
    model = lm()
    out = model(IDS)
    other = lm()
    other.init(tl.signature(IDS))
    assert_equal(model.weights, other.weights)
    assert_equal(out, other(IDS))


def test_named_weights_are_the_file_format() -> None:
    """Paths and fields are part of the files that people keep: changing them breaks these."""
    inner = tl.Serial(tl.Dense(6), tl.Dense(6, use_bias=False), name='Block')
    model = tl.Serial(
        tl.Embedding(11, 6), inner, tl.Residual(tl.Dense(6)), tl.Serial(tl.GRU(4)), tl.Dense(3)
    )
    model.init(tl.signature(IDS))
    assert {path: w.shape for path, w in model.named_weights().items()} == {
        'Embedding#1': (11, 6),
        'Block#1/Dense#1.w': (6, 6),
        'Block#1/Dense#1.b': (6,),
        'Block#1/Dense#2': (6, 6),
        'Serial#1/Branch#1/Parallel#1/Dense#1.w': (6, 6),
        'Serial#1/Branch#1/Parallel#1/Dense#1.b': (6,),
        'Serial#2/GRU#1.w1': (10, 8),
        'Serial#2/GRU#1.b1': (8,),
        'Serial#2/GRU#1.w2': (10, 4),
        'Serial#2/GRU#1.b2': (4,),
        'Dense#1.w': (4, 3),
        'Dense#1.b': (3,),
    }


def test_a_layer_alone_has_paths_too() -> None:
    assert list(ready(tl.Dense(3)).named_weights()) == ['w', 'b']
    assert len(ready(tl.Dense(3, use_bias=False)).named_weights()) == 1


def test_set_named_weights_is_all_or_nothing() -> None:
    model = ready_lm()
    before = model.named_weights()
    for bad in (
        {**before, 'Dense#9.w': X},
        {k: v for k, v in before.items() if k != 'Dense#1.b'},
        {**before, 'Dense#1.b': X},
    ):
        with pytest.raises(ValueError, match='weights of'):
            model.set_named_weights(bad)
        assert_equal(model.named_weights(), before)


def test_setting_weights_is_all_or_nothing() -> None:
    model = ready(tl.Serial(tl.Dense(3), tl.Dense(2)))
    before = model.weights
    bad = (jax.tree.map(jnp.zeros_like, before[0]), (jnp.ones((9, 9)), jnp.ones(2)))
    with pytest.raises(ValueError, match=r'weights of Dense#2'):
        model.weights = bad
    assert_equal(model.weights, before)


def test_one_layer_in_two_models_has_the_later_inits_weights() -> None:
    dense = tl.Dense(3)
    one, two = tl.Serial(dense), tl.Serial(dense)
    one.init(tl.signature(X), rng=1)
    two.init(tl.signature(X), rng=2)
    assert_equal(one.weights, two.weights)


# ------------------------------------------------------------------------------------------- views


def test_views_share_weights_and_have_their_own_state() -> None:
    model = ready_lm()
    view = model.as_mode('predict')
    view(IDS)
    assert_equal(view.weights, model.weights)
    assert model.state == ((), (), (), (), (), ())
    again = model.as_mode('predict')
    assert_equal(jax.tree.leaves(again.new_state(2)), [jnp.zeros((2, 6))] * 2)
    assert differs(jax.tree.leaves(view.state), jax.tree.leaves(view.new_state(2)))

    model.weights = jax.tree.map(lambda w: w + 1, model.weights)
    assert_equal(view.weights, model.weights)
    view.weights = jax.tree.map(lambda w: w - 1, model.weights)
    assert_equal(view.weights, model.weights)


@pytest.mark.parametrize(
    'look',
    [
        lambda m: m.as_mode('predict'),
        lambda m: m.as_mode('train'),
        lambda m: m.with_carry(),
        lambda m: m.with_precision('bf16'),
        lambda m: m.with_implementation('reference'),
    ],
)
def test_init_on_a_view_never_replaces_weights(look: Any) -> None:
    model = ready_lm()
    before = model.weights
    view = look(model)
    weights, _ = view.init(tl.ShapeDtype((7, 1), np.int32), rng=99)
    assert_equal(weights, before)
    assert_equal(model.weights, before)
    view(np.zeros((7, 1), np.int32))
    assert_equal(view.sublayers[1].weights, before[1])


def test_init_on_a_view_of_a_model_without_weights_makes_them() -> None:
    model = lm()
    model.as_mode('predict').init(tl.ShapeDtype((1, 1), np.int32))
    other = lm()
    other.init(tl.signature(IDS))
    assert_equal(model.weights, other.weights)


def test_init_on_the_model_itself_makes_new_weights() -> None:
    model = ready_lm()
    before = model.weights
    model.init(tl.signature(IDS), rng=1)
    assert differs(model.weights, before)


def test_sublayers_of_a_view_are_views() -> None:
    gru = tl.GRU(3)
    view = ready(tl.Serial(gru, gru)).as_mode('predict')
    assert [sub.mode for sub in view.sublayers] == ['predict', 'predict']
    assert view.sublayers[0] is view.sublayers[1]
    assert gru.mode == 'train'


def test_with_carry_and_back() -> None:
    model = ready_lm()
    carry = model.with_carry()
    assert_close(carry(IDS), model(IDS))
    assert differs(carry(IDS), model(IDS))
    assert_equal(carry.with_carry(False)(IDS), model(IDS))


# ------------------------------------------------------------------------------------------- state


def test_new_state_for_any_batch() -> None:
    model = ready_lm().as_mode('predict')
    for batch in (1, 2, 7):
        leaves = jax.tree.leaves(model.new_state(batch))
        assert [leaf.shape for leaf in leaves] == [(batch, 6)] * 2
    model.state = model.new_state(7)
    assert model(np.zeros((7, 1), np.int32)).shape == (7, 1, 11)


def test_new_state_gives_arrays_that_may_be_donated() -> None:
    model = ready_lm().as_mode('predict')
    for _ in range(2):
        state = model.new_state(1)
        jax.tree.map(lambda a: a.delete(), state)
    assert model(IDS).shape == (2, 5, 11)


def test_new_state_inside_jit_leaves_no_tracer() -> None:
    model = ready_lm().as_mode('predict')
    inside = jax.jit(lambda: model.new_state(3))()
    assert_equal(jax.tree.leaves(inside), jax.tree.leaves(model.new_state(3)))


def test_new_state_needs_to_know_the_inputs() -> None:
    with pytest.raises(ValueError, match=r'has not seen inputs yet; call model\.init'):
        lm().new_state(1)


def test_state_can_be_saved_and_set_again() -> None:
    model = ready_lm().as_mode('predict')
    model(IDS)
    saved = model.state
    after = model(IDS)
    model.state = saved
    assert_equal(model(IDS), after)


def test_a_model_of_equal_definition_takes_the_state() -> None:
    one, two = ready_lm().as_mode('predict'), ready_lm().as_mode('predict')
    one(IDS)
    two.state = one.state
    assert_equal(two(IDS), one(IDS))


def test_symbolic_init_makes_weights_now_and_state_with_the_first_batch() -> None:
    model = lm(mode='predict')
    weights, state = model.init(tl.ShapeDtype(('b', 't'), np.int32))
    assert state is None
    other = lm()
    other.init(tl.signature(IDS))
    assert_equal(weights, other.weights)
    assert [leaf.shape for leaf in jax.tree.leaves(model.new_state(3))] == [(3, 6)] * 2
    model(IDS)
    assert [leaf.shape for leaf in jax.tree.leaves(model.state)] == [(2, 6)] * 2
    model.state = model.new_state(5)
    model(np.zeros((5, 1), np.int32))


def test_calls_inside_grad_leave_no_tracers() -> None:
    model = ready(tl.Serial(tl.GRU(3, mode='predict'), tl.Dense(1)))

    def loss(w: Any) -> jax.Array:
        return model(X, weights=w).sum()

    gradients = jax.jit(jax.grad(loss))(model.weights)
    assert_same_kind(gradients, model.weights)
    assert not any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(model.state))
    assert model(X).shape == (2, 5, 1)


# ----------------------------------------------------------------------------------- copies, keys


def test_deepcopy_is_another_model() -> None:
    dense = tl.Dense(3)
    model = ready(tl.Serial(dense, tl.GRU(3), dense))
    other = copy.deepcopy(model)
    assert_equal(other(X), model(X))
    before = model.weights
    other.weights = jax.tree.map(lambda w: w + 1, other.weights)
    assert_equal(model.weights, before)
    assert other.weights[2] is tl.SHARED
    assert differs(other(X), model(X))


def test_a_model_is_code_and_is_not_pickled() -> None:
    """Weights go through checkpoints, models through their code; functions within do not pickle."""
    with pytest.raises((AttributeError, pickle.PicklingError)):
        pickle.dumps(ready_lm())


def test_init_without_a_key_is_seed_0() -> None:
    one, two = lm(), lm()
    one.init(tl.signature(IDS))
    two.init(tl.signature(IDS), rng=jax.random.PRNGKey(0))
    assert_equal(one.weights, two.weights)
    two.init(tl.signature(IDS), rng=0)
    assert_equal(one.weights, two.weights)


def test_init_without_a_key_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level('INFO', 'retrax'):
        lm().init(tl.signature(IDS))
        assert 'seed 0' in caplog.text
        caplog.clear()
        lm().init(tl.signature(IDS), rng=1)
        assert caplog.text == ''


def test_new_style_keys_work() -> None:
    model = lm()
    model.init(tl.signature(IDS), rng=jax.random.key(3))
    assert jnp.isfinite(model(IDS, rng=jax.random.key(4))).all()


def test_a_layer_of_another_class_changes_no_other_layers_weights() -> None:
    plain = tl.Serial(tl.Dense(3), tl.GRU(3), tl.Dense(3))
    more = tl.Serial(tl.Dropout(0.1), tl.Dense(3), tl.LogSoftmax(), tl.GRU(3), tl.Dense(3))
    assert_equal(ready(plain).named_weights(), ready(more).named_weights())


def test_two_layers_of_a_class_differ() -> None:
    model = ready(tl.Serial(tl.Dense(3), tl.Dense(3)))
    assert differs(model.weights[0], model.weights[1])


def test_dropout_of_nothing_draws_nothing() -> None:
    assert tl.Dropout(0.0).draws is False
    assert tl.Dropout(0.1).draws == ('train',)
    y, _ = tl.Dropout(0.0).pure_fn(X, (), (), None)
    assert_equal(y, X)


def test_dropout_differs_from_call_to_call_and_place_to_place() -> None:
    """Trax repeats one mask at every call."""
    drop = tl.Dropout(0.5)
    model = ready(tl.Branch(drop, drop))
    one, two = model(X), model(X)
    assert differs(one[0], two[0])
    assert differs(one[0], one[1])
    again = ready(tl.Branch(drop, drop))
    assert_equal(again(X), one)
    assert_equal(again(X), two)
    again.rng = 0
    assert_equal(again(X), one)
