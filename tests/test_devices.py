"""Data parallel: a run on 8 virtual devices, in processes of their own, is the run on 1."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from retrax.training.devices import Devices

TEXT = 'the cat sat on the mat and the dog sat on the log. ' * 20

# Trains to a step on some devices; prints what else must hold.
PROGRAM = """
import json, sys
import jax
from retrax import layers as tl, training
from retrax.training.trainer import Trainer

run, corpus, n, end = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
compiled = []
jax.monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: compiled.append(event) if 'backend_compile' in event else None
)
model = tl.Serial(
    tl.ShiftRight(), tl.Embedding(256, 8), tl.BatchNorm(), tl.Dropout(0.2), tl.GRU(8),
    tl.Dense(256), tl.LogSoftmax(),
)
told = training.Experiment(
    model, corpus, batch_size=16, window=4, steps=20, eval_every=6, log_every=3,
    n_devices=n if n == 'all' else int(n),
)

class Stop(training.Reporter):
    def log(self, progress):
        if progress.step == end:
            raise KeyboardInterrupt

try:
    training.train(told, run, 'the same', Stop())
except KeyboardInterrupt:
    pass

batches = told.material().training
trainer = told.trainer(batches)
trainer.advance(training.as_example(batches[0]))
before = len(compiled)
with jax.transfer_guard_device_to_host('disallow'):
    trainer.advance(training.as_example(batches[1]))
carried = jax.tree.leaves(trainer.state.model_state)
rows = [leaf for leaf in carried if leaf.shape[:1] == (16,)]
print(json.dumps({
    'devices': jax.device_count(),
    'compilations of the second step': len(compiled) - before,
    'rows of a carried state on a device': rows[0].addressable_shards[0].data.shape[0],
    'copies of a weight': len(jax.tree.leaves(trainer.state.weights)[0].addressable_shards),
    'weights': {k: w.ravel()[:5].tolist() for k, w in told.model.named_weights().items()},
}))
"""


def trained(run: Path, n: int | str, end: int, there: int) -> dict:
    flag = f'--xla_force_host_platform_device_count={there}'
    arguments = [sys.executable, '-c', PROGRAM, run, run.parent / 'corpus.txt', n, end]
    done = subprocess.run(
        [str(argument) for argument in arguments],
        capture_output=True,
        text=True,
        env={**os.environ, 'XLA_FLAGS': flag, 'JAX_PLATFORMS': 'cpu'},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def lines(run: Path) -> list[dict]:
    return [json.loads(line) for line in (run / 'metrics.jsonl').read_text().splitlines()]


def test_eight_devices_train_as_one_does(tmp_path: Path) -> None:
    """Also where a run goes on with one after eight, and with eight after one."""
    (tmp_path / 'corpus.txt').write_text(TEXT)
    one = trained(tmp_path / 'one', 1, 20, there=1)
    ends = ((8, 9), (1, 15), (8, 20))  # 'all' that are there, so one config
    first, _, last = [trained(tmp_path / 'mixed', 'all', end, there) for there, end in ends]
    assert (one['devices'], first['devices']) == (1, 8)
    assert one['compilations of the second step'] == first['compilations of the second step'] == 0
    assert one['rows of a carried state on a device'] == 16
    assert first['rows of a carried state on a device'] == 2
    assert first['copies of a weight'] == 8
    facts = json.loads((tmp_path / 'mixed/run.json').read_text())
    assert facts['device'] == 'cpu (cpu) x 8'
    for expected, found in zip(lines(tmp_path / 'one'), lines(tmp_path / 'mixed'), strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
    for path, values in one['weights'].items():
        assert last['weights'][path] == pytest.approx(values, rel=1e-3, abs=1e-5)


def test_devices_that_are_not_there() -> None:
    with pytest.raises(ValueError, match=r'n_devices=99, but there are \d+ \(cpu\)'):
        Devices(99, 99)


def test_rows_that_cannot_be_shared_out(monkeypatch) -> None:
    monkeypatch.setattr('jax.devices', lambda: [None] * 8)
    message = r'n_devices=8: a batch of 20 rows cannot .* such as 24, or use 5 devices'
    with pytest.raises(ValueError, match=message):
        Devices('all', 20)
