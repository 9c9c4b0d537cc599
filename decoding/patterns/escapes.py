"""What a backslash and what follows it stand for in a regular expression."""

import string
from typing import Any

from . import characters
from .characters import Ranges

_CONTROLS = {'a': '\a', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t', 'v': '\v'}
_N_DIGITS = {'x': 2, 'u': 4, 'U': 8}


def escaped(reader: Any, begin: int, inside: bool) -> Ranges:
    """Reads an escape behind its backslash, which is at `begin`; `inside` a class, or not.

    Raises:
      ValueError: there is no such escape, or an automaton cannot be made of it.
    """
    letter = reader.take()
    if not letter:
        reader.refuse('a backslash with nothing behind it', begin)
    if letter in _N_DIGITS:
        return _code_point(reader, begin, letter)
    if letter in _CONTROLS:
        return characters.one(_CONTROLS[letter])
    if inside and letter == 'b':
        return characters.one('\b')
    if letter == '0' and reader.next not in set(string.digits):
        return characters.one('\0')
    if letter in string.digits:
        reader.refuse(f'\\{letter}, a reference or an octal number, which is not supported', begin)
    if letter not in string.ascii_letters:
        return characters.one(letter)
    return characters.named(letter) or reader.refuse(f'\\{letter}, which is not supported', begin)


def _code_point(reader, begin, letter):
    n = _N_DIGITS[letter]
    digits = reader.take(n)
    if len(digits) < n or not set(digits) <= set(string.hexdigits):
        reader.refuse(f'\\{letter} without its {n} hexadecimal digits', begin)
    if (number := int(digits, 16)) > characters.ALL[0][1]:
        reader.refuse(f'\\{letter}{digits}, which is no character', begin)
    return characters.one(chr(number))
