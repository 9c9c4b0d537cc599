"""The seed model that peers run: its weights, its data, and what it must give, in float64 NumPy.

Embedding(256, 512), two GRUs of width 512, Dense 256, log-softmax; a step of training is 32 rows
of 64 tokens with Adam. Peers differ in where the reset gate acts, so there are two references.
"""

from typing import NamedTuple

import numpy as np

VOCAB, WIDTH, LAYERS = 256, 512, 2
BATCH, TIME = 32, 64
LEARNING_RATE = 1e-3


class GRU(NamedTuple):
    """One layer; gates in the order update, reset, candidate; rows of x, then rows of h."""

    w: np.ndarray  # (2n, 3n)
    b: np.ndarray  # (3n,)


class Weights(NamedTuple):
    """All weights of the seed model."""

    table: np.ndarray
    grus: list[GRU]
    w: np.ndarray
    b: np.ndarray


def weights(seed: int = 102) -> Weights:
    """Returns weights drawn with NumPy, the same in every process."""
    r = np.random.RandomState(seed)

    def draw(limit, *shape):
        return r.uniform(-limit, limit, size=shape).astype(np.float32)

    table = draw(1.0, VOCAB, WIDTH)
    grus = [GRU(draw(0.08, 2 * WIDTH, 3 * WIDTH), draw(0.1, 3 * WIDTH)) for _ in range(LAYERS)]
    return Weights(table, grus, draw(0.2, WIDTH, VOCAB), draw(0.1, VOCAB))


def tokens(seed: int = 7) -> np.ndarray:
    """Returns a batch of tokens, which are both input and target."""
    return np.random.RandomState(seed).randint(1, VOCAB, (BATCH, TIME)).astype(np.int32)


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def _step(x, h, gru, reset_before):
    n = h.shape[-1]
    w, u = gru.w[:n].astype(np.float64), gru.w[n:].astype(np.float64)
    xs = x @ w + gru.b
    gates = _sigmoid(xs[:, : 2 * n] + h @ u[:, : 2 * n])
    update, reset = gates[:, :n], gates[:, n:]
    inner = (reset * h) @ u[:, 2 * n :] if reset_before else reset * (h @ u[:, 2 * n :])
    return update * h + (1 - update) * np.tanh(xs[:, 2 * n :] + inner)


def log_probs(ws: Weights, inputs: np.ndarray, reset_before: bool) -> np.ndarray:
    """Returns float64 log-probabilities (b, t, vocab) after each input token."""
    hs = [np.zeros((inputs.shape[0], WIDTH)) for _ in range(LAYERS)]
    outputs = []
    for t in range(inputs.shape[1]):
        x = ws.table[inputs[:, t]].astype(np.float64)
        for i, gru in enumerate(ws.grus):
            hs[i] = x = _step(x, hs[i], gru, reset_before)
        logits = x @ ws.w.astype(np.float64) + ws.b
        logits -= logits.max(-1, keepdims=True)
        outputs.append(logits - np.log(np.exp(logits).sum(-1, keepdims=True)))
    return np.stack(outputs, 1)


def loss(ws: Weights, x: np.ndarray, reset_before: bool) -> float:
    """Returns the mean of -log p(token | tokens before), start id 0 first."""
    inputs = np.concatenate([np.zeros((len(x), 1), x.dtype), x[:, :-1]], 1)
    found = log_probs(ws, inputs, reset_before)
    return float(-np.take_along_axis(found, x[..., None], -1).mean())


def greedy(ws: Weights, n: int, reset_before: bool) -> list[int]:
    """Returns n tokens decoded greedily from start id 0."""
    fed = np.zeros((1, 1), np.int64)
    for _ in range(n):
        best = log_probs(ws, fed, reset_before)[:, -1].argmax(-1)
        fed = np.concatenate([fed, best[:, None]], 1)
    return fed[0, 1:].tolist()
