# %% [markdown]
# # Where are the weights of a GRU cell?
#
# Somebody looked at TensorFlow's GRUCell and found two matrices where the textbook has six, biases
# that start at 1, and a reset gate in another place than in the cell they had written themselves.
# Nothing in the library said which equations it computes. Here a layer writes them down, with the
# names and shapes of its weights, and says how two conventions differ.
#
# `python examples/gru_cell_weights.py`

# %%
import jax
import jax.numpy as jnp
import numpy as np

import retrax
from retrax import layers as tl
from retrax.interop import weights

x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)

# %% [markdown]
# ## The equations, with names and shapes
#
# Both gates are made by one product of [x, h], in the order update, reset; the candidate by
# another.

# %%
gru = tl.GRU(4)
gru.init(tl.signature(x))
print(retrax.describe(gru))
for name, w in gru.named_weights().items():
    print(name, w.shape)

# %% [markdown]
# ## Biases that start at 1
#
# TensorFlow adds 1 to the gates' biases at the start, so that the state is kept at first. That is
# `forget_bias`.

# %%
kept = tl.Recurrent(tl.GRUCell(4, forget_bias=1.0))
kept.init(tl.signature(x))
print(np.round(kept.named_weights()['b1'], 3))

# %% [markdown]
# ## TensorFlow's own arrays
#
# They become a layer: `gates` holds r and u side by side, so the columns change places.

# %%
random = np.random.default_rng(1)
arrays = {
    'gates': {'kernel': random.normal(size=(7, 8)), 'bias': np.ones(8)},
    'candidate': {'kernel': random.normal(size=(7, 4)), 'bias': np.zeros(4)},
}
theirs = weights.from_params(arrays, 'tf1')
print(theirs(x).shape)
back = weights.to_params(theirs, 'tf1')
print(all(np.allclose(back[k]['kernel'], arrays[k]['kernel']) for k in arrays))

# %% [markdown]
# ## How two conventions differ

# %%
print(retrax.explain_difference(gru, 'torch'))

# %% [markdown]
# ## A cell of your own
#
# Its gates see x only, and the reset gate comes after the product. That is six lines, and it gets
# lengths, resets, both directions, predict mode and the fast backward pass like any other.


# %%
class GatedByInput(tl.RecurrentCell):
    def maps(self):
        n = self.n_units
        return {
            'gates': tl.Map(2 * n, operand=0),  # of x alone
            'candidate': tl.Map(n, operand=0),
            'recurrent': tl.Map(n, of_x=False, bias=False),  # of h alone
        }

    def step(self, h, affine):
        u, r = jnp.split(affine('gates', None, jax.nn.sigmoid), 2, axis=-1)
        c = jnp.tanh(affine('candidate', None) + r * affine('recurrent', h))
        return u * h + (1 - u) * c


own = tl.Recurrent(GatedByInput(4))
own.init(tl.signature(x))
for name, w in own.named_weights().items():
    print(name, w.shape)
print(own(x).shape)
