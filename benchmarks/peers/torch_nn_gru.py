"""PyTorch: nn.GRU for training, a GRUCell for each layer in a Python loop for decoding.

Its reset gate acts after the product: another function than Trax's, with one product per step.
"""

import numpy as np
import torch
from torch import nn

from benchmarks import seed_model as seed
from benchmarks.peers import torch_common

reset_before = False


def _swap(gates, axis=0):
    """From update, reset, candidate to PyTorch's reset, update, candidate."""
    u, r, c = np.split(gates, 3, axis)
    return torch.tensor(np.concatenate([r, u, c], axis))


class _Model(nn.Module):
    def __init__(self):
        super().__init__()
        ws, n = seed.weights(), seed.WIDTH
        self.table = nn.Embedding(seed.VOCAB, n)
        self.gru = nn.GRU(n, n, seed.LAYERS, batch_first=True)
        self.head = nn.Linear(n, seed.VOCAB)
        with torch.no_grad():
            self.table.weight.copy_(torch.tensor(ws.table))
            self.head.weight.copy_(torch.tensor(ws.w.T))
            self.head.bias.copy_(torch.tensor(ws.b))
            for i, gru in enumerate(ws.grus):
                getattr(self.gru, f'weight_ih_l{i}').copy_(_swap(gru.w[:n].T))
                getattr(self.gru, f'weight_hh_l{i}').copy_(_swap(gru.w[n:].T))
                getattr(self.gru, f'bias_ih_l{i}').copy_(_swap(gru.b))
                getattr(self.gru, f'bias_hh_l{i}').zero_()

    def forward(self, x):
        x = nn.functional.pad(x, (1, 0))[:, :-1]
        return self.head(self.gru(self.table(x))[0])


def train_step():
    """One step with Adam (fused)."""
    return torch_common.train_step(_Model())


def decode():
    """A GRUCell for each layer; the loop is Python's."""
    model = _Model()
    cells = []
    for i in range(seed.LAYERS):
        cell = nn.GRUCell(seed.WIDTH, seed.WIDTH)
        cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh = model.gru.all_weights[i]
        cells.append(cell)

    def logits_of(token, hs):
        x = model.table(token)
        for i, cell in enumerate(cells):
            hs[i] = x = cell(x, hs[i])
        return model.head(x)

    return torch_common.decode(logits_of)
