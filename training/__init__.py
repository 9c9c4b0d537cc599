"""Training: a pure compiled step, one loop around it, held-out evaluation, runs that resume.

Training knows what a model offers (weights, state, `pure_fn`) and never what it is made of. It
knows neither gin nor the terminal.
"""

from .evaluate import Evaluation, evaluate
from .examples import Example, as_example
from .experiment import Experiment, Material
from .fit import History, fit
from .loop import DivergedError, Loop, Progress
from .optimizers import SGD, Adam, AdamW, CosineDecay
from .run import Reporter, train
from .run_directory import Result, RunDirectory, RunError
from .step import TrainState

__all__ = [
    'SGD',
    'Adam',
    'AdamW',
    'CosineDecay',
    'DivergedError',
    'Evaluation',
    'Example',
    'Experiment',
    'History',
    'Loop',
    'Material',
    'Progress',
    'Reporter',
    'Result',
    'RunDirectory',
    'RunError',
    'TrainState',
    'as_example',
    'evaluate',
    'fit',
    'train',
]
