"""One short training, in its own process: child.py RUN CORPUS MOMENT TORN NOTE.

The last line of NOTE says what it does: what a kill from outside interrupts.
"""

import sys
import time
from pathlib import Path

from moments import Moments

from retrax import layers, training

CONFIG = 'tests/kill\n'


class Notes(training.Reporter):
    """Writes down what the run does, a line each: one write, which a kill cannot cut."""

    def __init__(self, note: Path):
        self._note = note

    def does(self, what: str) -> None:
        """Adds a line."""
        with self._note.open('a') as opened:
            opened.write(f'{what}\n')

    def begin(self, experiment, material, first_step) -> None:
        """Everything is ready."""
        self.does('training' if first_step else 'training, before the first checkpoint')

    def evaluated(self, step, evaluation, model) -> None:
        """A checkpoint was saved."""
        self.does('training')


def main(run: str, corpus: str, at: str, torn: str, note: str) -> None:
    """Trains, or goes on; tells when it begins and how many moments and seconds it had."""
    model = layers.Serial(
        layers.ShiftRight(),
        layers.Embedding(256, 8),
        layers.Dropout(0.2),
        layers.GRU(8),
        layers.Dense(256),
        layers.LogSoftmax(),
    )
    experiment = training.Experiment(
        model, corpus, batch_size=4, window=8, steps=8, eval_every=2, log_every=3
    )
    notes = Notes(Path(note))
    notes.does('resuming' if training.RunDirectory(run).newest else 'beginning')
    moments = Moments(Path(run), int(at), torn == '1', Path(note))
    print('ready', flush=True)
    started = time.monotonic()
    training.train(experiment, run, CONFIG, notes)
    print(moments.count, time.monotonic() - started, flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
