# %% [markdown]
# # A Dense for every step
#
# `TimeDistributed(Dense(8))`, `Conv1D(8, 1)` and `LocallyConnected1D(8, 1)` were taken for the
# same thing. Two of them are: one matrix, used at every step. The third has a matrix for each
# step, so it knows how many steps there are, and generating with it needs to know where in the
# sequence it stands.
#
# `python examples/dense_per_step.py`

# %%
import numpy as np

from retrax import layers as tl

x = np.random.default_rng(0).normal(size=(2, 10, 4)).astype(np.float32)

# %% [markdown]
# ## One matrix for all steps
#
# Dense acts on the last axis, whatever is before it. A convolution over one step is the same.

# %%
dense, conv = tl.Dense(8), tl.Conv1d(8, kernel_size=1)
dense.init(tl.signature(x))
conv.init(tl.signature(x))
conv.weights = (dense.weights[0][None], dense.weights[1])
print(np.allclose(dense(x), conv(x), atol=1e-6), sum(w.size for w in dense.weights), 'weights')

# %% [markdown]
# ## A matrix for each step
#
# 10 steps of 4 x 8 weights and 8 biases are 400.

# %%
per_step = tl.PerStepDense(8)
per_step.init(tl.signature(x))
print(sum(w.size for w in per_step.named_weights().values()), 'weights')

# %% [markdown]
# In predict it counts the steps, so that a sequence may come in pieces.

# %%
predict = per_step.as_mode('predict')
state, pieces = predict.new_state(2), []
for piece in np.split(x, [1, 4], axis=1):
    y, state = predict.pure_fn(piece, predict.weights, state, None)
    pieces.append(y)
print(np.allclose(np.concatenate(pieces, axis=1), per_step(x), atol=1e-6))

# %% [markdown]
# It has no matrix for an eleventh step, and none for a length that is not known. It says so.

# %%
longer = np.concatenate([x, x[:, :1]], axis=1)
for attempt in (
    lambda: per_step(longer),
    lambda: tl.PerStepDense(8).init(tl.ShapeDtype(('batch', 'time', 4))),
):
    try:
        attempt()
    except tl.LayerError as error:
        print(str(error).splitlines()[-1])
