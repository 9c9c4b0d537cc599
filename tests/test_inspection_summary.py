"""summary and parameter_count: tables of a model that was not run."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from retrax import layers as tl
from retrax.combinators import LayerError
from retrax.inspection import parameter_count, summary
from retrax.models import GRULM

IDS = tl.ShapeDtype(('b', 't'), np.int32)
ONE = tl.ShapeDtype((1, 1), np.int32)


class UserLayer(tl.Layer):
    """Needs numbers for sizes, as layers of Trax users do."""

    def init_weights_and_state(self, signature):
        self.weights = jnp.zeros((signature.shape[-1], 3))

    def forward(self, x):
        return x @ self.weights


def upto(n: int) -> tl.Layer:
    """A layer with a longest sequence."""

    def check(x):
        if x.shape[1] > n:
            raise ValueError(f'too long: {x.shape[1]}')
        return x

    return tl.Fn('UpTo', check)


def outputs(found) -> list[str]:
    return [row.outputs for row in found.rows]


def test_a_language_model() -> None:
    found = summary(GRULM(256, 512, 2), IDS)
    assert [row.path for row in found.rows] == [
        'ShiftRight#1', 'Embedding#1', 'GRU#1', 'GRU#2', 'Dense#1', 'LogSoftmax#1'
    ]  # fmt: skip
    assert outputs(found) == ['int32[b,t]'] + 3 * ['float32[b,t,512]'] + 2 * ['float32[b,t,256]']
    assert [row.weights.n for row in found.rows] == [0, 131072, 1574400, 1574400, 131328, 0]
    assert found.weights == (3411200, 4 * 3411200)
    assert found.state == (1024, 4096)


def test_numbers_in_the_signature_become_names_where_the_model_allows() -> None:
    assert outputs(summary(GRULM(7, 4, 1), ONE)) == outputs(summary(GRULM(7, 4, 1), IDS))
    dense = tl.Serial(tl.Dense(4), tl.Dense(2))
    assert outputs(summary(dense, tl.ShapeDtype((8, 784)))) == ['float32[b,4]', 'float32[b,2]']
    user = tl.Serial(tl.Dense(4), UserLayer())
    found = summary(user, tl.ShapeDtype((8, 5, 784)))
    assert outputs(found) == ['float32[8,5,4]', 'float32[8,5,3]']


def test_the_signature_of_init_is_the_default() -> None:
    model = GRULM(7, 4, 1)
    with pytest.raises(ValueError, match=r'summary: Serial was never initialised.*ShapeDtype'):
        summary(model)
    model.init(ONE)
    assert outputs(summary(model)) == outputs(summary(model, IDS))


def test_rows_whose_sizes_were_found_by_trying_numbers_are_marked() -> None:
    twice = tl.Fn('Twice', lambda x: jnp.concatenate([x, x], 1) if x.shape[1] > 1 else x)
    found = summary(tl.Serial(tl.Embedding(7, 4), twice, tl.GRU(3)), IDS)
    assert outputs(found) == ['float32[b,t,4]', 'float32[b,2*t,4]', 'float32[b,2*t,3]']
    assert [row.tried for row in found.rows] == [False, True, False]
    lines = [' '.join(line.split()) for line in str(found).splitlines()]
    assert 'Twice#1 Twice train float32[b,2*t,4] *' in lines
    assert lines[-1] == '* found by trying numbers: the layer wants numbers for sizes'
    assert '*' not in str(summary(GRULM(7, 4, 1), IDS))


def test_a_limit_in_the_signature() -> None:
    ids = tl.ShapeDtype(('b', 't<=20'), np.int32)
    found = summary(tl.Serial(tl.Embedding(7, 4), upto(20)), ids)
    assert str(found.inputs) == 'int32[b,t<=20]'
    assert outputs(found) == 2 * ['float32[b,t,4]']


def test_nothing_is_made() -> None:
    model = GRULM(7, 4, 1)
    summary(model, ONE)
    assert all(not np.size(w) for w in model.named_weights().values())
    model.init(ONE)
    before = model.weights
    predict = model.as_mode('predict')
    predict.state = state = predict.new_state(1)
    summary(predict)
    assert model.weights[1] is before[1]
    assert predict.state is state


def test_effective_modes() -> None:
    def modes(model):
        return [row.mode for row in summary(model, IDS).rows]

    assert modes(GRULM(7, 4, 1)) == 5 * ['train']
    assert modes(GRULM(7, 4, 1, mode='predict')) == 5 * ['predict']
    assert modes(GRULM(7, 4, 1).as_mode('eval')) == 5 * ['eval']
    assert modes(GRULM(7, 4, 1).with_carry()) == 5 * ['train, carry']
    pinned = tl.Serial(tl.Embedding(7, 4), tl.InMode(tl.GRU(4), predict='eval'), tl.GRU(4))
    found = summary(pinned.as_mode('predict'), IDS)
    assert [row.mode for row in found.rows] == ['predict', 'eval', 'predict']
    assert [row.state.n for row in found.rows] == [0, 0, 4]  # what is pinned does not step


def test_a_shared_layer_counts_once_and_keeps_two_states() -> None:
    gru = tl.GRU(4)
    model = tl.Serial(tl.Embedding(7, 4), gru, gru)
    found = summary(model, IDS)
    assert [row.weights.n for row in found.rows] == [28, 108, 0]
    assert [row.shared for row in found.rows] == [False, False, True]
    assert found.state.n == 8
    model.init(ONE)
    assert parameter_count(model) == found.weights.n
    assert 'shared' in str(found)


def test_inside_combinators() -> None:
    model = tl.Serial(
        tl.Embedding(7, 4), tl.Residual(tl.GRU(4)), tl.Fn('H', lambda x: x[:, 0]), tl.Dup(),
        tl.Parallel(tl.Dense(2), tl.Dense(3)),
    )  # fmt: skip
    rows = {row.path: row for row in summary(model, IDS).rows}
    assert rows['Serial#1/Branch#1/Parallel#1/GRU#1'].weights.n == 108
    assert rows['Serial#1/Add#1'].outputs == 'float32[b,t,4]'
    assert rows['Parallel#1/Dense#2'].outputs == 'float32[b,3]'
    assert rows['Dup#1'].outputs == '(float32[b,4], float32[b,4])'


def test_inside_a_scan_layers_see_a_slice() -> None:
    zeros = tl.Fn('Zeros', lambda x: (x, jnp.zeros((x.shape[0], 4))), n_out=2)
    model = tl.Serial(tl.Embedding(7, 5), zeros, tl.Scan(tl.GRUCell(4), axis=1))
    rows = {row.path: row for row in summary(model, IDS).rows}
    assert rows['Scan#1/GRUCell#1'].outputs == '(float32[b,4], float32[b,4])'


def test_a_layer_alone() -> None:
    found = summary(tl.Dense(3), tl.ShapeDtype(('b', 5)))
    assert [(row.path, row.outputs, row.weights.n) for row in found.rows] == [
        ('', 'float32[b,3]', 18)
    ]


def test_two_inputs_without_a_warning() -> None:
    model = tl.Serial(tl.Parallel(tl.GRU(3), None), tl.Concatenate())
    x = tl.ShapeDtype((2, 4, 5))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        found = summary(model, (x, x))
    assert found.rows[-1].outputs == 'float32[b,t,8]'


def test_a_model_that_cannot_predict() -> None:
    class Never(tl.Layer):
        def apply_fn(self, x, weights, state, context):
            if context.mode == 'predict':
                raise ValueError('no')
            return x, state

    found = summary(tl.Serial(tl.Embedding(7, 4), Never()), IDS)
    assert found.state is None
    assert '?' in str(found)


def test_inputs_that_do_not_fit() -> None:
    model = tl.Serial(tl.Dense(4))
    model.init(tl.ShapeDtype((1, 5)))
    with pytest.raises(LayerError, match='expected 5, got 6'):
        summary(model, tl.ShapeDtype((1, 6)))


def test_what_it_prints() -> None:
    text = str(summary(GRULM(256, 512, 2).as_mode('predict'), IDS))
    lines = [' '.join(line.split()) for line in text.splitlines()]
    assert lines[0] == 'Serial: int32[b,t]'
    assert 'path layer mode output weights bytes state/row' in lines
    assert 'GRU#1 GRU_512 predict float32[b,t,512] 1,574,400 6.0 MiB 2.0 KiB' in lines
    assert lines[-1] == 'total 3,411,200 13.0 MiB 4.0 KiB'


def test_a_notebook_shows_tables() -> None:
    made = summary(GRULM(256, 512, 2), IDS)._repr_html_()
    assert '>Serial: int32[b,t]</caption><tr><th' in made
    assert made.count('<tr>') == 1 + 6 + 1
    assert '>GRU_512</td>' in made
    assert '>3,411,200</td>' in made
    named = tl.Fn('<b>', lambda x: jnp.concatenate([x, x], 1) if x.shape[1] > 1 else x)
    made = summary(tl.Serial(tl.Embedding(7, 4), named), IDS)._repr_html_()
    assert '&lt;b&gt;' in made
    assert made.endswith('<p>* found by trying numbers: the layer wants numbers for sizes</p>')


def test_rich_prints_it_in_a_narrow_terminal() -> None:
    console = Console(width=60, record=True, file=open('/dev/null', 'w'))
    with console.file:
        console.print(summary(GRULM(7, 4, 1), IDS))
    assert 'total' in console.export_text()


def test_parameter_count() -> None:
    model = GRULM(7, 4, 1)
    with pytest.raises(ValueError, match=r'has no weights yet; call model\.init'):
        parameter_count(model)
    model.init(ONE)
    assert parameter_count(model) == summary(model).weights.n
    assert parameter_count(model.as_mode('predict')) == 28 + 108 + 35
    assert parameter_count(tl.Serial(tl.Dup())) == 0
