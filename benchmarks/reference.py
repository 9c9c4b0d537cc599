"""The seed model in float64 NumPy, forwards and backwards, and Adam: what every peer must give.

Peers differ in where the reset gate acts and in the biases that they have; see Convention.
"""

import functools
from typing import NamedTuple

import numpy as np

from . import seed_model as seed
from .setting import Setting


class _GRU(NamedTuple):
    w: np.ndarray  # (2n, 3n)
    b: np.ndarray  # (3n,)
    c: np.ndarray  # (3n,), beside h


def log_probs(setting: Setting, inputs: np.ndarray, convention: seed.Convention) -> np.ndarray:
    """Returns log-probabilities (b, t, vocab) after each of the ids that were read."""
    return _forward(start(setting), inputs, convention)[0]


def losses(setting: Setting, convention: seed.Convention, updates: int = 2) -> list[float]:
    """Returns the mean of -log p(token | tokens before) before each update with Adam, and after."""
    alike = setting._replace(batch=seed.distinct_rows(setting), precision='float32')
    return _losses(alike, convention, updates)


@functools.cache
def _losses(setting, convention, updates):
    ws, x = start(setting), seed.tokens(setting)
    slots = [(np.zeros_like(w), np.zeros_like(w)) for w in flat(ws)]
    found = []
    for step in range(1, updates + 1):
        loss, gradients = loss_and_gradients(ws, x, convention)
        found.append(loss)
        for w, g, (m, v) in zip(flat(ws), gradients, slots, strict=True):
            m += 0.1 * (g - m)
            v += 0.001 * (g * g - v)
            size = np.sqrt(v / (1 - 0.999**step)) + seed.EPSILON
            w -= seed.LEARNING_RATE * m / (1 - 0.9**step) / size
    return [*found, _loss(_forward(ws, seed.shifted(x), convention)[0], x)]


def loss_and_gradients(ws: seed.Weights, x: np.ndarray, convention: seed.Convention):
    """Returns the loss and its gradient in each array, in the order of `flat`."""
    inputs = seed.shifted(x)
    found, layers = _forward(ws, inputs, convention)
    d_logits = (np.exp(found) - np.eye(len(ws.table))[x]) / x.size
    y = layers[-1]['y']
    d_w, d_b = np.einsum('btn,btv->nv', y, d_logits, optimize=True), d_logits.sum((0, 1))
    dy, d_grus = d_logits @ ws.w.T, []
    for gru, saved in zip(ws.grus[::-1], layers[::-1], strict=True):
        dy, *d_gru = _gru_backward(dy, gru, saved, convention)
        d_grus = [*d_gru, *d_grus]
    d_table = np.zeros_like(ws.table)
    np.add.at(d_table, inputs, dy)
    return _loss(found, x), [d_table, *d_grus, d_w, d_b]


def flat(ws: seed.Weights) -> list[np.ndarray]:
    """Returns all arrays of the weights: the table, w, b and c of each GRU, w, b."""
    return [ws.table, *(a for gru in ws.grus for a in gru), ws.w, ws.b]


def start(setting: Setting) -> seed.Weights:
    """Returns the weights that all peers start from, in float64."""
    ws = seed.weights(setting)
    grus = [_GRU(*(a.astype(np.float64) for a in gru), np.zeros(gru.b.shape)) for gru in ws.grus]
    table, w, b = (a.astype(np.float64) for a in (ws.table, ws.w, ws.b))
    return seed.Weights(table, grus, w, b)


def _loss(found, x):
    return float(-np.take_along_axis(found, x[..., None], -1).mean())


def _forward(ws, inputs, convention):
    x, layers = ws.table[inputs], []
    for gru in ws.grus:
        layers.append(_gru(x, gru, convention.reset_before))
        x = layers[-1]['y']
    logits = x @ ws.w + ws.b
    logits -= logits.max(-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(-1, keepdims=True)), layers


def _gru(x, gru, reset_before):
    """Runs a GRU over x (b, t, n); returns all that its gradient needs, a (b, t, n) each."""
    n, (rows, times) = gru.w.shape[0] // 2, x.shape[:2]
    u_gates, u_candidate = gru.w[n:, : 2 * n], gru.w[n:, 2 * n :]
    xs, c_gates, c_candidate = x @ gru.w[:n] + gru.b, gru.c[: 2 * n], gru.c[2 * n :]
    saved = {name: np.empty((rows, times, n)) for name in ('h', 'update', 'reset', 'c', 'p', 'y')}
    h = np.zeros((rows, n))
    for t in range(times):
        gates = 1 / (1 + np.exp(-(xs[:, t, : 2 * n] + h @ u_gates + c_gates)))
        update, reset = gates[:, :n], gates[:, n:]
        p = h if reset_before else h @ u_candidate + c_candidate  # what the reset gate multiplies
        inner = (reset * p) @ u_candidate if reset_before else reset * p
        c = np.tanh(xs[:, t, 2 * n :] + inner)
        y = update * h + (1 - update) * c
        step = {'h': h, 'update': update, 'reset': reset, 'c': c, 'p': p, 'y': y}
        for name, value in step.items():
            saved[name][:, t] = value
        h = y
    return {'x': x, **saved}


def _gru_backward(dy, gru, saved, convention):
    """Returns the gradients in x, w, b and c; what is not learned has none."""
    reset_before = convention.reset_before
    n = gru.w.shape[0] // 2
    u_gates, u_candidate = gru.w[n:, : 2 * n], gru.w[n:, 2 * n :]
    d_xs, d_inner = np.empty((*dy.shape[:2], 3 * n)), np.empty(dy.shape)
    dh = np.zeros(dy[:, 0].shape)
    for t in reversed(range(dy.shape[1])):
        h, update, reset, c, p = (saved[k][:, t] for k in ('h', 'update', 'reset', 'c', 'p'))
        dh = dh + dy[:, t]
        d_candidate = dh * (1 - update) * (1 - c * c)
        d_update = dh * (h - c) * update * (1 - update)
        back = d_candidate @ u_candidate.T if reset_before else d_candidate
        d_reset = back * p * reset * (1 - reset)
        d_inner[:, t] = d_candidate if reset_before else d_candidate * reset
        d_xs[:, t] = np.concatenate([d_update, d_reset, d_candidate], -1)
        through = back * reset if reset_before else d_inner[:, t] @ u_candidate.T
        dh = dh * update + through + d_xs[:, t, : 2 * n] @ u_gates.T
    times = functools.partial(np.einsum, 'bti,btj->ij', optimize=True)
    operand = saved['reset'] * saved['h'] if reset_before else saved['h']
    d_h = np.concatenate([times(saved['h'], d_xs[..., : 2 * n]), times(operand, d_inner)], 1)
    d_w = np.concatenate([times(saved['x'], d_xs), d_h], 0)
    d_c = np.concatenate([d_xs[..., : 2 * n], d_inner], -1).sum((0, 1))
    d_c[: {'none': 3 * n, 'candidate': 2 * n, 'all': 0}[convention.recurrent_bias]] = 0
    return d_xs @ gru.w[:n].T, d_w, d_xs.sum((0, 1)), d_c
