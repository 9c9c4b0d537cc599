"""trax.data, where it differs from `retrax.data.stages`: counters that the whole process shares."""

import json
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

data_counters: dict[str, int] = {}  # by name, how many examples were taken


def count_and_skip(generator: Iterable[Any], name: str) -> Iterator[Any]:
    """Yields examples and counts them; leaves out as many as were counted under this name before.

    In retrax's own words a pipeline is data that a resumed run starts over by itself, see
    `retrax.data.stages.Pipeline`.
    """
    for number, example in enumerate(generator, 1):
        if number > data_counters.setdefault(name, 0):
            data_counters[name] += 1
            yield example


def CountAndSkip(name: str) -> Callable[[Iterable[Any]], Iterator[Any]]:
    """Returns `count_and_skip` as a stage."""
    return lambda generator: count_and_skip(generator, name)


def save_data_counters(output_dir: str | os.PathLike[str], host_id: int = 0) -> None:
    """Writes the counters to a file."""
    _file(output_dir, host_id).write_text(json.dumps(data_counters), encoding='utf-8')


def load_data_counters(output_dir: str | os.PathLike[str], host_id: int = 0) -> None:
    """Reads the counters back, if the file is there."""
    file = _file(output_dir, host_id)
    if file.is_file():
        data_counters.clear()
        data_counters.update(json.loads(file.read_text(encoding='utf-8')))


def debug_pipeline(stage: Callable[..., Any]) -> Callable[..., Any]:
    """Returns the stage; Trax's wrapper may print examples, which the stage `Log` does here."""
    return stage


def _file(folder, host_id):
    return Path(folder) / f'data_counters{host_id}.json'


__all__ = [
    'CountAndSkip',
    'count_and_skip',
    'data_counters',
    'debug_pipeline',
    'load_data_counters',
    'save_data_counters',
]
