"""generate and stream: from a model and a prompt to new tokens.

The loop over tokens runs on the device. The host dispatches one chunk of tokens at a time, ahead
of the one that it reads.
"""

from typing import Any

import numpy as np

from .request import Request, takes
from .running import RowStreams, Stream
from .start import start


@takes(Request)
def generate(request: Request) -> Any:
    """Returns new tokens that continue a prompt, or that start a text.

        token_i ~ softmax(scores(start_id, prompt, token_<i) / temperature)

    The noise of a token depends on seed, row id and the token's place in the text alone. So the
    first tokens of a longer run are those of a shorter one, a text goes on in the same way when it
    is cut and given back as a prompt, and a row does not depend on its batch (up to the rounding of
    products of another shape). A layer that draws in predict draws by the same three, but once for
    a piece of a prompt, so that a text of such a model goes on in another way when it is cut.

    temperature, top_k, top_p, min_p and repetition_penalty are one number, or one for each row.
    Which of them are given is compiled into the program, their values are not. They act in the
    order and with the meaning of Hugging Face's generate: repetition_penalty and banned on the
    scores, then temperature, top_k, top_p, min_p, each on what the one before has left.

    A model of two inputs, such as Transformer, reads a source and writes a text: its second input
    is the text, and its first output the scores. The source is read once, before the text.

    Args:
      model: maps ids (batch, time) to log-probabilities or logits (batch, time, vocab_size). Any
        view of it will do; it runs in predict mode, and nothing in it changes.
      prompt: ids (n,) for all rows, (batch, n), or a list of rows of any lengths; the model's start
        id goes before them.
      max_new_tokens: how many tokens to make.
      temperature: 0 takes the most probable token.
      seed: an int or a jax key.
      batch_size: how many rows, if the prompt does not say it.
      eos_id: a row that has met this id is filled with it.
      source: what a model of two inputs reads: ids (n,) for all rows, (batch, n), or a list of rows
        of any lengths. A list is padded with id 0, so the model must not see that as text; an array
        is read as it stands.
      n: how many rows to make of each row of the prompt, beside each other; it is read once.
      prompt_lengths: how many ids of each row of (batch, n) count; what is behind them is padding.
      start_id: what goes before the prompt in place of the model's own: an id, or one for each row.
      row_ids: the numbers that key the rows' noise; 0, 1, ... by default.
      top_k: chooses among the k most probable ids, and those that equal the last of them.
      top_p: chooses among the fewest most probable ids that have this probability together.
      min_p: chooses among the ids at least this many times as probable as the most probable one.
      repetition_penalty: divides the positive scores, and multiplies the others, of ids in the
        prompt and in what was made; above 1 they come less often (Keskar et al. 2019).
      banned: ids that are never chosen: a list, or one list for each row.
      constraint: an `Automaton`, such as `retrax.regex` makes, or a list of one (or None) for each
        row: the new tokens, up to eos, are a text that it allows, and complete within
        max_new_tokens. So their end may depend on max_new_tokens. It needs an eos_id, which comes
        only where the text may end. It acts before all filters.
      return_log_probs: whether to return the log-probability of each token too: the model's own,
        before temperature and filters; 0 behind an eos.
      deterministic: makes each row by the program for one row, so that it has the same bits
        whatever else is in the batch. It costs what the rows cost one after the other.

    Returns:
      int32 (batch n, max_new_tokens), without the prompt; with return_log_probs the pair of it and
      float32 (batch n, max_new_tokens).

    State: a new one for each call; the model's own is left alone.

    Raises:
      ValueError: an argument does not fit, the model was never initialised, or it has no start id
        and a row has no prompt.
      LayerError: the source has ids that the model does not have, or is too long for it.
      StateError: rows of different lengths, and a state that they cannot but share.
      FloatingPointError: the model gave NaN, or no id that can be chosen.
    """
    chunks = start('generate', request, keeps=False)
    shape = chunks.batch_size, request.max_new_tokens
    tokens, log_probs = np.full(shape, request.eos_id or 0, np.int32), np.zeros(shape, np.float32)
    place = 0
    for chunk in chunks:
        made, of_made = chunk if request.return_log_probs else (chunk, 0)
        part = np.s_[:, place : place + made.shape[1]]
        tokens[part], log_probs[part], place = made, of_made, place + made.shape[1]
    return (tokens, log_probs) if request.return_log_probs else tokens


@takes(Request)
def stream(request: Request) -> Stream | RowStreams:
    """Returns an iterator over the tokens that `generate` gives for the same arguments.

    It ends where all rows have met eos_id. The prompt is read before this returns. `snapshot` and
    `resume` make of it a value to go on from.

    Raises:
      ValueError, StateError: as `generate`; FloatingPointError comes from `next`.
    """
    return start('stream', request)
