"""Text from a model, fit for a terminal."""

import math
from typing import Any

from ..data import Vocabulary
from ..decoding import generate, room

_NOT_PRINTABLE = '\N{REPLACEMENT CHARACTER}'


def sample(
    model: Any,
    vocabulary: Vocabulary,
    length: int,
    temperature: float = 0.8,
    seed: int = 0,
    prompt: str = '',
) -> str:
    """Returns `length` tokens of text that go on from a prompt, or as many as there is room for."""
    ids = start_ids(vocabulary, prompt)
    length = within_room(model, ids, length)
    made = generate(model, ids, max_new_tokens=length, temperature=temperature, seed=seed)
    return printable(vocabulary.decode(made[0]))


def start_ids(vocabulary: Vocabulary, prompt: str) -> Any:
    """Returns the ids of a prompt.

    Without a prompt the text begins as after a line break, where the vocabulary has one: a model
    sees the start id only where an epoch begins, and hardly learns what follows it.
    """
    ids = vocabulary.encode(prompt or '\n')
    return None if not prompt and vocabulary.decode(ids) != '\n' else ids


def within_room(model: Any, ids: Any, length: int) -> int:
    """Returns a number of tokens, or fewer if a model has no room for so many behind some ids.

    Where it has none at all the number is what it was, and decoding says what is the matter.
    """
    left = (room(model) or math.inf) - (0 if ids is None else len(ids))
    return length if left < 1 else int(min(length, left))


def printable(text: str) -> str:
    """Returns the text with a sign in the place of what could move a terminal's cursor."""
    return ''.join(c if c.isprintable() or c in '\n\t' else _NOT_PRINTABLE for c in text)
