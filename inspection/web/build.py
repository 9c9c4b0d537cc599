"""The page: template, style and script in one file, with the numbers of a reading inside."""

import base64
import itertools
import json
import re
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import Any

import numpy as np

from ..reading import Reading
from ..selectivity import responses
from ..summary import Summary
from .curves import Curve, drawing

LONGEST = 5000  # characters that are read
MOST_BYTES = 6 << 20  # of values, one each
MOST_BITS = 8  # that have a colour of their own
SHADES = 6
MAIN = ('h', 'output')

EXPLAINED = (
    'Each character is shaded by what a unit of the model is just after reading it: orange above '
    '0, blue below. Gates lie between 0, shut, and 1, open; the colour of a map is scaled to the '
    'largest value in it. {bits}The list of units says to which character, or kind of place, '
    'the value of a unit responds most: the bar is the correlation between the value and being at '
    'such a place, orange where the unit is higher there, blue where it is lower. A full bar is a '
    'unit that does nothing else.'
)
OF_BITS = {
    'surprise': 'Surprise is −log2 of the probability that the model gave a character before it '
    'came: 0 bits where it was sure, 8 where one of 256. ',
    'uncertainty': 'Uncertainty is the entropy of the tags that the model finds possible for a '
    'character, in bits: 0 where it is sure. ',
    '': '',
}


def fitting(reading: Reading) -> tuple[Reading, str]:
    """Returns as much of a reading as fits on a page, and a sentence if that is not all of it."""
    values = [v.value for named in reading.layers.values() for v in named.values()]
    n = max(1, MOST_BYTES // sum(v.shape[-1] for v in values))
    if n >= len(reading.characters):
        return reading, ''
    note = (
        f'Only the first {n:,} characters are shown: with more, the page would hold over '
        f'{MOST_BYTES >> 20} MiB of values.'
    )
    return reading.first(n), note


def page(
    reading: Reading,
    title: str,
    facts: Sequence[str],
    summary: Summary,
    curves: Sequence[Curve] = (),
    unit: str = 'bits',
    labels: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> str:
    """Returns a page of HTML that needs no other file and no network.

    Args:
      reading: what the model did; see `fitting`.
      title: such as the name of a run.
      facts: about the run and the text, a few words each.
      summary: of the model.
      curves: of the run's training.
      unit: of the curves.
      labels: of a tagger or classifier.
      notes: sentences that a reader should see first.
    """
    bits_are = '' if reading.bits is None else 'uncertainty' if labels else 'surprise'
    found = {
        path: responses(_main(named)[1], reading.characters)
        for path, named in reading.layers.items()
    }
    data = _data(reading, found, bits_are, labels)
    last = list(reading.layers)[-1]
    verdict = ', '.join(f'{name} {p:.1%}' for name, p in reading.classes)
    notes = [f'The model says: {verdict}', *notes] if verdict else notes
    parts = {
        'title': escape(title),
        'facts': escape(' · '.join(facts)),
        'notes': ''.join(f'<p class="note">{escape(note)}</p>' for note in notes),
        'style': _file('page.css'),
        'script': _file('page.js'),
        'what': escape(f'The text, shaded by {bits_are}' if bits_are else 'The text'),
        'legend': f'0<i class="surprise"></i>{_most_bits(reading):g} bits' if bits_are else '',
        'text': _shaded(reading),
        'stack': _stack(summary, list(reading.layers)),
        'loss': drawing(curves, unit),
        'responses': _table(found[last], last),
        'explained': escape(EXPLAINED.format(bits=OF_BITS[bits_are])),
        'data': json.dumps(data, separators=(',', ':')).replace('<', '\\u003c'),
    }
    return re.sub(r'\{\{(\w+)\}\}', lambda match: parts[match[1]], _file('page.html'))


def _file(name):
    return files(__name__.rpartition('.')[0]).joinpath(name).read_text(encoding='utf-8')


def _main(named):
    """Returns the index and the array of the value that a layer gives to the next one."""
    names = list(named)
    i = next((names.index(name) for name in MAIN if name in named), 0)
    return i, named[names[i]].value


def _data(reading, found, bits_are, labels):
    bits = None if reading.bits is None else [round(float(b), 2) for b in reading.bits]
    labels_of = _short(list(reading.layers))
    layers = [
        {
            'path': path,
            'label': label,
            'units': _main(named)[1].shape[-1],
            'main': _main(named)[0],
            'values': [_packed(name, v) for name, v in named.items()],
            'responses': [r._asdict() for r in found[path]],
        }
        for label, (path, named) in zip(labels_of, reading.layers.items(), strict=True)
    ]
    return {
        'characters': reading.characters,
        'layers': layers,
        'bits': bits,
        'bits_are': bits_are,
        'most_bits': _most_bits(reading),
        'guesses': [[(text, round(p, 3)) for text, p in row] for row in reading.guesses],
        'labels': list(labels),
    }


def _short(paths: list[str]) -> list[str]:
    """Returns the last elements of paths, or the paths where two of them would be the same."""
    last = [path.rpartition('/')[2] or 'the layer' for path in paths]
    return last if len(set(last)) == len(last) else paths


def _most_bits(reading):
    """Returns how many bits have the strongest shade."""
    return MOST_BITS if reading.bits is None else min(MOST_BITS, max(1, round(reading.bits.max())))


def _packed(name, named) -> dict[str, Any]:
    """Returns values as one byte each: v = byte * step."""
    v = named.value
    most = 1.0 if named.is_gate else float(np.abs(v).max()) or 1.0
    step, kind = (1 / 255, np.uint8) if named.is_gate else (most / 127, np.int8)
    numbers = np.rint(v / step).astype(kind)
    text = base64.b64encode(np.ascontiguousarray(numbers).tobytes()).decode()
    return {'name': name, 'gate': named.is_gate, 'step': step, 'bytes': text}


def _shaded(reading: Reading) -> str:
    """Returns the text for readers without scripts: shaded by bits, in a few steps."""
    if reading.bits is None:
        return escape(''.join(reading.characters))
    parts = np.minimum(reading.bits / _most_bits(reading), 1)
    shades = np.rint(parts * SHADES).astype(int)
    pieces = []
    places = itertools.groupby(zip(shades, reading.characters, strict=True), lambda p: p[0])
    for shade, same in places:
        text = escape(''.join(c for _, c in same))
        pieces.append(f'<span class="s{shade}">{text}</span>' if shade else text)
    return ''.join(pieces)


def _stack(summary: Summary, paths: list[str]) -> str:
    items = []
    for row in summary.rows:
        chosen = f' data-layer="{paths.index(row.path)}"' if row.path in paths else ''
        weights = f', {row.weights.n:,} weights' if row.weights.n else ''
        items.append(
            f'<li{chosen}>{escape(row.layer)}<small>{escape(row.path)}<br>'
            f'{escape(row.outputs)}{weights}</small></li>'
        )
    return ''.join(items)


def _table(found, path):
    if not found:
        return '<p>The text is too short to tell.</p>'
    rows = ''.join(
        f'<tr><td>{r.unit}</td><td>{escape(r.group)}</td><td>{r.score:+.2f}</td></tr>'
        for r in found
    )
    head = f'<tr><th>unit of {escape(path)}</th><th>responds to</th><th>score</th></tr>'
    return f'<table>{head}{rows}</table>'
