"""plan: a model rewritten for prediction, with the same state and the same outputs."""

import operator
from collections.abc import Callable
from typing import Any

import jax

from .. import layers as tl
from ..combinators import expand, with_sublayers
from . import packing, table

Convert = Callable[[Any, Any], Any]


class Plan:
    """A model rewritten for prediction; printed, it says what was done.

    Attributes:
      model: the rewritten model; its states are the original's.
      notes: what was done, a line each.
    """

    def __init__(self, original: Any, model: Any, convert: Convert, notes: list[str]):
        self.model, self.notes = model, notes
        self._original, self._convert = original, jax.jit(convert)
        self._made: Any = None

    @property
    def weights(self) -> Any:
        """The original's weights as the rewritten model takes them, made anew when they change."""
        weights = self._original.weights
        now = jax.tree.leaves(weights)
        if self._made is None or not _same(now, self._made[0]):
            self._made = now, self._convert(expand(self._original, weights), None)
        return self._made[1]

    def __str__(self):
        return '\n'.join(self.notes) or 'nothing to rewrite'


def _same(arrays, others):
    return len(arrays) == len(others) and all(map(operator.is_, arrays, others))


def plan(model: Any, batch_size: int | None = None) -> Plan:
    """Returns a model rewritten for prediction: the same outputs, up to rounding, in less time.

    - Embedding followed by a recurrent layer becomes a look-up: its products with the input are
      made for every id once, so that no step makes them.
    - With batch_size 1, kernels are laid out so that all threads of a CPU read them.

    Args:
      model: any layer; a view keeps its mode, carry and precision. What cannot be rewritten stays.
      batch_size: how many rows steps will have, if that is known.
    """
    notes: list[str] = []
    layer, convert = _rewritten(model, model.precision, batch_size == 1, notes, '')
    return Plan(model, layer, convert, notes)


def _rewritten(layer, precision, packs, notes, path):
    """Returns what stands in for a layer, and how its weights are made of the layer's."""
    if type(layer) is tl.Serial and layer.sublayers:
        return _series(layer, precision, packs, notes, path)
    if packs and packing.fits(layer):
        notes.append(f'{path or layer.name}: kernels laid out for one row')
        return layer, _packed
    return layer, _as_they_are


def _series(model, precision, packs, notes, path):
    parts = list(zip(model.labels, model.sublayers, strict=True))
    layers, converts = [], []
    before = None
    for label, layer in parts:
        here = f'{path}/{label}' if path else label
        if before is not None and table.fits(before, layer):
            notes.append(f'{here}: its input is looked up in a table, not multiplied')
            layers[-1], converts[-1] = tl.Fn('Ids', lambda ids: ids), _nothing
            other, convert = table.TableRecurrent(layer), _tables(layer.cell, precision, packs)
        else:
            other, convert = _rewritten(layer, precision, packs, notes, here)
        layers.append(other)
        converts.append(convert)
        before = layer

    def convert_all(weights, _before=None):
        befores = (None, *weights[:-1])
        return tuple(c(*both) for c, *both in zip(converts, weights, befores, strict=True))

    return with_sublayers(model, layers), convert_all


# How weights are made: of those of the layer that is replaced, and of the layer before it.


def _tables(cell, precision, packs):
    def convert(weights, embedding):
        made = table.convert(embedding, weights, cell, precision)
        return made._replace(kernels=packing.packed(made.kernels)) if packs else made

    return convert


def _packed(weights, before):
    return packing.packed(weights)


def _as_they_are(weights, before):
    return weights


def _nothing(weights, before):
    return ()
