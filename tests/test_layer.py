"""The face of a layer: what people call, what it remembers, and what it must not do."""

import contextlib
import copy
import functools
import inspect
import pickle
import warnings
from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal, assert_same_kind, differs

from retrax import combinators, models
from retrax import layers as tl

X = np.array(np.random.default_rng(0).normal(size=(2, 5, 3)), np.float32)
IDS = np.array([[3, 1, 4, 1, 5], [2, 7, 1, 8, 2]], np.int32)

COMPILED: list[str] = []


def _note(event: str, seconds: float, **_: Any) -> None:
    if event.endswith('backend_compile_duration'):
        COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_note)


@contextlib.contextmanager
def no_compilation() -> Iterator[None]:
    before = len(COMPILED)
    yield
    assert len(COMPILED) == before, f'{len(COMPILED) - before} compilations'


def lm(mode: str | None = None) -> tl.Serial:
    return models.GRULM(11, 6, 2, mode=mode)


def ready_lm(mode: str | None = None) -> tl.Serial:
    model = lm(mode)
    model.init(tl.signature(IDS))
    return make_loud(model)


def counting(traces: list[Any]) -> tl.Layer:
    """The identity; notes each time that Python runs it."""

    def note(x: Any) -> Any:
        traces.append(x)
        return x

    return tl.Fn('Note', note)


def ready(layer: tl.Layer, x: Any = X) -> tl.Layer:
    layer.init(tl.signature(x))
    return layer


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
    assert model.weights[1] is new
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
    assert list(other.named_weights()) != []


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


# --------------------------------------------------------------------------------- compiled calls


def test_a_second_call_compiles_nothing() -> None:
    model = ready_lm()
    model(IDS)
    other = np.zeros_like(IDS)
    with no_compilation():
        model(other)
        model(other, rng=jax.random.PRNGKey(5))


def test_views_share_what_is_compiled() -> None:
    model = ready_lm()

    def use() -> None:
        view = model.as_mode('predict')
        view.init(tl.signature(IDS))
        view(IDS)

    use()
    with no_compilation():
        use()


def test_a_call_traces_once_per_shape_and_mode() -> None:
    traces: list[Any] = []
    model = ready(tl.Serial(tl.Dense(3), counting(traces)))
    del traces[:]
    model(X)
    model(X + 1)
    assert len(traces) == 1
    model(X[:1])
    assert len(traces) == 2
    model.as_mode('eval')(X)
    seen = len(traces)
    for _ in range(2):
        model(X)
        model(X[:1])
        model.as_mode('eval')(X)
        model.as_mode('eval').new_state(2)
    assert len(traces) == seen


def test_stepping_compiles_once() -> None:
    model = ready_lm().as_mode('predict')
    model(IDS[:, :1])
    with no_compilation():
        for t in range(1, 5):
            model(IDS[:, t : t + 1].copy())


def test_changing_an_attribute_makes_compiled_calls_stale() -> None:
    class Times(tl.Layer):
        def __init__(self, k: float):
            super().__init__()
            self._k = k

        def init_weights_and_state(self, signature: Any) -> None:
            self.weights = jnp.ones(())

        def forward(self, x: Any) -> Any:
            return self._k * self.weights * x

    layer = ready(Times(2.0))
    model = tl.Serial(layer)
    assert_equal(model(X), jnp.asarray(2 * X))
    layer._k = 3.0
    assert_equal(model(X), jnp.asarray(3 * X))


def test_the_program_of_another_view_is_another() -> None:
    model = ready_lm()
    made: list[str] = []

    def build(view: tl.Layer) -> Any:
        return view.program('mine', lambda: made.append(view.mode) or view.mode)

    assert [build(model), build(model.as_mode('eval')), build(model.as_mode('eval'))] == [
        'train',
        'eval',
        'eval',
    ]
    assert made == ['train', 'eval']


# --------------------------------------------------------------------------- facts and signatures


def test_output_signature_works_without_init_and_changes_nothing() -> None:
    model = lm()
    assert model.output_signature(tl.signature(IDS)) == tl.ShapeDtype((2, 5, 11))
    names = tl.ShapeDtype(('b', 't'), np.int32)
    assert model.output_signature(names) == tl.ShapeDtype(('b', 't', 11))
    assert jax.tree.leaves(model.weights) == []


