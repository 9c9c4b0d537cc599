"""Keras 3 on JAX: layers.GRU (reset after the product), train_on_batch and predict_on_batch.

bf16 is the policy mixed_bfloat16: layers compute in bfloat16, weights are float32; logits, softmax
and loss are float32.
"""

import os

import numpy as np

os.environ['KERAS_BACKEND'] = 'jax'
import keras
from keras import layers, ops

from benchmarks import seed_model as seed

# Keras adds epsilon to v before the correction of its bias, the others after: theirs times
# sqrt(1 - 0.999^t), which is 0.032 in the first step and 0.045 in the second.
EPSILON = 0.038 * seed.EPSILON

convention = seed.Convention(reset_before=False, recurrent_bias='all')


def _model(setting, with_state=False):
    """The seed model: ids to logits; with states in and out too, if they are wanted."""
    policy = 'mixed_bfloat16' if setting.precision == 'bf16' else 'float32'
    keras.config.set_dtype_policy(policy)
    n, ws = setting.width, seed.weights(setting)
    ids = keras.Input((None,), dtype='int32')
    before = [keras.Input((n,)) for _ in ws.grus] if with_state else [None] * len(ws.grus)
    x, after = layers.Embedding(setting.vocab, n)(ids), []
    for h in before:
        gru = layers.GRU(n, return_sequences=True, return_state=True)
        x, h = gru(x, initial_state=h)
        after.append(h)
    logits = layers.Dense(setting.vocab, dtype='float32')(x)
    ends = ([ids, *before], [logits, *after]) if with_state else (ids, logits)
    model = keras.Model(*ends)
    model.set_weights([ws.table, *(a for gru in ws.grus for a in _split(gru, n)), ws.w, ws.b])
    return model


def _split(gru, n):
    """Keras has the gates in our order, and biases of x and of h."""
    return gru.w[:n], gru.w[n:], np.stack([gru.b, np.zeros_like(gru.b)])


def train(setting):
    """compile, then train_on_batch."""
    model = _model(setting)
    model.compile(
        keras.optimizers.Adam(seed.LEARNING_RATE, epsilon=EPSILON),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    )
    inputs, x = seed.context(setting), seed.tokens(setting)

    def run():
        model.reset_metrics()  # the loss that it returns is a mean since the last reset
        return model.train_on_batch(inputs, x)

    return run


def forward(setting):
    """predict_on_batch."""
    model = _model(setting)
    whole = keras.Model(model.input, ops.log_softmax(model.output))
    inputs = seed.context(setting)
    return lambda: whole.predict_on_batch(inputs)


def decode(setting):
    """predict_on_batch for the context and for each token; NumPy samples."""
    model = _model(setting, with_state=True)
    context = seed.context(setting)

    def run(n, temperature):
        draw = np.random.default_rng(1)
        hs = [np.zeros((setting.batch, setting.width), np.float32)] * setting.layers
        if setting.time > 1:
            _, *hs = model.predict_on_batch([context[:, :-1], *hs])
        token, made = context[:, -1], []
        for _ in range(n):
            logits, *hs = model.predict_on_batch([token[:, None], *hs])
            noise = draw.gumbel(size=logits[:, 0].shape) if temperature else 0
            token = (logits[:, 0] / (temperature or 1) + noise).argmax(-1).astype(np.int32)
            made.append(token)
        return np.stack(made, 1)

    return run
