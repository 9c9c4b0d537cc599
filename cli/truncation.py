"""`retrax truncation`: what a run's gradients lose where they end, by how far they go back."""

from pathlib import Path

import numpy as np
from rich.console import Console

from .. import configs
from ..inspection.tables import plain, table
from ..training import RunDirectory
from ..training.truncation import truncations


def show(run: Path, length: int, streams: int) -> None:
    """Prints how far truncated gradients of a run's model are from the full one."""
    directory = RunDirectory(run)
    experiment = configs.of_run(directory).experiment()
    if not experiment.what.goes_on or experiment.what.n_in > 1:
        raise ValueError(
            f'{run}: gradients are compared over streams of one text; the task '
            f'{experiment.task!r} has none'
        )
    loaded = configs.load_run(run)
    ids = np.asarray(loaded.vocabulary.encode(experiment.material().heldout_text), np.int32)
    if len(ids) < length * streams:
        raise ValueError(
            f'{run}: {streams} streams of {length} tokens need {length * streams:,}, its held-out '
            f'text has {len(ids):,}. Use fewer or shorter ones: --streams, --length'
        )
    batch = ids[: length * streams].reshape(streams, length)
    horizons = [2**k for k in range(length.bit_length()) if 2**k < length]
    made = table(
        f'{run}, step {loaded.metadata["step"]:,}: gradients over {streams} streams of {length} '
        'held-out tokens, beside the full one',
        ['horizon'],
        ['cosine', 'norm', 'error'],
    )
    for found in truncations(loaded.model, batch, [*horizons, length]):
        mark = ' (the window)' if found.horizon == experiment.window else ''
        figures = found.cosine, found.relative_norm, found.relative_error
        made.add_row(plain(f'{found.horizon}{mark}'), *(f'{value:.4f}' for value in figures))
    Console().print(made)
