"""trax.test_utils."""

import sys


def ensure_flag(name: str) -> None:
    """Makes absl read the command line, if nothing has, so that the flag has a value."""
    from absl import flags

    if not flags.FLAGS.is_parsed():
        flags.FLAGS(sys.argv)
    assert getattr(flags.FLAGS, name)


__all__ = ['ensure_flag']
