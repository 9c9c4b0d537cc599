"""A GRU language model as people wrote it for Trax: made, trained, and sampled from.

    python -m retrax.interop.trax examples/trax_program.py

Nothing in it knows retrax.
"""

import numpy as np
from trax import fastmath, shapes
from trax import layers as tl
from trax.fastmath import numpy as jnp
from trax.supervised import decoding


def GRULM(vocab_size=256, d_model=512, n_layers=2, mode='train'):
    model = tl.Serial(
        tl.ShiftRight(mode=mode),
        tl.Embedding(vocab_size=vocab_size, d_feature=d_model),
        [tl.GRU(n_units=d_model) for _ in range(n_layers)],
        tl.Dense(n_units=vocab_size),
        tl.LogSoftmax(),
    )
    return model


TEXT = 'the quick brown fox jumps over the lazy dog. '


def line_to_tensor(line):
    return np.array([[ord(c) for c in line]], dtype=np.int32)


def train(model, inputs, n_steps, learning_rate=0.5):
    """Plain gradient descent; returns the first and the last loss."""
    model.init(shapes.signature(inputs), rng=fastmath.random.get_prng(0))
    loss_layer = tl.CrossEntropyLoss()
    weights_of_loss = jnp.ones(inputs.shape)

    def loss(weights):
        outputs, _ = model.pure_fn(inputs, weights, model.state, fastmath.random.get_prng(1))
        return loss_layer((outputs, inputs, weights_of_loss))  # the input is its own target

    step = fastmath.jit(fastmath.value_and_grad(loss))
    losses = []
    for _ in range(n_steps):
        value, gradients = step(model.weights)
        losses.append(float(value))
        model.weights = fastmath.nested_map_multiarg(
            lambda w, g: w - learning_rate * g, model.weights, gradients
        )
    return losses[0], losses[-1]


def sample_slowly(model, n_tokens):
    """One whole pass for each character, as the notebook has it."""
    tokens = np.zeros((1, n_tokens), dtype=np.int32)
    for i in range(n_tokens):
        log_probs = model(tokens)[:, i]
        tokens[:, i] = tl.logsoftmax_sample(log_probs, temperature=0.0)
    return tokens


def main():
    print(GRULM())
    model = GRULM(d_model=32, n_layers=1, mode='train')
    first, last = train(model, line_to_tensor(TEXT), n_steps=400)
    print(f'loss {first:.2f} -> {last:.2f}')

    eval_model = GRULM(d_model=32, n_layers=1, mode='eval')
    predict_model = GRULM(d_model=32, n_layers=1, mode='predict')
    for copy in (eval_model, predict_model):
        copy.init(shapes.ShapeDtype((1, 1), dtype=np.int32))
        copy.weights = model.weights

    slow = sample_slowly(eval_model, 30)
    fast = decoding.autoregressive_sample(predict_model, temperature=0.0, max_length=30)
    print('the same by steps:', np.array_equal(slow, fast))
    print(''.join(chr(i) for i in fast[0]))


if __name__ == '__main__':
    main()
