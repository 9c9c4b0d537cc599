"""What the loop costs: a run with metrics, display and checkpoints, beside its bare steps."""

import io
import statistics
import tempfile
import time
from collections.abc import Callable

import click
import jax
from rich.console import Console

from retrax import configs
from retrax.cli.display import Display
from retrax.training import as_example
from retrax.training.run_directory import RunDirectory
from retrax.training.run_facts import facts_of

from .summary import ratio
from .tables import times

TARGET = 1.03


@click.command('loop')
@click.option('--config', default='gru_pydocs', show_default=True)
@click.option('--steps', default=25, show_default=True, help='Of each turn, with a log point.')
@click.option('--pairs', default=10, show_default=True)
@click.option('--gin', 'bindings', multiple=True)
def loop(config, steps, pairs, bindings) -> None:
    """Times the loop beside its bare jitted step, in turns, and prints the ratio pair by pair.

    A turn of the loop has a log point, a line of metrics.jsonl, the display, and a checkpoint that
    is written while it goes on: ten times as many as in a run that evaluates each 250 steps.
    """
    with tempfile.TemporaryDirectory() as folder:
        run, looped, bare = turns(configs.load(config, bindings), folder, steps)
        for turn in (looped, bare):
            turn()  # compiles
        seconds = [(_seconds(looped), _seconds(bare)) for _ in range(pairs)]
        run.settle()
    found = ratio(*([pair[i] for pair in seconds] for i in (0, 1)))
    word = 'met' if found.median <= TARGET else 'missed'
    bare_ms = 1000 * statistics.median(pair[1] for pair in seconds) / steps
    click.echo(
        f'{config}: the loop takes {times(found)} of the time of its bare steps, {bare_ms:.1f} ms '
        f'each; wanted at most {TARGET}: {word}'
    )


def turns(
    config: configs.Config, folder: str, steps: int
) -> tuple[RunDirectory, Callable[[], None], Callable[[], None]]:
    """Returns a run, and two functions that make so many steps: as the run does, and bare."""
    experiment = config.experiment()
    material = experiment.material()
    run = RunDirectory(f'{folder}/run')
    run.create(config.text, facts_of(experiment, material, config.name), material.vocabulary)
    run.forget_after(0)
    trainer = experiment.trainer(material.training)
    display = Display(Console(file=io.StringIO(), force_terminal=True))
    display.begin(experiment, material, 0)

    def looped() -> None:
        for progress in trainer.run(trainer.step + steps, steps):
            run.note(step=progress.step, **progress.metrics)
            display.log(progress)
        run.save(experiment.model, trainer.state, material.vocabulary, is_best=False)

    alone = experiment.trainer(material.training)
    step = alone.step_function
    examples = [as_example(material.training[i]) for i in range(1, steps + 1)]
    examples = [jax.device_put(example[:2]) for example in examples]

    def bare() -> None:
        for inputs, compared in examples:
            alone.state = step(alone.state, inputs, compared)
        jax.block_until_ready(alone.state)

    return run, looped, bare


def _seconds(turn):
    started = time.perf_counter()
    turn()
    return time.perf_counter() - started
