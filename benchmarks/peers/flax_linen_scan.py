"""Flax linen, decoding with all tokens in one compiled scan instead of a step for each."""

from benchmarks import seed_model as seed
from benchmarks.peers import flax_linen, jax_common

convention = seed.Convention(reset_before=False, recurrent_bias='candidate')


def decode(setting):
    """The context in one pass, then one scan."""
    return flax_linen.decode(setting, jax_common.decode_by_scan)
