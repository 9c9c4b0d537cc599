"""Checkpoints: a pytree of arrays as a directory, written atomically and verified when read.

    save('runs/a/step-00001200', {'weights': weights, 'opt': opt_state}, {'vocab': 'bytes'})
    tree, metadata = restore('runs/a/step-00001200', like=tree)

The directory holds `arrays.safetensors`, which any safetensors reader opens, and
`checkpoint.json` with the metadata, every array's shape and dtype, and checksums. This folder
knows pytrees and the paths of their leaves; it knows neither layers nor optimizers.
"""

from .errors import CheckpointError
from .steps import latest, step_path
from .store import exists, read_metadata, restore, save, verify

__all__ = [
    'CheckpointError',
    'exists',
    'latest',
    'read_metadata',
    'restore',
    'save',
    'step_path',
    'verify',
]
