"""The error of a layer that failed: where it stands, what it was given, and what to do."""

from typing import Any

import jax
import numpy as np

from .context import Context
from .errors import LayerError, shorten
from .signature import ShapeDtype

# What Python raises where code meets something that is no array.
_NO_ARRAY = (AttributeError, TypeError)


def layer_error(
    layer: Any, doing: str, context: Context, inputs: Any, error: Exception, weights: Any = None
) -> LayerError:
    """Returns the error that names a layer, to be raised from `error`.

    Args:
      layer: the layer that failed.
      doing: what it was at.
      context: its context, for the path.
      inputs: their signature.
      error: what its code raised.
      weights: what it was run with; None where it was not run.
    """
    shorten(error)
    notes = [note for note in getattr(error, '__notes__', ()) if 'JAX' not in note]  # on frames
    cause = f'{type(error).__name__}: {error}'.rstrip(': ')
    no_array = '' if layer._sublayers else _no_array(layer, inputs)
    if no_array and isinstance(error, _NO_ARRAY):
        cause, no_array = f'TypeError: {no_array}', ''
    lines = [cause, *notes, no_array, '' if layer._sublayers else _other_weights(layer, weights)]
    name = layer._tl_name_with_arity()
    text = '\n  '.join(line for line in lines if line)
    return LayerError(name, context.location, layer._tl_site, doing, inputs, text)


def _no_array(layer, inputs):
    """Says what is given where there should be one array."""
    if layer.n_in != 1:
        return ''
    if isinstance(inputs, tuple | list):
        return (
            f'This layer takes one array and was given {len(inputs)} in a tuple or list. If they '
            'are rows of one array, write np.array(x).'
        )
    if isinstance(inputs, ShapeDtype) and inputs.dtype.kind in 'USO':
        return 'This layer takes an array of numbers and was given text or other objects.'
    if isinstance(inputs, ShapeDtype):
        return ''
    return f'This layer takes one array and was given {"None" if inputs is None else "a dict"}.'


def _other_weights(layer, weights):
    """Says that a layer was run with weights of other shapes than its own."""
    own, given = _shapes(layer._tl_cell.weights), _shapes(weights)
    if weights is None or not own or own == given:
        return ''
    return (
        f'It was run with weights of shapes {given}; its own have {own}. Are these the weights of '
        'another model?'
    )


def _shapes(tree):
    return [np.shape(leaf) for leaf in jax.tree.leaves(tree)]
