"""Which process is it, and does it still run? Pids are used again, so the start time counts too."""

import datetime
import os
import socket
from pathlib import Path
from typing import Any, NamedTuple


class Process(NamedTuple):
    """A process, as a lock file tells of it."""

    pid: int
    host: str
    started: str  # boot and clock ticks from /proc; '' where there is no /proc
    since: str  # when it took the lock, for people

    def __str__(self):
        return f'process {self.pid} on {self.host}, since {self.since}'

    @classmethod
    def current(cls) -> 'Process':
        """Returns the process that asks."""
        now = datetime.datetime.now().astimezone().isoformat(' ', 'seconds')
        return cls(os.getpid(), socket.gethostname(), _started(os.getpid()) or '', now)

    @classmethod
    def from_json(cls, found: Any) -> 'Process | None':
        """Returns what a lock file told, or None where it does not tell of a process."""
        try:
            return cls(int(found['pid']), *(str(found[name]) for name in cls._fields[1:]))
        except (KeyError, TypeError, ValueError):
            return None

    @property
    def is_here(self) -> bool:
        """Whether it is of this machine, so that its life can be looked at."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether it runs, as far as can be seen: a process of another host may."""
        if not self.is_here or os.name == 'nt':  # there, signal 0 would end it
            return True
        if self.started and Path('/proc/self/stat').exists():
            return _started(self.pid) == self.started
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass  # it runs, for another user
        return True


def _started(pid):
    """Returns when a process started, or None where there is none, or only a dead one's entry."""
    try:
        stat = Path(f'/proc/{pid}/stat').read_text()
        boot = Path('/proc/sys/kernel/random/boot_id').read_text().strip()
    except OSError:
        return None
    fields = stat.rpartition(')')[2].split()  # after the name, which may hold anything
    state, ticks = fields[0], fields[19]
    return None if state in 'ZX' else f'{boot} {ticks}'
