"""PyTorch: nn.GRU, for decoding one step at a time with its state.

Its reset gate acts after the product: another function than Trax's, with one product per step.
"""

import numpy as np
import torch
from torch import nn

from benchmarks import seed_model as seed
from benchmarks.peers import torch_common

convention = seed.Convention(reset_before=False, recurrent_bias='all')


class Model(nn.Module):
    """Embedding, nn.GRU, Linear, with the seed model's weights."""

    def __init__(self, setting):
        super().__init__()
        ws, n = seed.weights(setting), setting.width
        self.table = nn.Embedding(setting.vocab, n)
        self.gru = nn.GRU(n, n, setting.layers, batch_first=True)
        self.head = nn.Linear(n, setting.vocab)
        with torch.no_grad():
            self.table.weight.copy_(torch.tensor(ws.table))
            self.head.weight.copy_(torch.tensor(ws.w.T))
            self.head.bias.copy_(torch.tensor(ws.b))
            for i, gru in enumerate(ws.grus):
                getattr(self.gru, f'weight_ih_l{i}').copy_(_swapped(gru.w[:n].T))
                getattr(self.gru, f'weight_hh_l{i}').copy_(_swapped(gru.w[n:].T))
                getattr(self.gru, f'bias_ih_l{i}').copy_(_swapped(gru.b))
                getattr(self.gru, f'bias_hh_l{i}').zero_()

    def forward(self, x):
        return self.head(self.gru(self.table(x))[0])


def _swapped(gates):
    """From update, reset, candidate to PyTorch's reset, update, candidate."""
    u, r, c = np.split(gates, 3)
    return torch.tensor(np.concatenate([r, u, c]))


def train(setting):
    """The usual step."""
    return torch_common.train(setting, Model(setting))


def forward(setting):
    """The usual pass."""
    return torch_common.forward(setting, Model(setting))


def decode(setting):
    """nn.GRU over one token at a time."""
    model = Model(setting)

    def read(ids):
        if not ids.shape[1]:
            return torch.zeros(setting.layers, setting.batch, setting.width)
        return model.gru(model.table(ids))[1]

    def step(token, h):
        y, h = model.gru(model.table(token[:, None]), h)
        return model.head(y[:, 0]), h

    return torch_common.decode(setting, read, step)