def test_weights_and_state_signature() -> None:
    model = lm(mode='predict')
    weights, state = model.weights_and_state_signature(tl.signature(IDS))
    real, made = model.init(tl.signature(IDS))
    assert jax.tree.map(lambda s: s.shape, weights) == jax.tree.map(jnp.shape, real)
    assert [s.shape for s in jax.tree.leaves(state)] == [s.shape for s in jax.tree.leaves(made)]


def test_weights_and_state_signature_does_not_run_a_users_layer() -> None:
    class Unrunnable(tl.Layer):
        def init_weights_and_state(self, signature: Any) -> None:
            self.weights, self.state = jnp.zeros((2, 3)), jnp.ones(signature.shape)

        def forward(self, x: Any) -> Any:
            return self.weights + self.state

    weights, state = Unrunnable().weights_and_state_signature(tl.ShapeDtype((3, 4)))
    assert (weights.shape, state.shape) == ((2, 3), (3, 4))


def test_64_bits_of_numpy_are_jaxs_32() -> None:
    model = lm(mode='predict')
    assert model(IDS.astype(np.int64)).dtype == jnp.float32
    model.init(tl.ShapeDtype((2, 5), np.int64))
    gru = tl.GRU(3, mode='predict')
    gru(X.astype(np.float64))
    assert gru.state.dtype == jnp.float32
    assert tl.signature(X.astype(np.float64)) == tl.ShapeDtype(X.shape)


def test_start_id_is_the_models_to_offer() -> None:
    assert lm().start_id == 0
    assert tl.Serial(tl.ShiftRight(start_id=7), tl.Embedding(9, 3)).start_id == 7
    assert tl.Serial(tl.Serial(tl.ShiftRight(start_id=7))).as_mode('predict').start_id == 7
    assert tl.Serial(tl.Dense(3)).start_id is None
    assert tl.ShiftRight(2).start_id is None


def test_signature_of_many_things() -> None:
    assert tl.signature([X, (IDS,)]) == [
        tl.ShapeDtype((2, 5, 3)),
        (tl.ShapeDtype((2, 5), np.int32),),
    ]
    assert tl.signature(1) == tl.ShapeDtype((), np.int32)
    assert repr(tl.ShapeDtype(('b', 2))) == 'float32[b,2]'
    for bad in (3, 'b', (1.5,), (-1,), (None,)):
        with pytest.raises(ValueError, match=r'size|shape'):
            tl.ShapeDtype(bad)


@pytest.mark.parametrize(
    ('make', 'text'),
    [
        (lambda: tl.GRU(5), 'GRU_5'),
        (lambda: tl.Dense(7), 'Dense_7'),
        (lambda: tl.Embedding(5, 6), 'Embedding_5_6'),
        (lambda: tl.ShiftRight(2), 'ShiftRight(2)'),
        (lambda: tl.Select([1, 0]), 'Select[1,0]_in2_out2'),
        (lambda: tl.Concatenate(3, axis=1), 'Concatenate_axis1_in3'),
        (lambda: tl.Serial(), 'Serial'),
        (lambda: tl.Serial(tl.Dup(), tl.Add()), 'Serial[\n  Dup_out2\n  Add_in2\n]'),
        (
            lambda: tl.Serial(tl.Serial(tl.Dup())),
            'Serial_out2[\n  Serial_out2[\n    Dup_out2\n  ]\n]',
        ),
        (lambda: tl.Serial(tl.Dup(), name='Two'), 'Two_out2[\n  Dup_out2\n]'),
    ],
)
def test_print(make: Any, text: str) -> None:
    assert repr(make()) == text
    assert repr(make().as_mode('eval')) == text


def test_only_what_is_meant_can_be_set() -> None:
    with pytest.raises(ValueError, match=r'only weights, state, rng can be set.*_size'):
        tl.Dense(3).size = 3


# ---------------------------------------------------------------------------- Trax-style layers


class Scale(tl.Layer):
    """Weights in forward and init_weights_and_state, as in Trax."""

    def init_weights_and_state(self, signature: Any) -> None:
        self.weights = jnp.full(signature.shape[-1:], 2.0)

    def forward(self, x: Any) -> Any:
        return x * self.weights


