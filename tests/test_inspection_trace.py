"""trace: the stack after each layer of a run."""

import jax.numpy as jnp
import numpy as np
import pytest

from retrax import layers as tl
from retrax.combinators import LayerError
from retrax.inspection import trace
from retrax.models import GRULM

X = np.zeros((2, 5), np.int32)
ONE = tl.ShapeDtype((1, 1), np.int32)


def stacks(found) -> list[str]:
    return [' '.join(map(str, row.stack)) for row in found]


def test_a_language_model() -> None:
    found = trace(GRULM(7, 4, 1), X)
    assert [row.path for row in found] == [
        'ShiftRight#1', 'Embedding#1', 'GRU#1', 'Dense#1', 'LogSoftmax#1'
    ]  # fmt: skip
    assert [row.n_weights for row in found] == [0, 28, 108, 35, 0]
    assert found[2].shape == (2, 5, 4)
    assert found[2].dtype == np.float32
    assert len(found) == 5


def test_what_lies_below_stays_on_the_stack() -> None:
    model = tl.Serial(tl.Dup(), tl.Fn('Half', lambda x: x[:, :1]), tl.Swap(), tl.Drop())
    assert stacks(trace(model, (X, np.ones(3, np.float32)))) == [
        'int32[2,5] int32[2,5] float32[3]',
        'int32[2,1] int32[2,5] float32[3]',
        'int32[2,5] int32[2,1] float32[3]',
        'int32[2,1] float32[3]',
    ]


def test_an_empty_stack() -> None:
    found = trace(tl.Serial(tl.Drop()), X)
    assert found[0].stack == ()
    assert found[0].shape is None
    assert found[0].values is None
    assert found[0].dtype is None
    assert 'empty' in str(found)


def test_inside_combinators() -> None:
    model = tl.Serial(tl.Embedding(7, 4), tl.Residual(tl.GRU(4), tl.Dense(4)))
    rows = {row.path: row for row in trace(model, X)}
    assert list(rows) == [
        'Embedding#1',
        'Serial#1/Branch#1/Select#1',
        'Serial#1/Branch#1/Parallel#1/Serial#1',  # the way around, without layers
        'Serial#1/Branch#1/Parallel#1/Serial#2/GRU#1',
        'Serial#1/Branch#1/Parallel#1/Serial#2/Dense#1',
        'Serial#1/Add#1',
    ]
    assert len(rows['Serial#1/Branch#1/Select#1'].stack) == 2
    assert len(rows['Serial#1/Add#1'].stack) == 1


def test_inside_a_scan() -> None:
    zeros = tl.Fn('Zeros', lambda x: (x, jnp.zeros((x.shape[0], 4))), n_out=2)
    model = tl.Serial(tl.Embedding(7, 5), zeros, tl.Scan(tl.GRUCell(4), axis=1))
    found = trace(model, X)
    assert stacks(found)[-1] == 'float32[2,4] float32[2,4]'
    assert found[-1].values is None
    assert found[0].values.high > 0


class Twice(tl.Layer):
    """A combinator as Trax users write it."""

    def __init__(self, layer):
        super().__init__()
        self._sublayers = [layer]

    def forward(self, x):
        layer = self.sublayers[0]
        for _ in range(2):
            x, _ = layer.pure_fn(x, self.weights[0], self.state[0], self.rng)
        return x

    def init_weights_and_state(self, signature):
        weights, state = self.sublayers[0].init(signature, use_cache=True)
        self.weights, self.state = (weights,), (state,)


def test_a_combinator_of_a_user() -> None:
    found = trace(tl.Serial(tl.Embedding(7, 4), Twice(tl.Dense(4))), X)
    assert [row.path for row in found] == ['Embedding#1', 'Twice#1/Dense#1']


def test_A12_every_layer_with_what_it_holds() -> None:
    model = GRULM(7, 4, 1)
    model.init(ONE)
    ids = np.array([[3, 1, 4], [1, 5, 6]], np.int32)
    shift, *_, gru, dense, _ = trace(model, ids)
    shifted = [0, 3, 1, 0, 1, 5]
    assert shift.values == (np.mean(shifted), np.std(shifted), 0, 5, (0, 3, 1))
    x = np.asarray(model.weights[1], np.float64)[np.array([[0, 3, 1], [0, 1, 5]])]
    w1, b1, w2, b2 = (np.asarray(w, np.float64) for w in model.weights[2])
    h, steps = np.zeros((2, 4)), []
    for t in range(3):
        u, r = np.split(1 / (1 + np.exp(-(np.concatenate([x[:, t], h], 1) @ w1 + b1))), 2, axis=1)
        c = np.tanh(np.concatenate([x[:, t], r * h], 1) @ w2 + b2)
        h = u * h + (1 - u) * c
        steps.append(h)
    h = np.stack(steps, 1)
    w, b = (np.asarray(part, np.float64) for part in model.weights[3])
    for found, y in ((gru.values, h), (dense.values, h @ w + b)):
        np.testing.assert_allclose(found[:4], [y.mean(), y.std(), y.min(), y.max()], atol=1e-6)
        np.testing.assert_allclose(found.first, y.reshape(-1)[:3], atol=1e-6)


def test_values_are_real() -> None:
    seen = []

    class Looks(tl.Layer):
        def forward(self, x):
            seen.append(int(x.sum()))
            return x

    model = tl.Serial(Looks())
    model.init(tl.ShapeDtype((1, 1), np.int32))
    assert len(trace(model, X + 3)) == 1
    assert seen[-1] == 30


def test_the_model_is_left_alone() -> None:
    model = GRULM(7, 4, 1)
    trace(model, X)
    assert model.weights == GRULM(7, 4, 1).weights
    model.init(ONE)
    predict = model.as_mode('predict')
    predict(X[:1, :1])
    state, weights, calls = predict.state, model.weights, predict._tl_memory.calls
    found = trace(predict, X)
    assert found[2].shape == (2, 5, 4)
    assert predict.state is state
    assert predict._tl_memory.calls == calls
    assert model.weights[1] is weights[1]
    assert 'run' not in vars(model)


def test_a_shared_layer_is_seen_at_both_places() -> None:
    dense = tl.Dense(4)
    found = trace(tl.Serial(tl.Embedding(7, 4), dense, dense), X)
    assert [row.path for row in found] == ['Embedding#1', 'Dense#1', 'Dense#2']


def test_a_layer_alone() -> None:
    found = trace(tl.Dense(3), np.zeros((2, 4), np.float32))
    assert [(row.path, row.shape) for row in found] == [('', (2, 3))]


def test_inputs_that_do_not_fit() -> None:
    model = tl.Serial(tl.Dense(4), tl.Dense(2))
    model.init(tl.ShapeDtype((1, 5)))
    with pytest.raises(LayerError, match='Dense#1'):
        trace(model, np.zeros((2, 6), np.float32))


def test_what_it_prints() -> None:
    lines = [' '.join(line.split()) for line in str(trace(GRULM(7, 4, 1), X)).splitlines()]
    assert lines[0] == 'Serial: int32[2,5]'
    (gru,) = [line for line in lines if line.startswith('GRU#1 GRU_4 float32[2,5,4] 108 ')]
    assert len(gru.split()) == 4 + 4 + 3
