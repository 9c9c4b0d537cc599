# %% [markdown]
# # The GRU chapter of Dive into Deep Learning
#
# The chapter writes a GRU from scratch, then uses the framework's. Between the two the reset gate
# changes its place (before the product by hand, after it in cuDNN), batch and time change theirs,
# and neither page says so. Here the concise version is one word, it computes what the one by hand
# computes, and what differs is said by name.
#
# `python examples/d2l_gru.py [FILE]`; at full length `retrax train d2l_gru`

# %%
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

import retrax
from retrax import data, training
from retrax import layers as tl
from retrax.interop import weights

SOURCE = sys.argv[1] if __name__ == '__main__' and len(sys.argv) == 2 else 'python_docs'
STEPS = 600
text, held_out = data.split(data.load(SOURCE).text)
vocabulary = data.CharVocabulary.fit(text)

# %% [markdown]
# ## From scratch: normal(0, 0.01) weights, zero biases, and a scan
#
# Time comes first by hand, so that the scan goes along it.

# %%
N_UNITS = 32
random = np.random.default_rng(0)


def three(d, n):
    return random.normal(0, 0.01, (d, n)), random.normal(0, 0.01, (n, n)), np.zeros(n)


by_hand = {
    f'{name}{gate}': w
    for gate in 'zrh'
    for name, w in zip(('W_x', 'W_h', 'b_'), three(vocabulary.size, N_UNITS), strict=True)
}


def from_scratch(x, h, p):
    """Runs x (time, batch, d) from h (batch, n); returns all states and the last."""

    def step(h, x):
        z = jax.nn.sigmoid(x @ p['W_xz'] + h @ p['W_hz'] + p['b_z'])
        r = jax.nn.sigmoid(x @ p['W_xr'] + h @ p['W_hr'] + p['b_r'])
        candidate = jnp.tanh(x @ p['W_xh'] + (r * h) @ p['W_hh'] + p['b_h'])
        h = z * h + (1 - z) * candidate
        return h, h

    last, states = jax.lax.scan(step, h, x)
    return states, last


# %% [markdown]
# ## Concise: one word
#
# Batch comes first here, always. The two are equal.

# %%
concise = weights.from_params(by_hand, 'd2l', return_state=True)
x = tl.one_hot(np.array([[3, 1, 4, 1, 5], [9, 2, 6, 5, 3]]), vocabulary.size)
y, last = concise(x)
states, last_by_hand = from_scratch(jnp.swapaxes(x, 0, 1), jnp.zeros((2, N_UNITS)), by_hand)
print(
    np.allclose(y, jnp.swapaxes(states, 0, 1), atol=1e-6),
    np.allclose(last, last_by_hand, atol=1e-6),
)

# %% [markdown]
# ## Gates at their ends
#
# A gate that is given has no weights. With the reset gate at 1 and the update gate at 0 the GRU is
# a plain RNN; with only one of them it is what the chapter's exercises ask for.

# %%
plain = tl.Recurrent(tl.GRUCell(4, reset_gate=1.0, update_gate=0.0))
rnn = tl.RNN(4)
z = np.random.default_rng(1).normal(size=(1, 5, 3)).astype(np.float32)
rnn.init(tl.signature(z))
plain.init(tl.signature(z))
plain.weights = jax.tree.unflatten(jax.tree.structure(plain.weights), jax.tree.leaves(rnn.weights))
print('the plain RNN:', np.allclose(plain(z), rnn(z), atol=1e-6))

only_reset, only_update = tl.GRUCell(32, update_gate=0.0), tl.GRUCell(32, reset_gate=1.0)

# %% [markdown]
# Which gates copy what was known at step t' to step t? An update gate of 1 at the steps after t'.
# Gates of a trained model can be held at any number:

# %%
copying = retrax.inspection.forced(concise, {'u': 1.0}, steps=[2, 3, 4])
y, _ = copying(x)
print('step 1 is kept until step 4:', np.array_equal(y[:, 1], y[:, 4]))

# %% [markdown]
# ## RNN and GRU side by side
#
# The chapter's clipping. The rate is 1.0, the weights begin as retrax's do, the batch is smaller,
# and the steps are fewer; `retrax train d2l_gru` has the chapter's settings.


# %%
def language_model(recurrent):
    return tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(vocabulary.size, N_UNITS),
        recurrent,
        tl.Dense(vocabulary.size),
        tl.LogSoftmax(),
    )


def predict(model, prefix, n):
    ids = vocabulary.encode(prefix)[None]
    return prefix + vocabulary.decode(retrax.generate(model, ids, n, temperature=0.0)[0])


batches = data.ContiguousBatches(vocabulary.encode(text[:400_000]), batch_size=128, window=32)
for name, recurrent in (('rnn', tl.RNN(N_UNITS)), ('gru', tl.GRU(N_UNITS))):
    model = language_model(recurrent)
    begin = time.perf_counter()
    history = retrax.fit(
        model, batches, STEPS, optimizer=training.SGD(1.0, clip_norm=1.0), log_every=STEPS
    )
    seconds = time.perf_counter() - begin
    print(f'{name}: perplexity {np.exp(history.losses[-1]):.1f}, {seconds:.1f} s,', end=' ')
    print(repr(predict(model, 'it has', 20)))
