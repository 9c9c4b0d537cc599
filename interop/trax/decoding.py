"""trax.supervised.decoding: the functions of retrax.decoding, with Trax's arguments.

None goes on from the model's own state, and none changes it.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from ... import decoding
from . import eval_sampling

_ENDLESS = np.iinfo(np.int32).max


def autoregressive_sample_stream(
    model: Any,
    inputs: Any = None,
    batch_size: int = 1,
    temperature: float = 1.0,
    start_id: Any = 0,
    accelerate: bool = True,
    eval_mode: bool = False,
    eval_min_length: int = 1,
    *,
    seed: Any = 0,
) -> Iterator[np.ndarray]:
    """Returns an endless iterator over tokens (batch,) that continue `inputs`, or start a text.

    Args:
      model: a language model in any mode, or one that takes `inputs` and the text, as Transformer.
      inputs: a prompt (batch, length), or what a model of two inputs reads first.
      batch_size: how many rows; that of `inputs`, if there are some.
      temperature: 0 takes the most probable token.
      start_id: what the model reads first; an id, or (batch, 1).
      accelerate: no difference here: the loop is compiled.
      eval_mode: whether to read the whole text for each token, in eval mode. The tokens are the
        same; it is for models that cannot step.
      eval_min_length: the least length that texts are padded to in eval_mode.
      seed: an int or a key; equal seeds draw equal tokens.

    Raises:
      ValueError: `inputs` are not batch_size rows, or are missing where the model takes two inputs;
        in eval_mode, the model's ShiftRight begins with another id than start_id.
    """
    return _columns(
        model, inputs, batch_size, temperature, start_id, eval_mode, eval_min_length, seed, _ENDLESS
    )


def autoregressive_sample(
    model: Any,
    inputs: Any = None,
    batch_size: int = 1,
    temperature: float = 1.0,
    start_id: Any = 0,
    eos_id: int = 1,
    max_length: int = 100,
    accelerate: bool = True,
    eval_mode: bool = False,
    eval_min_length: int = 1,
    *,
    seed: Any = 0,
) -> np.ndarray:
    """Returns tokens (batch, n) that continue `inputs`, or that start a text.

    n is at most max_length, and less where every row has met eos_id before (-1 for none). A row
    that has met it is filled with it.

    Args:
      eos_id: the id that ends a row.
      max_length: how many tokens at most.
      model, inputs, batch_size, temperature, start_id, accelerate, eval_mode, eval_min_length,
        seed: as for `autoregressive_sample_stream`.

    Raises:
      ValueError: as for `autoregressive_sample_stream`.
    """
    eos = None if eos_id < 0 else eos_id
    stream = _columns(
        *(model, inputs, batch_size, temperature, start_id, eval_mode, eval_min_length, seed),
        *(max_length, eos),
    )
    made, done = [np.zeros((batch_size, 0), np.int32)], np.zeros(batch_size, bool)
    for column in itertools.islice(stream, max_length):
        tokens = np.where(done, eos_id, column)
        made.append(tokens[:, None])
        done |= tokens == eos
        if done.all():
            break
    return np.concatenate(made, axis=1).astype(np.int32)


def beam_search(
    model: Any,
    inputs: Any = None,
    batch_size: int = 1,
    n_beams: int = 2,
    start_id: Any = 0,
    eos_id: int = 1,
    max_length: int = 100,
    length_penalty: float = 1.0,
    accelerate: bool = True,
) -> list[tuple[np.ndarray, np.ndarray]]:
    """Returns the n_beams best texts, the best first: (tokens (batch, n), scores (batch,)) of each.

    Here eos_id (-1 for none) and length_penalty do what their names say, and a batch may have any
    size; with -1 and 0 the texts and scores are those of Trax, which ignores both.

    Args:
      n_beams: how many texts are kept, and returned.
      eos_id: the id that ends a text, and fills it up to n, the length of the longest one.
      max_length: how many tokens at most.
      length_penalty: alpha of log p / ((5 + length) / 6)^alpha, which scores are.
      model, inputs, batch_size, start_id, accelerate: as for `autoregressive_sample_stream`.

    Raises:
      ValueError: `inputs` are not batch_size rows, or are missing where the model takes two inputs.
    """
    inputs, start = _checked(model, inputs, batch_size, start_id)
    source, prompt = (inputs, None) if model.n_in > 1 else (None, inputs)
    found = decoding.beam_search(
        model,
        prompt,
        max_length,
        n_beams,
        batch_size,
        None if eos_id < 0 else eos_id,
        source=source,
        length_penalty=length_penalty,
        n_best=n_beams,
        start_id=start[:, 0],
    )
    n = found.lengths.max()
    return [(found.tokens[:, i, :n], found.scores[:, i]) for i in range(n_beams)]


def _checked(model, inputs, batch_size, start_id):
    """Returns inputs as an array, and the start ids as (batch, 1)."""
    if model.n_in > 1 and inputs is None:
        raise ValueError(f'{model.name} takes {model.n_in} inputs; give the first one as `inputs`')
    if inputs is not None and np.shape(inputs)[0] != batch_size:
        raise ValueError(f'inputs have {np.shape(inputs)[0]} rows, batch_size is {batch_size}')
    if np.shape(start_id) not in ((), (batch_size, 1)):
        raise ValueError(
            f'start_id must be an id or ({batch_size}, 1), got shape {np.shape(start_id)}'
        )
    start = np.full((batch_size, 1), start_id, np.int32)
    return None if inputs is None else np.asarray(inputs), start


def _columns(
    model, inputs, batch_size, temperature, start_id, eval_mode, min_length, seed, n, eos=None
):
    """Returns an iterator over tokens (batch,): n of them, or until all rows have met eos."""
    inputs, start = _checked(model, inputs, batch_size, start_id)
    if eval_mode:
        _check_start(model, start)
        return eval_sampling.columns(
            model, inputs, batch_size, temperature, start, min_length, seed
        )
    source, prompt = (inputs, None) if model.n_in > 1 else (None, inputs)
    options = {'source': source, 'start_id': start[:, 0]}
    chunks = decoding.stream(model, prompt, n, temperature, seed, batch_size, eos, **options)
    return (column for chunk in chunks for column in chunk.T)


def _check_start(model, start):
    own = model.as_mode('eval').start_id
    if own is not None and (start != own).any():
        raise ValueError(
            f'start_id is {start.ravel().tolist()}, and in eval_mode {model.name} starts with '
            f'{own}, as its ShiftRight says'
        )


__all__ = ['autoregressive_sample', 'autoregressive_sample_stream', 'beam_search']
