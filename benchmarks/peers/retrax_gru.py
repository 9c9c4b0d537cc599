"""retrax: tl.GRU (reset before the product), the compiled step of training and `generate`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import retrax
from benchmarks import seed_model as seed
from retrax import layers as tl
from retrax.models import GRULM

reset_before = True


def _model():
    ws = seed.weights()
    n = seed.WIDTH
    model = GRULM(seed.VOCAB, n, seed.LAYERS)
    model.init(tl.ShapeDtype((1, 1), np.int32))
    named = {'Embedding#1': ws.table, 'Dense#1.w': ws.w, 'Dense#1.b': ws.b}
    for i, gru in enumerate(ws.grus, 1):
        named |= {
            f'GRU#{i}.w1': gru.w[:, : 2 * n],
            f'GRU#{i}.b1': gru.b[: 2 * n],
            f'GRU#{i}.w2': gru.w[:, 2 * n :],
            f'GRU#{i}.b2': gru.b[2 * n :],
        }
    model.set_named_weights(named)
    return model


def train_step():
    """One step with Adam, all of it in one compiled function."""
    model = _model()
    view, criterion = model.as_mode('train'), tl.CrossEntropyLoss()
    optimizer = optax.adam(seed.LEARNING_RATE)
    x = seed.tokens()
    state = view.new_state(seed.BATCH)

    def loss_fn(weights):
        y, _ = view.pure_fn(x, weights, state, None)
        return criterion.pure_fn((y, x, jnp.ones(x.shape)), (), (), None)[0]

    @jax.jit
    def step(weights, slots):
        loss, gradients = jax.value_and_grad(loss_fn)(weights)
        updates, slots = optimizer.update(gradients, slots, weights)
        return optax.apply_updates(weights, updates), slots, loss

    now = [model.weights, optimizer.init(model.weights)]
    first = float(step(*now)[2])

    def run():
        now[0], now[1], loss = step(*now)
        return float(loss)

    return first, run


def decode():
    """`retrax.generate`, end to end: dispatch, sampling, tokens back on the host."""
    model = _model()
    first = retrax.generate(model, max_new_tokens=24, temperature=0.0)[0].tolist()
    return first, lambda n: retrax.generate(model, max_new_tokens=n, temperature=1.0, seed=1)[0]
