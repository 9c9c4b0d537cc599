"""run.json: what a run stands on, and what differs where it goes on."""

import platform
from importlib import metadata
from typing import Any

import jax

from .. import __version__
from .experiment import Experiment
from .task import Material


def facts_of(experiment: Experiment, material: Material, config_name: str) -> dict[str, Any]:
    """Returns what is noted when a run begins."""
    corpus = material.corpus
    return {
        'config': config_name,
        'task': experiment.task,
        **({'labels': list(material.labels)} if material.labels else {}),
        'corpus': {
            'name': corpus.name,
            'n_characters': corpus.n_characters,
            'sha256': corpus.sha256,
            'n_training': material.n_training,
            'n_heldout': len(material.heldout_text),
        },
        'weights': experiment.n_weights,
        'seed': experiment.seed,
        'steps': experiment.steps,
        'device': _device(experiment),
        'versions': _versions(),
    }


def what_differs(facts: dict[str, Any], experiment: Experiment) -> list[str]:
    """Returns in words what is not as it was when a run began: after it, bits may differ."""
    before = {'device': facts.get('device'), **facts.get('versions', {})}
    now = {'device': _device(experiment), **_versions()}
    return [
        f'{name} was {before[name]} and is {value}'
        for name, value in now.items()
        if before.get(name) not in (None, value)
    ]


def _device(experiment):
    device, n = jax.devices()[0], experiment.devices.n
    return f'{device.platform} ({device.device_kind})' + (f' x {n}' if n > 1 else '')


def _versions():
    return {
        'retrax': __version__,
        'python': platform.python_version(),
        **{name: metadata.version(name) for name in ('jax', 'jaxlib', 'optax')},
    }
