"""Statistics: state that is not of a sequence, such as the running means of BatchNorm.

A layer that `keeps_statistics` goes on with them where others start anew: for a new sequence,
another batch size, another mode. So a model and all its views have one store of them, by place, as
they have one copy of each weight.
"""

from typing import Any

import jax

from .state import Held


def taken(layer: Any, state: Any) -> dict[str, Any]:
    """Returns the statistics in a state of `layer`, by place."""
    if not layer._tl_lasting or state is None:
        return {}
    if not layer._sublayers:
        return {'': state}
    nodes = jax.tree.leaves(state, is_leaf=_is_held)
    return {node.path: node for node in nodes if _is_held(node) and node.path in layer._tl_lasting}


def put(layer: Any, state: Any, kept: dict[str, Any]) -> Any:
    """Returns the state with the statistics of `kept` in the place of its own."""
    if not kept:
        return state
    if not layer._sublayers:
        return kept['']
    return jax.tree.map(
        lambda node: kept.get(node.path, node) if _is_held(node) else node,
        state,
        is_leaf=_is_held,
    )


def _is_held(node):
    return isinstance(node, Held)
