"""retrax with the reset gate after the product: like with like against PyTorch, Flax and Keras."""

import numpy as np

from benchmarks import seed_model as seed
from benchmarks.peers import retrax_gru
from retrax import layers as tl

convention = seed.Convention(reset_before=False)


def model_of(setting):
    """GRULM's layers, with the other cell, and the seed model's weights."""
    n = setting.width
    model = tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(setting.vocab, n),
        [tl.Recurrent(tl.GRUCell(n, reset='after')) for _ in range(setting.layers)],
        tl.Dense(setting.vocab),
        tl.LogSoftmax(),
    ).with_precision(setting.precision)
    model.init(tl.ShapeDtype((1, 1), np.int32))
    ws = seed.weights(setting)
    named = {'Embedding#1': ws.table, 'Dense#1.w': ws.w, 'Dense#1.b': ws.b}
    for i, gru in enumerate(ws.grus, 1):
        named |= {
            f'Recurrent#{i}.w1': gru.w[:, : 2 * n],
            f'Recurrent#{i}.b1': gru.b[: 2 * n],
            f'Recurrent#{i}.w2': gru.w[:n, 2 * n :],
            f'Recurrent#{i}.b2': gru.b[2 * n :],
            f'Recurrent#{i}.u2': gru.w[n:, 2 * n :],
        }
    model.set_named_weights(named)
    return model


def train(setting):
    """As with tl.GRU."""
    return retrax_gru.train(setting, model_of)


def forward(setting):
    """As with tl.GRU."""
    return retrax_gru.forward(setting, model_of)


def decode(setting):
    """As with tl.GRU."""
    return retrax_gru.decode(setting, model_of)
