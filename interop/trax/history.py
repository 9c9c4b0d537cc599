"""trax.supervised.history."""

from ...training import LoopHistory as History

__all__ = ['History']
