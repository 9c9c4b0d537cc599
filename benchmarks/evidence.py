"""What a peer shows before it is timed."""

from __future__ import annotations

import numpy as np

from . import seed_model as seed
from .setting import Setting

CHECKED_TOKENS = 24  # of each row, decoded greedily
CHECKED_TIMES = 8  # places of each row, spread from the first to the last


def evidence(setting: Setting, run, first) -> list:
    """Returns, as plain lists, what checks.error judges, given a peer and its first result.

    For training the losses of three steps, so that two updates are seen; for a forward pass
    log-probabilities at some places of the distinct rows; for decoding greedy tokens.
    """
    if setting.task == 'train':
        return [float(first), float(run()), float(run())]
    if setting.task == 'decode':
        return np.asarray(run(CHECKED_TOKENS, 0.0)).tolist()
    found = np.asarray(first)
    if found.shape != (setting.batch, setting.time, setting.vocab):
        raise ValueError(f'the peer gave shape {found.shape} for {setting}')
    return found[: seed.distinct_rows(setting), places(setting)].astype(float).tolist()


def places(setting: Setting) -> np.ndarray:
    """Returns which times of a forward pass are shown."""
    return np.unique(np.linspace(0, setting.time - 1, CHECKED_TIMES).astype(int))
