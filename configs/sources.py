"""The files of a config: read in order, each once, with what they include.

An include is looked for beside the file that includes it, then among the configs of retrax. A file
that several files include is read at the first place only: so `include 'gru_pydocs_wide.gin'` and
`include 'gru_pydocs_sgd.gin'` in one config give both changes.
"""

import contextlib
import contextvars
import importlib
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gin import config_parser

from .bindings import Binding, Delegate, Statement
from .errors import ConfigError, Place, close_to, explained, line_of

FOLDER = Path(__file__).parent  # of the configs that come with retrax
LIMIT = 1_000_000  # bytes of one file; the longest that people write has some thousands

_imports_allowed: contextvars.ContextVar[bool] = contextvars.ContextVar('imports', default=False)


@contextlib.contextmanager
def imports_allowed(allowed: bool = True) -> Iterator[None]:
    """Lets the configs of a block of code import modules, which runs the code of these.

    Args:
      allowed: False leaves it as it is.
    """
    token = _imports_allowed.set(allowed or _imports_allowed.get())
    try:
        yield
    finally:
        _imports_allowed.reset(token)


def text_of(file: Path) -> str:
    """Returns the text of a config.

    Raises:
      ConfigError: it cannot be read, is too long, or no text.
      FileNotFoundError, NotADirectoryError: there is none.
    """
    try:
        if (n := file.stat().st_size) > LIMIT:
            raise ConfigError(
                f'{file}: this file has {n / 1e6:,.1f} MB; a config has at most '
                f'{LIMIT / 1e6:.0f} MB. Is it another kind of file?'
            )
        text = file.read_text(encoding='utf-8-sig')  # some editors begin with a mark
    except (FileNotFoundError, NotADirectoryError, ConfigError):
        raise
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f'{file}: this config cannot be read: {error}') from error
    if '\0' in text:
        line = text[: text.index('\0')].count('\n') + 1
        raise ConfigError(f'{file}:{line}: this config is no text: it has a NUL character')
    return text


class Sources:
    """What the files of a config say.

    Attributes:
      statements: of all files, in the order in which they take effect.
      includes: the files that each file includes.
      files: those of them that are files, not options of the command.
      imports: the import lines.
    """

    def __init__(self, known: Mapping[str, Any]):
        self._known = known
        self.statements: list[Statement] = []
        self.includes: dict[str, set[str]] = {}
        self.files: list[str] = []
        self.imports: list[str] = []

    def read(
        self, text: str, file: str, is_extra: bool = False, chain: tuple[str, ...] = ()
    ) -> None:
        """Reads a text and what it includes; `file` is where it is from, `chain` who includes it.

        Raises:
          ConfigError: a line is no binding, names what does not exist, or includes in a circle.
        """
        source = str(len(self.includes)) if is_extra else _identity(file)
        self.includes[source] = set()
        if not is_extra:
            self.files.append(source)
        stream = io.StringIO(text)
        stream.name = file  # type: ignore[attr-defined]  # gin reads it for its messages
        with explained(file, self._known, text):
            parser = config_parser.ConfigParser(stream, Delegate())
            for found in parser:
                place = Place(file, found.location.line_num)
                if isinstance(found, config_parser.BindingStatement):
                    scope, selector, parameter, value, _ = found
                    name = selector.rpartition('.')[2]
                    binding = Binding(scope or '', name, parameter or '')
                    self.statements.append(Statement(binding, value, place, source, is_extra))
                elif isinstance(found, config_parser.ImportStatement):
                    self._import(found, place)
                elif isinstance(found, config_parser.IncludeStatement):
                    self._include(found.filename, place, source, (*chain, file))

    def _include(self, name, place, source, chain):
        written = line_of(place.file, place.line, f'include {name!r}')
        file = _find(name, Path(place.file).parent if not place.is_extra else Path())
        if file is None:
            raise ConfigError(
                f'{written}\n  There is no such file beside this config or among those of retrax.'
                + close_to(Path(name).name, [f.name for f in FOLDER.glob('*.gin')])
            )
        identity = _identity(str(file))
        self.includes[source].add(identity)
        if identity in map(_identity, chain):
            circle = ' -> '.join(Path(f).name for f in (*chain, str(file)))
            raise ConfigError(f'{written}\n  These configs include each other: {circle}')
        if identity not in self.includes:
            self.read(text_of(file), str(file), chain=chain)

    def _import(self, found, place):
        line, package = found.format(), found.module.partition('.')[0]
        written = line_of(place.file, place.line, line)
        if package == '__gin__':
            raise ConfigError(f"{written}\n  gin's own switches cannot be used here.")
        if package != 'retrax' and not _imports_allowed.get():
            raise ConfigError(
                f'{written}\n  A config cannot import modules, which runs their code; all of '
                "retrax's names are there without it. If you trust this config: --allow-imports, "
                'or allow_imports=True in Python'
            )
        try:
            importlib.import_module(found.module)
        except ImportError as error:
            fix = '' if error.name != package else ' Is the folder of it in PYTHONPATH?'
            raise ConfigError(f'{written}\n  This import failed: {error}.{fix}') from error
        if line not in self.imports:
            self.imports.append(line)


def _identity(file):
    return str(Path(file).resolve())


def _find(name, folder):
    for place in (folder, FOLDER):
        for file in (place / name, place / f'{name}.gin'):
            if file.is_file():
                return file
    return None
