"""Configs: experiments as gin files, and the one folder that knows gin.

config = load('gru_pydocs', ['GRULM.n_layers = 3'])
experiment = config.experiment()
"""

from .compare import Difference, differences
from .errors import ConfigError, ConfigWarning
from .gin_config import Config
from .names import load, names
from .operative import operative
from .runs import LoadedRun, load_run, of_run, train
from .sources import imports_allowed
from .sweeps import Planned, Point, planned, points

__all__ = [
    'Config',
    'ConfigError',
    'ConfigWarning',
    'Difference',
    'LoadedRun',
    'Planned',
    'Point',
    'differences',
    'imports_allowed',
    'load',
    'load_run',
    'names',
    'of_run',
    'operative',
    'planned',
    'points',
    'train',
]
