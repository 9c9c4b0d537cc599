"""What TensorBoard reads: a file of events, which the library tensorboardX encodes."""

import importlib.util
import struct
import time
from collections.abc import Mapping
from pathlib import Path

from ..data.byte_text import library

_VERSION = 'brain.Event:2'  # of the format; the first event says it


def can_write() -> bool:
    """Whether tensorboardX is installed."""
    return importlib.util.find_spec('tensorboardX') is not None


class EventFile:
    """Adds numbers to a file of events; the file and its folder are made with the first ones.

    Of other files in the folder TensorBoard forgets what is not before the first step of this one:
    a training that goes on may make its last steps again.

    Not tensorboardX's SummaryWriter: its thread dies where the disk is full, and training waits.

    Args:
      folder: the one that TensorBoard shows.

    Raises:
      MissingLibraryError: tensorboardX is not installed.
    """

    def __init__(self, folder: Path):
        parts = ('proto.event_pb2', 'proto.summary_pb2', 'record_writer')
        self._events, self._summaries, self._records = map(_part, parts)
        self._folder, self._path = folder, None

    def note(self, step: int, numbers: Mapping[str, float]) -> None:
        """Adds what numbers are at a step."""
        summaries = self._summaries
        values = [summaries.Summary.Value(tag=k, simple_value=v) for k, v in numbers.items()]
        if self._path is None:
            self._path = self._begin(step)
        self._add(self._path, step, summary=summaries.Summary(value=values))

    def _begin(self, step):
        self._folder.mkdir(parents=True, exist_ok=True)
        # Two files of one second begin at different steps, or the first is forgotten anyway.
        path = self._folder / f'events.out.tfevents.{time.time():010.0f}.{step:08d}'
        path.write_bytes(b'')
        self._add(path, step, file_version=_VERSION)
        started = self._events.SessionLog(status=self._events.SessionLog.START)
        self._add(path, step, session_log=started)
        return path

    def _add(self, path: Path, step: int, **what):
        event = self._events.Event(wall_time=time.time(), step=step, **what).SerializeToString()
        size = struct.pack('<Q', len(event))
        with open(path, 'ab') as file:
            file.write(size + self._checksum(size) + event + self._checksum(event))

    def _checksum(self, content):
        return struct.pack('<I', self._records.masked_crc32c(content))


def _part(name):
    return library(f'tensorboardX.{name}', 'Writing for TensorBoard', extra='tensorboard')