class Count(tl.Layer):
    """State in forward."""

    def init_weights_and_state(self, signature: Any) -> None:
        self.state = jnp.zeros((), jnp.int32)

    def forward(self, x: Any) -> Any:
        self.state = self.state + 1
        return x + self.state


class Noise(tl.Layer):
    """The key in forward."""

    def forward(self, x: Any) -> Any:
        return x + jax.random.normal(self.rng, x.shape)


class Twice(tl.Dense):
    """A built-in layer with another forward."""

    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


class Clipped(tl.Layer):
    """A gradient of its own."""

    def forward(self, x: Any) -> Any:
        return x * 3

    @property
    def has_backward(self) -> bool:
        return True

    def backward(self, inputs, output, grad, weights, state, new_state, rng):
        return jnp.clip(grad, -0.5, 0.5), ()


class Sized(tl.Layer):
    """Works a size out in init and reads it in forward."""

    def init_weights_and_state(self, signature: Any) -> None:
        self._width = signature.shape[-1]

    def forward(self, x: Any) -> Any:
        return x.reshape((-1, self._width))


def in_model(layer: tl.Layer) -> tl.Layer:
    return tl.Serial(tl.Fn('Same', lambda x: x), layer)


@pytest.mark.parametrize('wrap', [lambda layer: layer, in_model])
def test_users_layers_run_alone_and_in_models(wrap: Any) -> None:
    assert_equal(ready(wrap(Scale()))(X), jnp.asarray(2 * X))
    count = ready(wrap(Count()))
    assert [float(count(np.float32(0))) for _ in range(3)] == [1.0, 2.0, 3.0]
    noise = ready(wrap(Noise()))
    assert differs(noise(X), noise(X))
    assert_equal(noise(X, rng=jax.random.PRNGKey(1)), noise(X, rng=jax.random.PRNGKey(1)))
    assert ready(wrap(Sized()))(X).shape == (10, 3)

    twice, once = ready(wrap(Twice(4))), ready(wrap(tl.Dense(4)))
    once.weights = twice.weights
    assert_equal(twice(X), 2 * once(X))

    clipped = ready(wrap(Clipped()))
    gradient = jax.grad(lambda x: clipped(x).sum())(X)
    assert_equal(gradient, jnp.full(X.shape, 0.5))


def test_two_noises_in_a_model_differ() -> None:
    model = ready(tl.Branch(Noise(), Noise()))
    one, two = model(X)
    assert differs(one, two)


def test_users_combinators_call_their_sublayers_purely() -> None:
    class Sum(tl.Layer):
        """Adds up what its sublayers give, in Trax's way."""

        def __init__(self, *layers: tl.Layer):
            super().__init__()
            self._sublayers = layers

        def init_weights_and_state(self, signature: Any) -> None:
            made = [sub.init(signature, use_cache=True) for sub in self.sublayers]
            self.weights = tuple(w for w, _ in made)
            self.state = tuple(s for _, s in made)

        def forward(self, x: Any) -> Any:
            total, states = 0, []
            parts = zip(self.sublayers, self.weights, self.state, strict=True)
            for sub, weights, state in parts:
                y, state = sub.pure_fn(x, weights, state, self.rng)
                total = total + y
                states.append(state)
            self.state = tuple(states)
            return total

    dense = tl.Dense(3)
    model = ready(tl.Serial(Sum(dense, tl.GRU(3, mode='predict'), dense)))
    assert model.weights[0][2] is tl.SHARED
    parts = [ready(tl.Serial(dense)), tl.Serial(tl.GRU(3, mode='eval'))]
    model_weights = model.weights[0]
    parts[1].init(tl.signature(X))
    parts[1].weights = (model_weights[1],)
    dense.weights = model_weights[0]
    expected = 2 * parts[0](X) + parts[1](X)
    steps = [model(X[:, t : t + 1]) for t in range(X.shape[1])]
    assert_close(jnp.concatenate(steps, 1), expected)


def test_has_backward_sees_weights_and_gives_their_gradient() -> None:
    class Custom(Scale):
        @property
        def has_backward(self) -> bool:
            return True

        def backward(self, inputs, output, grad, weights, state, new_state, rng):
            return grad * weights, jnp.full_like(weights, 7.0)

    model = ready(tl.Serial(Custom()))

    def loss(w: Any) -> jax.Array:
        return model.pure_fn(X, w, model.state, jax.random.PRNGKey(0))[0].sum()

    assert_equal(jax.grad(loss)(model.weights), (jnp.full((3,), 7.0),))


