"""What is wrong with a config, said so that it can be mended: file and line, and what was meant."""

import contextlib
import difflib
import inspect
import re
import tokenize
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple


class ConfigError(ValueError):
    """A config that says what nobody understands, or what nothing uses."""


class Place(NamedTuple):
    """Where a binding is written."""

    file: str
    line: int

    def __str__(self):
        return self.file if self.file.startswith('--gin') else f'{self.file}:{self.line}'


@contextlib.contextmanager
def explained(file: str, known: Mapping[str, Any]) -> Iterator[None]:
    """Makes a ConfigError of what gin raises; `known` are the functions that configs can name."""
    try:
        yield
    except ConfigError:
        raise
    except SyntaxError as error:
        line = line_of(file, error.lineno or 1, error.text or '')
        raise ConfigError(f'{line}\n  This is no binding: {error.msg}') from error
    except tokenize.TokenError as error:
        raise ConfigError(f'{file}: a bracket or a quote is not closed: {error.args[0]}') from error
    except (ValueError, OSError) as error:
        raise ConfigError(_words(file, str(error), known)) from error


def _words(file, message, known):
    if found := re.fullmatch(r'(.*?)\n  In file "([^\n]*)", line (\d+)\n(.*)', message, re.DOTALL):
        message, place, line, content = found.groups()
        return f'{line_of(place, int(line), content)}\n  {_advised(message, known)}'
    return f'{file}: {_advised(message, known)}'


def line_of(file: str, number: int, content: str) -> str:
    """Returns a place with what stands there."""
    place = Place(file, number)
    return f'{place}' if str(place) == file else f'{place}: {content.strip()}'


def _advised(message, known):
    if found := re.search(r"No bindings specified for '(.+)/gin\.macro'", message):
        return f'%{found[1]} is used and has no value. Add a line: {found[1]} = ...'
    if found := re.search(r"No configurable matching '([^']+)'", message):
        return message + _did_you_mean(found[1].rpartition('.')[2], known)
    if found := re.search(r"'([^']+)' doesn't have a parameter named '([^']+)'", message):
        return message + _did_you_mean(
            found[2], _parameters(known.get(found[1].rpartition('.')[2]))
        )
    if "denylisted kwarg 'mode'" in message:
        return f'{message}\n  The model owns its mode; training and decoding set it.'
    return message


def _did_you_mean(word, names):
    close = difflib.get_close_matches(word, names, n=1)
    if close:
        return f'\n  Did you mean {close[0]!r}?'
    return f'\n  It has: {", ".join(names)}.' if len(names) < 20 else ''


def _parameters(function):
    return list(inspect.signature(function).parameters) if function else []
