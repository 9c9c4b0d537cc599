"""What is wrong with a config, said so that it can be mended: file and line, and what was meant."""

import contextlib
import difflib
import inspect
import io
import re
import tokenize
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..combinators.errors import Site


class ConfigError(ValueError):
    """A config that says what nobody understands, or what nothing uses."""


class ConfigWarning(UserWarning):
    """A line of a config that does less than it seems to."""


class Place(Site):
    """Where a binding is written."""

    def __str__(self):
        return self.file if self.is_extra else f'{self.file}:{self.line}'

    @property
    def is_extra(self) -> bool:
        """Whether it is no file but an option of the command."""
        return self.file.startswith('--gin')

    @property
    def short(self) -> str:
        """The line alone, for where the file is known."""
        return f'line {self.line}'


@contextlib.contextmanager
def explained(file: str, known: Mapping[str, Any], text: str = '') -> Iterator[None]:
    """Makes a ConfigError of what gin raises; `known` are the functions that configs can name."""
    try:
        yield
    except ConfigError:
        raise
    except SyntaxError as error:
        line = line_of(file, error.lineno or 1, error.text or '')
        raise ConfigError(f'{line}\n  This is no binding: {_no_value(error.msg)}') from error
    except tokenize.TokenError as error:
        line = _open_since(text) or error.args[1][0]
        raise ConfigError(f'{Place(file, line)}: a bracket or a quote is not closed') from error
    except RecursionError as error:
        raise ConfigError(f'{file}: brackets are nested too deep') from error
    except (KeyError, ValueError, OSError) as error:
        raise ConfigError(_words(file, str(error), known)) from error


def _open_since(text):
    """Returns the line of the last bracket that is not closed; None if there is none."""
    brackets = []
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.string in ('(', '[', '{'):
                brackets.append(token.start[0])
            elif token.string in (')', ']', '}') and brackets:
                brackets.pop()
    return brackets[-1] if brackets else None


def _no_value(message):
    if found := re.search(r"Failed to parse token '(.*)'", message or ''):
        word = found[1]
        if word in ('true', 'false', 'none'):
            return f'{word!r} is no value. Did you mean {word.capitalize()}?'
        return f"{word!r} is no value. Text needs quotes: '{word}'; what is called needs @{word}()"
    return message


def _words(file, message, known):
    if found := re.fullmatch(r'(.*?)\n  In file "([^\n]*)", line (\d+)\n(.*)', message, re.DOTALL):
        message, place, line, content = found.groups()
        content = content.partition('\n')[0]
        return f'{line_of(place, int(line), content)}\n  {advised(message, known)}'
    return f'{file}: {advised(message, known)}'


def line_of(file: str, number: int, content: str) -> str:
    """Returns a place with what stands there."""
    place = Place(file, number)
    return f'{place}' if place.is_extra else f'{place}: {content.strip()}'


def advised(message: str, known: Mapping[str, Any]) -> str:
    """Returns a message of gin with what to do."""
    if found := re.search(r"No configurable matching (?:reference )?'@?([^'()]+)", message):
        return message + close_to(found[1].rpartition('.')[2], known)
    if found := re.search(r"'([^']+)' doesn't have a parameter named '([^']+)'", message):
        function = known.get(found[1].rpartition('.')[2])
        return message + close_to(
            found[2], inspect.signature(function).parameters if function else ()
        )
    if found := re.search(r"Ambiguous selector '([^']+)'", message):
        own = f"@gin.configurable('My{found[1]}')"
        return f'{message}\n  Register what is yours under a name of its own: {own}'
    if "denylisted kwarg 'mode'" in message:
        return f'{message}\n  The model owns its mode; training and decoding set it.'
    return message


def close_to(word: str, names: Iterable[str]) -> str:
    """Returns a line that says which of the names was meant; without one, what there is."""
    names = sorted(names)
    close = [name for name in names if name.lower() == word.lower()]
    close = close or difflib.get_close_matches(word, names, n=1)
    if close:
        return f'\n  Did you mean {close[0]!r}?'
    return f'\n  There is: {", ".join(names)}.' if 0 < len(names) < 40 else ''
