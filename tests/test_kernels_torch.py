"""The LSTM kernel against torch.nn.LSTM: outputs and gradients, in float64."""

import jax
import numpy as np
import pytest

from retrax.kernels import LSTMWeights, lstm

torch = pytest.importorskip('torch')

B, T, D, N = 3, 7, 4, 5
NAMES = ('weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0')  # bias_hh_l0 is added to the other bias


def in_our_order(rows):
    """Torch's rows of gates i, f, candidate, o as our columns i, candidate, f, o."""
    i, f, j, o = np.split(rows.T, 4, -1)
    return np.concatenate([i, j, f, o], -1)


@pytest.mark.parametrize('implementation', ['scan', 'saved_gates'])
def test_outputs_and_gradients_are_those_of_torch(implementation):
    torch.manual_seed(0)
    theirs = torch.nn.LSTM(D, N, batch_first=True, dtype=torch.float64)
    torch.nn.init.zeros_(theirs.bias_hh_l0)
    r = np.random.RandomState(0)
    x, c, h = r.randn(B, T, D), r.randn(B, N), r.randn(B, N)
    for_y, for_c, for_h = r.randn(B, T, N), r.randn(B, N), r.randn(B, N)

    leaves = [torch.tensor(a, requires_grad=True) for a in (x, c, h)]
    y, (last_h, last_c) = theirs(leaves[0], (leaves[2][None], leaves[1][None]))
    total = sum(
        (a * torch.tensor(b)).sum()
        for a, b in zip((y, last_c[0], last_h[0]), (for_y, for_c, for_h), strict=True)
    )
    total.backward()

    w_x, w_h, b = (in_our_order(getattr(theirs, n).detach().numpy()) for n in NAMES)
    d_x, d_h, d_b = (in_our_order(getattr(theirs, n).grad.numpy()) for n in NAMES)
    weights = LSTMWeights(np.concatenate([w_x, w_h]), b)
    state, for_last = np.concatenate([c, h], -1), np.concatenate([for_c, for_h], -1)

    def ours(x, state, weights):
        y, last = lstm(x, state, weights, implementation=implementation)
        return (y * for_y).sum() + (last * for_last).sum(), (y, last)

    with jax.enable_x64(True):
        (_, out), gradient = jax.value_and_grad(ours, (0, 1, 2), has_aux=True)(x, state, weights)
    wanted = y.detach().numpy(), np.concatenate([last_c[0].detach(), last_h[0].detach()], -1)
    wanted_gradient = (
        leaves[0].grad.numpy(),
        np.concatenate([leaves[1].grad, leaves[2].grad], -1),
        LSTMWeights(np.concatenate([d_x, d_h]), d_b),
    )
    pairs = zip(
        jax.tree.leaves((wanted, wanted_gradient)), jax.tree.leaves((out, gradient)), strict=True
    )
    for a, b in pairs:
        np.testing.assert_allclose(a, b, atol=1e-13)
