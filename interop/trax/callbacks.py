"""trax.supervised.callbacks."""

from ...training import TrainingStepCallback

__all__ = ['TrainingStepCallback']
