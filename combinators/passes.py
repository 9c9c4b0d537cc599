"""The two passes over a model, `initialise` and `apply`, one layer at a time.

Every combinator goes down through these two functions and every face starts with them, so this
is the only place where modes are resolved, states are checked and errors get their names.
"""

from typing import Any

import jax

from . import definition, sharing, state
from .context import MATMUL_PRECISION, Context, Policy
from .errors import LayerError, ModeError, ModeWarning, StateError, warn
from .failures import layer_error
from .observing import observer
from .signature import canonical, infer, is_symbolic, signature


class Notebook:
    """What one pass of initialisation has made so far; nothing reaches a model before its end.

    Args:
      keep: whether layers that have weights keep them.
      tracing: whether states are wanted although sizes are names, as inside a trace.
    """

    def __init__(self, keep: bool = False, tracing: bool = False):
        self.keep, self.tracing = keep, tracing
        self.weights: dict[sharing.Cell, Any] = {}
        self.expanded: dict[sharing.Cell, Any] = {}
        self.seen: set[sharing.Cell] = set()

    def weights_of(self, layer: Any, signature: Any, context: Context) -> Any:
        """Returns the weights of a leaf: of its first place, kept, or new."""
        cell = layer._tl_cell
        if cell not in self.weights:
            kept = self.keep and cell.initialised
            self.weights[cell] = cell.weights if kept else layer.weights_fn(signature, context)
        return self.weights[cell]

    def for_tracing(self) -> 'Notebook':
        """Returns a notebook for a second pass, inside a trace, over what this one has seen."""
        other = Notebook(self.keep, tracing=True)
        other.weights, other.expanded = dict(self.weights), dict(self.expanded)
        return other

    def commit(self) -> None:
        """Gives the layers the weights that were made for them."""
        for cell, weights in self.weights.items():
            cell.put(weights)


def root_mode(layer: Any, policy: Policy) -> str:
    """Returns the mode of a model: as_mode's, then what its layers were told, then 'train'."""
    told = layer._tl_told_here
    return policy.mode or next((m for m in ('predict', 'eval', 'train') if m in told), 'train')


def root_context(layer: Any, rng: Any = None, policy: Policy = Policy()) -> Context:
    """Returns the context of a layer that stands alone: the root of a model."""
    mode = root_mode(layer, policy)
    several = layer.n_in > 1 and bool(layer._sublayers) and not layer.has_memory
    context = Context(
        mode=mode,
        carry=policy.carry,
        precision=policy.precision,
        implementation=policy.implementation,
        rng=rng,
        owner=layer._tl_fingerprint,
        forced=policy.mode is not None,
        only_told=several and mode == 'predict',
    )
    if context.only_told:
        _warn_untold(layer)
    return context


def _warn_untold(layer):
    names = [leaf._name for leaf in _untold(layer)]
    if names:
        warn(
            f'{layer._name} has {layer.n_in} inputs, so in predict only layers that were told a '
            f'mode step; these were not and start anew at every call: {", ".join(names)}. '
            "Give the ones that decode mode='predict', and pin an encoder with "
            "InMode(layer, predict='eval') to say that this is meant.",
            ModeWarning,
        )


def _untold(layer):
    if layer._tl_told is not None or layer._tl_pins_mode or layer._tl_rests:
        return
    if layer.has_memory:
        yield layer
    for sub in layer._sublayers:
        yield from _untold(sub)


def enter(layer: Any, context: Context) -> Context:
    """Returns the context with the mode that this layer runs in.

    The order is: as_mode, then what the layer was told, then what flows down. 'eval' inside
    'predict' means: does not step.
    """
    mode, only_told = context.mode, context.only_told
    if layer._tl_told is not None:
        mode = mode if context.forced else layer._tl_told
        only_told = False
    elif only_told and (layer.has_memory or not layer._sublayers):
        mode = 'eval'
    if mode == context.mode and only_told == context.only_told:
        return context
    rests = mode == 'eval' and context.mode == 'predict'
    return context.replace(mode=mode, only_told=only_told, carry=context.carry and not rests)


