"""How a text begins: a prompt that was checked, and the program of the model that reads it."""

from typing import Any, NamedTuple

import jax
import numpy as np

from . import options, prompts
from .prefill import prefill
from .rows import batch_axes, take_rows
from .steps import Program


class Opening(NamedTuple):
    """What is there before the first new token."""

    program: Program
    prompt: prompts.Prompt  # what the caller gave
    to_read: prompts.Prompt  # the same behind the start ids

    @property
    def n_ids(self) -> int:
        """How many ids the model has scores for."""
        return self.program.steps.vocab_size

    def take(self, rows: Any) -> 'Opening':
        """Returns the openings of some rows, by number."""
        return Opening(self.program, self.prompt.take(rows), self.to_read.take(rows))

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
        state, ids = program.predict.new_state(n_rows), self.to_read.without_last
        state = prefill(program.steps.read, program.weights, state, ids, key, row_ids[::n])
        if n == 1:
            return state
        return take_rows(state, np.repeat(np.arange(n_rows), n), batch_axes(program.predict))


def opened(who: str, model: Any, prompt: prompts.Prompt, start_id: Any, n_rows: int) -> Opening:
    """Returns how texts of a model begin with a prompt; `who` is for errors.

    Args:
      who: the function that was called.
      model: a language model, in any mode.
      prompt: what the caller gave, as rows.
      start_id: what goes before it in place of the model's own; None for that.
      n_rows: how many rows the program is to have.

    Raises:
      ValueError: the model is no language model or was never initialised; it has no such ids, or
        no start id where a row has no prompt.
    """
    predict = model.as_mode('predict')
    first = options.start_ids(start_id, predict.start_id, len(prompt.ids), who)
    to_read = prompts.with_start(prompt, first, model.name, who)
    program = Program(predict, n_rows, who)
    ids = prompts.check_ids(to_read.ids, program.steps.vocab_size, 'the prompt', who)
    return Opening(program, prompt, to_read._replace(ids=ids))
