"""Held-out loss: every token once, exactly, with state carried from window to window."""

import math
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from ..combinators import signature
from ..layers.weighting import fits
from ..planning import fuse
from .checks import Checks
from .continuity import Continuity
from .examples import as_example, is_contiguous, text_batches
from .step import DEFAULT_LOSS, measure, stacked


class Evaluation(NamedTuple):
    """The loss over some data, summed over its tokens."""

    nats: float  # the sum over all tokens
    n_tokens: float  # the sum of their weights
    n_characters: int | None = None  # of the text that the tokens stand for
    metrics: Mapping[str, float] = MappingProxyType({})  # by name, see `evaluate`

    @property
    def nats_per_token(self) -> float:
        """The mean loss."""
        return self.nats / self.n_tokens

    @property
    def bits_per_token(self) -> float:
        """The mean loss in bits."""
        return self.nats_per_token / math.log(2)

    @property
    def perplexity(self) -> float:
        """Of the mean loss; infinite where a float cannot hold it."""
        return exp(self.nats_per_token)

    @property
    def bits_per_character(self) -> float:
        """Bits for the whole text by its length in characters, whatever the tokens are."""
        if self.n_characters is None:
            raise ValueError('bits_per_character needs n_characters: evaluate(..., n_characters=n)')
        return self.bits_per(self.n_characters)

    def bits_per(self, n: int) -> float:
        """Bits for the whole text by another measure of its length, such as that in bytes."""
        return self.nats / math.log(2) / n


def exp(nats: float) -> float:
    """Returns e to a loss, infinite where a float cannot hold it."""
    try:
        return math.exp(nats)
    except OverflowError:
        return math.inf


def evaluate(
    model: Any,
    data: str | Iterable[Any],
    n_characters: int | None = None,
    loss: Any = None,
    batch_size: int = 32,
    window: int = 64,
    metrics: Mapping[str, Any] | None = None,
) -> Evaluation:
    """Returns the loss of a model in eval mode, over all of `data` once.

    Contiguous batches carry state from window to window, so a token is predicted from all of its
    stream before it; each of the batch's streams starts from the initial state.

    The loss and the metrics m of batches with the sums of weights W are put together as

        sum_i W_i m_i / sum_i W_i

    which is the metric over all of `data` where m_i is a mean over tokens by their weights, as
    CrossEntropyLoss and Accuracy are. SequenceAccuracy, a mean over rows, and F-scores are not: of
    them it is a mean over batches, which changes with how the data is cut into batches.

    Args:
      model: has weights.
      data: batches; or a text, as its UTF-8 bytes in contiguous batches.
      n_characters: of the text that the tokens stand for; known where data is a text.
      loss: a layer that takes (outputs, targets, weights) and gives their weighted mean in nats.
      batch_size: for a text, of as many streams.
      window: for a text, how many bytes of each stream make a batch.
      metrics: more such layers by name, such as {'accuracy': tl.Accuracy()}; means over tokens.

    Raises:
      ValueError: there is no token with a weight.
    """
    if isinstance(data, str):
        n_characters, data = len(data), text_batches(data, batch_size, window)
    measured = {'loss': DEFAULT_LOSS if loss is None else loss, **(metrics or {})}
    parts = measure_batches(model, data, measured, is_contiguous(data))
    if not parts:
        raise ValueError('evaluate was given no batches')
    n_tokens = math.fsum(part['weight'] for part in parts)
    if n_tokens == 0:
        raise ValueError('evaluate was given batches in which every weight is 0')
    sums = {name: math.fsum(part[name] * part['weight'] for part in parts) for name in measured}
    nats = sums.pop('loss')
    means = {name: total / n_tokens for name, total in sums.items()}
    return Evaluation(nats, n_tokens, n_characters, means)


def measure_batches(
    model: Any, batches: Iterable[Any], measured: Mapping[str, Any], carry: bool = False
) -> list[dict[str, float]]:
    """Returns for each batch what the layers of `measured` give in eval mode, and its 'weight'.

    Args:
      model: has weights.
      batches: see `as_example`.
      measured: layers that take (outputs, targets, weights), by name.
      carry: whether a batch goes on where the one before it ended.
    """
    view = model.as_mode('eval').with_carry(carry)
    step = view.program(('measure', *measured.items()), lambda: _build(view, measured))
    weights, state, parts, continuity = model.weights, None, [], Continuity()
    for batch in batches:
        example = as_example(batch, model.n_in)
        if carry:
            continuity.check(example)
        if state is None:
            state = view.init(signature(example.inputs))[1]
        elif example.fresh:
            state = view.new_state(example.compared[0].shape[0])
        _checks(view, state, example, measured)(example)
        state, part = step(weights, state, example.inputs, example.compared)
        parts.append(part)
    return [{name: float(value) for name, value in part.items()} for part in jax.device_get(parts)]


def _checks(view, state, example, measured):
    """Returns the checks of batches of such shapes, made once."""
    first, *_ = measured.values()
    name = ('checks', first, repr(signature((example.inputs, example.compared))))
    return view.program(name, lambda: Checks(view, state, example, first))


def _build(view, measured):
    run = fuse(view).pure_fn

    def step(weights, state, inputs, compared):
        outputs, state = run(inputs, weights, state, None)
        found = {name: measure(m, outputs, compared) for name, m in measured.items()}
        *_, targets, weights = stacked(outputs, compared)
        if fits(weights, targets.shape):
            weights = jnp.broadcast_to(weights, targets.shape)
        return state, {**found, 'weight': jnp.sum(weights)}

    return jax.jit(step, donate_argnums=1)
