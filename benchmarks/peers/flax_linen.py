"""Flax linen: nn.RNN over nn.GRUCell (reset after the product), a compiled step.

bf16 is linen's dtype=bfloat16 with float32 weights: all arithmetic of a module is in bfloat16, and
the carry with it; softmax and loss are float32.
"""

import jax
import jax.numpy as jnp
from flax import linen as nn

from benchmarks import seed_model as seed
from benchmarks.peers import jax_common

convention = seed.Convention(reset_before=False, recurrent_bias='candidate')


class Model(nn.Module):
    """The seed model; gives logits, and the state after the ids."""

    vocab: int
    width: int
    layers: int
    dtype: jnp.dtype

    @nn.compact
    def __call__(self, ids, carries=None):
        x, after = nn.Embed(self.vocab, self.width, dtype=self.dtype)(ids), []
        for i in range(self.layers):
            cell = nn.GRUCell(self.width, dtype=self.dtype, name=f'gru_{i}')
            rnn = nn.RNN(cell, return_carry=True)
            carry = zeros(self, len(ids)) if carries is None else carries[i]
            carry, x = rnn(x, initial_carry=carry)
            after.append(carry)
        return nn.Dense(self.vocab, dtype=self.dtype)(x).astype(jnp.float32), after


def zeros(model, batch):
    """The state of one layer at the start."""
    return jnp.zeros((batch, model.width), model.dtype)


def model_of(setting):
    """Returns the model and the seed model's weights."""
    dtype = jnp.bfloat16 if setting.precision == 'bf16' else jnp.float32
    model = Model(setting.vocab, setting.width, setting.layers, dtype)
    ws, n = seed.weights(setting), setting.width
    params = {'Embed_0': {'embedding': ws.table}, 'Dense_0': {'kernel': ws.w, 'bias': ws.b}}
    for i, gru in enumerate(ws.grus):
        named = {}
        for j, gate in enumerate(('z', 'r', 'n')):
            columns = slice(j * n, (j + 1) * n)
            named[f'i{gate}'] = {'kernel': gru.w[:n, columns], 'bias': gru.b[columns]}
            named[f'h{gate}'] = {'kernel': gru.w[n:, columns]}
        named['hn']['bias'] = jnp.zeros(n)
        params[f'gru_{i}'] = named
    params = jax.tree.map(jnp.asarray, params)
    wanted = jax.eval_shape(model.init, jax.random.key(0), jnp.zeros((1, 1), jnp.int32))['params']
    assert jax.tree.map(jnp.shape, wanted) == jax.tree.map(jnp.shape, params)
    return model, params


def _logits_of(model):
    return lambda params, ids: model.apply({'params': params}, ids)[0]


def train(setting):
    """The usual step: value_and_grad, optax, jit."""
    model, params = model_of(setting)
    return jax_common.train_logits(setting, _logits_of(model), params)


def forward(setting):
    """One compiled pass."""
    model, params = model_of(setting)
    return jax_common.forward(setting, _logits_of(model), params)


def decode(setting, loop=jax_common.decode_by_steps):
    """The context in one pass, then a compiled step for each token."""
    model, params = model_of(setting)

    def read(params, ids, state):
        return model.apply({'params': params}, ids, state)[1]

    def step(params, token, state):
        logits, state = model.apply({'params': params}, token[:, None], state)
        return logits[:, 0], state

    initial = [zeros(model, setting.batch)] * setting.layers
    return loop(setting, params, initial, read, step)
