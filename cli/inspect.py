"""`retrax inspect`: a page on what a trained model does while it reads a text."""

import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from .. import configs, inspection
from ..combinators import ShapeDtype
from ..data import read_lines
from ..inspection.reading import read
from ..inspection.tables import size
from ..inspection.web import LONGEST, Curve, fitting, page
from ..training import RunDirectory


def write(run: Path, file: Path, out: Path | None) -> None:
    """Writes the page of a run's newest weights on a text, and says where."""
    target = out or Path(f'{run.name or "run"}-{file.stem}.html')
    loaded = configs.load_run(run)
    if loaded.model.n_in > 1:
        raise ValueError(
            f'{run}: inspect shows what a model does while it reads one text, and that of this run '
            f'takes {loaded.model.n_in} inputs: {loaded.experiment.what.inputs_in_words}'
        )
    labels = loaded.metadata.get('labels', ())
    text, notes = _text(file)
    reading, note = fitting(read(loaded.model, loaded.vocabulary, text, labels))
    notes += [note] if note else []
    made = page(
        reading,
        run.name or str(run),
        _facts(loaded.metadata, file, reading),
        inspection.summary(loaded.model.as_mode('eval'), ShapeDtype(('b', 't'), np.int32)),
        _curves(RunDirectory(run).metrics(), labels),
        'nats' if labels else 'bits per token',
        labels,
        notes,
    )
    target.write_text(made, encoding='utf-8')
    for line in notes:
        click.echo(line)
    click.echo(f'{target}: {size(len(made.encode()))}, open it in any browser.')


def _text(file: Path) -> tuple[str, list[str]]:
    text = ''.join(read_lines(file))
    if len(text) <= LONGEST:
        return text, []
    note = f'Only the first {LONGEST:,} of {len(text):,} characters of {file.name} were read.'
    return text[:LONGEST], [note]


def _facts(metadata, file, reading):
    facts = [f'step {metadata["step"]:,}', f'learned from {metadata["corpus"]["name"]}']
    facts.append(f'{len(reading.characters):,} characters of {file.name}')
    if reading.bits is not None and 'labels' not in metadata:
        facts.append(f'{np.mean(reading.bits):.2f} bits per character')
    return facts


def _curves(lines: list[dict[str, Any]], labels: Any) -> list[Curve]:
    scale = 1 if labels else math.log(2)
    found = [Curve('training', [(x['step'], x['loss'] / scale) for x in lines if 'loss' in x])]
    key = 'heldout_bits_per_character'
    heldout = [(x['step'], x[key]) for x in lines if key in x]
    return [*found, Curve('held out, per character', heldout, True)]
