"""A bound, not a peer: the products of decoding alone, at its shapes, in one compiled loop of JAX.

Next to no gates, no look-ups, no sampling; each product feeds the next. As memory_read, it leaves
the first layer's product with the input to a table.
"""

import functools

import jax
import jax.numpy as jnp

convention = None


def decode(setting):
    """Per token: (n, 3n) for h of each layer and for x of all but the first, then (n, vocab)."""
    n, dtype = setting.width, jnp.bfloat16 if setting.precision == 'bf16' else jnp.float32
    keys = jax.random.split(jax.random.key(0), 2 * setting.layers)
    kernels = [jax.random.normal(k, (n, 3 * n), dtype) / n for k in keys[1:]]
    head = jax.random.normal(keys[0], (n, setting.vocab), dtype) / n

    @functools.partial(jax.jit, static_argnames='tokens')
    def run(x, kernels, head, tokens):
        def step(x, _):
            for kernel in kernels:
                a, b, c = jnp.split(x @ kernel, 3, -1)
                x = a + b * c  # so that no column can be left out
            return x, (x @ head).max(-1)

        return jax.lax.scan(step, x, length=tokens)[1]

    x = jnp.ones((setting.batch, n), dtype)
    return lambda tokens, temperature: run(x, kernels, head, tokens=tokens).block_until_ready()
