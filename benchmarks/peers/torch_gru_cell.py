"""PyTorch: a GRUCell for each layer in a Python loop, which decodes faster than nn.GRU."""

from torch import nn

from benchmarks import seed_model as seed
from benchmarks.peers import torch_common
from benchmarks.peers.torch_nn_gru import Model

convention = seed.Convention(reset_before=False, recurrent_bias='all')


def decode(setting, compiled=lambda function: function):
    """nn.GRU reads the context, cells make the tokens; they share weights."""
    model = Model(setting)
    cells = []
    for weights in model.gru.all_weights:
        cell = nn.GRUCell(setting.width, setting.width)
        cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh = weights
        cells.append(cell)

    def read(ids):
        if not ids.shape[1]:
            return [model.head.weight.new_zeros(setting.batch, setting.width) for _ in cells]
        return list(model.gru(model.table(ids))[1])

    @compiled
    def step(token, hs):
        x, new = model.table(token), []
        for cell, h in zip(cells, hs, strict=True):
            x = cell(x, h)
            new.append(x)
        return model.head(x), new

    return torch_common.decode(setting, read, step)
