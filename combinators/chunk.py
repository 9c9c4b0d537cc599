"""Chunk: a layer on parts of the batch, one after another, to save memory."""

import jax
import jax.numpy as jnp

from . import passes
from .layer import Layer
from .signature import ShapeDtype
from .stack import as_items
from .state import Held


def Chunk(layer: Layer, chunk_size: int, pass_unchunkable: bool = True) -> Layer:
    """Returns a layer that is applied to chunk_size rows of the batch at a time.

    The backward pass computes each chunk again, so activations of one chunk are held at a time.
    What a layer does across rows, such as BatchNorm in training, it does within a chunk.

    Args:
      layer: the layer; all its inputs and outputs have the batch as their first axis.
      chunk_size: how many rows; below 1 the layer comes back as it is.
      pass_unchunkable: whether a batch that chunk_size does not divide goes through in one piece.

    State: (the layer's state for a chunk, with a leading axis of chunks). Statistics, such as the
    running means of BatchNorm, have no such axis: all chunks start from them, and their mean over
    the chunks is what goes on.

    Raises:
      ValueError: chunk_size does not divide the batch, and pass_unchunkable is False.

    Source: Trax 1.4.1, trax.layers.combinators.Chunk.
    """
    return layer if chunk_size < 1 else Chunked(layer, chunk_size, pass_unchunkable)


class Chunked(Layer):
    """Applies a layer to parts of the batch; see Chunk."""

    def __init__(self, layer, chunk_size, pass_unchunkable):
        super().__init__(layer.n_in, layer.n_out)
        self._sublayers = (layer,)
        self._chunk_size, self._pass_unchunkable = chunk_size, pass_unchunkable

    def _chunks(self, x):
        """Returns how many chunks inputs of that shape make, and of how many rows each."""
        sizes = {item.shape[0] if item.shape else None for item in as_items(x)}
        if len(sizes) != 1 or None in sizes:
            raise ValueError(f'expected inputs with one first axis, the batch, got {x}')
        (batch,) = sizes
        if not isinstance(batch, int):
            return 1, self._chunk_size  # how many there will be does not matter for shapes
        if batch % self._chunk_size == 0:
            n = max(1, batch // self._chunk_size)
            return n, batch // n
        if not self._pass_unchunkable:
            raise ValueError(
                f'chunk_size {self._chunk_size} does not divide the batch of {batch} rows; '
                'use pass_unchunkable=True to run such a batch in one piece'
            )
        return 1, batch

    def init_through(self, inputs, context, notebook):
        n, rows = self._chunks(inputs)
        inside = context.child(self._tl_labels[0])
        part = jax.tree.map(lambda s: _with_rows(s, rows), inputs)
        w, s, y = passes.initialise(self._sublayers[0], part, inside, notebook)
        for out in as_items(y):
            if out.shape[:1] != (rows,):
                raise ValueError(f'expected outputs with the batch as first axis, got {out}')
        batch = as_items(inputs)[0].shape[0]
        s = jax.tree.map(lambda a: _spread(a, n), s)
        s = self._in_statistics(lambda a: a[0], s, inside)
        return (w,), (s,), jax.tree.map(lambda out: _with_rows(out, batch), y)

    def apply_fn(self, x, weights, state, context):
        n, rows = self._chunks(x)
        inside = context.child(self._tl_labels[0])
        held = self._in_statistics(lambda a: _spread(a, n), state[0], inside)

        @jax.checkpoint
        def run(chunk):
            i, x, held = chunk
            here = inside
            if context.rng is not None:
                here = inside.replace(rng=jax.random.fold_in(context.rng, i))
            return passes.apply(self._sublayers[0], x, weights[0], held, here)

        x = jax.tree.map(lambda a: jnp.reshape(a, (n, rows, *a.shape[1:])), x)
        y, new_state = jax.lax.map(run, (jnp.arange(n), x, held))
        new_state = self._in_statistics(_mean, new_state, inside)
        return jax.tree.map(lambda a: jnp.reshape(a, (n * rows, *a.shape[2:])), y), (new_state,)

    def _in_statistics(self, change, state, context):
        """Returns a state whose statistics, which are of all chunks, are changed."""
        here = context.location
        places = {f'{here}/{place}' if place else here for place in self._sublayers[0]._tl_lasting}
        is_held = lambda node: isinstance(node, Held)  # noqa: E731

        def one(node):
            return jax.tree.map(change, node) if is_held(node) and node.path in places else node

        return jax.tree.map(one, state, is_leaf=is_held)


def _spread(a, n):
    return jnp.broadcast_to(a, (n, *a.shape))


def _mean(a):
    """Returns the mean over chunks; of what is counted, which all count alike, that of one."""
    return jnp.mean(a, 0) if jnp.issubdtype(a.dtype, jnp.floating) else a[0]


def _with_rows(s, rows):
    return ShapeDtype((rows, *s.shape[1:]), s.dtype)
