"""ReversibleLayer: a layer whose inputs follow from its outputs.

In a series of such layers the backward pass needs no stored activations: it computes the inputs
of each layer again, from the last layer to the first.
"""

from typing import Any

import jax

from . import adapter, passes
from .context import Ambient, Context, within
from .layer import Layer
from .state import release


class ReversibleLayer(Layer):
    """A layer that can run from outputs to inputs; a user's one overrides `forward` and `reverse`.

    Its backward pass computes the inputs again and stores none. Gradients go to inputs and
    weights, not through the state.

    Source: Gomez et al. 2017, The Reversible Residual Network, arXiv 1707.04585; Trax 1.4.1,
    trax.layers.reversible.ReversibleLayer.
    """

    _tl_saves_inputs = False

    def reverse(self, output, weights=(), state=(), new_state=(), rng=None) -> Any:
        """Returns the inputs that gave an output.

        Args:
          output: the output, an array or a tuple.
          weights: the weights.
          state: the state before the forward pass.
          new_state: the state after it.
          rng: the key of the forward pass.
        """
        raise NotImplementedError(f'{type(self).__name__} has no reverse')

    def reverse_and_grad(
        self, output, grad, weights=(), state=(), new_state=(), rng=None
    ) -> tuple[Any, tuple[Any, Any]]:
        """Returns the inputs, and the gradients of inputs and weights.

        To be overridden where the two have work in common. Arguments are those of `reverse`, and
        `grad`, the gradient of the output.
        """
        x = self.reverse(output, weights, state, new_state, rng)
        context = self._reversing(rng)
        _, vjp = jax.vjp(lambda x, w: self.run_plain(x, w, state, context)[0], x, weights)
        return x, vjp(grad)

    @property
    def has_backward(self):
        return True

    def backward(self, inputs, output, grad, weights, state, new_state, rng):
        return self.reverse_and_grad(output, grad, weights, state, new_state, rng)[1]

    def _reversing(self, rng):
        """Returns the context of the call that runs, or of this layer alone with a key."""
        context = self._tl_running_context()
        return context if self._tl_frame is not None or rng is None else context.replace(rng=rng)


def reverse(
    layer: Any, output: Any, weights: Any, held: Any, new_held: Any, context: Context
) -> Any:
    """Runs `reverse` of a layer at its place in a model."""
    return _at_its_place('reverse', layer, (output,), weights, held, new_held, context)


def reverse_and_grad(
    layer: Any, output: Any, grad: Any, weights: Any, held: Any, new_held: Any, context: Context
) -> Any:
    """Runs `reverse_and_grad` of a layer at its place in a model."""
    values = (output, grad)
    return _at_its_place('reverse_and_grad', layer, values, weights, held, new_held, context)


def _at_its_place(method, layer, values, weights, held, new_held, context):
    context = passes.enter(layer, context)
    if not layer._sublayers:
        held, new_held = release(held, context), release(new_held, context)
    with within(Ambient(layer, context)):
        copy = adapter.twin(layer, context, weights, held)
        return getattr(copy, method)(*values, weights, held, new_held, copy.rng)
