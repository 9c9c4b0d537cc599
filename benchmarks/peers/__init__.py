"""Peers: one file each, with `reset_before`, `train_step()` and `decode()`.

`train_step()` returns (loss of the first step, a function that runs one more step).
`decode()` returns (greedy tokens, a function of n that samples n tokens and returns them).
"""

PEERS = ('retrax_gru', 'torch_nn_gru', 'torch_trax_gru')
