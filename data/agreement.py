"""Generated sentences whose verb agrees with its subject, or not: a rule that needs order.

    right    the keys near the old door are lost
    wrong    the keys near the old door is lost

Between subject and verb stand other nouns, whose numbers are drawn by themselves: neither the words
of a sentence nor the neighbours of its verb tell anything. The task is that of Linzen, Dupoux and
Goldberg 2016, Assessing the Ability of LSTMs to Learn Syntax-Sensitive Dependencies, section 5
(grammaticality judgments), without the natural sentences.
"""

import random

from .labelled import Row, format_rows

_NOUNS = 'door key cat dog book lamp chair bird stone boat road wall cup hat tree farm'.split()
_ADJECTIVES = 'old new red small quiet broken'.split()
_PREPOSITIONS = 'near behind above beside under with'.split()
_VERBS = (('is', 'are'), ('was', 'were'))  # of one, of several
_PREDICATES = 'lost found here gone ready green'.split()


def agreement(n_rows: int = 12_000, seed: int = 0) -> str:
    """Returns a labelled text of the classes 'right' and 'wrong', about half of each.

    No sentence stands twice, neither under one class nor under both.

    >>> agreement(1)
    'right\\tthe hat was gone\\n'
    """
    draw = random.Random(seed)
    rows: dict[tuple[str, str], Row] = {}
    while len(rows) < n_rows:
        row, stem = _row(draw)
        rows.setdefault(stem, row)
    return format_rows(rows.values())


def _row(draw: random.Random) -> tuple[Row, tuple[str, str]]:
    """Returns a row, and the sentence without what its class depends on."""
    subject, is_plural = _noun_phrase(draw)
    between = [
        f'{draw.choice(_PREPOSITIONS)} {_noun_phrase(draw)[0]}' for _ in range(draw.randint(0, 2))
    ]
    is_right = draw.random() < 0.5
    verb = draw.choice(_VERBS)
    start = ' '.join([subject, *between])
    end = draw.choice(_PREDICATES)
    text = f'{start} {verb[is_plural == is_right]} {end}'
    return Row('right' if is_right else 'wrong', text), (start, end)


def _noun_phrase(draw: random.Random) -> tuple[str, bool]:
    adjective = f'{draw.choice(_ADJECTIVES)} ' if draw.random() < 0.3 else ''
    is_plural = draw.random() < 0.5
    return f'the {adjective}{draw.choice(_NOUNS)}{"s" * is_plural}', is_plural
