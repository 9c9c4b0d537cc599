"""PyTorch with Trax's equations by hand, through torch.compile.

Forwards and in training one step of a layer is compiled and the loop over time stays Python's:
tracing would unroll it, and compiling 64 steps takes minutes. For decoding the step of the whole
model is compiled. Needs a C++ compiler.
"""

import torch

from benchmarks import seed_model as seed
from benchmarks.peers import torch_common, torch_trax_gru

convention = seed.Convention(reset_before=True)


def _model(setting):
    torch_trax_gru.step = torch.compile(torch_trax_gru.step, dynamic=False)
    return torch_trax_gru.Model(setting)


def train(setting):
    """The usual step."""
    return torch_common.train(setting, _model(setting))


def forward(setting):
    """The usual pass."""
    return torch_common.forward(setting, _model(setting))


def decode(setting):
    """The loop is Python's, its body compiled."""
    return torch_trax_gru.decode(setting, torch.compile(dynamic=False))
