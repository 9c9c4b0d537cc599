"""The files of a run: read with a clear word about damage, and never half written.

It knows names and texts, and what file systems refuse; not what the texts mean.
"""

import contextlib
import errno
import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

_FULL = {errno.ENOSPC, errno.EDQUOT}
_READ_ONLY = {errno.EROFS, errno.EACCES, errno.EPERM}


class RunError(ValueError):
    """A run directory that cannot be used as asked."""


def read_text(file: Path) -> str:
    """Returns the text of a run's file.

    Raises:
      RunError: there is no such file, or it is not UTF-8.
    """
    try:
        return file.read_text(encoding='utf-8')
    except (FileNotFoundError, NotADirectoryError):
        raise RunError(
            f"{file.parent}: expected a run, a directory that 'retrax train' made, but it has no "
            f'{file.name}'
        ) from None
    except UnicodeDecodeError as error:
        raise RunError(f'{file}: expected UTF-8 text; the file is damaged: {error}') from error


def read_json(file: Path) -> dict[str, Any]:
    """Returns the JSON object in a run's file.

    Raises:
      RunError: there is no such file, or it holds something else.
    """
    try:
        found = json.loads(read_text(file))
    except RunError:
        raise
    except ValueError as error:
        raise RunError(f'{file}: expected JSON, the file is damaged: {error}') from error
    if not isinstance(found, dict):
        raise RunError(f'{file}: expected a JSON object, got {found!r}')
    return found


def check_version(file: Path, found: dict[str, Any], name: str, version: int) -> None:
    """Raises RunError unless a file says that it has the format `name` in a version known here."""
    if found.get('format') == name and found.get('version') == version:
        return
    theirs = found.get('version')
    newer = found.get('format') == name and isinstance(theirs, int) and theirs > version
    advice = (
        'A newer retrax wrote it: install that one, or a newer one.'
        if newer
        else 'It is not such a file, or it is damaged.'
    )
    raise RunError(
        f'{file}: expected "format": "{name}", version {version}, got {found.get("format")!r}, '
        f'version {theirs!r}. {advice}'
    )


def write_text(file: Path, text: str) -> None:
    """Writes under another name first, so that the file is never half there."""
    beside = file.with_name(f'.{file.name}.new')
    try:
        with beside.open('w', encoding='utf-8') as opened:
            opened.write(text)
            opened.flush()
            os.fsync(opened.fileno())
        os.replace(beside, file)
    except OSError:
        with contextlib.suppress(OSError):  # the space is needed; the error is told as it was
            beside.unlink(missing_ok=True)
        raise


def write_json(file: Path, value: Any) -> None:
    """Writes JSON that people can read."""
    write_text(file, json.dumps(value, indent=1, ensure_ascii=False) + '\n')


@contextlib.contextmanager
def writing(run: Path, newest: Callable[[], Path | None]) -> Iterator[None]:
    """Says what a refusal of the file system means for the run.

    Args:
      run: the directory that is written to.
      newest: finds the checkpoint to go on from.
    """
    try:
        yield
    except OSError as error:
        if error.errno == errno.ENOENT and not run.is_dir():
            raise RunError(gone(run)) from error
        if error.errno in _FULL:
            what = 'the disk is full. Free some space, and the same command goes on'
        elif error.errno in _READ_ONLY:
            what = 'the folder cannot be written to. Make it writable, or choose another: --out DIR'
        else:
            raise
        path = newest()
        left = f'The newest checkpoint, {path}, is whole' if path else 'There is no checkpoint yet'
        raise RunError(f'{run}: {what}. {left}. ({error})') from error


def gone(run: Path) -> str:
    """What is said where a run's directory was deleted while it trained."""
    return (
        f'{run}: the directory of this run was deleted or moved while it trained, so nothing can '
        'be saved. Put it back to go on from its newest checkpoint, or start again with the same '
        'command.'
    )
