"""describe, explain_difference, and the page on weights."""

import jax
import numpy as np
import pages
import pytest
from conformance import table
from conformance.others import OTHERS

import retrax
from retrax import layers as tl
from retrax.combinators import ShapeDtype
from retrax.interop.weights import CONVENTIONS
from retrax.interop.weights.equations import equations


def test_the_page_prints_what_it_shows():
    assert pages.run('docs/weights.md') == 6


def test_the_table_of_the_page_has_a_row_for_each_convention():
    page = (pages.ROOT / 'docs' / 'weights.md').read_text(encoding='utf-8')
    assert table.names(page) == list(OTHERS)


def test_a_described_layer_has_its_equations_names_and_shapes():
    layer = tl.Recurrent(tl.GRUCell(4, reset='after', recurrent_bias=True, update='keeps_new'))
    layer.init(ShapeDtype((1, 2, 3), np.float32), rng=0)
    assert retrax.describe(layer).splitlines() == [
        'Recurrent',
        '  u = sigmoid([x, h] w1[u] + b1[u])',
        '  r = sigmoid([x, h] w1[r] + b1[r])',
        '  c = tanh(x w2 + b2 + r * (h u2 + c2))',
        "  h' = (1 - u) * h + u * c",
        '  u: update gate, r: reset gate, c: candidate',
        '  state (b, 4)',
        '  w1 (7, 8)',
        '  b1 (8,)',
        '  w2 (3, 4)',
        '  b2 (4,)',
        '  u2 (4, 4)',
        '  c2 (4,)',
    ]


def test_cells_of_ones_own_are_described_by_their_documentation():
    class Leaky(tl.RecurrentCell):
        """Leaks.

            h' = u * h + (1 - u) * x k

        Nothing else.
        """

        def maps(self):
            return {'candidate': tl.Map(self.n_units, operand=0)}

        def step(self, h, affine):
            return 0.9 * h + 0.1 * affine('candidate')

    text = retrax.describe(tl.Serial(tl.Dense(3), tl.Recurrent(Leaky(4))))
    assert text.splitlines()[1] == "  h' = u * h + (1 - u) * x k"
    assert text.endswith('no weights yet: init makes them')


def test_only_recurrent_layers_can_be_described():
    with pytest.raises(ValueError, match='expected one with recurrent layers'):
        retrax.describe(tl.Dense(4))


def test_differences_that_no_weights_can_mend_come_first():
    said = retrax.explain_difference('torch', tl.GRU(4))
    assert said.startswith(
        'torch.GRU and retrax.GRUCell differ.\n\n'
        'Where the reset gate acts: no weights make the two equal.\n'
        '  torch.GRU: after the product\n'
        '  retrax.GRUCell: before the product\n'
    )
    assert 'An update' not in said  # both keep the old state


def test_each_difference_is_said():
    assert 'haiku.LSTM: 1 to gate f' in retrax.explain_difference('haiku.LSTM', 'keras')
    assert 'haiku.VanillaRNN: relu' in retrax.explain_difference('haiku', tl.RNN(4))
    assert 'nnx.GRUCell: u of x, r of x, c of x\n' in retrax.explain_difference('torch', 'nnx')
    said = retrax.explain_difference('haiku', 'trax')
    assert 'haiku.GRU: the new one\n  trax.GRUCell: the old state' in said


def test_equal_conventions_are_the_same():
    assert retrax.explain_difference('trax', tl.GRU(4)).endswith('are the same.')


def test_cells_of_two_kinds_are_not_compared():
    with pytest.raises(ValueError, match=r'cells of one kind, got torch.GRU and keras.LSTM'):
        retrax.explain_difference('torch.GRU', 'keras.LSTM')


def test_equations_name_every_array_of_every_convention():
    for convention in CONVENTIONS.values():
        text = '\n'.join(equations(convention))
        assert all(a.name.replace('/', '.') in text for a in convention.arrays), convention.name


def test_the_activation_of_an_rnn_is_in_its_equation():
    assert "h' = relu([x, h] w + b)" in retrax.describe(tl.RNN(4, activation=jax.nn.relu))
