"""fuse: the same outputs, states, draws and gradients, with products of the table."""

import functools
import importlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from registry import make_loud
from tolerances import assert_close, assert_equal

import retrax
from retrax import layers as tl
from retrax import models

pytestmark = pytest.mark.usefixtures('compiled_quickly')

V, D, N = 7, 6, 5
IDS = np.random.default_rng(0).integers(0, V, (3, 8), np.int32)
LENGTHS = np.array([8, 3, 0], np.int32)


def behind(*layers: Any) -> Any:
    """A table, a layer behind it, and what makes log-probabilities of them."""
    return tl.Serial(tl.Embedding(V, D), *layers, tl.Dense(V), tl.LogSoftmax())


def recurrent(cell: Any = None, **options: Any) -> Any:
    return behind(tl.Recurrent(tl.GRUCell(N) if cell is None else cell, **options))


FUSED = {
    'GRULM': lambda: models.GRULM(V, D, 2),
    'LSTM': lambda: behind(tl.LSTM(N), tl.Dropout(0.3), tl.LSTM(N)),
    'RNN, backwards': lambda: recurrent(tl.RNNCell(N), reverse=True),
    'reset after': lambda: recurrent(tl.GRUCell(N, reset='after', recurrent_bias=True)),
    'peepholes': lambda: recurrent(tl.PeepholeLSTMCell(N)),
    'normalised': lambda: recurrent(tl.LayerNormalized(tl.GRUCell(N))),
    'lengths': lambda: recurrent(padding='lengths'),
    'learned start': lambda: recurrent(initial_state='learned'),
    'zoneout': lambda: recurrent(zoneout=0.2),
    'dropout': lambda: recurrent(recurrent_dropout=0.3),
    'remat': lambda: recurrent(remat=True),
    'nested': lambda: tl.Serial(models.GRULM(V, D, 1), tl.Dropout(0.2), tl.Dense(V)),
    'tied': lambda: tied(tl.Embedding(V, D)),
}
LEFT = {
    'a linear recurrence': lambda: behind(tl.SRU(D)),
    'something between': lambda: behind(tl.Dense(N), tl.GRU(N)),
    'both directions': lambda: behind(tl.Bidirectional(tl.GRU(N))),
    'no series': lambda: tl.Embedding(V, D),
    'of another class': lambda: tl.Serial(Scaled(V, D), tl.GRU(N)),
}


class Scaled(tl.Embedding):
    """An embedding that does more than look up."""

    def apply_fn(self, x, weights, state, context):
        y, state = super().apply_fn(x, weights, state, context)
        return 2 * y, state


def tied(table: tl.Layer) -> Any:
    """A table that is read twice, once by a recurrent layer."""
    return tl.Serial(tl.Dup(), table, tl.GRU(D), tl.Swap(), table, tl.Add(), tl.Dense(V))


def ready(make: Any) -> tuple[Any, Any]:
    """A model with weights, and its inputs."""
    model = make()
    x = (IDS, LENGTHS) if model.n_in == 2 else IDS
    model.init(tl.signature(x))
    return make_loud(model), x


def widths(model: Any, x: Any, weights: Any, state: Any) -> list[int]:
    """Returns how many rows each product with a matrix of D rows has."""
    jaxpr = jax.make_jaxpr(model.pure_fn)(x, weights, state, jax.random.key(0))
    return [
        int(np.prod(e.invars[0].aval.shape[:-1]))
        for e in products(jaxpr.jaxpr)
        if e.invars[1].aval.shape[0] == D
    ]


def products(jaxpr: Any) -> Any:
    for e in jaxpr.eqns:
        if e.primitive.name == 'dot_general':
            yield e
        for sub in jax.tree.leaves(list(e.params.values()), is_leaf=is_program):
            if is_program(sub):
                yield from products(getattr(sub, 'jaxpr', sub))


