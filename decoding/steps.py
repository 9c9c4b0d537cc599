"""The compiled functions of decoding: read a piece of a prompt, write a chunk of tokens.

Weights, state, settings and noise keys are arguments, so one program serves every length, seed,
temperature and prompt; a batch size and a length of a piece have a program each, and so has a set
of filters. A whole chunk and the part of one that ends a text are two programs. The noise of a
chunk is drawn before its loop, in one operation: CHUNK * batch * vocab_size numbers.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import signature
from ..planning import Plan, behind, plan
from .automaton import NONE
from .constraint import Constraint, may_follow, moved
from .drawing import by_rows, scores_and_draws
from .filters import Filters, restrict
from .rows import where_rows
from .sampling import gumbel, pick, token_keys
from .source import axes_of, inputs, reader, unread
from .weights_print import weights_print

CHUNK = 32  # tokens for each dispatch


class Settings(NamedTuple):
    """What stays the same for all tokens of a generation."""

    key: jax.Array
    row_ids: jax.Array  # (batch,) uint32: the number that keys a row's noise
    temperature: jax.Array  # (batch,) float32
    eos_id: jax.Array  # () int32, NONE for none
    filters: Filters = Filters()
    constraint: Constraint | None = None
    until: jax.Array | None = None  # (batch,) int32: the place where a constrained text ends
    source: jax.Array | None = None  # (batch, s) int32: what a model of two inputs reads

    def take(self, rows: Any) -> 'Settings':
        """Returns the settings of some rows, by number."""
        return self._replace(
            row_ids=_taken(self.row_ids, rows),
            temperature=_taken(self.temperature, rows),
            filters=Filters(*(_taken(each, rows) for each in self.filters)),
            until=_taken(self.until, rows),
            source=_taken(self.source, rows),
        )


class Cursor(NamedTuple):
    """Where a generation stands, apart from the model's state."""

    token: jax.Array  # (batch,) int32: the last token, not yet read by the model
    done: jax.Array  # (batch,) bool: the row has met eos, or nothing could be chosen
    position: jax.Array  # (batch,) int32: the place of the next token in the text
    seen: jax.Array | None = None  # (batch, vocab_size) bool, for the repetition penalty
    states: jax.Array | None = None  # (batch,) int32: of the constraint

    def take(self, rows: Any) -> 'Cursor':
        """Returns the cursors of some rows, by number."""
        return Cursor(*(_taken(each, rows) for each in self))


def _taken(array: Any, rows: Any) -> Any:
    if array is None or np.ndim(array) == 0:  # one for all rows
        return array
    return jax.device_put(np.asarray(array)[rows])


class Page(NamedTuple):
    """Tokens that were chosen, one line for each step of a chunk."""

    tokens: jax.Array  # (CHUNK, batch) int32
    log_probs: jax.Array | None = None  # (CHUNK, batch) float32, where they were asked for


class Steps(NamedTuple):
    """The compiled functions of a model."""

    read: Any  # (weights, state, key, source, ids, row_ids, n_read, rows or None for all) -> state
    write: Any  # (weights, state, cursor, settings, page, n or None for CHUNK) -> the first, anew
    write_over: Any  # the same, in the place of the state
    read_source: Any  # (weights, new state, key, source, ids, row_ids) -> state; see `reader`
    vocab_size: int
    draws: bool = False  # whether the model draws while it makes a text


class Program:
    """A model that is ready for a batch size: compiled functions, and the weights that they take.

    Raises:
      ValueError: the model was never initialised, or is no language model.
    """

    def __init__(self, predict: Any, batch_size: int, who: str = 'generate'):
        if not predict.has_weights:
            predict.new_state(batch_size)  # says what to do
        found = planned(predict, batch_size)

        def compiled():
            state = self.new_state(batch_size)
            return build(predict, found, found.weights, state, batch_size, who)

        self.predict, self.axes = predict, functools.partial(axes_of, predict)
        self.steps: Steps = predict.program(('generate', batch_size == 1), compiled)
        self.weights = found.weights
        self.named_weights = predict.named_weights()  # the model's, as they are now

    def new_state(self, n_rows: int) -> Any:
        """Returns the state of rows that have read nothing."""
        return unread(self.predict, self.predict.new_state(n_rows))

    def begin(self, key: jax.Array, source: Any, first: Any, row_ids: Any) -> Any:
        """Returns the state of rows that have read their sources, if the model takes some.

        Shapes: source (batch, s) or None, first ids of texts (batch,), row_ids (batch,).
        """
        state = self.new_state(len(first))
        if source is None:
            return state
        return self.steps.read_source(self.weights, state, key, source, first[:, None], row_ids)

    @functools.cached_property
    def weights_print(self) -> Any:
        """The fingerprint of the model's weights."""
        return weights_print(self.named_weights)


def plain(key: jax.Array) -> jax.Array:
    """Returns a typed key of jax's default kind as its numbers, which a file can hold."""
    is_typed = jnp.issubdtype(key.dtype, jax.dtypes.prng_key)
    return jax.random.key_data(key) if is_typed and key.dtype == jax.random.key(0).dtype else key


def planned(predict: Any, batch_size: int) -> Plan:
    """Returns the plan of a model; one for a single row is of no use to more, and the other way."""
    return predict.program(('plan', batch_size == 1), lambda: plan(predict, batch_size))


