"""PyTorch with Trax's equations by hand, through torch.compile. Needs a C++ compiler.

For training and forwards the model as a whole: its loop over time is unrolled, so getting ready
takes a minute or more for 64 steps, and each length anew. Compiling one step of a layer instead is
ready in ten seconds and then several times slower in training. For decoding the step of the model.
"""

import torch

from benchmarks import seed_model as seed
from benchmarks.peers import torch_common, torch_trax_gru

convention = seed.Convention(reset_before=True)


def _model(setting):
    return torch.compile(torch_trax_gru.Model(setting), dynamic=False)


def train(setting):
    """The usual step."""
    return torch_common.train(setting, _model(setting))


def forward(setting):
    """The usual pass."""
    return torch_common.forward(setting, _model(setting))


def decode(setting):
    """The loop is Python's, its body compiled."""
    return torch_trax_gru.decode(setting, torch.compile(dynamic=False))
