"""ReversibleSerial: a series whose backward pass stores no activations."""

from . import reversible
from .reversible import ReversibleLayer
from .serial import Serial
from .stack import push, take


class ReversibleSerial(ReversibleLayer, Serial):
    """Applies reversible layers one after another; only the last outputs are kept for gradients.

    Args:
      *layers: reversible layers, or lists of them.

    Raises:
      ValueError: a layer is not reversible.

    Source: Trax 1.4.1, trax.layers.reversible.ReversibleSerial.
    """

    def __init__(self, *layers):
        super().__init__(*layers)
        for i, layer in enumerate(self._sublayers):
            if not isinstance(layer, ReversibleLayer):
                raise ValueError(
                    f'ReversibleSerial: item {i}, {layer._name}, is not reversible. Put it into '
                    'ReversibleHalfResidual(layer), which adds what it gives to another item'
                )

    def reverse(self, output, weights=(), state=(), new_state=(), rng=None):
        stack = output
        for layer, *parts in self._from_the_last(weights, state, new_state, rng):
            x = reversible.reverse(layer, take(stack, layer.n_out), *parts)
            stack = push(x, stack, layer.n_out)
        return stack

    def reverse_and_grad(self, output, grad, weights=(), state=(), new_state=(), rng=None):
        stack, grads, weight_grads = output, grad, []
        for layer, *parts in self._from_the_last(weights, state, new_state, rng):
            y, dy = take(stack, layer.n_out), take(grads, layer.n_out)
            x, (dx, dw) = reversible.reverse_and_grad(layer, y, dy, *parts)
            stack, grads = push(x, stack, layer.n_out), push(dx, grads, layer.n_out)
            weight_grads.insert(0, dw)
        return stack, (grads, tuple(weight_grads))

    def _from_the_last(self, weights, state, new_state, rng):
        """Yields each layer with its parts and its context."""
        context = self._reversing(rng)
        inside = (context.child(label) for label in self._tl_labels)
        parts = zip(self._sublayers, weights, state, new_state, inside, strict=True)
        return reversed(list(parts))
