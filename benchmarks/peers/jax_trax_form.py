"""Plain JAX on the same release, as Trax formulates it: products of [x, h] inside the scan.

The gradient is autodiff's. bf16: operands of products are cast, sums are float32.
"""

import jax
import jax.numpy as jnp

from benchmarks import seed_model as seed
from benchmarks.peers import jax_common

convention = seed.Convention(reset_before=True)


def _weights(setting):
    ws, n = seed.weights(setting), setting.width
    grus = [(g.w[:, : 2 * n], g.b[: 2 * n], g.w[:, 2 * n :], g.b[2 * n :]) for g in ws.grus]
    return jax.tree.map(jnp.asarray, (ws.table, grus, ws.w, ws.b))


def _logits_of(setting):
    dtype = jnp.bfloat16 if setting.precision == 'bf16' else jnp.float32

    def product(x, w):
        return jnp.dot(x.astype(dtype), w.astype(dtype), preferred_element_type=jnp.float32)

    def step(gru, h, x):
        w1, b1, w2, b2 = gru
        gates = jax.nn.sigmoid(product(jnp.concatenate([x, h], -1), w1) + b1)
        update, reset = jnp.split(gates, 2, -1)
        candidate = jnp.tanh(product(jnp.concatenate([x, reset * h], -1), w2) + b2)
        h = update * h + (1 - update) * candidate
        return h, h

    def logits_of(weights, inputs):
        table, grus, w, b = weights
        xs = table[inputs].swapaxes(0, 1)
        for gru in grus:
            h = jnp.zeros(xs.shape[1:])
            _, xs = jax.lax.scan(lambda h, x, gru=gru: step(gru, h, x), h, xs)
        return product(xs.swapaxes(0, 1), w) + b

    return logits_of


def train(setting):
    """One compiled step."""
    return jax_common.train_logits(setting, _logits_of(setting), _weights(setting))


def forward(setting):
    """One compiled pass."""
    return jax_common.forward(setting, _logits_of(setting), _weights(setting))
