"""operative_config.gin: the bindings that were used, with the values that they had.

A config in which nothing used a binding is refused, so after `Config.experiment` all of them were
used; what is left to do is to put values in the place of macros.
"""

import re

from .gin_config import Config

# A string is passed over as it is; only outside of strings is %NAME a macro.
_STRING_OR_MACRO = re.compile(r"""('(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")|%([\w./]+)""")
_MACRO = re.compile(r'([\w/]+) = (.*)', re.DOTALL)


def operative(config: Config) -> str:
    """Returns the bindings of a config without macros.

    >>> text = 'train.model = @GRULM()\\nN = 6\\ntrain.steps = %N'
    >>> print(operative(Config.parse('a', 'a.gin', text)), end='')
    train.model = @GRULM()
    train.steps = 6
    """
    text = re.sub(r' *\\?\n[ \t]+', ' ', config.text)  # gin writes long values on several lines
    statements = [line for line in text.split('\n') if line and not line.startswith('#')]
    macros = {match[1]: match[2] for line in statements if (match := _MACRO.fullmatch(line))}
    kept = [line for line in statements if not _MACRO.fullmatch(line)]
    return ''.join(_resolved(line, macros) + '\n' for line in kept)


def _resolved(text, macros):
    def value(match):
        string, name = match.groups()
        return string or (_resolved(macros[name], macros) if name in macros else match[0])

    return _STRING_OR_MACRO.sub(value, text)
