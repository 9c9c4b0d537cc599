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
        'retrax_gru_after',
        'retrax_host_loop',
        'retrax_deterministic',
        'torch_gru_cell',
        'torch_gru_cell_compiled',
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
LABELS = {
    'retrax_gru': 'retrax',
    'retrax_gru_after': "retrax, `GRUCell(reset='after')`",
    'retrax_host_loop': 'retrax, a step for each token',
    'retrax_deterministic': 'retrax, `deterministic=True`',
    'jax_trax_form': "JAX by hand, Trax's formulation",
    'torch_nn_gru': 'PyTorch `nn.GRU`',
    'torch_gru_cell': 'PyTorch `nn.GRUCell`',
    'torch_gru_cell_compiled': 'PyTorch `nn.GRUCell`, `torch.compile`',
    'torch_trax_gru': "PyTorch, Trax's equations",
    'torch_trax_gru_compiled': "PyTorch, Trax's equations, `torch.compile`",
    'flax_linen': 'Flax linen',
    'flax_linen_scan': 'Flax linen, one scan',
    'flax_nnx': 'Flax nnx',
    'equinox_gru': 'Equinox',
    'keras_gru': 'Keras 3 on JAX',
    'trax_gru': 'Trax 1.4.1',
    'memory_read': '(reading the weights, in C)',
    'product_rate': '(the products alone, JAX)',
}
OURS = 'retrax_gru'  # what all others are compared with
TRAX_PYTHON = 'TRAX_PYTHON'  # the environment variable that names an interpreter with Trax
OTHER_PYTHON = {'trax_gru': TRAX_PYTHON}  # peers that do not run in ours
