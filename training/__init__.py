"""Training: a pure compiled step, the loops around it, held-out evaluation, runs that resume.

Training knows what a model offers (weights, state, `pure_fn`) and never what it is made of. It
knows neither gin nor the terminal.
"""

from .callbacks import TrainingStepCallback
from .evaluate import Evaluation, evaluate
from .examples import Example, as_example
from .experiment import Experiment
from .fit import History, fit
from .freezing import frozen
from .history import LoopHistory
from .label_tasks import LabelTask
from .loop import Loop
from .loop_tasks import EvalTask, TrainTask
from .optimizers import SGD, Adam, AdamW, CosineDecay
from .pair_task import PairTask
from .protocols import PROTOCOLS, Scored, score
from .results import LabelResult, PairResult, Result, TextResult
from .run import Reporter, train
from .run_directory import RunDirectory
from .run_files import RunError
from .run_list import RunStatus, fresh_path, list_runs
from .step import TrainState
from .stepper import DivergedError
from .stopping import Stopped
from .task import Material, Sizes, Task
from .trainer import Progress, Trainer
from .truncation import Truncation, truncations

__all__ = [
    'PROTOCOLS',
    'SGD',
    'Adam',
    'AdamW',
    'CosineDecay',
    'DivergedError',
    'EvalTask',
    'Evaluation',
    'Example',
    'Experiment',
    'History',
    'LabelResult',
    'LabelTask',
    'Loop',
    'LoopHistory',
    'Material',
    'PairResult',
    'PairTask',
    'Progress',
    'Reporter',
    'Result',
    'RunDirectory',
    'RunError',
    'RunStatus',
    'Scored',
    'Sizes',
    'Stopped',
    'Task',
    'TextResult',
    'TrainState',
    'TrainTask',
    'Trainer',
    'TrainingStepCallback',
    'Truncation',
    'as_example',
    'evaluate',
    'fit',
    'fresh_path',
    'frozen',
    'list_runs',
    'score',
    'train',
    'truncations',
]
