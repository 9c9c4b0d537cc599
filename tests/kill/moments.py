"""A process that kills itself at its n-th moment of writing: what a test from outside rarely hits.

A moment comes before each opening for writing, renaming, making, deleting and syncing of a file or
folder of the run. A torn moment leaves half of what was about to be written, and all that an
earlier sync put on the disk.
"""

import os
import re
import signal
import stat
import sys
from pathlib import Path

_EVENTS = {
    'os.rename': 'rename',
    'os.mkdir': 'make',
    'os.remove': 'delete',
    'os.rmdir': 'delete',
}
_WRITES = os.O_WRONLY | os.O_RDWR


class Moments:
    """Counts the moments of this process; kills it at one of them.

    Args:
      run: the directory whose files count.
      at: the number of the moment; 0 counts only.
      torn: whether half of something is written first.
      note: where the moment is named, just before.
    """

    def __init__(self, run: Path, at: int, torn: bool, note: Path):
        self._run, self._at, self._torn, self._note = str(run), at, torn, note
        self.count = 0
        self._on_disk: dict[str, int] = {}  # how much of a file was synced
        self._fsync = os.fsync
        os.fsync = self._before_fsync
        sys.addaudithook(self._hear)

    def _hear(self, event, arguments):
        if event == 'open':
            path, _, flags = arguments
            if isinstance(path, int) or not flags & _WRITES:
                return
            self._moment('open', os.fspath(path), _tear_opened)
        elif event in _EVENTS:
            relative = event in ('os.remove', 'os.rmdir') and arguments[1] != -1  # of a folder
            path = os.fspath(arguments[0])
            self._moment(_EVENTS[event], f'{self._run}/in-a-folder/{path}' if relative else path)
            if event == 'os.rename':
                self._on_disk[os.fspath(arguments[1])] = self._on_disk.pop(path, 0)

    def _before_fsync(self, descriptor):
        path = os.readlink(f'/proc/self/fd/{descriptor}')
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        self._moment('sync', path, self._tear_synced if is_file else None)
        self._fsync(descriptor)
        self._on_disk[path] = os.path.getsize(path)

    def _tear_synced(self, path):
        os.truncate(path, (self._on_disk.get(path, 0) + os.path.getsize(path)) // 2)

    def _moment(self, kind, path, tear=None):
        if not path.startswith(self._run + '/'):
            return
        self.count += 1
        if self.count == self._at:
            name = re.sub(r'\d+', '#', path[len(self._run) + 1 :])
            torn = tear is not None and self._torn
            self._at = 0  # what tears is no moment
            self._note.write_text(f'{"torn" if torn else kind} {name}')
            if torn:
                tear(path)
            os.kill(os.getpid(), signal.SIGKILL)


def _tear_opened(path):
    """As if a process died after opening a file and writing a piece; a lock stays empty."""
    exists = os.path.exists(path)
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    if not os.path.basename(path).startswith('lock-'):
        os.write(descriptor, b'{"step": 1, "lo' if exists else b'{"fo')
    os.close(descriptor)
