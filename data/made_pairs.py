"""Pairs of texts that are made up, from a seed: copies, reversals, sums and dates.

Pair i is a function of i, so training goes on with the pair at which it was stopped.
"""

import datetime
from collections.abc import Callable

import numpy as np

from .pairs import Pair, format_pairs


class Pairs:
    """Made-up pairs: a sequence of `n_pairs`, of which each is drawn by itself.

    >>> source, target = Pairs('reverse', n_pairs=2)[1]
    >>> source[::-1] == target
    True

    Args:
      kind: 'copy' and 'reverse' of letters, 'addition' of numbers ('27+5' to '32'), or 'dates', as
        people write them to ISO 8601 ('3rd of May, 1998' to '1998-05-03').
      n_pairs: how many.
      longest: letters, or digits of a number; of no influence on dates.
      seed: of all of them; other seeds give others, to evaluate on.

    Raises:
      ValueError: an unknown kind, or a size below 1.
    """

    def __init__(self, kind: str, n_pairs: int, longest: int = 8, seed: int = 0) -> None:
        if kind not in _KINDS:
            raise ValueError(f'Pairs: expected one of {tuple(_KINDS)}, got {kind!r}')
        if n_pairs < 1 or longest < 1:
            raise ValueError(
                f'Pairs: expected sizes of at least 1, got n_pairs={n_pairs}, longest={longest}'
            )
        self._draw, self._n, self._longest, self._seed = _KINDS[kind], n_pairs, longest, seed

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, index: int) -> Pair:
        """Return the pair of a place.

        Raises:
            IndexError: there is none.
        """
        if not 0 <= index < self._n:
            raise IndexError(f'Pairs has the places 0 to {self._n - 1}, got {index}')
        return self._draw(np.random.default_rng((self._seed, index)), self._longest)


def pairs_text(kind: str, n_pairs: int = 20_000) -> str:
    """Returns a text of pairs of a kind, see `parse_pairs`; no source stands twice.

    >>> pairs_text('addition', 2).splitlines()
    ['523+0\\t523', '95+382\\t477']

    Args:
      kind: one of MADE_PAIRS: numbers to add have up to 3 digits, letters are up to 8.
      n_pairs: how many.
    """
    drawn = iter(Pairs(kind, 1 << 62, longest=_LONGEST.get(kind, 8)))
    found: dict[str, Pair] = {}
    while len(found) < n_pairs:
        pair = next(drawn)
        found.setdefault(pair.source, pair)
    return format_pairs(found.values())


_LETTERS = np.array([*'abcdefghijklmnopqrstuvwxyz'])
_WEEKDAYS = 'Monday Tuesday Wednesday Thursday Friday Saturday Sunday'.split()
_MONTHS = (
    'January February March April May June July August September October November December'
).split()


def _letters(random, longest):
    return ''.join(random.choice(_LETTERS, random.integers(1, longest + 1)))


def _copy(random: np.random.Generator, longest: int) -> Pair:
    text = _letters(random, longest)
    return Pair(text, text)


def _reverse(random: np.random.Generator, longest: int) -> Pair:
    text = _letters(random, longest)
    return Pair(text, text[::-1])


def _addition(random: np.random.Generator, longest: int) -> Pair:
    sizes = random.integers(1, longest + 1, 2)
    a, b = (int(''.join(map(str, random.integers(0, 10, n)))) for n in sizes)
    return Pair(f'{a}+{b}', str(a + b))


def _date(random: np.random.Generator, _: int) -> Pair:
    day = datetime.date(1900, 1, 1) + datetime.timedelta(days=int(random.integers(73_000)))
    form = _FORMS[int(random.integers(len(_FORMS)))]
    return Pair(form(day, _MONTHS[day.month - 1]), day.isoformat())


def _ordinal(n):
    return f'{n}{"th" if 10 < n < 14 else {1: "st", 2: "nd", 3: "rd"}.get(n % 10, "th")}'


_FORMS: tuple[Callable[[datetime.date, str], str], ...] = (
    lambda day, month: f'{day.day} {month} {day.year}',
    lambda day, month: f'{month} {day.day}, {day.year}',
    lambda day, month: f'{day.day} {month[:3]} {day.year}',
    lambda day, month: f'{month[:3].lower()} {day.day} {day.year}',
    lambda day, month: f'{_ordinal(day.day)} of {month}, {day.year}',
    lambda day, month: f'{day.day:02}.{day.month:02}.{day.year}',
    lambda day, month: f'{_WEEKDAYS[day.weekday()]}, {month} {day.day} {day.year}',
)

_KINDS = {'copy': _copy, 'reverse': _reverse, 'addition': _addition, 'dates': _date}
_LONGEST = {'addition': 3}
MADE_PAIRS = tuple(_KINDS)