def test_a_leaked_tracer_is_an_error() -> None:
    class Leak(tl.Layer):
        def forward(self, x: Any) -> Any:
            self._last = x
            return x

    with pytest.raises(tl.LayerError, match=r'left a traced value in self\._last') as info:
        tl.Serial(tl.Dense(3), Leak())(X)
    assert isinstance(info.value.__cause__, RuntimeError)


def test_a_lost_change_is_a_warning() -> None:
    class Lost(tl.Layer):
        def forward(self, x: Any) -> Any:
            self._calls = 1
            return x

    layer = Lost()
    with pytest.warns(UserWarning, match=r'Lost: forward changed self\._calls; the change is lost'):
        layer(X)
    assert not hasattr(layer, '_calls')


def test_python_values_run_op_by_op_with_one_warning() -> None:
    class Sign(tl.Layer):
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    model = ready(tl.Serial(tl.Dense(3), Sign()))
    with pytest.warns(UserWarning, match=r'Sign at Sign#1 needs Python values.*jnp\.where') as seen:
        out = model(X)
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        again = model(-X)
    assert out.sum() > 0
    assert again.sum() > 0


def test_numpy_in_forward_runs_op_by_op() -> None:
    class Host(tl.Layer):
        def init_weights_and_state(self, signature: Any) -> None:
            self.weights = jnp.ones(())

        def forward(self, x: Any) -> Any:
            return np.asarray(x) * np.asarray(self.weights)

    with pytest.warns(UserWarning, match='Host needs Python values'):
        out = Host()(X)
    assert isinstance(out, jax.Array)
    assert_equal(out, jnp.asarray(X))


def test_a_root_layer_is_not_run_by_init() -> None:
    class Fails(tl.Layer):
        def forward(self, x: Any) -> Any:
            raise NotImplementedError('not yet')

    layer = Fails()
    layer.init(tl.signature(X))
    with pytest.raises(tl.LayerError, match='NotImplementedError: not yet'):
        layer(X)


def test_the_pure_pair_in_a_users_layer() -> None:
    class Power(tl.Layer):
        def weights_fn(self, signature: Any, context: Any) -> Any:
            return jnp.full((), 2.0)

        def apply_fn(self, x: Any, weights: Any, state: Any, context: Any) -> Any:
            return jnp.abs(x) ** weights, state

    assert_close(tl.Serial(Power())(X), X**2)


def test_the_more_derived_method_wins() -> None:
    class Plain(Twice):
        def apply_fn(self, x: Any, weights: Any, state: Any, context: Any) -> Any:
            return jnp.zeros_like(x), state

    assert_equal(ready(Plain(3))(X), jnp.zeros_like(X))


def test_a_constructor_must_call_super() -> None:
    class Forgets(tl.Layer):
        def __init__(self) -> None:
            pass

    with pytest.raises(TypeError, match=r'did not call super\(\).__init__\(\)'):
        Forgets()


# ------------------------------------------------------------------------------------------- modes


def test_untold_layers_follow_the_one_that_was_told() -> None:
    model = ready_lm('predict')
    assert model.mode == 'predict'
    assert lm().mode == 'train'
    assert lm('eval').mode == 'eval'
    expected = ready_lm('eval')(IDS)
    fed = np.pad(IDS, ((0, 0), (1, 0)))[:, :-1]
    steps = [model(fed[:, t : t + 1]) for t in range(5)]
    assert_close(jnp.concatenate(steps, 1), expected)


def test_as_mode_beats_what_layers_were_told() -> None:
    model = ready_lm('predict').as_mode('eval')
    assert model.mode == 'eval'
    assert_equal(model(IDS), ready_lm('eval')(IDS))


def test_explicit_eval_inside_predict_does_not_step() -> None:
    model = ready(tl.Serial(tl.GRU(3, mode='predict'), tl.GRU(3, mode='eval')))
    assert model.mode == 'predict'
    first = model(X)
    second = model(X)
    reference = ready(tl.GRU(3))
    reference.weights = model.weights[1]
    assert_close(first, reference(model.sublayers[0].as_mode('eval')(X)))
    assert len(jax.tree.leaves(model.state)) == 1
    assert differs(first, second)


