"""One process per run: lock-1 in its directory, made with O_EXCL, the one thing all disks offer.

A dead process's lock is not deleted and made again, which two could do at once: the next process
makes the file of the next number, then looks whether it is alone. Of two that come together at
least one sees the other and withdraws.
"""

import contextlib
import json
import re
import time
from pathlib import Path

from .processes import Process
from .run_files import RunError

_NAME = re.compile(r'lock-([0-9]+)')
_GRACE = 1.0  # seconds for a file that was just made to get its content


def is_lock(file: Path) -> bool:
    """Whether a file of a run is a lock."""
    return _NAME.fullmatch(file.name) is not None


def holder(directory: Path) -> Process | None:
    """Returns the living process that trains in a directory."""
    return next((p for p in map(_read, _locks(directory)) if p and p.is_alive), None)


class RunLock:
    """Keeps other processes out of a run directory: `with RunLock(directory).acquire():`.

    Attributes:
      taken_from: dead processes whose locks were found; one that said nothing is None.
    """

    def __init__(self, directory: Path):
        self._directory = directory
        self._file: Path | None = None
        self.taken_from: list[Process | None] = []

    def acquire(self) -> 'RunLock':
        """Takes the lock.

        Raises:
          RunError: another process has it.
          OSError: the file cannot be written.
        """
        before = self._refuse_living()
        number = max([int(file.name.partition('-')[2]) for file in before], default=0) + 1
        file = self._directory / f'lock-{number}'
        try:
            with open(file, 'x', encoding='utf-8') as opened:
                json.dump(Process.current()._asdict(), opened)
        except FileExistsError:
            return self.acquire()  # another was faster, and is named now
        except OSError:
            with contextlib.suppress(OSError):
                file.unlink()
            raise
        self._file = file
        try:
            dead = self._refuse_living()
        except BaseException:
            self.release()
            raise
        self.taken_from = [_read(file) for file in dead]
        for file in dead:
            file.unlink(missing_ok=True)
        return self

    def __enter__(self) -> 'RunLock':
        return self

    def __exit__(self, *raised: object) -> None:
        self.release()

    def release(self) -> None:
        """Lets others in; the directory may be gone."""
        if self._file is not None:
            with contextlib.suppress(OSError):
                self._file.unlink()
            self._file = None

    def _refuse_living(self) -> list[Path]:
        """Returns the locks of dead processes.

        Raises:
          RunError: a process that lives, or may live, has a lock here.
        """
        others = [file for file in _locks(self._directory) if file != self._file]
        for file in others:
            process = _read_patiently(file)
            if process is not None and process.is_alive:
                raise RunError(_taken(self._directory, file, process))
        return others


def _locks(directory):
    if not directory.is_dir():
        return []
    return sorted(file for file in directory.iterdir() if is_lock(file))


def _read(file):
    try:
        return Process.from_json(json.loads(file.read_text(encoding='utf-8')))
    except (OSError, ValueError):
        return None


def _read_patiently(file):
    """A file without content: its process is about to write it, or died before it could."""
    deadline = time.monotonic() + _GRACE
    while (process := _read(file)) is None and file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    return process


def _taken(directory, file, process):
    if process.is_here:
        advice = 'Wait for it or stop it; --fresh begins a new run beside this one.'
    else:
        advice = f'If that process is dead, which cannot be seen from here, delete {file}'
    return f'{directory}: another process trains in this run: {process}. {advice}'
