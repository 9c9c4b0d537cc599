"""The kinds of vocabularies: made for a text by name, and read back from a file."""

from collections.abc import Mapping
from typing import Any

from .bpe import BpeVocabulary
from .unigram import UnigramVocabulary
from .vocabulary import ByteVocabulary, CharVocabulary, Vocabulary

_KINDS: dict[str, Any] = {
    kind.kind: kind for kind in (ByteVocabulary, CharVocabulary, BpeVocabulary, UnigramVocabulary)
}
_LEARNED = {kind.kind: kind for kind in (BpeVocabulary, UnigramVocabulary)}
VOCABULARIES = tuple(_KINDS)
DEFAULT_SIZE = 1024


def fit_vocabulary(kind: str, text: str, size: int | None = None) -> Vocabulary:
    """Makes the vocabulary of a kind for a text.

    >>> fit_vocabulary('characters', 'abracadabra')
    CharVocabulary(characters='abcdr')

    Args:
      kind: one of VOCABULARIES.
      text: what it is learned from.
      size: how many ids 'bpe' and 'unigram' learn, 1024 by default; the others have what they have.

    Raises:
      ValueError: an unknown kind, a size that the kind cannot have, an empty text.
      ImportError: the library that learns it is not installed.
    """
    if kind in _LEARNED:
        return _LEARNED[kind].fit(text, DEFAULT_SIZE if size is None else size)
    if size is not None:
        raise ValueError(f'a vocabulary of {kind} has the size that it has, got size={size}')
    return ByteVocabulary() if kind == ByteVocabulary.kind else CharVocabulary.fit(text)


def vocabulary_from_json(described: Mapping[str, Any]) -> Vocabulary:
    """Make the vocabulary that `to_json` described, and compare its fingerprint.

    >>> vocabulary_from_json(CharVocabulary('ab').to_json()) == CharVocabulary('ab')
    True

    Raises:
        ValueError: an unknown kind, a missing entry, or contents that were changed.
    """
    entries = dict(described)
    kind, fingerprint = entries.pop('kind', None), entries.pop('fingerprint', None)
    if kind not in _KINDS:
        raise ValueError(f'A vocabulary of kind {kind!r} is unknown; expected one of {[*_KINDS]}.')
    try:
        given = {k: tuple(v) if isinstance(v, list) else v for k, v in entries.items()}
        vocabulary: Vocabulary = _KINDS[kind](**given)
    except TypeError as error:
        raise ValueError(
            f'A vocabulary of kind {kind!r} cannot be made from the entries {sorted(entries)}.'
        ) from error
    if vocabulary.fingerprint != fingerprint:
        raise ValueError(
            f'The vocabulary of kind {kind!r} has the fingerprint {vocabulary.fingerprint}, but '
            f'{fingerprint} was stored with it: the file was changed after it was written. Its '
            'ids no longer mean what the model learned; use the file as it was saved.'
        )
    return vocabulary
