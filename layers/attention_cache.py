"""What attention keeps of the steps so far: arrays with room for all that may come."""

from typing import Any

import jax

from ..combinators import in_range, mismatch


def put(kept: Any, new: Any, places: jax.Array) -> Any:
    """Returns arrays with new steps at the places of each row; beyond the end, without.

    Shapes: kept (b, ..., length, d), new (b, ..., t, d), places (b, t) -> as kept.
    """
    hints: Any = {'mode': 'drop', 'indices_are_sorted': True, 'unique_indices': True}
    put_in_row = jax.vmap(lambda row, steps, at: row.at[..., at, :].set(steps, **hints))
    return jax.tree.map(lambda a, steps: put_in_row(a, steps, places), kept, new)


def steps_with_room(t: Any, n: jax.Array, most: int, argument: str) -> Any:
    """Returns t, if there is room for so many steps behind n, as far as that is known.

    Args:
      t: how many steps there are.
      n: how many steps each row has had, (b,).
      most: for how many there is room.
      argument: the name of the argument that says so.

    Raises:
      ValueError: there is no room.
    """
    more = f'Make the layer with a larger {argument}'
    if isinstance(t, int):
        if t > most:
            fix = f'{more}, or the sequence shorter.'
            raise mismatch('the number of steps', f'at most {argument}, {most}', t, fix)
        in_range(n, 0, most - t, 'steps of earlier calls', f'{more}, or start anew.')
    return t