def build(
    predict: Any, found: Plan, weights: Any, state: Any, batch_size: int, who: str = 'generate'
) -> Steps:
    """Returns the functions for a model in predict mode and its plan, not yet compiled.

    Raises:
      ValueError: the model does not give one row of scores for each id.
    """
    n_ids, draws = looked_at(found.model, weights, state, batch_size, who)

    def by_row(model):
        return by_rows(model, lambda: axes_of(predict), draws)

    exact, unnormalised = by_row(found.model), by_row(found.unnormalised)

    def read(weights, state, key, source, ids, row_ids, n_read, rows):
        after = exact(inputs(source, ids), weights, state, key, row_ids, n_read)[1]
        return after if rows is None else where_rows(rows, after, state, axes_of(predict))

    def write(weights, state, cursor, settings, page, n):
        positions = cursor.position + jnp.arange(CHUNK, dtype=jnp.int32)[:, None]
        keys = jax.vmap(lambda p: token_keys(settings.key, settings.row_ids, p))(positions)
        noise = jax.vmap(lambda k: gumbel(k, n_ids))(keys)  # (CHUNK, batch, vocab_size)
        # A penalty is a product with the scores; all else looks at their differences.
        run = unnormalised if settings.filters.repetition_penalty is None else exact

        def step(i, loop):
            state, cursor, page = loop
            here = settings.key, settings.row_ids, cursor.position
            given = inputs(settings.source, cursor.token[:, None])
            scores, state = run(given, weights, state, *here)
            cursor, line = advance(cursor, scores[:, -1], noise[i], settings, page)
            put = functools.partial(jax.lax.dynamic_update_index_in_dim, index=i, axis=0)
            return state, cursor, jax.tree.map(put, page, line)

        # A whole chunk has a loop of known length, which a GPU runs without asking the host.
        ahead = state if draws else found.ahead(weights, state)
        start = ahead, cursor, page
        state, cursor, page = jax.lax.fori_loop(0, CHUNK if n is None else n, step, start)
        return behind(state), cursor, page

    programs = {
        'read': jax.jit(read, donate_argnums=1),
        'write': jax.jit(write),
        'write_over': jax.jit(write, donate_argnums=1),
        'read_source': reader(predict, found.model, draws),
    }
    return Steps(**programs, vocab_size=n_ids, draws=draws)


def advance(
    cursor: Cursor, scores: jax.Array, noise: jax.Array, settings: Settings, page: Page
) -> tuple[Cursor, Page]:
    """Chooses the next token of each row; returns the moved cursor and the line to show.

    A row that has met eos shows eos from there on, with log-probability 0. Where the largest score
    is not finite (a NaN among them, or none above -inf that may be chosen) nothing can be chosen,
    and NONE, which is no id, is shown.
    """
    allowed = restrict(
        _constrained(scores, cursor, settings),
        settings.temperature,
        cursor.seen,
        settings.filters,
    )
    chosen = pick(allowed, settings.temperature, noise)
    can_choose = jnp.isfinite(jnp.max(scores, axis=-1)) & jnp.isfinite(jnp.max(allowed, axis=-1))
    chosen = jnp.where(can_choose, chosen, NONE)
    shown = jnp.where(cursor.done, settings.eos_id, chosen)
    token = jnp.maximum(shown, 0)
    line = Page(shown, None if page.log_probs is None else _log_probs(scores, token, cursor.done))
    done = cursor.done | (shown == settings.eos_id) | (shown == NONE)
    seen = None if cursor.seen is None else cursor.seen | _one_hot(token, scores)
    states = settings.constraint and moved(settings.constraint, cursor.states, token)
    return Cursor(token, done, cursor.position + 1, seen, states), line


def _constrained(scores, cursor, settings):
    if settings.constraint is None:
        return scores
    n_left = settings.until - cursor.position
    may_come = may_follow(settings.constraint, cursor.states, n_left, settings.eos_id)
    return jnp.where(may_come, scores, -jnp.inf)


def _log_probs(scores, token, done):
    found = jax.nn.log_softmax(scores.astype(jnp.float32))
    return jnp.where(done, 0, jnp.take_along_axis(found, token[:, None], axis=-1)[:, 0])


def _one_hot(token, scores):
    return token[:, None] == jnp.arange(scores.shape[-1])


def looked_at(
    model: Any, weights: Any, state: Any, batch_size: int, who: str = 'generate'
) -> tuple[int, bool]:
    """Returns how many ids a model has scores for, and whether it draws.

    Raises:
      ValueError: it does not give one row of scores for each id.
    """
    ids = jax.ShapeDtypeStruct((batch_size, 1), jnp.int32)
    given = inputs(ids if model.n_in > 1 else None, ids)
    scores, draws = scores_and_draws(model, given, weights, state)
    if getattr(scores, 'ndim', None) != 3 or not jnp.issubdtype(scores.dtype, jnp.floating):
        raise ValueError(
            f'{who}: {model.name} must map ids (batch, time) to scores (batch, time, '
            f'vocab_size), one for each id; it gives {signature(scores)}. '
            'A language model ends in Dense(vocab_size), with or without LogSoftmax.'
        )
    return scores.shape[-1], draws
