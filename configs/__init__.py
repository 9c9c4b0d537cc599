"""Configs: experiments as gin files, and the one module that knows gin.

config = load('gru_pydocs', ['GRULM.n_layers = 3'])
experiment = config.experiment()
"""

from .errors import ConfigError
from .gin_config import Config
from .names import load, names
from .runs import LoadedRun, load_run, of_run

__all__ = ['Config', 'ConfigError', 'LoadedRun', 'load', 'load_run', 'names', 'of_run']
