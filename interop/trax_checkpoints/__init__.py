"""Trax's checkpoints, `model.pkl.gz`: read without running what they say, and written.

    model.init_from_file('model.pkl.gz', weights_only=True)
    model.save_to_file('mine.pkl.gz')

    found = read('model.pkl.gz')      # weights, state, step, history, input_signature

Such a file is a pickle, which is a program. It is read here as data: the few names that Trax's
files contain stand for arrays and dicts, and any other name is an error.
"""

from .errors import TraxCheckpointError
from .limits import Limits
from .models import init_from_file, save_to_file, weights_by_path
from .reading import TraxCheckpoint, read
from .writing import write

__all__ = [
    'Limits',
    'TraxCheckpoint',
    'TraxCheckpointError',
    'init_from_file',
    'read',
    'save_to_file',
    'weights_by_path',
    'write',
]
