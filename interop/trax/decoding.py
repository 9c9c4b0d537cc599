"""trax.supervised.decoding: retrax.generate, with Trax's arguments."""

from typing import Any

import numpy as np

from ...decoding import generate


def autoregressive_sample(
    model: Any,
    inputs: Any = None,
    batch_size: int = 1,
    temperature: float = 1.0,
    start_id: int = 0,
    eos_id: int = 1,
    max_length: int = 100,
    accelerate: bool = True,
    eval_mode: bool = False,
    eval_min_length: int = 1,
    *,
    seed: Any = 0,
) -> np.ndarray:
    """Returns tokens (batch, n) that continue `inputs`, or that start a text.

    n is at most max_length, and less where every row has met eos_id before (-1 for none). Unlike
    Trax, each call begins with a new state, and draws from its seed.

    Args:
      model: a language model of one input, in any mode.
      inputs: a prompt (batch, length).
      batch_size: how many rows; that of `inputs`, if there are some.
      temperature: 0 takes the most probable token.
      start_id: what the model reads first.
      eos_id: the id that ends a row.
      max_length: how many tokens at most.
      accelerate: no difference here, nor do the two below make one: the loop is compiled.
      eval_mode: see above.
      eval_min_length: see above.
      seed: an int or a key; equal seeds draw equal tokens.

    Raises:
      ValueError: `inputs` are not batch_size rows, or the model starts with another id.
    """
    if inputs is not None and np.shape(inputs)[0] != batch_size:
        raise ValueError(f'inputs have {np.shape(inputs)[0]} rows, batch_size is {batch_size}')
    prompt = _prompt(model, inputs, batch_size, start_id)
    eos = None if eos_id < 0 else eos_id
    tokens = generate(model, prompt, max_length, temperature, seed, batch_size, eos)
    return tokens if eos is None else tokens[:, : _length(tokens, eos)]


def _prompt(model, inputs, batch_size, start_id):
    own = model.as_mode('predict').start_id  # which `generate` puts before the prompt
    if own == start_id:
        return inputs
    if own is not None:
        raise ValueError(
            f'start_id is {start_id}, and {model.name} starts with {own}, as its ShiftRight says'
        )
    start = np.full((batch_size, 1), start_id, np.int32)
    return start if inputs is None else np.concatenate([start, inputs], axis=1)


def _length(tokens, eos):
    """How many columns there are until every row has met the end, that one included."""
    is_done = (tokens == eos).cumsum(axis=1).all(axis=0)
    return int(is_done.argmax()) + 1 if is_done.any() else tokens.shape[1]


__all__ = ['autoregressive_sample']
