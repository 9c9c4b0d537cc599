"""What peers on JAX have in common: the step with Adam, and loops that decode."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax

from benchmarks import seed_model as seed


def train(setting, loss_of, weights):
    """One step in one compiled function, its arguments donated; `loss_of(weights, x)`."""
    optimizer = optax.adam(seed.LEARNING_RATE)
    x = jnp.asarray(seed.tokens(setting))

    @functools.partial(jax.jit, donate_argnums=(0, 1))
    def step(weights, slots, x):
        loss, gradients = jax.value_and_grad(loss_of)(weights, x)
        updates, slots = optimizer.update(gradients, slots, weights)
        return optax.apply_updates(weights, updates), slots, loss

    now = [jax.tree.map(jnp.array, weights), optimizer.init(weights)]

    def run():
        now[0], now[1], loss = jax.block_until_ready(step(*now, x))
        return float(loss)

    return run


def train_logits(setting, logits_of, weights):
    """The same of a model that gives logits; `logits_of(weights, inputs)`."""

    def loss_of(weights, x):
        return cross_entropy(logits_of(weights, shifted(x)), x)

    return train(setting, loss_of, weights)


def forward(setting, logits_of, weights):
    """The whole pass to log-probabilities in one compiled function."""
    inputs = jnp.asarray(seed.context(setting))
    compiled = jax.jit(lambda weights, inputs: jax.nn.log_softmax(logits_of(weights, inputs)))
    return lambda: compiled(weights, inputs).block_until_ready()


def cross_entropy(logits, x):
    """The mean of -log p of the ids x."""
    return optax.softmax_cross_entropy_with_integer_labels(logits, x).mean()


def shifted(x):
    """The ids that are read where x is predicted."""
    return jnp.pad(x, ((0, 0), (1, 0)))[:, :-1]


def choose(logits, key, temperature):
    """Samples an id for each row; the most probable one at temperature 0, which is static."""
    if temperature == 0:
        return logits.argmax(-1).astype(jnp.int32)
    return jax.random.categorical(key, logits / temperature).astype(jnp.int32)


def decode_by_steps(setting, weights, initial, read, step):
    """A Python loop over tokens, one compiled step each, whose token the host reads.

    `initial` is the state; `read(weights, ids, state)` gives the state after ids, in one pass, and
    `step(weights, token, state)` gives logits and the next state.
    """

    @functools.partial(jax.jit, static_argnames='temperature', donate_argnums=2)
    def next_token(weights, token, state, key, temperature):
        key, now = jax.random.split(key)
        logits, state = step(weights, token, state)
        return choose(logits, now, temperature), state, key

    return _decode(setting, weights, initial, read, functools.partial(_by_steps, next_token))


def _by_steps(next_token, weights, token, state, n, temperature):
    key, made = jax.random.key(1), []
    for _ in range(n):
        token, state, key = next_token(weights, token, state, key, temperature)
        made.append(np.asarray(token))
    return np.stack(made, 1)


def decode_by_scan(setting, weights, initial, read, step):
    """The same with all tokens in one compiled scan."""

    @functools.partial(jax.jit, static_argnames=('n', 'temperature'))
    def tokens(weights, token, state, n, temperature):
        def body(carry, key):
            token, state = carry
            logits, state = step(weights, token, state)
            token = choose(logits, key, temperature)
            return (token, state), token

        keys = jax.random.split(jax.random.key(1), n)
        return jax.lax.scan(body, (token, state), keys)[1].T

    def whole(weights, token, state, n, temperature):
        return np.asarray(tokens(weights, token, state, n=n, temperature=temperature))

    return _decode(setting, weights, initial, read, whole)


def _decode(setting, weights, initial, read, loop):
    ids = jnp.asarray(seed.context(setting))
    read = jax.jit(read)

    def run(n, temperature):
        state = jax.tree.map(jnp.copy, initial)
        if setting.time > 1:
            state = read(weights, ids[:, :-1], state)
        return loop(weights, ids[:, -1], state, n, temperature)

    return run
