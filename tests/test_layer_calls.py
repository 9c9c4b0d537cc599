"""Calls of a model: what is compiled, what its signatures say, and models that are deep."""

import inspect
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import IDS, X, counting, lm, no_compilation, ready, ready_lm
from tolerances import assert_equal

from retrax import combinators, models
from retrax import layers as tl

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


# --------------------------------------------------------------------------- calls inside a trace


def test_a_trace_leaves_nothing_behind_in_a_model() -> None:
    model = tl.Serial(tl.Dense(3), tl.BatchNorm(), tl.GRU(3))
    made, _ = jax.jit(lambda: model.init(tl.signature(X), rng=1))()
    assert not model.has_weights
    assert model.input_signature is None
    y = jax.jit(model)(X)  # makes weights that last, as a call without jit does
    assert_equal(model.as_mode('eval')(X).shape, y.shape)
    jax.tree.map(np.testing.assert_array_equal, made, model.init(tl.signature(X), rng=1)[0])

    view = model.as_mode('predict')
    view.init(tl.signature(X))
    weights, state = model.weights, view.state
    expected = view(X, weights=weights, state=state)
    after = view.state
    y = jax.jit(lambda x, w, s: view(x, weights=w, state=s))(X, weights, state)
    np.testing.assert_allclose(y, expected, rtol=1e-5, atol=1e-6)
    jax.tree.map(assert_equal, view.state, after)
    jax.jit(lambda x, w, s: model(x, weights=w, state=s))(X, weights, model.state)
    jax.tree.map(np.asarray, (model.state, view.state, model.weights))
