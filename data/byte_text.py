"""Bytes as printable characters: a library that learns pieces of text then learns those of bytes.

No text is unknown to it, and every one is read back as it was written.
"""

import importlib
from typing import Any

_PRINTABLE = frozenset([*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)])
_others = iter(range(0x100, 0x200))
_CHARACTERS = {byte: chr(byte if byte in _PRINTABLE else next(_others)) for byte in range(256)}
_BYTES = {character: byte for byte, character in _CHARACTERS.items()}

ALPHABET = ''.join(_CHARACTERS.values())  # 256 characters, in the order of bytes; GPT-2's


def written(text: str) -> str:
    """Returns the UTF-8 bytes of a text, each as a character.

    >>> written('é a')
    'Ã©Ġa'
    """
    return text.encode('utf-8').decode('latin-1').translate(_CHARACTERS)


def read(characters: str) -> bytes:
    """Returns the bytes of such characters.

    >>> read('Ã©Ġa').decode()
    'é a'
    """
    return bytes(_BYTES[character] for character in characters)


class MissingLibraryError(ImportError):
    """A library is not installed that only some of retrax needs."""


def library(name: str, wanted_by: str, extra: str = '') -> Any:
    """Returns a library, or a module of one, that does not come with retrax.

    Args:
        name: of the module.
        wanted_by: who needs it.
        extra: of retrax, that installs it; by default it is named as the library.

    Raises:
        MissingLibraryError: it is not installed; says how to install it.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise MissingLibraryError(
            f'{wanted_by} needs the library {name.split(".")[0]}, which is not installed: pip '
            f"install 'retrax[{extra or name}]'"
        ) from error
