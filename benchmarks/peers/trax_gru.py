"""Trax 1.4.1, in an interpreter of its own: optimizers.Trainer and autoregressive_sample.

Its JAX is of 2023 (0.4.13, the oldest that can be installed). It has no bfloat16 for GRUs.
"""

import numpy as np
import trax
from trax import layers as tl
from trax.supervised import decoding

from benchmarks import seed_model as seed

convention = seed.Convention(reset_before=True)
precisions = ('float32',)


def _model(setting, mode):
    """GRULM, which ends in logits."""
    return trax.models.GRULM(setting.vocab, setting.width, setting.layers, mode=mode)


def _start(setting, layer, signature):
    """Gives a layer that holds a GRULM the seed model's weights."""
    layer.init(signature)
    ws, n = seed.weights(setting), setting.width
    flat = [ws.table]
    for gru in ws.grus:
        flat += [gru.w[:, : 2 * n], gru.b[: 2 * n], gru.w[:, 2 * n :], gru.b[2 * n :]]
    flat += [ws.w, ws.b]
    old = trax.fastmath.tree_leaves(layer.weights)
    assert [a.shape for a in old] == [a.shape for a in flat]
    layer.weights = trax.fastmath.tree_unflatten(flat, layer.weights)[0]
    return layer


def train(setting):
    """The step of training.Loop."""
    x = seed.tokens(setting)
    batch = (x, x, np.ones(x.shape, np.float32))
    whole = tl.Serial(_model(setting, 'train'), tl.WeightedCategoryCrossEntropy())
    _start(setting, whole, trax.shapes.signature(batch))
    optimizer = trax.optimizers.Adam(seed.LEARNING_RATE, weight_decay_rate=0.0, eps=seed.EPSILON)
    optimizer.tree_init(whole.weights)
    trainer = trax.optimizers.Trainer(whole, optimizer)
    rng, steps = trax.fastmath.random.get_prng(0), []

    def run():
        loss, _ = trainer.one_step(batch, rng, step=len(steps), learning_rate=seed.LEARNING_RATE)
        steps.append(loss)
        return float(loss)

    return run


def forward(setting):
    """tl.Accelerate of the eval model."""
    x = seed.tokens(setting)
    whole = tl.Serial(_model(setting, 'eval'), tl.LogSoftmax())
    model = tl.Accelerate(_start(setting, whole, trax.shapes.signature(x)))
    return lambda: model(x).block_until_ready()


def decode(setting):
    """autoregressive_sample; the model is accelerated once, not at each call."""
    context = seed.context(setting)
    signature = trax.shapes.signature(context)
    model = tl.Accelerate(_start(setting, _model(setting, 'predict'), signature))
    initial, prompt = model.state, context[:, 1:]

    def run(n, temperature):
        model.state = initial
        return decoding.autoregressive_sample(
            model,
            inputs=prompt if setting.time > 1 else None,
            batch_size=setting.batch,
            temperature=temperature,
            start_id=0,
            eos_id=-1,
            max_length=n,
            accelerate=False,
        )

    return run
