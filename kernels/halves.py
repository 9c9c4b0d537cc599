"""What a step does between its products, in halves of the columns.

A step is written over whole arrays. Between two products XLA makes one fused operation of it, which
one thread runs while the others wait. Here the step's equations are evaluated with wide arrays as
pieces of columns, side by side: elementwise equations piece by piece, all others on whole arrays.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from jax.extend.core import Literal

WIDE = 512  # from how many columns on; halves of 128 were slower than the whole

# Each column of their results is made of that column of their operands.
_ELEMENTWISE = frozenset(
    """abs add add_any and clamp convert_element_type copy cos div eq erf exp expm1 ge gt
    integer_pow is_finite le log log1p logistic lt max min mul name ne neg not or pow
    reduce_precision rsqrt select_n sign sin sqrt square sub tan tanh xor""".split()
)


def in_halves(body: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a function of arrays that computes what `body` does, elementwise work in halves."""

    def halved(*args):
        closed, results = jax.make_jaxpr(body, return_shape=True)(*args)
        found = _evaluate(closed, jax.tree.leaves(args))
        return jax.tree.unflatten(jax.tree.structure(results), map(_whole, found))

    return halved


def _evaluate(closed, args):
    """Returns the results of equations: arrays, or lists of pieces of their columns."""
    jaxpr = closed.jaxpr
    known = dict(zip((*jaxpr.constvars, *jaxpr.invars), (*closed.consts, *args), strict=True))

    def value(v):
        return v.val if isinstance(v, Literal) else known[v]

    for eqn in jaxpr.eqns:
        known.update(zip(eqn.outvars, _apply(eqn, [value(v) for v in eqn.invars]), strict=True))
    return [value(v) for v in jaxpr.outvars]


def _apply(eqn, values):
    name, params = eqn.primitive.name, eqn.params
    shape = eqn.outvars[0].aval.shape if eqn.outvars else ()  # a callback may give nothing
    columns = shape[-1] if shape else 0
    if name in ('jit', 'pjit'):
        return _evaluate(params['jaxpr'], values)
    if name in _ELEMENTWISE and columns >= WIDE and columns % 2 == 0:
        return [_piece_by_piece(eqn, values, columns)]
    if name == 'concatenate' and columns >= WIDE and params['dimension'] == len(shape) - 1:
        return [[piece for v in values for piece in _pieces(v)]]
    if name == 'split' and isinstance(values[0], list):
        found = _shares(values[0], params['sizes'])
        if found and params['axis'] == len(shape) - 1:
            return found
    ys = eqn.primitive.bind(*map(_whole, values), **eqn.primitive.get_bind_params(params))
    return ys if eqn.primitive.multiple_results else [ys]


def _piece_by_piece(eqn, values, columns):
    """Returns pieces: those that the most divided operand has, or halves."""
    most = max((v for v in values if isinstance(v, list)), key=len, default=None)
    widths = [columns // 2] * 2 if most is None else [piece.shape[-1] for piece in most]
    cut = [_cut(v, widths) for v in values]
    return [eqn.primitive.bind(*operands, **eqn.params) for operands in zip(*cut, strict=True)]


def _cut(value, widths):
    """Returns the columns of a value in pieces of given widths; one column goes with each."""
    if isinstance(value, list) and [piece.shape[-1] for piece in value] == widths:
        return value
    value = _whole(value)
    if jnp.shape(value)[-1:] != (sum(widths),):
        return [value] * len(widths)
    ends = [sum(widths[: i + 1]) for i in range(len(widths))]
    cuts = zip(ends, widths, strict=True)
    return [lax.slice_in_dim(value, end - width, end, axis=-1) for end, width in cuts]


def _shares(pieces, widths):
    """Returns values of given widths, of one or more pieces each; None where a piece is in two."""
    shares, left = [], list(pieces)
    for width in widths:
        share = []
        while left and sum(piece.shape[-1] for piece in share) < width:
            share.append(left.pop(0))
        if sum(piece.shape[-1] for piece in share) != width:
            return None
        shares.append(share[0] if len(share) == 1 else share)
    return shares


def _pieces(value):
    return value if isinstance(value, list) else [value]


def _whole(value):
    return lax.concatenate(value, value[0].ndim - 1) if isinstance(value, list) else value
