"""run.json: what a run stands on, and what differs where it goes on."""

import platform
from importlib import metadata
from typing import Any

import jax

from .. import __version__
from .experiment import Experiment
from .task import Material

# What an experiment is told, in numbers and words, that decides what it learns.
_TOLD = (
    *('task', 'seed', 'steps', 'batch_size', 'window', 'target_window', 'horizon'),
    *('vocabulary', 'vocabulary_size', 'precision', 'not_finite', 'patience'),
)
_LEARNS = {'bpe': 'tokenizers', 'unigram': 'sentencepiece'}  # a vocabulary of pieces


def facts_of(experiment: Experiment, material: Material, config_name: str) -> dict[str, Any]:
    """Returns what is noted when a run begins."""
    corpus = material.corpus
    return {
        'config': config_name,
        **{name: getattr(experiment, name) for name in _TOLD},
        **({'labels': list(material.labels)} if material.labels else {}),
        'corpus': {
            'name': corpus.name,
            'n_characters': corpus.n_characters,
            'sha256': corpus.sha256,
            'n_training': material.n_training,
            'n_heldout': len(material.heldout_text),
        },
        'weights': experiment.n_weights,
        'device': _device(experiment),
        'versions': _versions(experiment),
    }


def told_otherwise(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Returns in words what the facts of a run say of its experiment, and now are not."""
    return [
        f'{name} was {before[name]!r} and is {now[name]!r}'
        for name in (*_TOLD, 'weights')
        if name in before and before[name] != now[name]  # older runs noted fewer
    ]


def what_differs(facts: dict[str, Any], experiment: Experiment) -> list[str]:
    """Returns in words what is not as it was when a run began: after it, bits may differ."""
    before = {'device': facts.get('device'), **facts.get('versions', {})}
    now = {'device': _device(experiment), **_versions(experiment)}
    return [
        f'{name} was {before[name]} and is {value}'
        for name, value in now.items()
        if before.get(name) not in (None, value)
    ]


def _device(experiment):
    device, n = jax.devices()[0], experiment.devices.n
    return f'{device.platform} ({device.device_kind})' + (f' x {n}' if n > 1 else '')


def _versions(experiment):
    library = _LEARNS.get(experiment.vocabulary)
    libraries = 'jax', 'jaxlib', 'optax', *([library] if library else [])
    return {
        'retrax': __version__,
        'python': platform.python_version(),
        **{name: metadata.version(name) for name in libraries},
    }
