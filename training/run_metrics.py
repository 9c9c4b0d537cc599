"""metrics.jsonl and speed.jsonl: lines that are added to as the run goes."""

import json
import os
from pathlib import Path
from typing import Any

from .run_files import RunError, write_text


class MetricsFile:
    """One of these files; a last line that was cut does not count."""

    def __init__(self, file: Path):
        self.file = file

    def note(self, metrics: dict[str, Any]) -> None:
        """Adds a line; `forget_after` was called once before the first, so no cut line is there."""
        with open(self.file, 'r+b') as file:  # not 'a': a file that was deleted is not made again
            file.seek(0, os.SEEK_END)
            file.write(json.dumps(metrics).encode() + b'\n')

    def sync(self) -> None:
        """Waits until the disk has all lines; a checkpoint that is newer must not outlive them."""
        with open(self.file, 'rb+') as file:
            os.fsync(file.fileno())

    def read(self) -> list[dict[str, Any]]:
        """Returns the whole lines.

        Raises:
          RunError: a line that is not the last one is damaged.
        """
        try:
            text = self.file.read_bytes()
        except FileNotFoundError:
            return []
        lines = text.split(b'\n')[:-1]
        return [self._parse(number, line) for number, line in enumerate(lines, 1)]

    def forget_after(self, step: int) -> None:
        """Drops the lines of steps that will be made again, and a line that was cut."""
        kept = [json.dumps(line) + '\n' for line in self.read() if line['step'] <= step]
        write_text(self.file, ''.join(kept))

    def _parse(self, number, line):
        try:
            found = json.loads(line)
            if isinstance(found, dict) and isinstance(found.get('step'), int):
                return found
            problem = 'no "step" in it'
        except ValueError as error:
            problem = str(error)
        raise RunError(
            f'{self.file}:{number}: expected a JSON object with a "step", the line is damaged: '
            f'{problem}. Delete this line to go on without it.'
        )
