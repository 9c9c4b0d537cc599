# %% [markdown]
# # A GRU from scratch, and what it left to luck
#
# A forum's GRU is written gate by gate in NumPy, with one-hot inputs, plain gradient descent and a
# state that is carried from minibatch to minibatch. Three things in it go wrong and say nothing:
# row j of the next minibatch does not continue row j of this one, so the carried state belongs to
# another text; its softmax subtracts the maximum of the whole batch, so a row can underflow to log
# 0; and a text whose length the sizes do not divide crashes. Its formula closes a bracket in the
# wrong place; its code is right: the reset gate multiplies h before the product.
#
# `python examples/gru_from_scratch.py [FILE]`

# %%
import sys

import jax.numpy as jnp
import numpy as np
import optax

import retrax
from retrax import data
from retrax import layers as tl
from retrax.interop import weights

SOURCE = sys.argv[1] if __name__ == '__main__' and len(sys.argv) == 2 else 'python_docs'
STEPS = 200

# %% [markdown]
# ## The cell, with a matrix for each gate
#
# Its weights are normal(0, 0.01), biases too. Here they are, in float64, beside the layer that
# takes them: z keeps the old state, and the reset gate is applied before the product.

# %%
d, n = 5, 4
random = np.random.default_rng(0)
separate = {
    f'{kind}{gate}': random.normal(0, 0.5, shape)
    for gate in 'zrh'
    for kind, shape in (('W_x', (d, n)), ('W_h', (n, n)), ('b_', (n,)))
}


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def by_hand(x, h):
    """One row: x (t, d), h (n,)."""
    p, outputs = separate, []
    for x_t in x:
        z = sigmoid(x_t @ p['W_xz'] + h @ p['W_hz'] + p['b_z'])
        r = sigmoid(x_t @ p['W_xr'] + h @ p['W_hr'] + p['b_r'])
        candidate = np.tanh(x_t @ p['W_xh'] + (r * h) @ p['W_hh'] + p['b_h'])
        h = z * h + (1 - z) * candidate
        outputs.append(h)
    return np.stack(outputs)


gru = weights.from_params(separate, 'd2l')
x = random.normal(size=(7, d)).astype(np.float32)
print('as by hand:', np.allclose(gru(x[None])[0], by_hand(x, np.zeros(n)), atol=1e-6))

# %% [markdown]
# ## One-hot inputs are an embedding
#
# A one-hot row times a matrix is a row of the matrix.

# %%
table = random.normal(size=(6, 3)).astype(np.float32)
ids = np.array([[2, 0, 5]])
print(np.array_equal(tl.one_hot(ids, 6) @ table, table[ids]))

# %% [markdown]
# ## A vocabulary with an order, and minibatches that continue
#
# The characters are sorted, so that a text gives the same ids on every machine, and a fingerprint
# of them is kept with the weights. Row j of each batch goes on where row j of the one before it
# ended; `fresh` says where a new epoch begins and the state starts anew; what does not fill the
# last batch is padding of weight 0.

# %%
text, held_out = data.split(data.load(SOURCE).text)
vocabulary = data.CharVocabulary.fit(text)
print(vocabulary.size, 'ids')

batches = data.ContiguousBatches(vocabulary.encode(text[:100_003]), batch_size=32, window=35)
this, following = batches[0], batches[1]
print(repr(vocabulary.decode(this.tokens[3])), '->', repr(vocabulary.decode(following.tokens[3])))
print(f'{int(sum(batch.weights.sum() for batch in batches)):,} of 100,003 characters, each once')

# %% [markdown]
# ## Softmax row by row, and a loss from logits

# %%
logits = jnp.array([[1000.0, 0.0], [0.0, -1.0]])
print(tl.log_softmax(logits)[1], 'where subtracting the largest of all gives', end=' ')
print(
    jnp.log(jnp.exp(logits - logits.max()) / jnp.exp(logits - logits.max()).sum(1, keepdims=True))[
        1
    ]
)

# %% [markdown]
# ## Train with gradient descent
#
# The gradient stops at the window, the state goes on. The learning rate is halved every hundred
# steps, and gradients are clipped.

# %%
model = tl.Serial(
    tl.ShiftRight(),
    tl.Embedding(vocabulary.size, 64),
    tl.GRU(128),
    tl.Dense(vocabulary.size),
)
halved = optax.exponential_decay(2.0, transition_steps=100, decay_rate=0.5, staircase=True)
optimizer = optax.chain(optax.clip_by_global_norm(1.0), optax.sgd(halved))
loss = tl.CrossEntropyLossWithLogSoftmax()
history = retrax.fit(model, batches, STEPS, loss=loss, optimizer=optimizer, log_every=50)
for entry in history.progress:
    print(f'step {entry.step}: loss {entry.loss:.2f}')

# %% [markdown]
# ## A prefix, then sampling

# %%
prefix = vocabulary.encode('time traveller ')[None]
print(repr(vocabulary.decode(retrax.generate(model, prefix, 60, temperature=0.1)[0])))

# %% [markdown]
# ## What was there and not used
#
# Weights that no output depends on have a gradient of zero everywhere.

# %%
unused = retrax.inspection.unused(model, this.tokens)
print(unused)
