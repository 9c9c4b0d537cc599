"""PyTorch with Trax's equations by hand: the reset gate acts before the product."""

import torch
from torch import nn

from benchmarks import seed_model as seed
from benchmarks.peers import torch_common

convention = seed.Convention(reset_before=True)


class Model(nn.Module):
    """The seed model; products with the inputs are hoisted out of the loop over time."""

    def __init__(self, setting):
        super().__init__()
        ws = seed.weights(setting)
        self.table = nn.Parameter(torch.tensor(ws.table))
        self.grus = nn.ParameterList(torch.tensor(a) for gru in ws.grus for a in gru)
        self.w, self.b = (nn.Parameter(torch.tensor(a)) for a in (ws.w, ws.b))

    def layers(self):
        """Yields for each layer: weights of x, of h for the gates, of h for the candidate, bias."""
        n = self.table.shape[1]
        for w, b in zip(self.grus[::2], self.grus[1::2], strict=True):
            yield w[:n], w[n:, : 2 * n], w[n:, 2 * n :], b

    def forward(self, x):
        return self.read(x)[0] @ self.w + self.b

    def read(self, x):
        """Returns the last layer's outputs over ids x (b, t), and the states after them."""
        x, hs = self.table[x], []
        for w_x, u_gates, u_candidate, b in self.layers():
            h, found = x.new_zeros(x.shape[0], x.shape[2]), []
            for row in (x @ w_x + b).unbind(1):
                h = step(row, h, u_gates, u_candidate)
                found.append(h)
            x = torch.stack(found, 1)
            hs.append(h)
        return x, hs


def step(row, h, u_gates, u_candidate):
    """One step of one layer, given its product with the input."""
    n = h.shape[-1]
    update, reset = torch.sigmoid(row[:, : 2 * n] + h @ u_gates).chunk(2, -1)
    candidate = torch.tanh(row[:, 2 * n :] + (reset * h) @ u_candidate)
    return candidate + update * (h - candidate)


def train(setting):
    """The usual step."""
    return torch_common.train(setting, Model(setting))


def forward(setting):
    """The usual pass."""
    return torch_common.forward(setting, Model(setting))


def decode(setting, compiled=lambda function: function):
    """The loop is Python's."""
    model = Model(setting)
    layers = list(model.layers())

    def read(ids):
        if not ids.shape[1]:
            return [torch.zeros(setting.batch, setting.width) for _ in layers]
        return model.read(ids)[1]

    @compiled
    def logits_of(token, hs):
        x, new = model.table[token], []
        for (w_x, u_gates, u_candidate, b), h in zip(layers, hs, strict=True):
            x = step(x @ w_x + b, h, u_gates, u_candidate)
            new.append(x)
        return x @ model.w + model.b, new

    return torch_common.decode(setting, read, logits_of)
