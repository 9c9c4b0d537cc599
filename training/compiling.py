"""What one training step costs: compiled and run once, on a batch of zeros."""

import time
from typing import NamedTuple

import jax

from .examples import as_example
from .experiment import Experiment

_PARTS = {
    'arguments': 'argument_size_in_bytes',
    'outputs': 'output_size_in_bytes',
    'shared by both': 'alias_size_in_bytes',
    'temporary': 'temp_size_in_bytes',
    'code': 'generated_code_size_in_bytes',
}


class StepCost(NamedTuple):
    """Time and memory of one training step on this machine."""

    compile_seconds: float
    step_seconds: float  # of one run after the first
    memory: dict[str, int]  # bytes by part; empty where the device does not tell


def step_cost(experiment: Experiment) -> StepCost:
    """Compiles the training step of an experiment, and runs it twice. Reads no corpus.

    Raises:
      LayerError: the model does not fit its inputs.
    """
    batches = experiment.blank()
    trainer = experiment.trainer(batches)
    example = as_example(batches[0], experiment.model.n_in)[:2]
    started = time.perf_counter()
    compiled = trainer.step_function.lower(trainer.state, *example).compile()
    compile_seconds = time.perf_counter() - started
    state = jax.block_until_ready(compiled(trainer.state, *example))
    started = time.perf_counter()
    jax.block_until_ready(compiled(state, *example))
    return StepCost(compile_seconds, time.perf_counter() - started, _memory(compiled))


def _memory(compiled):
    try:
        found = compiled.memory_analysis()
    except (NotImplementedError, RuntimeError):  # not every device tells
        return {}
    sizes = {name: getattr(found, field, None) for name, field in _PARTS.items()}
    return {name: int(size) for name, size in sizes.items() if size is not None}
