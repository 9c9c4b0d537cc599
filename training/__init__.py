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
from .protocols import PROTOCOLS, Scored, score
from .run import Reporter, train
from .run_directory import LabelResult, Result, RunDirectory
from .run_files import RunError
from .run_list import RunStatus, fresh_path, list_runs
from .step import TrainState
from .stepper import DivergedError
from .stopping import Stopped
from .task import Material, Task
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
    'Progress',
    'Reporter',
    'Result',
    'RunDirectory',
    'RunError',
    'RunStatus',
    'Scored',
    'Stopped',
    'Task',
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
