"""Data without indices: started over, and gone on with at the place that its iterators told."""

import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from conformance.peers import peer

from retrax import data, optimizers, training
from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')


class Rows:
    """Records that are read by number, as sources of grain are, and which were read."""

    def __init__(self) -> None:
        self.read: list[int] = []

    def __repr__(self) -> str:  # a DataLoader takes places of sources that say the same alone
        return 'Rows()'

    def __len__(self) -> int:
        return 20

    def __getitem__(self, i: Any) -> tuple[np.ndarray, np.ndarray]:
        self.read.append(int(i))
        return np.array([i / 20, 1], np.float32), np.array([i % 7], np.float32)


class Told:
    """Batches, and iterators over them that tell their place; the only ones without grain."""

    def __init__(self, rows: Rows) -> None:
        self.rows = rows

    def __iter__(self) -> 'Walk':
        return Walk(self.rows)


class Walk:
    def __init__(self, rows: Rows) -> None:
        self.rows, self.place = rows, 0

    def __iter__(self) -> 'Walk':
        return self

    def __next__(self) -> tuple[np.ndarray, ...]:
        if self.place == 6:
            raise StopIteration
        self.place += 1
        found = [self.rows[3 * self.place - i] for i in (1, 2, 3)]
        return tuple(map(np.stack, zip(*found, strict=True)))

    def get_state(self) -> dict[str, int]:
        return {'place': self.place}

    def set_state(self, state: dict[str, int]) -> None:
        self.place = state['place']


def dataset(rows: Rows, **more: Any) -> Any:
    """Batches of 3, shuffled; a pass has 6. Nothing is read ahead, so that reads can be counted."""
    grain = peer('grain')
    made = grain.MapDataset.source(rows).shuffle(seed=3).batch(3, drop_remainder=True)
    now = grain.ReadOptions(num_threads=0, prefetch_buffer_size=0)
    return made.repeat(**more).to_iter_dataset(now)


def loader(rows: Rows) -> Any:
    grain = peer('grain')
    return grain.DataLoader(
        data_source=rows,
        sampler=grain.samplers.IndexSampler(len(rows), shuffle=True, seed=3, num_epochs=None),
        operations=[grain.transforms.Batch(3, drop_remainder=True)],
        read_options=grain.ReadOptions(num_threads=0, prefetch_buffer_size=0),
    )


KINDS = {
    'told': Told,
    'dataset': dataset,
    'one pass of a dataset': lambda rows: dataset(rows, num_epochs=1),
    'loader': loader,
    'iterator of a dataset': lambda rows: iter(dataset(rows)),
    'iterator of a loader': lambda rows: iter(loader(rows)),
}


@pytest.mark.parametrize('kind', KINDS)
def test_a_loop_goes_on_with_the_next_batch_and_reads_none_again(kind: str, tmp_path: Path) -> None:
    """Bit for bit, over the end of a pass of 6 batches."""

    def made(folder: str) -> tuple[training.Loop, Rows]:
        rows, loss = Rows(), tl.L2Loss()
        task = training.TrainTask(KINDS[kind](rows), loss, optimizers.Adam(0.1))
        evals = training.EvalTask(KINDS[kind](Rows()), [loss])
        at = {'checkpoint_at': lambda step: step in (4, 9), 'eval_at': lambda step: step % 3 == 2}
        places = {'output_dir': tmp_path / folder, 'eval_tasks': evals}
        return training.Loop(tl.Serial(tl.Dense(1)), task, **places, **at), rows

    (whole, all_read), (parts, _) = made('whole'), made('parts')
    whole.run(9)
    parts.run(5)  # the fifth step is lost, as its checkpoint was not
    again, read = made('parts')
    read.read.clear()
    again.run(5)
    assert again.step == whole.step == 9
    assert read.read == all_read.read[-len(read.read) :]
    assert 15 <= len(read.read) <= 18  # 5 batches, and what a pass leaves over
    np.testing.assert_array_equal(again.model.weights[0].w, whole.model.weights[0].w)
    for mode, name in (('train', 'training/loss'), ('eval', 'metrics/L2Loss')):
        assert again.history.get(mode, name) == whole.history.get(mode, name)


def test_a_place_outlives_a_task_that_rests() -> None:
    batches = data.Passes(Told(Rows()))
    assert batches.place is None
    taken = [next(batches) for _ in range(8)]
    assert batches.place == {'place': 2}
    again = data.Passes(Told(Rows()), 99, batches.place)
    assert again.place == batches.place
    np.testing.assert_equal(next(again), taken[2])


def test_other_data_than_the_place_is_of() -> None:
    with pytest.raises(ValueError, match='list_iterator has no set_state'):
        data.Passes([1, 2], place={'place': 1})
    assert list(itertools.islice(data.Passes(iter('abc'), 1), 2)) == ['b', 'c']
