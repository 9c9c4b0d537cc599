"""Sentences: functions that return a whole model made of layers."""

from .gru_lm import GRULM

__all__ = ['GRULM']
