"""retrax with `deterministic=True`: rows one after the other, so that their bits are their own."""

from benchmarks import seed_model as seed
from benchmarks.peers import retrax_gru

convention = seed.Convention(reset_before=True)


def decode(setting):
    """What the same bits in any batch cost is the difference to `generate`."""
    return retrax_gru.decode(setting, deterministic=True)
