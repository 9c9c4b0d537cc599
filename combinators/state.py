"""State that knows where it belongs.

What a layer keeps between steps is held in a `Held` node, which bears the fingerprint of the
model and the path of the layer. A state handed to another place is refused by path, even where
the shapes agree. Held is a pytree node: `jax.tree.map`, `lax.scan` and `jit` see its arrays only.
"""

from typing import Any

import jax

from .context import Context
from .errors import StateError

EMPTY = ()


@jax.tree_util.register_pytree_with_keys_class
class Held:
    """A layer's state with the fingerprint of its model and its path in it."""

    __slots__ = ('owner', 'path', 'value')

    def __init__(self, value: Any, owner: str, path: str):
        self.value, self.owner, self.path = value, owner, path

    def tree_flatten_with_keys(self):
        """Splits into the children that jax sees and the mark that it carries along."""
        return ((jax.tree_util.GetAttrKey('value'), self.value),), (self.owner, self.path)

    def tree_flatten(self):
        """As `tree_flatten_with_keys`, without keys."""
        return (self.value,), (self.owner, self.path)

    @classmethod
    def tree_unflatten(cls, mark, children):
        """Puts a mark and children together again."""
        return cls(children[0], *mark)

    def __repr__(self):
        return f'Held({self.path or "the model"}: {self.value!r})'


def hold(value: Any, context: Context) -> Any:
    """Returns `value` marked as the state of the layer at this place; nothing stays nothing."""
    if isinstance(value, Held) or not jax.tree.leaves(value):
        return value
    return Held(value, context.owner, context.location)


def plain(state: Any) -> Any:
    """Returns a state as a layer without sublayers sees it: without its mark."""
    return state.value if isinstance(state, Held) else state


def release(state: Any, context: Context) -> Any:
    """Returns what `hold` was given, after checking that it belongs here.

    Raises:
      StateError: it is the state of another model or of another place.
    """
    here = context.location or 'the model itself'
    if not isinstance(state, Held):
        if not context.path or not jax.tree.leaves(state):
            return state
        raise StateError(
            f'state of {here}: expected a state made by this model, got plain arrays. '
            'Use model.new_state(batch_size), or a state that this model returned.'
        )
    if state.owner != context.owner:
        raise StateError(
            f'state of {here}: expected a state of this model, got one of another model '
            f"(from its {state.path or 'root'}). Models accept each other's states only if their "
            'definitions are equal. Use model.new_state(batch_size).'
        )
    if state.path != context.location:
        raise StateError(
            f'state of {here}: got the state of {state.path or "the model itself"}. '
            "A layer's state belongs to its place in the model; pass the parts in their order."
        )
    return state.value


def check_same_places(value: Any, mine: Any, owner: str) -> None:
    """Raises StateError unless `value` has the marks of `mine` at the same places."""
    expected = dict(_places(mine))
    got = dict(_places(value))
    for place, (held_owner, path) in got.items():
        if held_owner != owner:
            raise StateError(
                f'state of {path or "the model"}: it belongs to another model. Models accept '
                "each other's states only if their definitions are equal. Use "
                'model.new_state(batch_size).'
            )
        if place not in expected or expected[place][1] != path:
            there = expected[place][1] if place in expected else 'a place without state'
            raise StateError(
                f"state of {there}: got the state of {path}. A layer's state belongs to its "
                'place in the model; pass the parts in their order.'
            )
    missing = [path for place, (_, path) in expected.items() if place not in got]
    if missing:
        raise StateError(
            f'a state without its parts {", ".join(missing[:5])}; start from '
            'model.new_state(batch_size) and replace what you have'
        )


def _places(tree):
    found, _ = jax.tree_util.tree_flatten_with_path(
        tree, is_leaf=lambda node: isinstance(node, Held)
    )
    for path, node in found:
        if isinstance(node, Held):
            yield path, (node.owner, node.path)
        else:
            raise StateError(
                f'state at {jax.tree_util.keystr(path)}: expected a state made by this model, got '
                f'{type(node).__name__}. Use model.new_state(batch_size).'
            )
