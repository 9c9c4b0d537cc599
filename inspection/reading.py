"""read: a text through a model, character by character."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..layers.named import Named
from .recording import record

N_GUESSES = 3


class Reading(NamedTuple):
    """What a model did while it read a text of n characters.

    Fields:
      characters: the pieces of the text that have a place each.
      layers: by path and name, the values (n, n_units) after reading each character.
      bits: of a language model how much each character surprised it, -log2 p; of a tagger how
        undecided it was, the entropy; of a classifier none.
      guesses: the most probable characters before each one came, or the tags of it; with how
        probable they were.
      classes: of a classifier, the classes and how probable they are.
    """

    characters: list[str]
    layers: dict[str, dict[str, Named]]
    bits: np.ndarray | None
    guesses: list[list[tuple[str, float]]]
    classes: list[tuple[str, float]]

    def first(self, n: int) -> 'Reading':
        """Returns what was read of the first n characters."""
        layers = {
            path: {name: v._replace(value=v.value[:n]) for name, v in named.items()}
            for path, named in self.layers.items()
        }
        bits = None if self.bits is None else self.bits[:n]
        return self._replace(
            characters=self.characters[:n], layers=layers, bits=bits, guesses=self.guesses[:n]
        )


def read(model: Any, vocabulary: Any, text: str, labels: Sequence[str] = ()) -> Reading:
    """Reads a text with a model, from its initial state; the model does not change.

    Values are those after the character was read, though ShiftRight has the model read it a step
    later. Where a model has no recurrent layers that name their values, they are the outputs of
    its layers.

    Args:
      model: a language model, tagger or classifier of single texts.
      vocabulary: that its ids are of.
      text: not empty.
      labels: of a tagger or classifier.

    Raises:
      ValueError: the text is empty, or no layer has values for each step.
    """
    ids = np.asarray(vocabulary.encode(text))
    if not len(ids):
        raise ValueError('expected a text to read, got an empty one')
    pieces = vocabulary.pieces()
    characters, ends = _characters(text, ids, pieces)
    shifts = not labels and model.start_id is not None
    recording = record(model, np.append(ids, 0)[None] if shifts else ids[None])
    layers = _at(recording, ends + shifts)
    if not layers:
        raise ValueError(f'{model.name}: no layer of this model has an output for each step')
    if labels and recording.outputs.ndim == 2:
        likely = _likely(_log_softmax(recording.outputs[0]), labels, len(labels))
        return Reading(characters, layers, None, [], likely)
    log_probs = _log_softmax(recording.outputs[0])
    if labels:
        bits = -(np.exp(log_probs) * log_probs).sum(-1)[ends] / math.log(2)
        guesses = [_likely(log_probs[end], labels) for end in ends]
        return Reading(characters, layers, bits, guesses, [])
    if not shifts:  # nothing is known of the first
        log_probs = np.concatenate([np.zeros_like(log_probs[:1]), log_probs[:-1]])
    starts = np.concatenate([[0], ends[:-1] + 1])
    costs = -np.take_along_axis(log_probs[: len(ids)], ids[:, None], -1)[:, 0] / math.log(2)
    signs = [piece.decode(errors='replace') for piece in pieces]
    guesses = [_likely(log_probs[start], signs) for start in starts]
    if not shifts:
        guesses[0] = []
    return Reading(characters, layers, np.add.reduceat(costs, starts), guesses, [])


def _characters(text, ids, pieces):
    """Returns pieces of text, and for each the last of its ids."""
    if len(ids) == len(text):
        return list(text), np.arange(len(ids))
    characters, ends, held = [], [], b''
    for i, piece in enumerate(pieces[i] for i in ids):
        held += piece
        try:
            characters.append(held.decode())
        except UnicodeDecodeError:  # a character of several ids, which goes on
            continue
        ends.append(i)
        held = b''
    return characters, np.array(ends)


def _at(recording, places):
    """Returns values at some steps of the first row: what layers named, or else their outputs."""
    width = recording.outputs.shape[-1]
    outputs = {
        path: {'output': Named(value, False)}
        for path, value in recording.series.items()
        if value.shape[-1] != width
    }
    return {
        path: {k: v._replace(value=v.value[0, places]) for k, v in named.items()}
        for path, named in (recording.layers or outputs).items()
    }


def _log_softmax(scores):
    return np.asarray(jax.nn.log_softmax(jnp.asarray(scores, jnp.float32)), np.float64)


def _likely(log_probs, signs, n=N_GUESSES) -> list[Any]:
    order = np.argsort(-log_probs, kind='stable')[:n]
    return [(signs[i], float(np.exp(log_probs[i]))) for i in order]
