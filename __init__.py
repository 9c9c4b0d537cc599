"""retrax: Trax's layer language on current JAX.

Submodules and the names below load when they are first used, so that `retrax --help` and
`from retrax import layers` import no more than they need.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # for type checkers the names are plain imports
    from . import (
        checkpoints,
        combinators,
        configs,
        data,
        decoding,
        inspection,
        interop,
        kernels,
        layers,
        models,
        optimizers,
        planning,
        training,
    )
    from .configs import load_run
    from .configs.runs import load
    from .decoding import beam_search, fork, generate, regex, resume, score, stream
    from .inspection import dependence, trace_stack, verify
    from .interop.snapshots import load_snapshot, save_snapshot
    from .interop.weights import describe, explain_difference
    from .planning import fuse, plan
    from .training import evaluate, fit

__version__ = '0.1.0'  # the one place; pyproject.toml reads it from here

# name: (module that has it, attribute or None for the module itself)
_LAZY: dict[str, tuple[str, str | None]] = {
    'beam_search': ('.decoding', 'beam_search'),
    'checkpoints': ('.checkpoints', None),
    'combinators': ('.combinators', None),
    'configs': ('.configs', None),
    'data': ('.data', None),
    'decoding': ('.decoding', None),
    'dependence': ('.inspection', 'dependence'),
    'describe': ('.interop.weights', 'describe'),
    'evaluate': ('.training', 'evaluate'),
    'explain_difference': ('.interop.weights', 'explain_difference'),
    'fit': ('.training', 'fit'),
    'fork': ('.decoding', 'fork'),
    'fuse': ('.planning', 'fuse'),
    'generate': ('.decoding', 'generate'),
    'inspection': ('.inspection', None),
    'interop': ('.interop', None),
    'kernels': ('.kernels', None),
    'layers': ('.layers', None),
    'load': ('.configs.runs', 'load'),
    'load_run': ('.configs', 'load_run'),
    'load_snapshot': ('.interop.snapshots', 'load_snapshot'),
    'models': ('.models', None),
    'optimizers': ('.optimizers', None),
    'plan': ('.planning', 'plan'),
    'planning': ('.planning', None),
    'regex': ('.decoding', 'regex'),
    'resume': ('.decoding', 'resume'),
    'save_snapshot': ('.interop.snapshots', 'save_snapshot'),
    'score': ('.decoding', 'score'),
    'stream': ('.decoding', 'stream'),
    'trace_stack': ('.inspection', 'trace_stack'),
    'training': ('.training', None),
    'verify': ('.inspection', 'verify'),
}

# Methods of Layer on files: their code is above combinators, and loads when one is called.
_FILE_METHODS = {
    'init_from_file': '.interop.trax_checkpoints',
    'save_to_file': '.interop.trax_checkpoints',
}

__all__ = [
    '__version__',
    'beam_search',
    'checkpoints',
    'combinators',
    'configs',
    'data',
    'decoding',
    'dependence',
    'describe',
    'evaluate',
    'explain_difference',
    'fit',
    'fork',
    'fuse',
    'generate',
    'inspection',
    'interop',
    'kernels',
    'layers',
    'load',
    'load_run',
    'load_snapshot',
    'models',
    'optimizers',
    'plan',
    'planning',
    'regex',
    'resume',
    'save_snapshot',
    'score',
    'stream',
    'trace_stack',
    'training',
    'verify',
]


def __getattr__(name: str) -> Any:
    try:
        module_name, attribute = _LAZY[name]
    except KeyError:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}') from None
    module = importlib.import_module(module_name, __name__)
    value = module if attribute is None else getattr(module, attribute)
    globals()[name] = value
    return value


def file_method(name: str) -> Any:
    """Returns the function behind a method of Layer that reads or writes files."""
    return getattr(importlib.import_module(_FILE_METHODS[name], __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