def two_inputs(first: tl.Layer, second: tl.Layer) -> tl.Layer:
    return tl.Serial(tl.Parallel(first, second), tl.Concatenate())


def test_in_a_model_with_several_inputs_untold_layers_do_not_step_and_are_named() -> None:
    model = two_inputs(tl.GRU(3), tl.GRU(4, mode='predict'))
    with pytest.warns(tl.ModeWarning, match=r'has 2 inputs.*start anew.*: GRU_3\. '):
        model.init(tl.signature((X, X)))
    with pytest.warns(tl.ModeWarning):
        one = model((X, X))
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # one warning is enough
        two = model((X, X))
    assert_equal(one[..., :3], two[..., :3])
    assert differs(one[..., 3:], two[..., 3:])


def test_in_mode_says_that_a_part_rests_and_ends_the_warning() -> None:
    encoder = tl.InMode(tl.GRU(3), predict='eval')
    model = ready(two_inputs(encoder, tl.GRU(4, mode='predict')), (X, X))
    one, two = model((X, X)), model((X, X))
    assert_equal(one[..., :3], two[..., :3])
    assert differs(one[..., 3:], two[..., 3:])


def test_as_mode_leaves_pinned_parts_alone() -> None:
    model = ready(tl.Serial(tl.InMode(tl.Dropout(0.5), eval='train'), tl.Dropout(0.5)))
    train, evaluate = model(X), model.as_mode('eval')(X)
    assert 0 < float((evaluate == 0).mean()) < float((train == 0).mean())
    pinned = ready(tl.Serial(tl.InMode(tl.GRU(3), predict='eval'))).as_mode('predict')
    assert jax.tree.leaves(pinned.state) == []
    assert_equal(pinned(X), pinned(X))


def test_a_resting_part_does_not_carry() -> None:
    model = tl.Serial(tl.InMode(tl.GRU(3), predict='eval'), tl.GRU(3))
    view = ready(model).with_carry().as_mode('predict')
    view(X)
    assert len(jax.tree.leaves(view.state)) == 1


class OwnMode(tl.Layer):
    """Stores its own mode, as many a layer in the wild does."""

    def __init__(self, mode: str = 'train'):
        super().__init__()
        self._mode = mode

    def forward(self, x: Any) -> Any:
        return x if self._mode == 'predict' else 2 * x


def test_a_layer_that_keeps_its_own_mode_cannot_follow_and_says_so() -> None:
    model = ready(tl.Serial(tl.Dense(3), OwnMode()))
    with pytest.warns(tl.ModeWarning, match=r"OwnMode keeps its own mode, 'train'.*as_mode\('pred"):
        model.as_mode('predict')
    model.as_mode('train')


def test_a_layers_own_mode_counts_as_told_where_it_is_not_the_default() -> None:
    assert tl.Serial(tl.GRU(3), OwnMode('predict')).mode == 'predict'
    assert tl.Serial(tl.GRU(3, mode='eval'), OwnMode()).mode == 'eval'
    with pytest.raises(tl.ModeError):
        tl.Serial(tl.GRU(3, mode='train'), OwnMode('predict'))


# ------------------------------------------------------------------------------------ precision


def test_precision_is_a_policy_and_changes_no_dtype() -> None:
    model = ready_lm()
    exact = model(IDS)
    for precision in tl.PRECISIONS:
        out = model.with_precision(precision)(IDS)
        assert out.dtype == jnp.float32
        assert_close(out, exact, 2000 if precision == 'bf16' else 1)
    assert differs(model.with_precision('bf16')(IDS), exact)
    with pytest.raises(ValueError, match=r"precision must be one of .* got 'half'"):
        model.with_precision('half')


def test_a_provider_fills_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    from retrax.combinators import construction

    monkeypatch.setattr(construction, '_providers', [])
    combinators.add_provider(lambda cls, args, kwargs: {'use_bias': False, **kwargs})
    assert len(jax.tree.leaves(ready(tl.Dense(3)).weights)) == 1
    assert len(jax.tree.leaves(ready(tl.Dense(3, use_bias=True)).weights)) == 2


