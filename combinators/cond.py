"""Cond: one of two layers, chosen by the data."""

from typing import Any

import jax
import jax.numpy as jnp

from . import passes
from .layer import Layer
from .select import Select
from .serial import Serial, check_parts
from .signature import signature
from .stack import as_items, as_stack


class Cond(Layer):
    """Runs one of two layers: true(y) if cond(x) else false(y).

    x are the top cond.n_in inputs, y the others. Exactly one of the two is computed, and only its
    state moves on. Under `jax.vmap` with conditions that differ, both are computed.

    Args:
      cond: a layer with one output, a boolean of shape ().
      true: the layer for True.
      false: the layer for False; None gives y back.
      name: the name to print.

    State: (state of cond, of true, of false).

    Raises:
      ValueError: cond gives more than one output, or true and false take or give other numbers of
        items; and, at init or call, outputs of other shapes or dtypes.

    Source: Trax 1.4.1, trax.layers.combinators.Cond.
    """

    def __init__(self, cond: Layer, true: Layer, false: Layer | None = None, name=None):
        if cond.n_out != 1:
            raise ValueError(f'Cond: {cond._name}, the condition, must give 1 output: {_io(cond)}')
        other = _identity(true.n_in) if false is None else false
        if (true.n_in, true.n_out) != (other.n_in, other.n_out):
            raise ValueError(
                'Cond: both layers must take and give as many items: true is '
                f'{true._name}, {_io(true)}; false is {other._name}, {_io(other)}'
            )
        super().__init__(cond.n_in + true.n_in, true.n_out, name=name)
        self._sublayers = (cond, true, other)

    def _split(self, inputs):
        items, n = as_items(inputs), self._sublayers[0].n_in
        if len(items) != self.n_in:
            raise ValueError(f'expected {self.n_in} inputs, got {len(items)}')
        return as_stack(items[:n]), as_stack(items[n:])

    def init_through(self, inputs, context, notebook):
        x, y = self._split(inputs)
        weights, state, outputs = [], [], []
        for label, layer, part in zip(self._tl_labels, self._sublayers, (x, y, y), strict=True):
            w, s, out = passes.initialise(layer, part, context.child(label), notebook)
            weights.append(w)
            state.append(s)
            outputs.append(as_items(out))
        _check_answer(outputs[0][0])
        _check_same(*outputs[1:])
        return tuple(weights), tuple(state), as_stack(outputs[1])

    def apply_fn(self, x, weights, state, context):
        check_parts(self, state)
        x, y = self._split(x)
        seen = []

        def run(i, x):
            place = context.child(self._tl_labels[i])
            return passes.apply(self._sublayers[i], x, weights[i], state[i], place)

        def branch(i, x):
            out, new_state = run(i, x)
            seen.append((i, signature(as_items(out))))
            if {1, 2} <= dict(seen).keys():
                _check_same(dict(seen)[1], dict(seen)[2])
            states = (new_state, state[2]) if i == 1 else (state[1], new_state)
            return jax.tree.map(jnp.asarray, as_items(out)), states

        answer, asked = run(0, x)
        (answer,) = as_items(answer)
        _check_answer(signature(answer))
        outputs, states = jax.lax.cond(answer, lambda y: branch(1, y), lambda y: branch(2, y), y)
        return as_stack(outputs), (asked, *states)


def _identity(n: int) -> Layer:
    return Serial() if n == 1 else Select(range(n))


def _io(layer):
    return f'{layer.n_in} -> {layer.n_out}'


def _check_answer(answer: Any) -> None:
    if answer.shape != ():
        raise ValueError(
            f'the condition gives {answer}, expected one boolean of shape (); '
            'reduce it with jnp.any or jnp.all, or choose by element with jnp.where'
        )


def _check_same(true: Any, false: Any) -> None:
    if true != false:
        raise ValueError(
            f'both layers must give the same shapes and dtypes: true gives {_text(true)}, '
            f'false gives {_text(false)}'
        )


def _text(items):
    return ', '.join(map(repr, items)) or 'nothing'