def is_program(value: Any) -> bool:
    return hasattr(value, 'eqns') or hasattr(value, 'jaxpr')


@pytest.mark.parametrize('carry', [False, True])
@pytest.mark.parametrize('name', FUSED)
def test_outputs_states_draws_and_gradients_are_the_models(name: str, carry: bool) -> None:
    model, x = ready(FUSED[name])
    view = model.as_mode('train').with_carry(carry)
    fused, state, key = retrax.fuse(view), view.new_state(3), jax.random.key(4)
    assert fused is not view
    assert_equal(fused.weights, view.weights)
    assert_equal(fused.new_state(3), state)
    assert fused.output_signature(tl.signature(x)) == view.output_signature(tl.signature(x))

    @functools.partial(jax.jit, static_argnums=0)
    def run(layer: Any, weights: Any) -> Any:
        def loss(weights: Any) -> Any:
            y, after = layer.pure_fn(x, weights, state, key)
            return jnp.sum(jnp.sin(jnp.arange(y.size)) * y.ravel()), (y, after)

        return jax.value_and_grad(loss, has_aux=True)(weights)

    wanted, got = run(view, view.weights), run(fused, view.weights)
    assert_close(got, wanted)
    assert jax.tree.structure(got) == jax.tree.structure(wanted)


@pytest.mark.parametrize('name', LEFT)
def test_what_does_not_fit_stays(name: str) -> None:
    model = LEFT[name]()
    assert retrax.fuse(model) is model


def test_the_table_is_multiplied_where_it_has_fewer_rows_than_the_batch() -> None:
    model, _ = ready(lambda: models.GRULM(V, D, 1))
    fused, state = retrax.fuse(model), model.new_state(3)

    def rows(layer: Any, ids: Any) -> list[int]:
        return widths(layer, ids, model.weights, state)

    loop = [3, 3]  # a row of the batch each
    assert sorted(rows(model, IDS)) == [*loop, 24, 24, 24]  # gates, candidate, Dense
    assert sorted(rows(fused, IDS)) == [*loop, V, V, 24]
    for layer, ids in ((fused, IDS[:, :2]), (fused.with_implementation('reference'), IDS)):
        assert rows(layer, ids) == rows(model, ids)  # six ids, and the plain form


def test_ids_are_refused_as_by_the_model_with_the_same_path() -> None:
    model, _ = ready(FUSED['GRULM'])
    told = []
    for layer in (model, retrax.fuse(model)):
        with pytest.raises(tl.LayerError) as error:
            layer.pure_fn(IDS.astype(np.float32), model.weights, model.new_state(3), None)
        told.append((error.value.path, str(error.value).splitlines()[-2:]))
    assert told[0] == told[1]
    assert told[0][0] == 'Embedding#1'


@pytest.mark.parametrize('precision', ['float32', 'bf16'])
def test_training_and_evaluating_are_those_of_the_model(
    precision: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for fuse in (retrax.fuse, lambda model: model):
        for module in ('step', 'evaluate'):
            monkeypatch.setattr(importlib.import_module(f'retrax.training.{module}'), 'fuse', fuse)
        model = models.GRULM(256, 8, 1).with_precision(precision)
        model.init(tl.ShapeDtype((1, 1), np.int32), rng=0)
        retrax.fit(model, 'to be or not to be ' * 40, steps=6, batch_size=8, window=40)
        found.append((model.weights, retrax.evaluate(model, 'or not to be ' * 60).nats))
    if precision == 'float32':
        assert_close(*found)
    else:
        assert found[0][1] == pytest.approx(found[1][1], rel=1e-2)


def test_statistics_are_the_models() -> None:
    model, x = ready(lambda: behind(tl.GRU(N), tl.BatchNorm()))
    model.as_mode('train')(x)
    view = model.as_mode('eval')
    assert_equal(retrax.fuse(view).new_state(3), view.new_state(3))
    assert_close(retrax.fuse(view)(x), view(x))
