"""trace_stack: which item of the data stack each layer takes, gives and leaves alone."""

import warnings

import jax.numpy as jnp
import numpy as np
import pytest

import retrax
from retrax import layers as tl
from retrax.combinators import LayerError
from retrax.inspection import StackTrace, trace_stack
from retrax.models import GRULM

IDS = tl.ShapeDtype(('b', 't'), np.int32)


def flow(found: StackTrace) -> list[str]:
    """One line per layer: class, what it takes, what it gives, the stack after it."""

    def names(items):
        return ' '.join(item.name for item in items)

    return [
        f'{row.layer.name}: {names(row.takes)} -> {names(row.gives)} | {names(row.stack)}'
        for row in found.rows
    ]


def branches() -> tl.Serial:
    return tl.Serial(
        tl.Embedding(7, 4), tl.Residual(tl.GRU(4)), tl.Dup(),
        tl.Parallel(tl.Dense(2), tl.Serial(tl.Dense(3), tl.Dense(5))), tl.Swap(), tl.Drop(),
    )  # fmt: skip


def test_items_keep_their_names_while_they_are_moved() -> None:
    found = trace_stack(branches())
    assert flow(found) == [
        'Embedding_7_4: x0 -> x1 | x1',
        'Serial: x1 -> x3 | x3',
        'Branch: x1 -> x1 x2 | x1 x2',
        'Select[0,0]: x1 -> x1 x1 | x1 x1',
        'Parallel: x1 x1 -> x1 x2 | x1 x2',
        'Serial: x1 -> x1 | x1 x1',
        'GRU_4: x1 -> x2 | x1 x2',
        'Add: x1 x2 -> x3 | x3',
        'Dup: x3 -> x3 x3 | x3 x3',
        'Parallel: x3 x3 -> x4 x6 | x4 x6',
        'Dense_2: x3 -> x4 | x4 x3',
        'Serial: x3 -> x6 | x4 x6',
        'Dense_3: x3 -> x5 | x4 x5',
        'Dense_5: x5 -> x6 | x4 x6',
        'Swap: x4 x6 -> x6 x4 | x6 x4',
        'Drop: x6 ->  | x4',
    ]
    assert (found.n_in, found.n_out) == (1, 1)
    assert [row.depth for row in found.rows][:7] == [0, 0, 1, 2, 2, 3, 3]


def test_what_is_unused_and_where_it_was_lost() -> None:
    assert trace_stack(branches()).unused == [
        'x5, given by Parallel#1/Serial#1/Dense#1, is taken by Parallel#1/Serial#1/Dense#2, of '
        'which nothing is used',
        'x6, given by Parallel#1/Serial#1/Dense#2, is dropped by Drop#1',
    ]
    assert trace_stack(tl.Select([2, 0])).unused == ['x1, an input, is dropped by Select[2,0]']
    both = tl.Serial(tl.Dense(3), tl.Drop())
    assert [line.partition(',')[0] for line in trace_stack(both).unused] == ['x0', 'x1']
    assert trace_stack(both).n_out == 0
    assert trace_stack(tl.Serial(tl.Dup(), tl.Drop())).unused == []
    assert trace_stack(GRULM(7, 4, 1)).unused == []


def test_with_a_signature_items_have_shapes_and_surplus_inputs_pass() -> None:
    found = trace_stack(branches(), (IDS, tl.ShapeDtype((3,))))
    by_path = {row.path: row for row in found.rows}
    last = by_path['Parallel#1/Serial#1/Dense#2']
    assert [str(item.signature) for item in last.stack] == [
        'float32[b,t,2]', 'float32[b,t,5]', 'float32[3]'
    ]  # fmt: skip
    assert [item.name for item in found.outputs] == ['x5', 'x1']
    assert (found.n_in, found.n_out) == (1, 1)


@pytest.mark.parametrize(
    'make',
    [
        lambda: GRULM(7, 4, 2),
        lambda: tl.Residual(tl.Dense(4), shortcut=tl.Dense(4)),
        lambda: tl.Branch(tl.Add(), None, tl.Select([2, 1])),
        lambda: tl.Serial(tl.Select([1, 0, 0]), tl.Add(), tl.Drop()),
        lambda: tl.Parallel(tl.Drop(), tl.Dup(), tl.Concatenate(3)),
        lambda: tl.InMode(tl.Serial(tl.Dense(3), tl.Drop()), predict='eval'),
        lambda: tl.Serial(),
        lambda: tl.Serial(tl.Select([], n_in=0)),
        lambda: tl.Dense(3),
    ],
)
def test_the_arity_that_it_finds_is_the_models(make) -> None:
    model = make()
    found = trace_stack(model)
    assert len(found.inputs) == found.n_in == model.n_in
    assert len(found.outputs) == found.n_out == model.n_out


def test_a_combinator_that_runs_layers_in_its_own_way_is_one_layer() -> None:
    zeros = tl.Fn('Zeros', lambda x: (x, jnp.zeros((x.shape[0], 4))), n_out=2)
    model = tl.Serial(tl.Embedding(7, 5), zeros, tl.Scan(tl.GRUCell(4), axis=1), tl.Select([1]))
    found = trace_stack(model, IDS)
    assert flow(found)[2] == 'Scan: x2 x3 -> x4 x5 | x4 x5'
    assert [str(item.signature) for item in found.rows[2].gives] == [
        'float32[b,t,4]', 'float32[b,4]'
    ]  # fmt: skip
    assert found.unused == ['x4, given by Scan#1, is dropped by Select#1']

    class First(tl.Serial):
        def forward(self, x):
            return self.sublayers[0].pure_fn(x, self.weights[0], self.state[0], self.rng)[0]

    assert len(trace_stack(tl.Serial(First(tl.Dense(3), tl.Dense(4)))).rows) == 1


def test_two_inputs_without_a_warning() -> None:
    model = tl.Serial(tl.Parallel(tl.GRU(3), None), tl.Concatenate()).as_mode('predict')
    x = tl.ShapeDtype((2, 4, 5))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert str(trace_stack(model, (x, x)).outputs[0].signature) == 'float32[2,4,8]'


def test_inputs_that_do_not_fit() -> None:
    with pytest.raises(LayerError, match='expected 2 items on the stack, got 1'):
        trace_stack(tl.Serial(tl.Dup(), tl.Add(), tl.Add()), tl.ShapeDtype((2, 3)))


def test_what_it_prints() -> None:
    model = tl.Serial(tl.Dense(3), tl.Branch(tl.Dense(2), None), tl.Drop())
    assert str(retrax.trace_stack(model, tl.ShapeDtype(('b', 4)))) == (
        'Serial: takes 1 item, gives 1 item\n'
        '\n'
        ' place          layer         takes -> gives   stack after it, top first\n'
        ' ───────────────────────────────────────────────────────────────────────\n'
        ' inputs                                        x0 float32[b,4]\n'
        ' Dense#1        Dense_3       x0 -> x1         x1 float32[b,3]\n'
        ' Branch#1       Branch        x1 -> x2 x1\n'
        '   Select#1     Select[0,0]   x1 -> x1 x1      x1  x1\n'
        '   Parallel#1   Parallel      x1 x1 -> x2 x1\n'
        '     Dense#1    Dense_2       x1 -> x2         x2 float32[b,2]  x1\n'
        '     Serial#1   Serial        x1 -> x1         x2  x1\n'
        ' Drop#1         Drop          x2 -> nothing    x1\n'
        '\n'
        'unused:\n'
        '  x2, given by Branch#1/Parallel#1/Dense#1, is dropped by Drop#1'
    )
