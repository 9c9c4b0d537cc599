"""The automata of a batch, on the device: which ids may come next in each row.

All rows share one table, with the states of several automata one after the other; a row's state
says which automaton it follows. The table is an argument of the compiled programs and its height a
power of two, so another automaton of about the same size compiles nothing.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from .automaton import NONE, Automaton


class Constraint(NamedTuple):
    """Automata in one table."""

    table: jax.Array  # (S, V) int32: the state behind an id, NONE where it is not allowed
    accepting: jax.Array  # (S,) bool
    n_to_end: jax.Array  # (S,) int32: how many ids it takes at least to an accepting state


def may_follow(
    constraint: Constraint, states: Any, n_left: jax.Array, eos_id: jax.Array
) -> jax.Array:
    """Returns which ids may come next: those after which the text can be completed in time.

    eos may come where the text may end, whatever the table says of it.

    Shapes: states (...), n_left, which broadcasts to it: how many ids are to be made, the next one
    included -> (..., V) bool.
    """
    behind = constraint.table[states]
    in_time = constraint.n_to_end[jnp.maximum(behind, 0)] < n_left[..., None]
    is_eos = jnp.arange(behind.shape[-1]) == eos_id
    return jnp.where(is_eos, constraint.accepting[states][..., None], (behind != NONE) & in_time)


def moved(constraint: Constraint, states: Any, tokens: jax.Array) -> jax.Array:
    """Returns the states behind tokens; an eos, or what is not allowed, leaves a state as it is."""
    behind = constraint.table[states, tokens]
    return jnp.where(behind == NONE, states, behind)


def prepared(
    given: Any, batch_size: int, vocab_size: int, eos_id: int | None, n_tokens: int, who: str
) -> tuple[Constraint, np.ndarray]:
    """Returns what a caller gave as `constraint`, on the host, and the state of each row at first.

    Raises:
      ValueError: it is no automaton and no list of one for each row, it is for another vocabulary,
        there is no eos_id, or no text that is allowed is short enough.
    """
    automata = _of_rows(given, batch_size, vocab_size, who)
    for row, automaton in enumerate(automata):
        _check(automaton, row, vocab_size, n_tokens, who)
    if eos_id is None:
        raise ValueError(
            f'{who}: with a constraint give eos_id, the id that ends a row where its text may end '
            'or cannot go on; with a vocabulary of retrax.data it is 0, which stands for no text'
        )
    different = list({id(automaton): automaton for automaton in automata}.values())
    sizes = [len(automaton.table) for automaton in different]
    begins = dict(zip(map(id, different), np.cumsum([0, *sizes]), strict=False))
    starts = np.array([begins[id(automaton)] for automaton in automata], np.int32)
    return _joined(different, sum(sizes), vocab_size), starts


def zeros(n_states: int, vocab_size: int) -> Constraint:
    """Returns a constraint of that size, on the host, for a file to fill."""
    table: Any = np.zeros((n_states, vocab_size), np.int32)
    accepting: Any = np.zeros(n_states, bool)
    n_to_end: Any = np.zeros(n_states, np.int32)
    return Constraint(table, accepting, n_to_end)


def check_time(constraint: Constraint, states: Any, n_tokens: int, who: str) -> None:
    """Raises ValueError unless each row can be completed with so many ids."""
    needed = np.asarray(constraint.n_to_end)[np.asarray(states)]
    if (needed > n_tokens).any():
        raise ValueError(_too_few(int(needed.argmax()), int(needed.max()), n_tokens, who))


def _of_rows(given, batch_size, vocab_size, who):
    rows = [given] * batch_size if isinstance(given, Automaton) else given
    fits = isinstance(rows, list | tuple) and len(rows) == batch_size
    if not fits or not all(row is None or isinstance(row, Automaton) for row in rows):
        raise ValueError(
            f'{who}: constraint must be an Automaton, as retrax.regex makes one, or a list of one '
            f'(or None) for each of {batch_size} rows, got {given!r}'
        )
    free = Automaton(np.zeros((1, vocab_size), np.int32), np.ones(1, bool))
    return [free if row is None else row for row in rows]


def _check(automaton, row, vocab_size, n_tokens, who):
    if automaton.vocab_size != vocab_size:
        raise ValueError(
            f'{who}: the constraint of row {row} is for {automaton.vocab_size} ids, and the model '
            f'has {vocab_size}. Make it with the vocabulary that the model was trained with.'
        )
    if automaton.n_to_end[0] > n_tokens:
        raise ValueError(_too_few(row, automaton.n_to_end[0], n_tokens, who))


def _too_few(row, needed, n_tokens, who):
    return (
        f'{who}: the constraint of row {row} needs at least {needed} ids more, and max_new_tokens '
        f'leaves {n_tokens}'
    )


def _joined(automata, n_states, vocab_size):
    joined: Any = zeros(1 << (n_states - 1).bit_length(), vocab_size)
    begin = 0
    for automaton in automata:
        end = begin + len(automaton.table)
        joined.table[begin:end] = np.where(automaton.table == NONE, NONE, automaton.table + begin)
        joined.accepting[begin:end] = automaton.accepting
        joined.n_to_end[begin:end] = automaton.n_to_end
        begin = end
    return joined
