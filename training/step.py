"""The training step: a pure function of state and batch, compiled once, its state donated."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from ..layers import CrossEntropyLoss
from ..planning import fuse

DEFAULT_LOSS = CrossEntropyLoss()
FINE = -1  # `bad_step` while all steps were finite
SKIPPED = 'skipped'  # among the sums, how many steps were not finite and left out


class TrainState(NamedTuple):
    """All that a step changes; what a checkpoint keeps."""

    weights: Any
    optimizer_state: Any
    model_state: Any  # of the last window, with carry
    rng: jax.Array  # the key of the whole run; a step folds its number in
    step: jax.Array  # () int32, how many steps were made
    sums: dict[str, jax.Array]  # name: () float32, metrics added up since they were last read
    bad_step: jax.Array  # () int32, the first step that was not finite, or -1


Metric = Any
Step = Callable[[TrainState, Any, Any], TrainState]


def new_train_state(weights: Any, optimizer: Any, model_state: Any, rng: Any, sums: Any) -> Any:
    """Returns the state before the first step; `weights` are copied, so donation spares them."""
    weights = jax.tree.map(jnp.copy, weights)
    return TrainState(
        weights,
        optimizer.init(weights),
        model_state,
        rng,
        jnp.zeros((), jnp.int32),
        sums,
        jnp.full((), FINE, jnp.int32),
    )


def zero_sums(metrics: Any) -> dict[str, jax.Array]:
    """Returns sums of no steps."""
    names = 'loss', 'gradient_norm', 'update_norm', 'steps', *metrics
    return {name: jnp.zeros(()) for name in names}


def build_step(
    model: Any,
    optimizer: optax.GradientTransformation,
    loss: Any,
    metrics: Mapping[str, Metric],
    places: Any = None,
    skips: bool = False,
) -> Step:
    """Returns the compiled step (state, inputs, compared) -> new state.

        g = grad of loss(model(inputs), *compared) in the weights
        weights' = weights + optimizer(g)

    The model's state comes in as an argument, so no gradient crosses from one window to the one
    before it: truncated backpropagation through time where the model carries state. Where the
    loss, its gradient or the update is NaN or infinite, this step and all later ones change nothing
    but the count, so the weights stay those before the bad step; with `skips`, this step alone.

    Args:
      model: a view in train mode.
      optimizer: any optax transformation.
      loss: a layer that takes (outputs, targets, weights), or the first of them, and gives one
        number. Where the model has several outputs, they stand one after another.
      metrics: layers like the loss, by name.
      places: the shardings of a state; they stay, so that a step has one program.
      skips: whether steps after a bad one count.
    """

    run = fuse(model).pure_fn

    def step(state: TrainState, inputs: Any, compared: Any) -> TrainState:
        rng = jax.random.fold_in(state.rng, state.step)

        def objective(model_weights):
            outputs, new_state = run(inputs, model_weights, state.model_state, rng)
            found = {name: measure(m, outputs, compared) for name, m in metrics.items()}
            return measure(loss, outputs, compared), (new_state, found)

        (value, (model_state, found)), gradient = jax.value_and_grad(objective, has_aux=True)(
            state.weights
        )
        norm = global_norm(gradient)
        updates, optimizer_state = optimizer.update(gradient, state.optimizer_state, state.weights)
        found |= {'loss': value, 'gradient_norm': norm, 'update_norm': global_norm(updates)}
        found |= {'steps': jnp.ones(()), SKIPPED: jnp.zeros(())}
        after = TrainState(
            optax.apply_updates(state.weights, updates),
            optimizer_state,
            model_state,
            state.rng,
            state.step + 1,
            {name: total + found[name] for name, total in state.sums.items()},
            state.bad_step,
        )
        sizes = jnp.stack([value, norm, found['update_norm']])
        return _unless_bad(state, after, jnp.all(jnp.isfinite(sizes)), skips)

    return jax.jit(step, donate_argnums=0, out_shardings=places)


def global_norm(tree: Any) -> jax.Array:
    """Returns the norm of all arrays of a tree taken as one vector."""
    return jnp.sqrt(sum(jnp.sum(jnp.square(leaf)) for leaf in jax.tree.leaves(tree)))


def measure(layer: Any, outputs: Any, compared: tuple[Any, ...]) -> jax.Array:
    """Returns the number that a loss or metric layer gives for outputs and their targets."""
    stack = stacked(outputs, compared)
    x = stack[0] if layer.n_in == 1 else stack[: layer.n_in]
    return layer.pure_fn(x, layer.weights, layer.state, None)[0]


def stacked(outputs: Any, compared: tuple[Any, ...]) -> tuple[Any, ...]:
    """Returns (outputs ..., targets, weights); where a batch has no weights they are 1."""
    stack = [*outputs, *compared] if isinstance(outputs, tuple) else [outputs, *compared]
    return tuple(stack if len(stack) > 2 else [*stack, jnp.ones(stack[1].shape)])


def _unless_bad(
    before: TrainState, after: TrainState, finite: jax.Array, skips: bool
) -> TrainState:
    fine = finite if skips else finite & (before.bad_step == FINE)
    kept = jax.tree.map(lambda new, old: jnp.where(fine, new, old), after, before)
    if skips:
        kept.sums[SKIPPED] = before.sums[SKIPPED] + jnp.where(finite, 0.0, 1.0)
    bad_step = jnp.where(finite | (before.bad_step != FINE), before.bad_step, before.step)
    return kept._replace(step=after.step, bad_step=bad_step)