@pytest.mark.parametrize('base', [False, True])
def test_what_a_decorator_of_a_class_fills_in_is_its_definition(base: bool) -> None:
    """gin.configurable fills arguments inside the constructor, where no caller sees them."""
    factors = {}

    def filling(cls: Any) -> Any:
        plain = cls.__init__

        @functools.wraps(plain)
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            plain(self, *args, **{**factors, **kwargs})

        cls.__init__ = init
        return cls

    @filling
    class Times(tl.Layer):
        def __init__(self, factor: float = 1.0, name: str | None = None) -> None:
            super().__init__(name=name)
            self._factor = factor

        def forward(self, x: Any) -> Any:
            return self._factor * x

    class TimesAlways(Times):
        def __init__(self) -> None:
            super().__init__()

    make = TimesAlways if base else Times
    one = make()._fingerprint
    assert make()._fingerprint == one
    factors['name'] = 'another'
    assert make()._fingerprint == one
    factors['factor'] = 5.0
    assert make()._fingerprint != one
    assert base or make()._fingerprint == Times(factor=5.0)._fingerprint


def test_a_scan_alone_is_no_model_of_several_inputs() -> None:
    """It has carries as inputs; as_mode makes it step without a warning."""
    scan = ready(tl.Scan(tl.GRUCell(4), axis=1), (X, np.zeros((2, 4), np.float32)))
    stepping = scan.as_mode('predict')
    whole, _ = scan((X, np.zeros((2, 4), np.float32)))
    parts = [stepping((X[:, i : i + 1], np.zeros((2, 4), np.float32)))[0] for i in range(5)]
    assert_close(np.concatenate(parts, 1), whole)


def test_warnings_point_at_the_users_line() -> None:
    two = tl.Serial(tl.Parallel(tl.GRU(3), tl.GRU(3)), tl.Add())
    view = two.as_mode('predict')
    with pytest.warns(tl.ModeWarning) as caught:
        view((X, X))
    assert {w.filename for w in caught} == {__file__}


# ------------------------------------------------------------------------------------ deep models


def nested(depth: int, make: Any) -> tl.Serial:
    """Series within series, ten layers in each."""
    inner = [nested(depth - 1, make)] if depth > 1 else []
    return tl.Serial([make() for _ in range(10)], inner)


def test_init_compiles_nothing_for_more_layers() -> None:
    """However deep: one program for each kind and shape of weight."""
    models.GRULM(17, 8, 2).init(tl.signature(IDS))
    with no_compilation():
        models.GRULM(17, 8, 100).init(tl.signature(IDS))
    rows = tl.ShapeDtype((2, 9))
    nested(1, lambda: tl.Dense(9)).init(rows)
    with no_compilation():
        nested(10, lambda: tl.Dense(9)).init(rows)


def test_one_kernel_is_traced_for_all_equal_layers(monkeypatch: pytest.MonkeyPatch) -> None:
    traced: list[Any] = []
    step = tl.GRUCell.step
    monkeypatch.setattr(tl.GRUCell, 'step', lambda *args: traced.append(0) or step(*args))

    def traces(n_layers: int, width: int) -> int:
        del traced[:]
        model = models.GRULM(17, width, n_layers)
        model.init(tl.signature(IDS))
        model(IDS)
        return len(traced)

    assert 0 < traces(2, 23) == traces(50, 29)


@pytest.mark.parametrize('sizes', [(2, 5), ('b', 't')])
def test_init_visits_each_layer_once_at_any_depth(sizes: tuple[Any, ...]) -> None:
    visits: list[str] = []
    runs: list[Any] = []

    class Visits(combinators.Observer):
        def made(self, layer: Any, context: Any, inputs: Any, made: Any) -> None:
            visits.append(context.location)

    model = nested(10, lambda: counting(runs))
    with combinators.observing(Visits()):
        model.init(tl.ShapeDtype(sizes, np.int32))
    assert len(visits) == len(set(visits)) == 110  # 100 layers in 10 series
    assert len(runs) == 100
    del visits[:], runs[:]
    with combinators.observing(Visits()):
        model.output_signature(tl.ShapeDtype(sizes, np.int32))
    assert len(visits) == 110
    assert len(runs) == 100


def test_a_layer_shows_the_arguments_of_its_constructor() -> None:
    assert list(inspect.signature(tl.Dropout).parameters) == ['rate', 'shared_axes', 'mode']
