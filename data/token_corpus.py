"""A corpus whose tokens are in a file: it was encoded once, and is never read as a whole."""

import functools
import os
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .batches import StoredTokens, TokenSlice
from .corpus import EVERY
from .token_file import TokenFile
from .vocabularies import vocabulary_from_json
from .vocabulary import Vocabulary

MOST_HELD_OUT = 200_000
MOST_READ = 2_000_000


class TokenCorpus:
    """What a `TokenFile` holds, as a `Corpus`: its last 20th, at most 200,000 tokens, is held out.

    Raises:
      FileNotFoundError, ValueError: as `TokenFile`; or it has no vocabulary with it.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._tokens = TokenFile(path)
        self.name, described = Path(path).name, self._tokens.described
        if 'contents' not in described:
            raise ValueError(
                f'{path}: this token file was written without its vocabulary, so its ids have no '
                'text. Write it again: data.TokenFile.write(path, lines, vocabulary)'
            )
        self.n_characters: int = described['n_characters']
        self.sha256: str = described['sha256']  # of the ids
        self._cut = len(self._tokens) - min(len(self._tokens) // EVERY, MOST_HELD_OUT)

    @functools.cached_property
    def vocabulary(self) -> Vocabulary:
        """What encoded it."""
        return vocabulary_from_json(self._tokens.described['contents'])

    @property
    def training(self) -> StoredTokens:
        """The ids to learn from, read as they are asked for."""
        return TokenSlice(self._tokens, 0, self._cut)

    @property
    def heldout(self) -> npt.NDArray[np.int32]:
        """The ids that are held out."""
        return self._tokens[self._cut : len(self._tokens)].astype(np.int32)

    def texts(self) -> tuple[str, str]:
        """Returns the text to learn from, the first 2,000,000 tokens of it, and all held out."""
        first = self._tokens[0 : min(self._cut, MOST_READ)]
        return self.vocabulary.decode(first), self.vocabulary.decode(self.heldout)