def initialise(
    layer: Any, inputs: Any, context: Context, notebook: Notebook
) -> tuple[Any, Any, Any]:
    """Makes weights and state of a layer and all within; returns them and its output signature.

    The state is made only where all sizes are numbers; else it is None.
    """
    context = enter(layer, context)
    again = layer._tl_cell in notebook.seen
    notebook.seen.add(layer._tl_cell)
    try:
        if inputs is not None:
            check_inputs(layer, inputs)
        weights, new_state, outputs = layer.init_through(inputs, context, notebook)
    except (LayerError, StateError, ModeError):
        raise
    except Exception as error:
        raise layer_error(layer, 'initialising', context, inputs, error) from error
    made = (sharing.SHARED if again else weights, new_state, outputs)
    observer().made(layer, context, inputs, (weights, new_state, outputs))
    if again:
        return made
    parts = [notebook.expanded.get(sub._tl_cell, ()) for sub in layer._sublayers]
    notebook.expanded[layer._tl_cell] = tuple(parts) if layer._sublayers else weights
    return made


def initialise_leaf(layer: Any, inputs: Any, context: Context, notebook: Notebook) -> Any:
    """Does `initialise` for a layer without sublayers that is written as pure functions."""
    weights = notebook.weights_of(layer, inputs, context)
    if inputs is None:
        return weights, layer.state_fn(inputs, context), None
    later = is_symbolic(inputs) and not notebook.tracing
    start = None if later else layer.state_fn(inputs, context)
    held = None if start is None else state.hold(start, context)
    if not (layer._tl_pure_apply or context.path):
        return weights, held, None  # a user's layer that stands alone is first run when called

    def run(x):
        s = layer.state_fn(signature(x), context) if start is None else start
        return layer.run(x, weights, s, context)[0]

    outputs = infer(run, inputs)
    check_outputs(layer, outputs)
    return weights, held, outputs


def apply(layer: Any, x: Any, weights: Any, held: Any, context: Context) -> tuple[Any, Any]:
    """Runs a layer at its place in a model: returns its outputs and its new state."""
    context = enter(layer, context)
    observer().before(layer, context, x)
    try:
        check_inputs(layer, x)
        if layer._sublayers:
            y, new_state = layer.run(x, weights, held, context)
        else:
            released = state.release(held, context)
            y, new_state = layer.run(x, weights, released, context)
            if context.path or isinstance(held, state.Held):  # plain in, plain out, at the root
                new_state = state.hold(new_state, context)
        check_outputs(layer, y)
    except (LayerError, StateError, ModeError):
        raise
    except Exception as error:
        _check_state_is_there(layer, x, held, context)
        raise layer_error(layer, 'running', context, signature(x), error, weights) from error
    observer().after(layer, context, weights, y)
    return y, new_state


def _check_state_is_there(layer, x, held, context):
    """Raises StateError if a layer that failed has a state here and was given none."""
    if layer._sublayers or jax.tree.leaves(held):
        return
    try:
        wanted = jax.tree.leaves(layer.state_fn(signature(x), context))
    except Exception:  # inputs that do not fit: the layer's own error tells more
        return
    if wanted:
        raise StateError(
            f'state of {context.location or "the model"}: expected one, got nothing; start from '
            'model.new_state(batch_size) and replace what you have'
        )


def run_root(layer: Any, x: Any, weights: Any, held: Any, rng: Any, policy: Policy) -> Any:
    """Runs a whole model as a pure function: sharing and mode are resolved at the root."""
    context = root_context(layer, rng, policy)
    x = jax.tree.map(canonical, x)
    weights = sharing.expand(layer, weights)
    try:
        with jax.default_matmul_precision(MATMUL_PRECISION[policy.precision]):
            return apply(layer, x, weights, held, context)
    except LayerError as error:
        raise error.with_traceback(None)  # noqa: B904 - it says the path; the frames repeat it


def fingerprint(layer: Any) -> str:
    """Returns the fingerprint of a layer's definition."""
    return definition.fingerprint(layer)


def check_inputs(layer: Any, x: Any) -> None:
    """Raises if `x` is not as many inputs as the layer takes.

    A combinator that passes surplus inputs on is not checked here: its sublayers are, and the
    error then has a picture of the stack.
    """
    if layer.n_in == 1 or layer._tl_passes_rest:
        return
    if not isinstance(x, tuple | list):
        raise TypeError(f'This layer takes a tuple of {layer.n_in} arrays and was given one array.')
    if len(x) != layer.n_in:
        raise ValueError(f'expected {layer.n_in} inputs, got {len(x)}')


def check_outputs(layer: Any, y: Any) -> None:
    """Raises if `y` is not as many outputs as the layer promised."""
    if layer.n_out == 1 or layer._tl_passes_rest:
        return
    if not isinstance(y, tuple | list) or len(y) != layer.n_out:
        got = f'{len(y)}' if isinstance(y, tuple | list) else 'one array'
        raise ValueError(f'this layer promised {layer.n_out} outputs, returned {got}')
