"""Checkpoints are replaced whole or not at all, and damage and other models are named."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from trees import Gates, assert_same, model

from retrax import checkpoints
from retrax.checkpoints import CheckpointError, files


def test_a_second_save_replaces_the_first(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / 'a', model(1.0), {'step': 1})
    checkpoints.save(tmp_path / 'a', {'other': jnp.ones(3)}, {'step': 2})
    tree, metadata = checkpoints.restore(tmp_path / 'a', {'other': jnp.zeros(3)})
    assert_same(tree, {'other': jnp.ones(3)})
    assert metadata == {'step': 2}
    assert os.listdir(tmp_path) == ['a']


def test_a_link_is_followed(tmp_path: Path) -> None:
    checkpoints.save(tmp_path / 'real', model(1.0), {})
    (tmp_path / 'link').symlink_to('real')
    checkpoints.save(tmp_path / 'link', model(2.0), {})
    assert_same(checkpoints.restore(tmp_path / 'real', model())[0], model(2.0))
    assert sorted(os.listdir(tmp_path)) == ['link', 'real']


def test_a_directory_of_other_files_is_not_deleted(tmp_path: Path) -> None:
    (tmp_path / 'notes.txt').write_text('mine')
    with pytest.raises(CheckpointError, match=r'got notes\.txt\. Replacing would delete that'):
        checkpoints.save(tmp_path, model(), {})
    with pytest.raises(CheckpointError, match=r'notes\.txt: expected a directory.*got a file'):
        checkpoints.save(tmp_path / 'notes.txt', model(), {})
    assert (tmp_path / 'notes.txt').read_text() == 'mine'
    assert os.listdir(tmp_path) == ['notes.txt']


class PowerCut(BaseException):
    """Nothing that the program still tries after it reaches the disk."""


class Disk:
    """Counts what changes the disk; from call `last` on, everything raises PowerCut."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, last: int | None = None) -> None:
        self.calls = 0
        self.last = last
        for module, name in [
            (os, 'replace'),
            (os, 'fsync'),
            (shutil, 'rmtree'),
            (Path, 'mkdir'),
            (files, 'write_file'),
        ]:
            monkeypatch.setattr(module, name, self._limited(name, getattr(module, name)))

    def _limited(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.calls += 1
            if self.last is None or self.calls < self.last:
                return real(*args, **kwargs)
            if self.calls == self.last and name == 'write_file':
                args[0].write_bytes(args[1][: len(args[1]) // 2])
            if self.calls == self.last and name == 'rmtree' and args[0].is_dir():
                next(args[0].iterdir()).unlink()
            raise PowerCut

        return call


def power_cuts(scene: Callable[[], Any]) -> Iterator[int]:
    """Runs `scene` with the power failing at its first, second ... call, until it completes."""
    last = 1
    while True:
        with pytest.MonkeyPatch.context() as monkeypatch:
            Disk(monkeypatch, last)
            try:
                scene()
            except PowerCut:
                completed = False
            else:
                completed = True
        if completed:
            return
        yield last
        last += 1


def test_after_a_power_cut_the_old_or_the_new_checkpoint_is_whole(tmp_path: Path) -> None:
    path = checkpoints.step_path(tmp_path, 1)
    seen = []

    def scene() -> None:
        checkpoints.save(path, model(2.0), {'scale': 2.0})

    checkpoints.save(path, model(1.0), {'scale': 1.0})
    for _ in power_cuts(scene):
        tree, metadata = checkpoints.restore(path, model())
        assert_same(tree, model(metadata['scale']))
        assert checkpoints.latest(tmp_path) == path
        assert checkpoints.exists(path)
        seen.append(metadata['scale'])
        checkpoints.save(path, model(1.0), {'scale': 1.0})  # also clears what the crash left
        assert os.listdir(tmp_path) == [path.name]
    assert len(seen) > 8
    assert seen == sorted(seen), 'from some call on it is the new one, and before it the old one'
    assert {1.0, 2.0} == set(seen)
    assert not checkpoints.exists(tmp_path / 'another')


def test_after_a_power_cut_no_half_written_checkpoint_is_picked_up(tmp_path: Path) -> None:
    first, second = checkpoints.step_path(tmp_path, 1), checkpoints.step_path(tmp_path, 2)
    checkpoints.save(first, model(1.0), {})
    for _ in power_cuts(lambda: checkpoints.save(second, model(2.0), {})):
        newest = checkpoints.latest(tmp_path)
        assert newest in (first, second)
        tree, _ = checkpoints.restore(newest, model())
        assert_same(tree, model(1.0 if newest == first else 2.0))
        if newest == second:
            shutil.rmtree(second)


def test_the_disk_has_everything_before_the_name_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = []
    real_fsync, real_replace = os.fsync, os.replace

    def fsync(descriptor: int) -> None:
        events.append(os.fstat(descriptor).st_ino)
        real_fsync(descriptor)

    def replace(old: Path, new: Path) -> None:
        events.append('rename')
        real_replace(old, new)

    monkeypatch.setattr(os, 'fsync', fsync)
    monkeypatch.setattr(os, 'replace', replace)
    checkpoints.save(tmp_path / 'a', model(), {})

    written = [tmp_path / 'a/arrays.safetensors', tmp_path / 'a/checkpoint.json', tmp_path / 'a']
    inodes = [path.stat().st_ino for path in written]
    assert events == [*inodes, 'rename', tmp_path.stat().st_ino]


@pytest.mark.parametrize('name', ['replace', 'fsync'])
def test_after_an_error_nothing_is_left_behind(tmp_path: Path, name: str) -> None:
    checkpoints.save(tmp_path / 'a', model(1.0), {})
    for count in range(20):
        with pytest.MonkeyPatch.context() as monkeypatch:
            calls = iter(range(1000))
            real = getattr(os, name)

            def full(*args: Any, real: Any = real, calls: Any = calls, count: int = count) -> Any:
                if next(calls) == count:
                    raise OSError('disk full')
                return real(*args)

            monkeypatch.setattr(os, name, full)
            try:
                checkpoints.save(tmp_path / 'a', model(2.0), {})
            except OSError:
                monkeypatch.undo()
            else:
                return
        tree, _ = checkpoints.restore(tmp_path / 'a', model())
        placed = float(tree['weights']['GRU#1'].w1[0, 1])
        assert_same(tree, model(placed))
        assert [name for name in os.listdir(tmp_path) if not name.endswith('.old')] == ['a']
    raise AssertionError('the save never completed')


# --------------------------------------------------------------------------------------- damage


def flip(file: Path, position: int) -> None:
    data = bytearray(file.read_bytes())
    data[position] ^= 0x10
    file.write_bytes(bytes(data))


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    checkpoints.save(tmp_path / 'a', model(), {'step': 3})
    return tmp_path / 'a'


def fails(path: Path, message: str, like: Any = None) -> None:
    with pytest.raises(CheckpointError, match=message):
        checkpoints.restore(path, model() if like is None else like)


def test_missing_files(saved: Path) -> None:
    fails(saved.parent / 'b', r'b: expected a checkpoint, .* got nothing\. Check the path')
    fails(saved.parent, r'expected a checkpoint, a directory with checkpoint\.json.* with a in it')
    fails(saved / 'arrays.safetensors', r'arrays\.safetensors: .* got a file')
    (saved / 'arrays.safetensors').unlink()
    fails(saved, r'arrays\.safetensors: expected this file beside checkpoint\.json, got nothing')
    (saved / 'checkpoint.json').unlink()
    fails(saved, r'a: expected a checkpoint, .* got a directory with nothing in it')


@pytest.mark.parametrize('file', ['arrays.safetensors', 'checkpoint.json'])
@pytest.mark.parametrize('share', [0, 0.5, 0.999])
def test_a_cut_file(saved: Path, file: str, share: float) -> None:
    data = (saved / file).read_bytes()
    (saved / file).write_bytes(data[: int(share * (len(data) - 2))])
    told = 'bytes, got .*: the file was cut' if 'arrays' in file else 'expected JSON, got'
    fails(saved, rf'{file}: expected .*{told.removeprefix("expected ")}')


def test_a_flipped_byte_anywhere(saved: Path) -> None:
    arrays, record = saved / 'arrays.safetensors', saved / 'checkpoint.json'
    size = arrays.stat().st_size
    for position in [*range(0, size, 37), size - 1]:
        flip(arrays, position)
        fails(saved, r'arrays\.safetensors: expected sha256 .*its bytes changed')
        flip(arrays, position)
    for position in range(record.stat().st_size):
        flip(record, position)
        fails(saved, r'checkpoint\.json: expected')
        flip(record, position)
    assert_same(checkpoints.restore(saved, model())[0], model())


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('{"format": "retrax checkpoint", "version": 2}', r'format version 1.*got 2\. Install'),
        ('{"a": 1}', r'expected "format": "retrax checkpoint", got None'),
        ('[]', r"expected \"format\": \"retrax checkpoint\", got 'list'"),
        ('', r'expected JSON, got'),
    ],
)
def test_a_record_of_another_kind(saved: Path, text: str, message: str) -> None:
    (saved / 'checkpoint.json').write_text(text)
    fails(saved, rf'checkpoint\.json: {message}' if text[:1] != '{' else message)
    with pytest.raises(CheckpointError, match=message):
        checkpoints.read_metadata(saved)


def test_metadata_is_read_without_the_arrays(saved: Path) -> None:
    (saved / 'arrays.safetensors').unlink()
    assert checkpoints.read_metadata(saved) == {'step': 3}


# ------------------------------------------------------------------------------- another model


def test_another_model_is_told_by_path(saved: Path) -> None:
    like = model()
    like['weights'] = {'LSTM#1': like['weights']['GRU#1']}
    fails(
        saved,
        r'(?s)checkpoint\.json: expected the arrays of the tree given as `like`, got others:\n'
        r'  not in the file: weights/LSTM#1/w1, weights/LSTM#1/b1\n'
        r'  only in the file: weights/GRU#1/w1, weights/GRU#1/b1\n'
        r'It was saved from another model, .*read_metadata',
        like,
    )


def test_shapes_and_dtypes_are_told_by_path(saved: Path) -> None:
    like = model()
    like['weights']['GRU#1'] = Gates(jnp.zeros((3, 5)), jnp.zeros(4, jnp.bfloat16))
    fails(
        saved,
        r'  weights/GRU#1/w1: expected float32\(3, 5\), got float32\(3, 4\)\n'
        r'  weights/GRU#1/b1: expected bfloat16\(4,\), got float32\(4,\)\n',
        like,
    )


def test_long_lists_are_cut_to_five(saved: Path) -> None:
    fails(
        saved,
        r'not in the file: b/0, b/1, b/2, b/3, b/4, and 3 more\n',
        {**model(), 'b': [jnp.zeros(1)] * 8},
    )
    wide = [jnp.zeros(2)] * 7
    checkpoints.save(saved, wide, {})
    fails(saved, r'  4: expected .*\n  and 2 more that differ\n', [jnp.zeros(3)] * 7)


def test_like_must_describe_arrays(saved: Path) -> None:
    like = model()
    like['opt'] = (None, (), [7, np.arange(5)])
    fails(saved, r'opt/2/0: expected an array or a jax\.ShapeDtypeStruct in `like`, got int', like)
