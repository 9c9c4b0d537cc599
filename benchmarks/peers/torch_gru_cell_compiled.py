"""PyTorch: a GRUCell for each layer, the step of the model through torch.compile.

Needs a C++ compiler. nn.GRU has no such form: torch.compile leaves it as it is.
"""

import torch

from benchmarks.peers import torch_gru_cell

convention = torch_gru_cell.convention


def decode(setting):
    """The loop is Python's, its body compiled."""
    return torch_gru_cell.decode(setting, torch.compile(dynamic=False))
