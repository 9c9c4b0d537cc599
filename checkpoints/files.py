"""Directories that appear whole or not at all; knows nothing of what is in them.

`path` is written as `.path.new` beside it, every file is synced, and one rename puts it in
place. A directory that was there before steps aside to `.path.old` first, and is deleted last.
Whatever moment a crash picks, `path` or `.path.old` is whole, and `whole_directory` finds it.
One writer per path at a time.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from .errors import CheckpointError


def aside(path: Path) -> Path:
    """Where the previous directory waits while the new one takes its place."""
    return path.with_name(f'.{path.name}.old')


def _target(path: Path) -> Path:
    """Of a link, the directory that it points to: that is what is replaced."""
    return Path(os.path.realpath(path))


def _fresh(path: Path) -> Path:
    return path.with_name(f'.{path.name}.new')


def whole_directory(path: Path) -> Path:
    """`path`, or the copy that an interrupted `replace_directory` left aside."""
    target = _target(path)
    if not target.exists() and aside(target).is_dir():
        return aside(target)
    return path


def replace_directory(path: Path, contents: Mapping[str, bytes]) -> None:
    """Makes `path` a directory of exactly these files, durably and in one step.

    Raises:
        CheckpointError: `path` holds something else, which replacing it would delete.
        OSError: from the file system; what was at `path` before is still there.
    """
    path = _target(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    _settle(path)
    _refuse_foreign(path, contents)
    fresh = _fresh(path)
    try:
        fresh.mkdir()
        for name, data in contents.items():
            write_file(fresh / name, data)
        _sync_directory(fresh)
        _swap_in(fresh, path)
    finally:
        if fresh.exists():
            shutil.rmtree(fresh)
    shutil.rmtree(aside(path), ignore_errors=True)  # what is left of it, the next call clears


def write_file(file: Path, data: bytes) -> None:
    """Writes a new file and waits until the disk has it."""
    with open(file, 'xb') as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())


def _settle(path: Path) -> None:
    """Clears what an interrupted call left, bringing back the previous directory if it must."""
    if not path.exists() and aside(path).is_dir():
        os.replace(aside(path), path)
    for leftover in (_fresh(path), aside(path)):
        if leftover.exists():
            shutil.rmtree(leftover)


def _refuse_foreign(path: Path, contents: Mapping[str, bytes]) -> None:
    if not path.exists():
        return
    if not path.is_dir():
        raise CheckpointError(
            f'{path}: expected a directory, or nothing yet, got a file. Save under another name.'
        )
    foreign = sorted(
        name for name in os.listdir(path) if name not in contents and not name.startswith('.')
    )
    if foreign:
        raise CheckpointError(
            f'{path}: expected nothing but {", ".join(contents)} in the directory to replace, got '
            f'{", ".join(foreign[:5])}. Replacing would delete that. Save under another name, or '
            'move those files.'
        )


def _swap_in(fresh: Path, path: Path) -> None:
    had_previous = path.exists()
    if had_previous:
        os.replace(path, aside(path))
    try:
        os.replace(fresh, path)
    except BaseException:
        if had_previous:
            os.replace(aside(path), path)
        raise
    _sync_directory(path.parent)


def _sync_directory(path: Path) -> None:
    if os.name == 'nt':  # a directory cannot be opened there; NTFS journals renames itself
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
