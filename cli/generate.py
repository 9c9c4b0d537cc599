"""`retrax generate`: text as it comes, or many texts in a table."""

from typing import Any

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..data import Vocabulary
from ..decoding import generate, stream
from .text import printable, start_ids

_BROKEN = '\N{REPLACEMENT CHARACTER}'


def write(model: Any, vocabulary: Vocabulary, prompt: str, length: int, options: Any) -> None:
    """Prints a prompt and what the model makes of it, chunk by chunk."""
    click.echo(printable(prompt), nl=False)
    ids, shown, text = [], 0, ''
    for chunk in stream(model, start_ids(vocabulary, prompt), length, **options):
        ids.extend(chunk[0])
        text = vocabulary.decode(ids)
        whole = text.rstrip(_BROKEN)  # the next chunk may complete a character
        click.echo(printable(whole[shown:]), nl=False)
        shown = max(shown, len(whole))
    click.echo(printable(text[shown:]))


def table(
    model: Any, vocabulary: Vocabulary, prompt: str, length: int, n: int, options: Any
) -> None:
    """Prints n texts with the model's log-probability of each, per token; the likeliest first."""
    tokens, log_probs = generate(
        model,
        start_ids(vocabulary, prompt),
        length,
        batch_size=n,
        return_log_probs=True,
        **options,
    )
    means = log_probs.mean(axis=1)
    shown = Table('row', 'log p / token', 'text')
    for row in sorted(range(n), key=lambda row: -means[row]):
        text = printable(prompt + vocabulary.decode(tokens[row]))
        shown.add_row(str(row), f'{means[row]:.3f}', Text(text))
    Console().print(shown)
