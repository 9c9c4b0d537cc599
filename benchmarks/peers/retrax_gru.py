"""retrax: tl.GRU (reset before the product), the compiled step of training and `generate`.

bf16 is the model's precision policy: products in bfloat16; weights, carried state, gates, softmax
and loss in float32.
"""

import jax.numpy as jnp
import numpy as np

import retrax
from benchmarks import seed_model as seed
from benchmarks.peers import jax_common
from retrax import layers as tl
from retrax.models import GRULM

convention = seed.Convention(reset_before=True)


def model_of(setting):
    """GRULM with the seed model's weights."""
    model = GRULM(setting.vocab, setting.width, setting.layers).with_precision(setting.precision)
    model.init(tl.ShapeDtype((1, 1), np.int32))
    ws, n = seed.weights(setting), setting.width
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


def train(setting, make=model_of):
    """One step, all of it in one compiled function, with the model fused as `fit` does it."""
    model = make(setting)
    view, criterion = retrax.fuse(model.as_mode('train')), tl.CrossEntropyLoss()
    state = view.new_state(setting.batch)

    def loss_of(weights, x):
        y, _ = view.pure_fn(x, weights, state, None)
        return criterion.pure_fn((y, x, jnp.ones(x.shape)), (), (), None)[0]

    return jax_common.train(setting, loss_of, model.weights)


def forward(setting, make=model_of):
    """The model, fused as `evaluate` does it, which compiles what it runs."""
    model = retrax.fuse(make(setting).as_mode('eval'))
    x = jnp.asarray(seed.tokens(setting))
    return lambda: model(x).block_until_ready()


def decode(setting, make=model_of, **options):
    """`retrax.generate`: one dispatch for each chunk of tokens."""
    model = make(setting)
    prompt = seed.context(setting)[:, 1:]  # the model puts its start id before it

    def run(n, temperature):
        return retrax.generate(model, prompt, n, temperature, seed=1, **options)

    return run
