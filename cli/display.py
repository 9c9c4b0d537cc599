"""How training shows on a terminal: a bar that moves, or plain lines where there is none."""

from datetime import timedelta
from typing import Any

import jax
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
)
from rich.text import Text

from .. import training
from .text import printable, sample


class Display(training.Reporter):
    """Shows corpus, model, progress and samples on a console; use it as a context manager."""

    def __init__(self, console: Console):
        self._console = console
        self._material: Any = None
        self._experiment: Any = None
        self._bar = Progress(
            SpinnerColumn(),
            MofNCompleteColumn(),
            BarColumn(bar_width=None),
            TextColumn('{task.fields[figures]}'),
            TextColumn('ETA {task.fields[eta]}'),
            console=console,
            disable=not console.is_terminal,
            refresh_per_second=4,
        )
        self._task: Any = None

    def __enter__(self) -> 'Display':
        return self

    def __exit__(self, *raised: Any) -> None:
        self.close()

    def close(self) -> None:
        """Leaves the terminal as it was."""
        self._bar.stop()

    def notice(self, message: str) -> None:
        """Prints what is not as usual."""
        self._say(message)

    def begin(self, experiment: Any, material: Any, first_step: int) -> None:
        """Prints what is trained on what, and starts the bar."""
        self._experiment, self._material = experiment, material
        corpus, model = material.corpus, experiment.model
        sizes = [leaf.size for leaf in jax.tree.leaves(model.weights)]
        self._say(
            f'Corpus      {corpus.name}, {corpus.n_characters:,} characters, '
            f'sha256 {corpus.sha256[:16]}\n'
            f'Split       {material.n_training:,} characters to learn from, '
            f'{len(material.heldout_text):,} held out\n'
            f'Model       {len(model.sublayers)} layers, {sum(sizes):,} weights; '
            f'{material.vocabulary.size} ids ({experiment.vocabulary}){_labels(material)}\n'
            f'Training    {experiment.steps:,} steps of '
            f'{experiment.what.sizes_in_words(experiment.sizes)}; an epoch has '
            f'{len(material.training):,}\n'
        )
        if first_step:
            self._say(f'Going on from step {first_step:,}.\n')
        self._task = self._bar.add_task(
            '',
            total=experiment.steps,
            completed=first_step,
            figures='compiling ...',
            eta='-:--:--',
        )
        self._bar.start()

    def log(self, progress: training.Progress) -> None:
        """Moves the bar, or prints a line."""
        task = self._experiment.what
        told = task.training_in_words(progress.metrics, self._material)
        figures = f'{told}  {progress.tokens_per_second:,.0f} {task.unit}/s'
        # Not rich's own: it forgets steps after 30 s, and where log points are rarer it knows none.
        left = round(self._experiment.seconds_left(progress))
        eta = timedelta(seconds=left)
        self._bar.update(self._task, completed=progress.step, figures=figures, eta=eta)
        if self._bar.disable:
            self._say(f'step {progress.step:>6,}  {figures}  ETA {left} s')

    def evaluated(self, step: int, evaluation: training.Evaluation, model: Any) -> None:
        """Prints the held-out figure, and a sample of a language model."""
        task = self._experiment.what
        self._say(f'step {step:>6,}  held out: {task.in_words(evaluation)}')
        length = self._experiment.sample_length
        if not length:
            return
        if task.goes_on:
            text = sample(task.reader(model), self._material.vocabulary, length, seed=step)
        elif not (text := printable(task.sample(model, self._material))):
            return
        self._console.print(Text('    ' + text.replace('\n', '\n    '), style='dim'))

    def _say(self, text: str) -> None:
        self._console.print(text, markup=False)


def _labels(material):
    return f'; labels {", ".join(material.labels)}' if material.labels else ''
