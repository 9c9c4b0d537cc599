"""A Sphinx extension: docstrings are plain text, and this is how they become reStructuredText.

Formulas, which are indented by four, stay as they are laid out; so do doctests. `Shapes:` and its
like begin a paragraph in bold. Signs that mean something there are escaped. A name is listed on
the page of the folder that has it, and not again where it is only re-exported.
"""

import re
from typing import Any

_LEAD = re.compile(r'^(Shapes|State|Weights|Inputs|Source): ')
_SECTION = re.compile(r'^(Args|Raises|Returns|Attributes|Fields):$')
_CODE = re.compile(r'`([^`]+)`')
_MADE = re.compile(r'<function (\w+)\.<locals>\.(?:<lambda>|\w+)( at 0x\w+)?>')
_MARKUP = re.compile(r'([\\*|`]|(?<=\w)_(?!\w))')


def setup(app: Any) -> dict[str, bool]:
    """Tells Sphinx what to call."""
    app.connect('autodoc-process-docstring', _process, priority=400)  # before napoleon, at 500
    app.connect('autodoc-process-signature', _signature)
    app.connect('autodoc-skip-member', _skip)
    return {'parallel_read_safe': True}


def marked_up(lines: list[str]) -> list[str]:
    """Returns the lines of a docstring as reStructuredText."""
    made, literal, section = [], '', ''
    for before, line in zip(['', *lines], lines, strict=False):
        indent = len(line) - len(line.lstrip())
        if literal == '>>>':
            literal = literal if line.strip() else ''
        elif literal == '::':
            literal = literal if indent >= 4 or not line.strip() else ''
        if not literal and line.lstrip().startswith('>>>'):
            literal = '>>>'
        if not literal and not before.strip() and indent >= (6 if section else 4):
            made += [' ' * (indent - 4) + '::', '']
            literal = '::'
        if line.strip() and not indent:
            section = _SECTION.match(line)
        made.append(line if literal else _escaped(line))
    return made


def _escaped(line: str) -> str:
    """Returns a line of prose in which nothing is markup but what is in backticks, as code."""
    pieces = _CODE.split(line)  # prose, code, prose, ...
    pieces[::2] = [_MARKUP.sub(r'\\\1', piece) for piece in pieces[::2]]
    pieces[1::2] = [f'``{piece}``\\ ' for piece in pieces[1::2]]
    return _LEAD.sub(r'**\1:** ', ''.join(pieces))


def _process(app, what, name, obj, options, lines):
    lines[:] = marked_up(lines)


def _signature(app, what, name, obj, options, signature, annotation):
    """Shows a default that a function made by the name of that function."""
    shown = _MADE.sub(r'\1(...)', signature) if signature else signature
    return shown, annotation


def _skip(app, what, name, obj, skip, options):
    """Says whether a page leaves a name out; None leaves it to the others."""
    home, page = getattr(obj, '__module__', None), app.env.docname.rpartition('/')[2]
    elsewhere = what == 'module' and page != 'retrax' and isinstance(home, str)
    return True if elsewhere and not home.startswith(f'retrax.{page}') else None
