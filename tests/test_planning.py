"""Plans: the same outputs and states as the model they were made of, with fewer products."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry import make_loud
from tolerances import assert_close, assert_equal

import retrax
from retrax import layers as tl
from retrax import models
from retrax.kernels import dot, pack, unpack
from retrax.planning import behind

pytestmark = pytest.mark.usefixtures('compiled_quickly')

IDS = np.random.default_rng(0).integers(0, 11, (3, 7), np.int32)


def series(*layers: Any) -> tl.Serial:
    return tl.Serial(tl.ShiftRight(), tl.Embedding(11, 6), *layers, tl.Dense(11), tl.LogSoftmax())


def after() -> tl.Layer:
    return tl.Recurrent(tl.GRUCell(5, reset='after', recurrent_bias=True))


def tied() -> tl.Serial:
    gru = tl.GRU(6)
    return series(gru, gru)


MODELS = {
    'GRULM': lambda: models.GRULM(11, 6, 2),
    'LSTM': lambda: series(tl.LSTM(5), tl.LSTM(4)),
    'RNN': lambda: series(tl.RNN(5)),
    'after': lambda: series(after()),
    'nested': lambda: tl.Serial(series(tl.GRU(5)), tl.Dense(11)),
    'tied': tied,
    'no weights': lambda: tl.Serial(tl.ShiftRight(), tl.ToFloat()),
    'apart': lambda: series(tl.Dense(5), tl.GRU(5)),
    'normalised': lambda: series(tl.GRU(5), tl.LayerNorm()),
    'peepholes': lambda: series(tl.Recurrent(tl.PeepholeLSTMCell(5)), tl.LSTM(4)),
    'no bias': lambda: tl.Serial(tl.Embedding(11, 6), tl.GRU(5), tl.Dense(11, use_bias=False)),
    'learned': lambda: series(tl.Recurrent(tl.GRUCell(5), initial_state='learned')),
}


def ready(name: str, mode: str = 'predict') -> tl.Layer:
    model = MODELS[name]()
    model.init(tl.signature(IDS))
    return make_loud(model).as_mode(mode)


def in_chunks(model: tl.Layer, weights: Any, ids: Any, state: Any, sizes: list[int]) -> Any:
    ys, start = [], 0
    run = model.program('chunk', lambda: jax.jit(lambda *inputs: model.pure_fn(*inputs, None)))
    for size in sizes:
        y, state = run(ids[:, start : start + size], weights, state)
        ys.append(y)
        start += size
    return jnp.concatenate(ys, 1), state


@pytest.mark.parametrize('rows', [1, 3])
@pytest.mark.parametrize('name', MODELS)
def test_outputs_and_states_are_the_models(name: str, rows: int) -> None:
    model = ready(name)
    ids = IDS[:rows]
    plan = retrax.plan(model, batch_size=rows)
    state = model.new_state(rows)
    wanted, last = in_chunks(model, model.weights, ids, state, [7])
    ahead = plan.ahead(plan.weights, state)  # steps begin with what the last one made
    for start, sizes in ((state, [7]), (state, [1, 5, 1]), (ahead, [1, 1, 3, 1, 1])):
        got, after = in_chunks(plan.model, plan.weights, ids, start, sizes)
        assert_close(got, wanted)
        assert jax.tree.structure(behind(after)) == jax.tree.structure(last)
        assert_close(behind(after), last)


WORDS = {
    'Dense': lambda: tl.Dense(6),
    'GRU': lambda: tl.GRU(6),
    'LSTM': lambda: tl.LSTM(6),
    'RNN': lambda: tl.RNN(6),
    'MinGRU': lambda: tl.MinGRU(6),
    'LayerNorm': tl.LayerNorm,
    'Residual': lambda: tl.Residual(tl.GRU(6)),
    'nested': lambda: tl.Serial(tl.GRU(6), tl.LogSoftmax()),
}
ENDS = {
    'scores': lambda: [tl.Dense(11)],
    'log-probabilities': lambda: [tl.Dense(11), tl.LogSoftmax()],
    'of a series': lambda: [tl.Serial(tl.Dense(11), tl.LogSoftmax())],
}


@settings(max_examples=10)
@given(
    words=st.lists(st.sampled_from(sorted(WORDS)), max_size=4),
    end=st.sampled_from(sorted(ENDS)),
    rows=st.sampled_from([1, 3]),
    is_tied=st.booleans(),
)
def test_random_models_keep_their_outputs(
    words: list[str], end: str, rows: int, is_tied: bool
) -> None:
    one = {word: WORDS[word]() for word in words}
    layers = [one[word] if is_tied else WORDS[word]() for word in words]
    model = tl.Serial(tl.ShiftRight(), tl.Embedding(11, 6), *layers, *ENDS[end]())
    model.init(tl.signature(IDS))
    model, ids = make_loud(model).as_mode('predict'), IDS[:rows, :5]
    plan, state = retrax.plan(model, batch_size=rows), model.new_state(rows)
    wanted, last = in_chunks(model, model.weights, ids, state, [3, 2])
    scores, after = in_chunks(plan.unnormalised, plan.weights, ids, state, [3, 2])
    assert_close(jax.nn.log_softmax(scores), jax.nn.log_softmax(wanted))
    assert_close(behind(after), last)
    ahead = plan.ahead(plan.weights, state)
    got, after = in_chunks(plan.model, plan.weights, ids, ahead, [3, 1, 1])
    assert_close(got, wanted)
    assert_close(behind(after), last)
    normalised = np.abs(np.exp(scores).sum(-1) - 1).max() < 1e-3
    assert not normalised


@pytest.mark.parametrize('mode', ['train', 'eval'])
def test_modes_and_carry_are_the_models(mode: str) -> None:
    model = ready('GRULM', mode)
    for view in (model, model.with_carry()):
        plan = retrax.plan(view)
        state = view.new_state(3)
        wanted = in_chunks(view, view.weights, IDS, state, [3, 4])
        assert_close(in_chunks(plan.model, plan.weights, IDS, state, [3, 4]), wanted)


def test_bf16_stays_bf16() -> None:
    model = ready('GRULM').with_precision('bf16')
    plan = retrax.plan(model, batch_size=1)
    state = model.new_state(1)
    wanted, _ = in_chunks(model, model.weights, IDS[:1], state, [1] * 7)
    got, _ = in_chunks(plan.model, plan.weights, IDS[:1], state, [1] * 7)
    assert np.abs(got - wanted).max() < 2e-2
    exact, _ = in_chunks(model.with_precision('float32'), model.weights, IDS[:1], state, [1] * 7)
    assert np.abs(got - exact).max() > 1e-5


def test_a_plan_says_what_it_did() -> None:
    fed = 'its products with the input come made'
    feeds = f"{fed}; it makes the next layer's, and its own of the next step"
    goes = 'LogSoftmax#1: goes where its output only feeds sampling'
    assert str(retrax.plan(ready('GRULM'))).splitlines() == [
        'Embedding#1: looks up products of the layer behind it',
        f'GRU#1: {feeds}',
        f'GRU#2: {feeds}',
        'Dense#1: made by the layer before it',
        goes,
    ]
    assert str(retrax.plan(ready('nested'))).splitlines()[1] == f'Serial#1/GRU#1: {feeds}'
    assert str(retrax.plan(ready('normalised'))).splitlines()[1:] == [f'GRU#1: {fed}', goes]
    assert str(retrax.plan(ready('apart'), batch_size=1)).splitlines() == [
        *(f'{layer}: kernels laid out for one row' for layer in ('Dense#1', 'GRU#1', 'Dense#2')),
        goes,
    ]
    assert str(retrax.plan(ready('apart'))) == goes
    assert str(retrax.plan(ready('no weights'))) == 'nothing to rewrite'
    rounded = ready('apart').with_precision('bf16')
    assert str(retrax.plan(rounded)).splitlines()[0] == 'Dense#1: kernels rounded to bfloat16'


def test_only_a_log_softmax_of_scores_that_comes_last_goes() -> None:
    inner = tl.Serial(tl.Dense(3), tl.LogSoftmax())
    assert str(retrax.plan(tl.Serial(tl.Dense(3), inner))).startswith('Serial#1/LogSoftmax#1: goes')
    for end in (
        tl.LogSoftmax(axis=1),
        tl.Fn('LogSoftmax', lambda x: x),
        tl.Softmax(),
        [tl.LogSoftmax(), tl.Relu()],
        tl.Branch(tl.LogSoftmax(), None),
    ):
        plan = retrax.plan(tl.Serial(tl.Dense(3), end))
        assert str(plan) == 'nothing to rewrite'
        assert plan.unnormalised is plan.model


def test_scores_of_integers_are_floats_without_log_softmax() -> None:
    model = tl.Serial(tl.Fn('Twice', lambda x: 2 * x), tl.LogSoftmax())
    plan = retrax.plan(model)
    assert_equal(plan.unnormalised(IDS), 2 * jnp.asarray(IDS, jnp.float32))


def test_a_step_makes_no_product_of_the_embedding() -> None:
    model = ready('GRULM')
    plan = retrax.plan(model)
    state = model.new_state(2)

    def kernels(model: tl.Layer, weights: Any, state: Any) -> list[tuple[int, int]]:
        """The shapes of the kernels of a step, in all its products."""
        jaxpr = jax.make_jaxpr(model.pure_fn)(IDS[:2, :1], weights, state, None)
        return [v.aval.shape for e in eqns(jaxpr) for v in e.invars[1:2]]

    both = [(12, 12), (12, 6)]
    assert kernels(model, model.weights, state) == [*both, *both, (6, 11)]
    ahead = plan.ahead(plan.weights, state)
    stack = [(6, 6), (6, 12 + 18), (6, 6), (6, 12 + 11)]
    assert kernels(plan.model, plan.weights, ahead) == stack


def eqns(jaxpr: Any) -> Any:
    for e in jaxpr.jaxpr.eqns:
        if e.primitive.name == 'dot_general':
            yield e
        for sub in e.params.values():
            if hasattr(sub, 'jaxpr'):
                yield from eqns(sub)


def test_weights_are_made_anew_when_the_model_changes() -> None:
    model = ready('GRULM')
    plan = retrax.plan(model)
    first = plan.weights
    assert plan.weights is first
    model.weights = jax.tree.map(lambda w: 2 * w, model.weights)
    state = model.new_state(3)
    wanted, _ = model.pure_fn(IDS, model.weights, state, None)
    assert_close(plan.model.pure_fn(IDS, plan.weights, state, None)[0], wanted)


@pytest.mark.parametrize('shape', [(5,), (1, 5), (1, 1, 5), (3, 5), (2, 3, 5)])
@pytest.mark.parametrize('precision', ['float32', 'bf16'])
def test_products_with_a_packed_matrix(shape: tuple[int, ...], precision: str) -> None:
    r = np.random.default_rng(0)
    a, b = r.normal(size=shape).astype('f'), r.normal(size=(5, 4)).astype('f')
    assert pack(b).shape == b.shape
    assert_equal(unpack(pack(b)), jnp.asarray(b))
    assert_close(dot(a, pack(b), precision), dot(a, b, precision))
