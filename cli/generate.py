"""`retrax generate`: text as it comes, many texts in a table, or a line of JSON for each."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..data import Vocabulary
from ..decoding import generate, regex, stream
from .text import printable, start_ids

_BROKEN = '\N{REPLACEMENT CHARACTER}'


class Made(NamedTuple):
    """A text that a model made, and how probable it finds it."""

    row: int
    prompt: str
    text: str
    log_prob: float

    @property
    def per_character(self) -> float:
        """The log-probability for each character of the text."""
        return self.log_prob / max(len(self.text), 1)


def ids_of(vocabulary: Vocabulary, eos: str | None, banned: str | None) -> dict[str, Any]:
    """Returns what `generate` calls eos_id and banned, from texts.

    Raises:
      ValueError: the vocabulary has no such character, or the eos is not one id.
    """
    found = {} if banned is None else {'banned': sorted({*_known(vocabulary, banned, '--banned')})}
    if eos is None:
        return found
    ids = _known(vocabulary, eos, '--eos')
    if len(ids) != 1:
        raise ValueError(
            f'--eos must be a text of one id, got {eos!r} of {len(ids)}; a line break is one: '
            "--eos $'\\n'"
        )
    return {**found, 'eos_id': ids[0]}


def _known(vocabulary, text, option):
    ids = vocabulary.encode(text)
    if vocabulary.decode(ids) != text:
        raise ValueError(f'{option}: the vocabulary of this run cannot write {text!r}')
    return ids.tolist()


def form(vocabulary: Vocabulary, pattern: str) -> dict[str, Any]:
    """Returns what makes `generate` write texts that match a pattern, each as long as it needs."""
    return {'constraint': regex(pattern, vocabulary), 'eos_id': vocabulary.start_id}


def write(model: Any, vocabulary: Vocabulary, prompt: str, length: int, options: Any) -> None:
    """Prints a prompt and what the model makes of it, chunk by chunk."""
    click.echo(printable(prompt), nl=False)
    ids, shown, text = [], 0, ''
    for chunk in stream(model, start_ids(vocabulary, prompt), length, **options):
        ids.extend(chunk[0])
        text = vocabulary.decode(_ended(ids, options))
        whole = text.rstrip(_BROKEN)  # the next chunk may complete a character
        click.echo(printable(whole[shown:]), nl=False)
        shown = max(shown, len(whole))
    click.echo(printable(text[shown:]))


def table(texts: list[Made]) -> None:
    """Prints texts, the likeliest of each prompt first."""
    shown = Table('row', 'log p / character', 'text')
    order = list(dict.fromkeys(made.prompt for made in texts))
    for made in sorted(texts, key=lambda made: (order.index(made.prompt), -made.per_character)):
        text = printable(made.prompt + made.text)
        shown.add_row(str(made.row), f'{made.per_character:.3f}', Text(text))
    Console().print(shown)


def lines(texts: list[Made]) -> None:
    """Prints an object of JSON for each text, in the order of the rows."""
    for made in texts:
        fields = {**made._asdict(), 'log_prob_per_character': made.per_character}
        click.echo(json.dumps(fields, ensure_ascii=False))


def texts(
    model: Any, vocabulary: Vocabulary, prompts: Sequence[str], length: int, n: int, options: Any
) -> Iterator[Made]:
    """Yields n texts for each prompt; all of them are made in one batch."""
    ids = [start_ids(vocabulary, prompt) for prompt in prompts]
    tokens, log_probs = generate(
        model,
        [() if one is None else one for one in ids],
        length,
        n=n,
        return_log_probs=True,
        **options,
    )
    for row, line in enumerate(tokens):
        text = vocabulary.decode(_ended(line, options))
        log_prob = float(log_probs[row].sum(dtype=np.float64))
        yield Made(row, prompts[row // n], text, log_prob)


def _ended(ids, options):
    """Returns the ids before the eos."""
    ids = np.asarray(ids)
    ends = np.flatnonzero(ids == options.get('eos_id', -1))
    return ids[: ends[0]] if len(ends) else ids
