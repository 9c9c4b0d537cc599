"""Equinox: eqx.nn.GRUCell (reset after the product) inside lax.scan, vmapped over rows.

Decoding is one scan. bf16: the model's float32 weights are cast to bfloat16 in the step, so all
arithmetic and the carry are bfloat16; softmax and loss are float32.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import seed_model as seed
from benchmarks.peers import jax_common

convention = seed.Convention(reset_before=False, recurrent_bias='candidate')


class Model(eqx.Module):
    """The seed model of one row."""

    table: eqx.nn.Embedding
    cells: list[eqx.nn.GRUCell]
    head: eqx.nn.Linear

    def __call__(self, ids, hs):
        """Returns logits after each id, and the states after the last."""
        x, after = jax.vmap(self.table)(ids), []
        for cell, h in zip(self.cells, hs, strict=True):
            h, x = jax.lax.scan(lambda h, x, cell=cell: (cell(x, h),) * 2, h, x)
            after.append(h)
        return jax.vmap(self.head)(x).astype(jnp.float32), after

    def step(self, token, hs):
        """Returns logits after one id, and the states."""
        x, after = self.table(token), []
        for cell, h in zip(self.cells, hs, strict=True):
            x = cell(x, h)
            after.append(x)
        return self.head(x).astype(jnp.float32), after


def _model(setting):
    ws, n, key = seed.weights(setting), setting.width, jax.random.key(0)
    cells = [_cell(gru, n, key) for gru in ws.grus]
    table = eqx.nn.Embedding(weight=jnp.asarray(ws.table))
    head = eqx.nn.Linear(n, setting.vocab, key=key)
    new = (jnp.asarray(ws.w.T), jnp.asarray(ws.b))
    return Model(table, cells, eqx.tree_at(lambda h: (h.weight, h.bias), head, new))


def _cell(gru, n, key):
    new = _swapped(gru.w[:n].T), _swapped(gru.w[n:].T), _swapped(gru.b), jnp.zeros(n)
    cell = eqx.nn.GRUCell(n, n, key=key)
    return eqx.tree_at(lambda c: (c.weight_ih, c.weight_hh, c.bias, c.bias_n), cell, new)


def _swapped(gates):
    """From update, reset, candidate to reset, update, candidate."""
    u, r, c = np.split(gates, 3)
    return jnp.asarray(np.concatenate([r, u, c]))


def _cast(setting, model):
    if setting.precision == 'float32':
        return model
    return jax.tree.map(lambda a: a.astype(jnp.bfloat16), model)


def _zeros(setting):
    dtype = jnp.bfloat16 if setting.precision == 'bf16' else jnp.float32
    return [jnp.zeros((setting.batch, setting.width), dtype)] * setting.layers


def _logits_of(setting):
    return lambda model, ids: jax.vmap(_cast(setting, model))(ids, _zeros(setting))[0]


def train(setting):
    """The usual step; a model of arrays alone is a pytree that jax.jit takes."""
    return jax_common.train_logits(setting, _logits_of(setting), _model(setting))


def forward(setting):
    """One compiled pass."""
    return jax_common.forward(setting, _logits_of(setting), _model(setting))


def decode(setting):
    """The context in one pass, then one scan."""

    def read(model, ids, state):
        return jax.vmap(model)(ids, state)[1]

    def step(model, token, state):
        return jax.vmap(model.step)(token, state)

    model = _cast(setting, _model(setting))
    return jax_common.decode_by_scan(setting, model, _zeros(setting), read, step)
