"""How a text begins: a prompt that was checked, and the program of the model that reads it."""

from typing import Any, NamedTuple

import jax
import numpy as np

from . import options, prompts
from .prefill import LONGEST, longest_piece, prefill
from .rows import take_rows
from .source import rows_with_source
from .steps import Program


class Opening(NamedTuple):
    """What is there before the first new token."""

    program: Program
    prompt: prompts.Prompt  # what the caller gave
    to_read: prompts.Prompt  # the same behind the start ids
    source: prompts.Prompt | None = None  # what a model of two inputs reads first

    @property
    def n_ids(self) -> int:
        """How many ids the model has scores for."""
        return self.program.steps.vocab_size

    @property
    def source_ids(self) -> jax.Array | None:
        """The source as the model is given it: (batch, s) int32."""
        return None if self.source is None else jax.device_put(self.source.array)

    def take(self, rows: Any) -> 'Opening':
        """Returns the openings of some rows, by number."""
        source = None if self.source is None else self.source.take(rows)
        return Opening(self.program, self.prompt.take(rows), self.to_read.take(rows), source)

    def read(self, key: jax.Array, row_ids: Any, n: int = 1) -> Any:
        """Returns the state after all ids but the last, n times for each row.

        Each is read once, unless the model draws.

        Args:
          key: of the whole generation.
          row_ids: the numbers that key what rows draw, n for each row.
          n: how many times.
        """
        program, n_rows = self.program, len(self.to_read.ids)
        if n > 1 and program.steps.draws:
            return self.take(np.repeat(np.arange(n_rows), n)).read(key, row_ids)
        row_ids, source = row_ids[::n], self.source_ids
        state = program.begin(key, source, self.to_read.ids[:, 0], row_ids)
        given = program.weights, state, self.to_read.without_last, key, row_ids, source
        # What draws does so once for a piece, so its pieces are the same in every batch.
        longest = LONGEST if program.steps.draws else longest_piece(n_rows)
        state = prefill(program.steps.read, *given, longest)
        if n == 1:
            return state
        return take_rows(state, np.repeat(np.arange(n_rows), n), program.axes())


def opened(
    who: str,
    model: Any,
    prompt: prompts.Prompt,
    source: Any = None,
    start_id: Any = None,
    n: int | None = 1,
) -> Opening:
    """Returns how texts of a model begin with a prompt; `who` is for errors.

    Args:
      who: the function that was called.
      model: a language model, in any mode.
      prompt: what the caller gave, as rows.
      source: what the caller gave for the model to read first.
      start_id: what goes before the prompt in place of the model's own; None for that.
      n: how many rows the program is to have for each of these; None: one in all.

    Raises:
      ValueError: the model is no language model or was never initialised; it has no such ids, or
        no start id where a row has no prompt; source does not fit.
    """
    predict = model.as_mode('predict')
    prompt, source = rows_with_source(who, model, source, prompt)
    first = options.start_ids(start_id, predict, len(prompt.ids), who)
    to_read = prompts.with_start(prompt, first, model.name, who)
    program = Program(predict, 1 if n is None else n * len(prompt.ids), who)
    prompts.check_ids(prompt.ids, program.steps.vocab_size, 'the prompt', who)
    if start_id is not None:  # the model's own may be one that it reads and never gives
        prompts.check_ids(np.asarray(first), program.steps.vocab_size, 'start_id', who)
    return Opening(program, prompt, to_read._replace(ids=to_read.ids.astype(np.int32)), source)
