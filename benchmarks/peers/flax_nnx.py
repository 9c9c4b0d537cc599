"""Flax nnx: nnx.RNN over nnx.GRUCell (reset after the product), nnx.jit and nnx.Optimizer.

bf16 is nnx's dtype=bfloat16 with float32 weights: all arithmetic of a module is in bfloat16, and
the carry with it; softmax and loss are float32.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx

from benchmarks import seed_model as seed
from benchmarks.peers import jax_common

convention = seed.Convention(reset_before=False)


class Model(nnx.Module):
    """The seed model; gives logits, and the state after the ids."""

    def __init__(self, setting):
        n, rngs = setting.width, nnx.Rngs(0)
        self.dtype = jnp.bfloat16 if setting.precision == 'bf16' else jnp.float32
        self.embed = nnx.Embed(setting.vocab, n, dtype=self.dtype, rngs=rngs)
        cells = [nnx.GRUCell(n, n, dtype=self.dtype, rngs=rngs) for _ in range(setting.layers)]
        self.grus = nnx.List(nnx.RNN(cell, return_carry=True) for cell in cells)
        self.head = nnx.Linear(n, setting.vocab, dtype=self.dtype, rngs=rngs)

    def __call__(self, ids, carries=None):
        carries = self.zeros(len(ids)) if carries is None else carries
        x, after = self.embed(ids), []
        for gru, carry in zip(self.grus, carries, strict=True):
            carry, x = gru(x, initial_carry=carry)
            after.append(carry)
        return self.head(x).astype(jnp.float32), after

    def zeros(self, batch):
        """The state at the start."""
        return [jnp.zeros((batch, self.embed.features), self.dtype) for _ in self.grus]


def model_of(setting):
    """The model with the seed model's weights."""
    model, ws, n = Model(setting), seed.weights(setting), setting.width
    model.embed.embedding[...] = ws.table
    model.head.kernel[...], model.head.bias[...] = ws.w, ws.b
    for gru, rnn in zip(ws.grus, model.grus, strict=True):
        rnn.cell.dense_i.kernel[...] = _swapped(gru.w[:n])
        rnn.cell.dense_h.kernel[...] = _swapped(gru.w[n:])
        rnn.cell.dense_i.bias[...] = _swapped(gru.b)
    return model


def _swapped(gates):
    """From update, reset, candidate to reset, update, candidate."""
    u, r, c = np.split(gates, 3, -1)
    return jnp.asarray(np.concatenate([r, u, c], -1))


def train(setting):
    """nnx's own step: value_and_grad of the model, Optimizer.update."""
    model = model_of(setting)
    optimizer = nnx.Optimizer(model, optax.adam(seed.LEARNING_RATE), wrt=nnx.Param)
    x = jnp.asarray(seed.tokens(setting))

    def loss_of(model, x):
        return jax_common.cross_entropy(model(jax_common.shifted(x))[0], x)

    @functools.partial(nnx.jit, donate_argnums=(0, 1))
    def step(model, optimizer, x):
        loss, gradients = nnx.value_and_grad(loss_of)(model, x)
        optimizer.update(model, gradients)
        return loss

    step = nnx.cached_partial(step, model, optimizer)  # nnx's advice for small models

    def run():
        loss = float(step(x))
        jax.block_until_ready(nnx.state(model))
        return loss

    return run


def forward(setting):
    """One compiled pass; the model is taken apart once."""
    definition, weights = nnx.split(model_of(setting))

    def logits_of(weights, inputs):
        return nnx.merge(definition, weights)(inputs)[0]

    return jax_common.forward(setting, logits_of, weights)


def decode(setting):
    """The context in one pass, then a compiled step for each token."""
    model = model_of(setting)
    definition, weights = nnx.split(model)

    def read(weights, ids, state):
        return nnx.merge(definition, weights)(ids, state)[1]

    def step(weights, token, state):
        logits, state = nnx.merge(definition, weights)(token[:, None], state)
        return logits[:, 0], state

    initial = model.zeros(setting.batch)
    return jax_common.decode_by_steps(setting, weights, initial, read, step)
