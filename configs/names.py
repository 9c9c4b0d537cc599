"""Configs by name: a name is a .gin file of this folder, and a path is a path."""

import difflib
from collections.abc import Sequence
from pathlib import Path

from .errors import ConfigError
from .gin_config import Config
from .sources import FOLDER, imports_allowed, text_of


def names() -> list[str]:
    """Returns the names of the configs that come with retrax."""
    return sorted(file.stem for file in FOLDER.glob('*.gin'))


def load(name_or_path: str, bindings: Sequence[str] = (), *, allow_imports: bool = False) -> Config:
    """Returns a config by its name or path, with more bindings, read and checked.

    Args:
      name_or_path: of the config.
      bindings: lines that win over it.
      allow_imports: whether it may import modules, which runs the code of these.

    Raises:
      ConfigError: there is no such config, or it has a mistake.
    """
    file = Path(name_or_path)
    if not file.suffix and not file.is_file():
        file = FOLDER / f'{name_or_path}.gin'
    try:
        text = text_of(file)
    except (FileNotFoundError, NotADirectoryError):
        raise ConfigError(_unknown(name_or_path)) from None
    with imports_allowed(allow_imports):
        return Config.parse(file.stem, str(file), text, bindings)


def _unknown(name):
    close = difflib.get_close_matches(Path(name).stem, names(), n=1)
    return (
        f'There is no config {name!r}.'
        + (f' Did you mean {close[0]!r}?' if close else '')
        + f' These come with retrax: {", ".join(names())}. A path to a .gin file works too.'
    )
