"""Bytes from a gzip file, not more than were allowed."""

import gzip
import io
import os
import stat
import zlib
from pathlib import Path
from typing import BinaryIO

from .errors import TraxCheckpointError
from .limits import Limits

_CHUNK = 1 << 20
_ALWAYS = 16 << 20  # so many bytes are harmless, whatever the ratio: a few zeros shrink to nothing


def decompressed(file: Path, limits: Limits) -> bytes:
    """Returns what is compressed in a file, reading no further than the limits.

    Raises:
      TraxCheckpointError: it is no regular file, not gzip, damaged, or larger than a limit.
      OSError: from the file system.
    """
    with _regular(file) as raw:
        size = os.fstat(raw.fileno()).st_size
        if size > limits.file_bytes:
            raise _too_large(file, f'{size:,} bytes', 'file_bytes', f'{limits.file_bytes:,} bytes')
        try:
            return _bounded(file, raw, size, limits)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise TraxCheckpointError(
                f'{file}: expected a whole gzip file, got one that cannot be decompressed: '
                f'{error}. Copy it again from where it came.'
            ) from error


def _regular(file: Path) -> BinaryIO:
    """Opens a file without waiting, as one would for a pipe that nobody writes to."""
    more = getattr(os, 'O_NONBLOCK', 0)
    try:
        raw = open(file, 'rb', opener=lambda path, flags: os.open(path, flags | more))
    except IsADirectoryError:
        raise _not_a_file(file, 'a directory') from None
    if not stat.S_ISREG(os.fstat(raw.fileno()).st_mode):
        raw.close()
        raise _not_a_file(file, 'a pipe or a device')
    return raw


def _bounded(file, raw, size, limits):
    by_ratio = max(limits.ratio * size, _ALWAYS)
    data = io.BytesIO()
    with gzip.GzipFile(fileobj=raw) as stream:
        while chunk := stream.read(_CHUNK):
            data.write(chunk)
            if data.tell() > limits.bytes:
                raise _too_large(file, 'more', 'bytes', f'{limits.bytes:,} decompressed bytes')
            if data.tell() > by_ratio:
                what = f'more than {limits.ratio} times the {size:,} bytes of the file'
                raise _too_large(file, what, 'ratio', f'a ratio of {limits.ratio}')
    return data.getvalue()


def _not_a_file(file, got):
    return TraxCheckpointError(
        f"{file}: expected a regular file, got {got}. Name Trax's model.pkl.gz itself."
    )


def _too_large(file, got, field, limit):
    return TraxCheckpointError(
        f'{file}: expected at most {limit}, got {got}. A small file that claims to be so large is '
        f'damaged or hostile; if you trust it, give limits=Limits({field}=...) to read or '
        'init_from_file of retrax.interop.trax_checkpoints.'
    )
