"""`retrax generate` for a run that has learned pairs: the target of each source."""

import json
from collections.abc import Sequence
from typing import Any

import click
from click.core import ParameterSource

from ..data import Pair, format_pairs, padded, text_of
from ..training.writing import write
from .text import printable

_TAKEN = ('run', 'prompt', 'prompts', 'prompt_file', 'as_json', 'best')


def check_greedy(context: click.Context) -> None:
    """Raises UsageError where an option was given that greedy decoding does not take."""
    told = [
        option.opts[0]
        for option in context.command.params
        if option.name not in _TAKEN
        and context.get_parameter_source(option.name or '') is ParameterSource.COMMANDLINE
    ]
    if told:
        raise click.UsageError(
            f'the targets of a run of pairs are written greedily, without {", ".join(told)}'
        )


def answer(loaded: Any, sources: Sequence[str], as_json: bool) -> None:
    """Prints the target of one source, or each of several with its source, as pairs are written."""
    if not all(sources):
        raise click.UsageError('this run writes a target for a source: give one, --prompt SOURCE')
    ids = [loaded.vocabulary.encode(source) for source in sources]
    rows = padded(ids, (len(ids), max(map(len, ids))))
    written = write(loaded.model, rows, loaded.experiment.sizes.target_window)
    for source, row in zip(sources, written, strict=True):
        pair = Pair(source, text_of(loaded.vocabulary, row))
        if as_json:
            click.echo(json.dumps(pair._asdict(), ensure_ascii=False))
        elif len(sources) > 1:
            click.echo(printable(format_pairs([pair])), nl=False)
        else:
            click.echo(printable(pair.target))
