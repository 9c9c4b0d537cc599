"""Peers: one file each, written as a user of that library would write it.

A peer says its `convention` (None: it is a bound of the machine, which computes nothing to check)
and its `precisions` if it has not both, and has a function for each task that it takes part in:

- `train(setting)` returns a function that makes one step with Adam and returns the loss before it;
- `forward(setting)` returns a function that gives log-probabilities (batch, time, vocab);
- `decode(setting)` returns a function of (n, temperature) that reads the context and gives n new
  tokens (batch, n) on the host, end to end; temperature 0 takes the most probable ones.

Each run ends when its results are there.
"""

LANGUAGES = (  # whole libraries, training and forwards
    'retrax_gru',
    'retrax_gru_after',
    'jax_trax_form',
    'torch_nn_gru',
    'torch_trax_gru',
    'torch_trax_gru_compiled',
    'flax_linen',
    'flax_nnx',
    'equinox_gru',
    'keras_gru',
    'trax_gru',
)
PEERS = {
    'train': LANGUAGES,
    'forward': LANGUAGES,
    'decode': (
        'retrax_gru',
        'memory_read',
        'product_rate',
        'retrax_host_loop',
        'torch_gru_cell',
        'torch_nn_gru',
        'torch_trax_gru',
        'torch_trax_gru_compiled',
        'flax_linen',
        'flax_linen_scan',
        'flax_nnx',
        'equinox_gru',
        'keras_gru',
        'trax_gru',
    ),
}
OURS = 'retrax_gru'  # what all others are compared with
TRAX_PYTHON = 'TRAX_PYTHON'  # the environment variable that names an interpreter with Trax
OTHER_PYTHON = {'trax_gru': TRAX_PYTHON}  # peers that do not run in ours
