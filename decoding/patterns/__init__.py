"""From a regular expression to an automaton over the ids of a vocabulary.

    pattern -> tree (syntax) -> automaton over bytes (byte_automaton) -> over ids (regex)

Characters are sequences of UTF-8 bytes throughout, so it makes no difference whether an id stands
for a character, a part of one, or several.
"""

from .regex import regex

__all__ = ['regex']
