"""trax.optimizers: those of retrax, as objects that keep slots; each is an optax transformation."""

import functools
import inspect
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from ... import optimizers
from ...optimizers import MomentumType


class Optimizer(optax.GradientTransformation):
    """An optax transformation with Trax's methods for whole trees of weights.

    Attributes:
      opt_params: its arguments by name. Only the learning rate can be changed.
      slots: what it remembers of each array of weights; None before `tree_init`.
    """

    opt_params: dict[str, Any]
    slots: tuple[Any, ...] | None = None

    def tree_init(self, weight_tree: Any) -> tuple[Any, dict[str, Any]]:
        """Returns new slots for a model's weights, and keeps them; and the arguments."""
        self.slots = optax.tree_utils.tree_get(self.init(weight_tree), 'slots')
        return self.slots, self.opt_params

    def tree_update(
        self,
        step: int,
        grad_tree: Any,
        weight_tree: Any,
        slots: Any,
        opt_params: dict[str, Any],
        store_slots: bool = True,
    ) -> tuple[Any, Any, dict[str, Any]]:
        """Returns new weights, new slots, and the norms of gradients and old weights.

        Args:
          step: how many steps were made before.
          grad_tree: gradients, nested as the weights.
          weight_tree: a model's weights.
          slots: as `tree_init` or the step before gave them.
          opt_params: the learning rate in it counts.
          store_slots: whether the new slots are kept here, too.
        """
        state = optax.tree_utils.tree_set(
            self.init(weight_tree),
            step=jnp.asarray(step, jnp.int32),
            learning_rate=jnp.asarray(opt_params['learning_rate'], jnp.float32),
            slots=slots,
        )
        updates, state = self.update(grad_tree, state, weight_tree)
        slots = optax.tree_utils.tree_get(state, 'slots')
        if store_slots:
            self.slots = slots
        norms = {'gradients_l2': l2_norm(grad_tree), 'weights_l2': l2_norm(weight_tree)}
        return optax.apply_updates(weight_tree, updates), slots, norms


def l2_norm(tree: Any) -> jax.Array:
    """Returns the norm of all arrays of a tree taken as one vector."""
    return optax.tree_utils.tree_norm(tree)


def clip_grads(grad_tree: Any, max_norm: float) -> Any:
    """Returns gradients scaled down to a norm, if theirs is larger."""
    return optax.clip_by_global_norm(max_norm).update(grad_tree, optax.EmptyState())[0]


def _with_slots(make: Callable[..., Any]) -> Callable[..., Optimizer]:
    @functools.wraps(make)
    def made(*args: Any, **kwargs: Any) -> Optimizer:
        bound = inspect.signature(make).bind(*args, **kwargs)
        bound.apply_defaults()
        optimizer = Optimizer(*make(*args, **kwargs))
        optimizer.opt_params = dict(bound.arguments)
        return optimizer

    return made


SGD, Momentum, RMSProp, Adam, Adafactor, SM3 = map(
    _with_slots,
    (
        *(optimizers.SGD, optimizers.Momentum, optimizers.RMSProp),
        *(optimizers.Adam, optimizers.Adafactor, optimizers.SM3),
    ),
)

__all__ = [
    'SGD',
    'SM3',
    'Adafactor',
    'Adam',
    'Momentum',
    'MomentumType',
    'Optimizer',
    'RMSProp',
    'clip_grads',
    'l2_norm',
]
