"""Weights from PyTorch and back: depth, directions, biases, lengths, first states, in float64."""

from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from conformance.peers import peer

from retrax.interop import weights

pytestmark = pytest.mark.usefixtures('compiled_quickly')

torch = peer('torch')

B, T, D, N = 3, 6, 3, 4
LENGTHS = np.array([4, T, 1])
MODULES = {'gru': torch.nn.GRU, 'lstm': torch.nn.LSTM, 'rnn': torch.nn.RNN}


def module_of(kind: str, seed: int = 0, **options: Any) -> Any:
    torch.manual_seed(seed)
    module = MODULES[kind](D, N, batch_first=True, dtype=torch.float64, **options)
    for p in module.parameters():  # no zeros
        torch.nn.init.normal_(p, std=0.5)
    return module


def theirs(module: Any, x: Any, starts: Sequence[Any]) -> tuple[Any, list[Any]]:
    """Outputs and last states; an LSTM's states are [c, h]."""
    packed = torch.nn.utils.rnn.pack_padded_sequence(
        x, torch.tensor(LENGTHS), batch_first=True, enforce_sorted=False
    )
    states = [torch.split(start, N, -1)[::-1] for start in starts]
    joined = tuple(torch.stack(s) for s in zip(*states, strict=True))
    y, last = module(packed, joined if isinstance(module, torch.nn.LSTM) else joined[0])
    y, _ = torch.nn.utils.rnn.pad_packed_sequence(y, batch_first=True, total_length=T)
    lasts = last[::-1] if isinstance(last, tuple) else (last,)
    return y, list(torch.cat(lasts, -1))


@pytest.mark.parametrize('bias', [True, False], ids=['biases', 'without'])
@pytest.mark.parametrize('both', [False, True], ids=['forward', 'both'])
@pytest.mark.parametrize('depth', [1, 2])
@pytest.mark.parametrize('kind', MODULES)
def test_outputs_states_and_gradients_are_those_of_torch(kind, depth, both, bias):
    module = module_of(kind, num_layers=depth, bidirectional=both, bias=bias)
    n_states, directions = 1 + (kind == 'lstm'), 1 + both
    r = np.random.RandomState(0)
    valid = np.arange(T)[None] < LENGTHS[:, None]
    x, starts = r.randn(B, T, D), list(r.randn(depth * directions, B, n_states * N))
    for_y = r.randn(B, T, directions * N) * valid[..., None]
    for_lasts = [r.randn(*s.shape) for s in starts]

    x_, *starts_ = (torch.tensor(a, requires_grad=True) for a in (x, *starts))
    y, lasts = theirs(module, x_, starts_)
    pairs = zip((for_y, *for_lasts), (y, *lasts), strict=True)
    sum((torch.tensor(f) * a).sum() for f, a in pairs).backward()

    def ours(x, starts, state_dict):
        layer = weights.from_torch(
            state_dict, padding='lengths', initial_state='stack', return_state=True, mode='eval'
        )
        y, *lasts = layer.pure_fn((x, LENGTHS, *starts), layer.weights, layer.state, None)[0]
        pairs = zip((for_y, *for_lasts), (y, *lasts), strict=True)
        return sum((f * a).sum() for f, a in pairs), (y, lasts)

    with jax.enable_x64(True):
        arrays = {k: jnp.asarray(v.numpy()) for k, v in module.state_dict().items()}
        run = jax.jit(jax.value_and_grad(ours, (0, 1, 2), has_aux=True))
        (_, (our_y, our_lasts)), (d_x, d_starts, d_arrays) = run(x, starts, arrays)
    close(np.where(valid[..., None], our_y, 0), y.detach())
    wanted = (*lasts, x_.grad, *(start.grad for start in starts_))
    for mine, other in zip((*our_lasts, d_x, *d_starts), wanted, strict=True):
        close(mine, other.detach())
    for name, parameter in module.named_parameters():
        close(d_arrays[name], parameter.grad)


def close(mine: Any, wanted: Any) -> None:
    np.testing.assert_allclose(mine, wanted, atol=1e-12)
