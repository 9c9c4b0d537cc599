"""One short training, in its own process: child.py RUN CORPUS MOMENT TORN NOTE."""

import sys
import time
from pathlib import Path

from moments import Moments

from retrax import layers, training

CONFIG = 'tests/kill\n'


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
    moments = Moments(Path(run), int(at), torn == '1', Path(note))
    print('ready', flush=True)
    started = time.monotonic()
    training.train(experiment, run, CONFIG)
    print(moments.count, time.monotonic() - started, flush=True)


if __name__ == '__main__':
    main(*sys.argv[1:])
