"""Recurrent layers against PyTorch's, in float64: outputs and gradients, lengths, directions."""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conformance.peers import peer

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

torch = peer('torch')

B, T, D, N = 3, 7, 4, 5


def blocks(array, n):
    """The blocks of torch's rows, one for each gate, as our columns."""
    return np.split(np.asarray(array).T, n, -1)


def lstm_weights(w_x, w_h, b_x, b_h):
    def ours(rows):  # i, f, candidate, o -> i, candidate, f, o
        i, f, j, o = blocks(rows, 4)
        return np.concatenate([i, j, f, o], -1)

    return tl.LSTMWeights(np.concatenate([ours(w_x), ours(w_h)]), ours(b_x) + ours(b_h))


def gru_weights(w_x, w_h, b_x, b_h):
    (r_x, u_x, c_x), (r_h, u_h, c_h) = blocks(w_x, 3), blocks(w_h, 3)
    (br_x, bu_x, bc_x), (br_h, bu_h, bc_h) = blocks(b_x, 3), blocks(b_h, 3)
    gates = np.concatenate([np.concatenate([u_x, r_x], -1), np.concatenate([u_h, r_h], -1)])
    return (gates, np.concatenate([bu_x + bu_h, br_x + br_h]), c_x, bc_x, c_h, bc_h)


def rnn_weights(w_x, w_h, b_x, b_h):
    return tl.RNNWeights(np.concatenate([w_x.T, w_h.T]), b_x + b_h)


@dataclasses.dataclass(frozen=True)
class Kind:
    """A layer of torch, the cell that is the same here, and its weights."""

    theirs: Any
    cell: Callable[[], tl.RecurrentCell]
    weights: Callable[..., Any]
    states: int = 1


KINDS = {
    'lstm': Kind(torch.nn.LSTM, lambda: tl.LSTMCell(N), lstm_weights, 2),
    'gru': Kind(
        torch.nn.GRU, lambda: tl.GRUCell(N, reset='after', recurrent_bias=True), gru_weights
    ),
    'rnn': Kind(torch.nn.RNN, lambda: tl.RNNCell(N), rnn_weights),
}


def theirs(kind, x, start, lengths, reverse, for_y, for_last):
    """Torch's outputs and last state, gradients of x and start, and weights with gradients."""
    torch.manual_seed(0)
    layer = kind.theirs(D, N, batch_first=True, dtype=torch.float64)
    x, start = (torch.tensor(a, requires_grad=True) for a in (x, start))
    states = torch.split(start, N, -1)[::-1]  # ours are [c, h]
    given = x
    if reverse:
        given = torch.stack([flipped(row, n) for row, n in zip(x, lengths, strict=True)])
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        given, torch.tensor(lengths), batch_first=True, enforce_sorted=False
    )
    first = tuple(s[None] for s in states)
    y, last = layer(packed, first if kind.states > 1 else first[0])
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=T)
    if reverse:
        y = torch.stack([flipped(row, n) for row, n in zip(y, lengths, strict=True)])
    last = torch.cat([s[0] for s in (last[::-1] if kind.states > 1 else (last,))], -1)
    ((y * torch.tensor(for_y)).sum() + (last * torch.tensor(for_last)).sum()).backward()
    parameters = list(layer.parameters())
    weights = kind.weights(*(p.detach().numpy() for p in parameters))
    d_weights = kind.weights(*(p.grad.numpy() for p in parameters))
    return (y.detach(), last.detach()), (x.grad, start.grad), weights, d_weights


def flipped(row, n):
    return torch.cat([row[:n].flip(0), row[n:]])


@pytest.mark.parametrize('reverse', [False, True])
@pytest.mark.parametrize('lengths', [(T, T, T), (4, T, 1)], ids=['whole', 'padded'])
@pytest.mark.parametrize('name', KINDS)
def test_outputs_and_gradients_are_those_of_torch(name, lengths, reverse):
    kind = KINDS[name]
    r = np.random.RandomState(0)
    lengths = np.array(lengths, np.int64)
    valid = np.arange(T)[None] < lengths[:, None]
    x, start, for_last = r.randn(B, T, D), *r.randn(2, B, N * kind.states)
    for_y = r.randn(B, T, N) * valid[..., None]
    wanted, d_wanted, weights, d_weights = theirs(kind, x, start, lengths, reverse, for_y, for_last)
    layer = tl.Recurrent(
        kind.cell(), 'eval', 'stack', return_state=True, padding='lengths', reverse=reverse
    )

    def ours(x, start, weights):
        (y, last), _ = layer.pure_fn((x, lengths, start), weights, (), None)
        return (y * for_y).sum() + (last * for_last).sum(), (y, last)

    with jax.enable_x64(True):
        weights = jax.tree.map(jnp.asarray, tuple(weights))
        of = jax.value_and_grad(ours, (0, 1, 2), has_aux=True)
        (_, (y, last)), (*d_inputs, d_ours) = of(x, start, weights)
    np.testing.assert_allclose(np.where(valid[..., None], y, 0), wanted[0], atol=1e-12)
    np.testing.assert_allclose(last, wanted[1], atol=1e-12)
    for a, b in zip((*d_inputs, *d_ours), (*d_wanted, *once(d_weights, name)), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-12)


def once(d_weights, name):
    """Torch has two biases where we have their sum, so its sum of gradients is twice ours."""
    twice = {'lstm': [1], 'gru': [1], 'rnn': [1]}[name]
    return [d / 2 if i in twice else d for i, d in enumerate(d_weights)]
