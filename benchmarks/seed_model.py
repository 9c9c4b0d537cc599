"""The seed model that peers run: its weights and its data, the same in every process.

Embedding, GRUs, Dense, log-softmax; by default 256 ids, width 512, two GRUs, and a step of training
of 32 rows of 64 tokens with Adam.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from .setting import Setting

SEED = Setting('train')
VOCAB, WIDTH, LAYERS, BATCH, TIME = SEED.vocab, SEED.width, SEED.layers, SEED.batch, SEED.time
LEARNING_RATE, EPSILON = 1e-3, 1e-8  # of Adam, with b1 0.9 and b2 0.999
REPEATED = 8


class Convention(NamedTuple):
    """Where implementations of the GRU differ."""

    reset_before: bool  # whether the reset gate acts before the product with the recurrent matrix
    recurrent_bias: str = (
        'none'  # biases beside h, 0 at first, that training moves: or 'candidate', 'all'
    )


class GRU(NamedTuple):
    """One layer; gates in the order update, reset, candidate; rows of x, then rows of h."""

    w: np.ndarray  # (2n, 3n)
    b: np.ndarray  # (3n,)


class Weights(NamedTuple):
    """All weights of the seed model."""

    table: np.ndarray  # (vocab, n)
    grus: list[GRU]
    w: np.ndarray  # (n, vocab)
    b: np.ndarray  # (vocab,)


def weights(setting: Setting = SEED) -> Weights:
    """Returns weights drawn with NumPy."""
    r = np.random.RandomState(102)
    n, scale = setting.width, (WIDTH / setting.width) ** 0.5

    def draw(limit, *shape):
        return r.uniform(-limit, limit, size=shape).astype(np.float32)

    table = draw(1.0, setting.vocab, n)
    grus = [GRU(draw(0.08 * scale, 2 * n, 3 * n), draw(0.1, 3 * n)) for _ in range(setting.layers)]
    return Weights(table, grus, draw(0.2 * scale, n, setting.vocab), draw(0.1, setting.vocab))


def tokens(setting: Setting = SEED) -> np.ndarray:
    """Returns ids (batch, time), which are both input and target; 0, the start id, is not one."""
    shape = distinct_rows(setting), setting.time
    x = np.random.RandomState(7).randint(1, setting.vocab, shape)
    return np.resize(x, (setting.batch, setting.time)).astype(np.int32)


def distinct_rows(setting: Setting) -> int:
    """Returns after how many rows the data repeat, so that a float64 reference is cheap."""
    return setting.batch if setting.batch % REPEATED else REPEATED


def shifted(x: np.ndarray) -> np.ndarray:
    """Returns the ids that the model reads where it predicts x: the start id 0, then x."""
    return np.concatenate([np.zeros((len(x), 1), x.dtype), x[:, :-1]], 1)


def context(setting: Setting) -> np.ndarray:
    """Returns the ids (batch, time) that decoding reads before its first token."""
    return shifted(tokens(setting))
