"""`retrax generate`: text as it comes, many texts in a table, or a line of JSON for each."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import click
import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from ..data import Pair, Vocabulary, end_id, format_pairs
from ..decoding import generate, regex, stream
from .text import printable, start_ids, within_room

_BROKEN = '\N{REPLACEMENT CHARACTER}'


class Reader(NamedTuple):
    """What a run reads before it writes: the beginning of its text, or a source of its own."""

    vocabulary: Vocabulary
    is_pairs: bool = False

    def given(self, texts: Sequence[str]) -> dict[str, Any]:
        """Returns what `generate` is given of texts.

        Raises:
          ValueError: one is empty, and is to be a source.
        """
        if not self.is_pairs:
            ids = [start_ids(self.vocabulary, text) for text in texts]
            return {'prompt': [() if one is None else one for one in ids]}
        if not all(texts):
            raise ValueError('this run writes a target for a source: give one, --prompt SOURCE')
        return {'source': [self.vocabulary.encode(text) for text in texts]}

    def usual_length(self, model: Any, texts: Sequence[str], target_length: int) -> int:
        """Returns how many tokens are written unless someone says: 300 if there is room."""
        if self.is_pairs:
            return target_length
        begins = (start_ids(self.vocabulary, text) for text in texts)
        return min(within_room(model, ids, 300) for ids in begins)

    def shown(self, prompt: str, text: str) -> str:
        """Returns both as they are shown together."""
        return f'{prompt} \N{RIGHTWARDS ARROW} {text}' if self.is_pairs else prompt + text

    def ends(self, pattern: str | None) -> dict[str, Any]:
        """Returns where texts end, and what makes `generate` write such as match a pattern."""
        form = {} if pattern is None else {'constraint': regex(pattern, self.vocabulary)}
        if self.is_pairs:
            return {**form, 'eos_id': end_id(self.vocabulary)}
        return {**form, 'eos_id': self.vocabulary.start_id} if form else {}


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
      ValueError: the vocabulary has no such character, or the eos is not one id, or texts could
        have it all the same.
    """
    found = {} if banned is None else {'banned': _ids_with(vocabulary, banned)}
    if eos is None:
        return found
    ids = _known(vocabulary, eos, '--eos')
    if len(ids) == 1 and (more := len(_holding(vocabulary, eos)) - 1):
        raise ValueError(
            f'--eos: {more} more pieces of this vocabulary hold {eos!r}, so a text could go past '
            f'it. Say what a text is instead: --regex {f"[^{eos}]*"!r}'
        )
    if len(ids) != 1:
        raise ValueError(
            f'--eos must be a text of one id, got {eos!r} of {len(ids)}; a line break is one: '
            "--eos $'\\n'"
        )
    return {**found, 'eos_id': ids[0]}


def _ids_with(vocabulary, banned):
    """Returns all ids whose pieces hold one of some characters."""
    _known(vocabulary, banned, '--banned')
    for character in banned:
        written = character.encode()
        if any(p and p != written and written.startswith(p) for p in vocabulary.pieces()):
            raise ValueError(
                f'--banned: this vocabulary can write {character!r} in parts, which other '
                'characters have too; a vocabulary of characters could ban it'
            )
    return sorted({i for character in banned for i in _holding(vocabulary, character)})


def _holding(vocabulary, text):
    """Returns the ids whose pieces hold a text."""
    return [i for i, piece in enumerate(vocabulary.pieces()) if text.encode() in piece]


def _known(vocabulary, text, option):
    ids = vocabulary.encode(text)
    if vocabulary.decode(ids) != text:
        raise ValueError(f'{option}: the vocabulary of this run cannot write {text!r}')
    return ids.tolist()


def write(model: Any, reader: Reader, prompt: str, length: int, options: Any) -> None:
    """Prints what a model makes of a prompt, behind it if it goes on, chunk by chunk."""
    vocabulary = reader.vocabulary
    chunks = stream(model, max_new_tokens=length, **reader.given([prompt]), **options)
    if not reader.is_pairs:
        click.echo(printable(prompt), nl=False)
    ids, shown, text = [], 0, ''
    for chunk in chunks:
        ids.extend(chunk[0])
        text = vocabulary.decode(_ended(ids, options))
        whole = text.rstrip(_BROKEN)  # the next chunk may complete a character
        click.echo(printable(whole[shown:]), nl=False)
        shown = max(shown, len(whole))
    click.echo(printable(text[shown:]))


def pairs(texts: list[Made]) -> None:
    """Prints texts behind their sources, as pairs are written."""
    click.echo(printable(format_pairs([Pair(made.prompt, made.text) for made in texts])), nl=False)


def table(texts: list[Made], reader: Reader) -> None:
    """Prints texts, the likeliest of each prompt first."""
    shown = Table('row', 'log p / character', 'text')
    order = list(dict.fromkeys(made.prompt for made in texts))
    for made in sorted(texts, key=lambda made: (order.index(made.prompt), -made.per_character)):
        text = printable(reader.shown(made.prompt, made.text))
        shown.add_row(str(made.row), f'{made.per_character:.3f}', Text(text))
    Console().print(shown)


def lines(texts: list[Made]) -> None:
    """Prints an object of JSON for each text, in the order of the rows."""
    for made in texts:
        fields = {**made._asdict(), 'log_prob_per_character': made.per_character}
        click.echo(json.dumps(fields, ensure_ascii=False))


def texts(
    model: Any, reader: Reader, prompts: Sequence[str], length: int, n: int, options: Any
) -> Iterator[Made]:
    """Yields n texts for each prompt; all of them are made in one batch."""
    given = {**reader.given(prompts), **options}
    tokens, log_probs = generate(model, max_new_tokens=length, n=n, return_log_probs=True, **given)
    for row, line in enumerate(tokens):
        text = reader.vocabulary.decode(_ended(line, options))
        log_prob = float(log_probs[row].sum(dtype=np.float64))
        yield Made(row, prompts[row // n], text, log_prob)


def _ended(ids, options):
    """Returns the ids before the eos."""
    ids = np.asarray(ids)
    ends = np.flatnonzero(ids == options.get('eos_id', -1))
    return ids[: ends[0]] if len(ends) else ids
