"""plan: a model rewritten for prediction, with the same state and the same outputs."""

import functools
import itertools
import operator
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from .. import layers as tl
from ..combinators import Held, expand, with_sublayers
from ..kernels import affine
from . import ending, fed, packing


class Rewritten(NamedTuple):
    """What stands in for a layer."""

    layer: Any
    weights: Callable[..., Any]  # of those of the layer; in a series of the next layer's too
    ahead: Callable[[Any, Any], Any]  # of its weights and a state; see Plan.ahead


class Plan:
    """A model rewritten for prediction; printed, it says what was done.

    Attributes:
      model: the rewritten model; its states are the original's.
      unnormalised: the same without the LogSoftmax that it ends in, if it does: its scores for a
        token are the model's up to a constant, which is all that sampling needs.
      notes: what was done, a line each.
    """

    def __init__(self, original: Any, rewritten: Rewritten, unnormalised: Any, notes: list[str]):
        self.model, self.unnormalised, self.notes = rewritten.layer, unnormalised, notes
        self._original, self._rewritten = original, rewritten
        self._convert, self._made = jax.jit(rewritten.weights), None

    @property
    def weights(self) -> Any:
        """The original's weights as the rewritten model takes them, made anew when they change."""
        weights = self._original.weights
        now = jax.tree.leaves(weights)
        if self._made is None or not _same(now, self._made[0]):
            self._made = now, self._convert(expand(self._original, weights))
        return self._made[1]

    def ahead(self, weights: Any, state: Any) -> Any:
        """Returns a state with what the next step begins with made already.

        The rewritten model takes such a state too, and gives one. It does one step after another
        faster so; `behind` takes away what was made.

        Args:
          weights: of the rewritten model.
          state: of the original.
        """
        return self._rewritten.ahead(weights, state)

    def __str__(self):
        return '\n'.join(self.notes) or 'nothing to rewrite'


def behind(state: Any) -> Any:
    """Returns a state of the original from one that is ahead."""
    is_ahead = lambda node: isinstance(node, fed.Ahead)  # noqa: E731
    return jax.tree.map(lambda s: s.state if is_ahead(s) else s, state, is_leaf=is_ahead)


def _same(arrays, others):
    return len(arrays) == len(others) and all(map(operator.is_, arrays, others))


def plan(model: Any, batch_size: int | None = None) -> Plan:
    """Returns a model rewritten for prediction: the same outputs, up to rounding, in less time.

    - Embedding followed by a recurrent layer becomes a look-up: its products with the input are
      made for every id once, so that no step makes them.
    - A recurrent layer after that makes the products of its output for the layer that follows and
      for its own next step as one.
    - With batch_size 1, kernels are laid out so that all threads of a CPU read them; under the
      policy 'bf16' they are rounded once.
    - A LogSoftmax at the end goes where its output only feeds sampling: `Plan.unnormalised`.

    Args:
      model: any layer; a view keeps its mode, carry and precision. What cannot be rewritten stays.
      batch_size: how many rows steps will have, if that is known.
    """
    notes: list[str] = []
    rewritten = _rewritten(
        model, _Options(packing.Layout(model.precision, batch_size == 1), notes), ''
    )
    unnormalised, place = ending.unnormalised(rewritten.layer)
    if place:
        notes.append(f'{place}: goes where its output only feeds sampling')
    return Plan(model, rewritten, unnormalised, notes)


class _Options(NamedTuple):
    layout: packing.Layout
    notes: list[str]


def _rewritten(layer, options, path):
    if type(layer) is tl.Serial and layer.sublayers:
        return _series(layer, options, path)
    if options.layout.changes and packing.fits(layer):
        options.notes.append(f'{path or layer.name}: kernels {", ".join(options.layout.changes)}')
        convert = functools.partial(packing.of_layer, layer, options.layout)
        return Rewritten(layer, convert, _as_it_is)
    return Rewritten(layer, lambda weights: weights, _as_it_is)


def _series(model, options, path):
    """Rewrites a series; what a layer is fed comes of its weights, and the one before makes it."""
    layers = model.sublayers
    fed_ones = _fed_ones(layers)
    parts = []
    for i, (layer, label) in enumerate(zip(layers, model.labels, strict=True)):
        here = f'{path}/{label}' if path else label
        following = layers[i + 1] if fed_ones[i + 1] else None
        if fed_ones[i]:
            parts.append(_fed(layer, following, options, here))
        elif following is not None:
            options.notes.append(f'{here}: looks up products of the layer behind it')
            parts.append(Rewritten(layer, _table(following, options), _as_it_is))
        else:
            part = _rewritten(layer, options, here)
            parts.append(part._replace(weights=_of_itself(part.weights)))

    def convert(weights):
        return tuple(
            p.weights(*both) for p, *both in zip(parts, weights, (*weights[1:], ()), strict=True)
        )

    def ahead(weights, state):
        return tuple(p.ahead(*both) for p, *both in zip(parts, weights, state, strict=True))

    return Rewritten(with_sublayers(model, [p.layer for p in parts]), convert, ahead)


def _fed_ones(layers):
    """Returns which layers of a series are fed products; the last is what comes behind them."""
    found = [False]
    for before, layer in itertools.pairwise(layers):
        feeds = found[-1] and isinstance(before, tl.Recurrent)
        if isinstance(layer, tl.Recurrent):
            found.append(layer.is_plain and (feeds or type(before) is tl.Embedding))
        else:
            found.append(feeds and type(layer) is tl.Dense)
    return [*found, False]


def _fed(layer, following, options, here):
    """Rewrites a layer that is fed."""
    if not isinstance(layer, tl.Recurrent):
        options.notes.append(f'{here}: made by the layer before it')
        return Rewritten(tl.Fn('Made', lambda y: y), lambda weights, _: (), _as_it_is)
    stand_in = fed.Fed(layer, following is not None)
    options.notes.append(f'{here}: {_FED if following is None else _FED_AND_FEEDS}')

    def convert(weights, weights_of_next):
        taken = None if following is None else _taken(following, weights_of_next)
        made = fed.fed_weights(stand_in, weights, taken)
        return made._replace(
            kernels=options.layout.of(made.kernels), joint=options.layout.of(made.joint)
        )

    def ahead(weights, state):
        made = stand_in.ahead(weights, state.value, options.layout.precision)
        return Held(made, state.owner, state.path)

    return Rewritten(stand_in, convert, ahead)


_FED = 'its products with the input come made'
_FED_AND_FEEDS = f"{_FED}; it makes the next layer's, and its own of the next step"


def _table(following, options):
    def convert(table, weights_of_next):
        kernel, bias = _taken(following, weights_of_next)
        return affine(table, kernel, bias, options.layout.precision)

    return convert


def _taken(layer, weights):
    """Returns kernel and bias of what a layer is fed."""
    if isinstance(layer, tl.Recurrent):
        return fed.of_x(layer.cell, weights)
    if isinstance(weights, jax.Array):
        return weights, jnp.zeros(weights.shape[1], weights.dtype)
    return weights


def _of_itself(convert):
    return lambda weights, _: convert(weights)


def _as_it_is(weights, state):
    return state
