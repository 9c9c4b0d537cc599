"""PyTorch with Trax's equations by hand: the reset gate acts before the product."""

import torch
from torch import nn

from benchmarks import seed_model as seed
from benchmarks.peers import torch_common

reset_before = True


class _Model(nn.Module):
    def __init__(self):
        super().__init__()
        ws = seed.weights()
        self.table = nn.Parameter(torch.tensor(ws.table))
        self.grus = nn.ParameterList(torch.tensor(a) for gru in ws.grus for a in gru)
        self.w, self.b = (nn.Parameter(torch.tensor(a)) for a in (ws.w, ws.b))

    def layers(self):
        """Yields for each layer: weights of x, of h for the gates, of h for the candidate, bias."""
        n = seed.WIDTH
        for w, b in zip(self.grus[::2], self.grus[1::2], strict=True):
            yield w[:n], w[n:, : 2 * n], w[n:, 2 * n :], b

    def forward(self, x):
        x = self.table[nn.functional.pad(x, (1, 0))[:, :-1]]
        for w_x, u_gates, u_candidate, b in self.layers():
            inputs = (x @ w_x + b).unbind(1)  # hoisted: one product for all steps
            h, found = x.new_zeros(x.shape[0], seed.WIDTH), []
            for row in inputs:
                h = _step(row, h, u_gates, u_candidate)
                found.append(h)
            x = torch.stack(found, 1)
        return x @ self.w + self.b


def _step(row, h, u_gates, u_candidate):
    n = h.shape[-1]
    update, reset = torch.sigmoid(row[:, : 2 * n] + h @ u_gates).chunk(2, -1)
    candidate = torch.tanh(row[:, 2 * n :] + (reset * h) @ u_candidate)
    return candidate + update * (h - candidate)


def train_step():
    """One step with Adam (fused)."""
    return torch_common.train_step(_Model())


def decode():
    """The loop is Python's."""
    model = _Model()
    layers = list(model.layers())

    def logits_of(token, hs):
        x = model.table[token]
        for i, (w_x, u_gates, u_candidate, b) in enumerate(layers):
            hs[i] = x = _step(x @ w_x + b, hs[i], u_gates, u_candidate)
        return x @ model.w + model.b

    return torch_common.decode(logits_of)
