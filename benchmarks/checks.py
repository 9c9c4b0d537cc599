"""Whether a peer gives what the float64 reference gives; one that does not is not timed."""

import numpy as np

from . import reference
from . import seed_model as seed
from .evidence import CHECKED_TOKENS, places
from .setting import Setting

TOLERANCE = {'float32': 1e-5, 'bf16': 1e-2}  # relative
FAR = float('inf')  # no number says how far


def error(setting: Setting, convention: seed.Convention, found: list) -> float:
    """Returns how far what a peer showed is from the reference, relative to its largest number."""
    shown = np.array(found)
    if setting.task == 'train':
        return _relative(shown, np.array(reference.losses(setting, convention)))
    read = seed.context(setting)[: seed.distinct_rows(setting)]
    if setting.task == 'forward':
        return _relative(shown, reference.log_probs(setting, read, convention)[:, places(setting)])
    return _decoded(setting, convention, read, shown)


def _decoded(setting, convention, read, made):
    """How far a chosen token is below the most probable one, by a reference that reads the same.

    So a peer may choose either of two tokens that are equally probable, up to its rounding.
    """
    if made.shape != (setting.batch, CHECKED_TOKENS):
        return FAR
    distinct = made[: len(read)]
    if (np.resize(distinct, made.shape) != made).mean() > 0.1:  # a tie may fall either way
        return FAR  # equal rows got other tokens
    ids = np.concatenate([read, distinct[:, :-1]], 1)
    wanted = reference.log_probs(setting, ids, convention)[:, setting.time - 1 :]
    chosen = np.take_along_axis(wanted, distinct[..., None], -1)[..., 0]
    return float((wanted.max(-1) - chosen).max() / np.abs(wanted).max())


def _relative(found, wanted):
    if found.shape != wanted.shape or not np.isfinite(found).all():
        return FAR
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())
