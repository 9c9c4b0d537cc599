"""RecurrentCell: one step of a recurrence, written as affine maps and what lies between them.

A cell names its maps and writes its step; the rest comes from here and from Recurrent:

    class LeakyCell(tl.RecurrentCell):  # a state that leaks, with one gate

        def maps(self):
            return {'leak': tl.Map(self.n_units), 'candidate': tl.Map(self.n_units)}

        def step(self, h, affine):
            u = affine('leak', h, jax.nn.sigmoid)
            return u * h + (1 - u) * affine('candidate', h, jnp.tanh)
"""

import collections
import functools
from typing import Any, NamedTuple

import jax.numpy as jnp

from ..combinators import Layer, mismatch
from ..combinators.observing import observer
from ..kernels import Affine, Flags, Implementation, recur
from .checks import positive, same_width
from .initializers import Initializer, RandomNormalInitializer, RandomUniformInitializer
from .named import Hold


class Map(NamedTuple):
    """An affine map of the input and of an operand that a step makes of its state.

    Fields:
      width: how many numbers it gives.
      operand: how many numbers the operand has; None: n_units; 0: there is no operand.
      of_x: whether the input has a part.
      bias: whether it adds a bias.
      shift: what is added to the bias at initialisation.
    """

    width: int
    operand: int | None = None
    of_x: bool = True
    bias: bool = True
    shift: float = 0.0


class Along(NamedTuple):
    """How a cell is run along time; see kernels.recur."""

    precision: str = 'float32'
    implementation: Implementation = 'auto'
    reverse: bool = False
    remat: bool = False
    drop: Any = None  # (b, n_units): what operands are multiplied by


class RecurrentCell(Layer):
    """Runs one step of a recurrence; Recurrent and Scan make layers over time of it.

    A cell overrides `maps` and `step`, and where its state is not one array of n_units numbers
    or its output not that state, `state_widths` and `output`.

    Shapes: x (..., d), state (..., s) -> y (..., n_units), state' (..., s), where s is the sum of
    state_widths.

    Args:
      n_units: the size of the output.
      kernel_initializer: makes the kernels, of which the first d rows are the input's and the
        rest the operand's.
      bias_initializer: makes the biases.
      recurrent_initializer: makes the operand's rows apart, and where the initializer makes
        square matrices of a map of several gates, each gate's; None: kernel_initializer makes
        them with the input's.
      name: the name to print.

    Weights: a NamedTuple with a kernel and a bias for each map, in the order of `maps`, and then
    with what `new_params` gives.

    Raises:
      ValueError: n_units is not a positive int; a width is another than that of the weights.
    """

    weights_type: Any = None  # the NamedTuple of the weights; made from the names of the maps
    _tl_holds: tuple[Hold, ...] = ()  # what named values are held at, where it is a layer by itself

    def __init__(
        self,
        n_units: int,
        kernel_initializer: Initializer = RandomUniformInitializer(0.01),
        bias_initializer: Initializer = RandomNormalInitializer(1e-6),
        recurrent_initializer: Initializer | None = None,
        name: str | None = None,
    ):
        super().__init__(n_in=2, n_out=2, name=name)
        self._n_units = positive(n_units, f'{type(self).__name__}: n_units')
        self._kernel_initializer, self._bias_initializer = kernel_initializer, bias_initializer
        self._recurrent_initializer = recurrent_initializer

    # What a cell is.

    @property
    def n_units(self) -> int:
        """The size of the output."""
        return self._n_units

    def maps(self) -> dict[str, Map]:
        """Returns the affine maps of a step by name."""
        raise NotImplementedError(f'{type(self).__name__} has no maps')

    def step(self, state: Any, affine: Any) -> Any:
        """Returns the state after one step.

        Args:
          state: an array, or a tuple of arrays where there are several state_widths.
          affine: gives `activation(map of x and operand)` for (name, operand, activation), each
            name once. A cell that has `params` takes them after it.
        """
        raise NotImplementedError(f'{type(self).__name__} has no step')

    def new_params(self, d: int, context: Any) -> dict[str, Any]:
        """Returns new further arrays that `step` takes, by name, for inputs of d features."""
        return {}

    @property
    def state_widths(self) -> tuple[int, ...]:
        """The size of each array of the state."""
        return (self._n_units,)

    def output(self, state: Any) -> Any:
        """Returns the output that belongs to a state: the last array of it."""
        return state[-1] if isinstance(state, tuple) else state

    # How it runs.

    def along_time(
        self, x: Any, start: Any, weights: Any, flags: Flags, fresh: Any, along: Along
    ) -> tuple[Any, Any]:
        """Runs the cell along time from packed states; returns outputs and the last state."""
        params = self.params(weights)
        states, last = recur(
            _Step(self, along.drop is not None),
            x,
            self.unpack(start),
            self.affines(weights),
            params if along.drop is None else (along.drop, *params),
            flags,
            None if fresh is None else self.unpack(fresh),
            precision=along.precision,
            implementation=along.implementation,
            reverse=along.reverse,
            remat=along.remat,
        )
        return self.output(states), self.pack(last)

    @property
    def compiled_step(self) -> Any:
        """The step as kernels take it: equal for cells of equal definition."""
        return _Step(self, False)

    @property
    def over_time(self) -> Any:
        """What Scan runs: all steps in one loop; None where a subclass has its own `apply_fn`."""
        own = type(self).apply_fn is RecurrentCell.apply_fn and self._tl_pure_apply
        return self._tl_over_time if own else None

    def _tl_over_time(self, x, carry, weights, context, remat):
        self.check_width(x, weights)
        return self._tl_from_state(x, carry, weights, context, remat)

    def _tl_from_state(self, x, start, weights, context, remat=False):
        """Runs the layer along time; watched, where somebody holds or hears what it names."""
        along = Along(context.precision, context.implementation, remat=remat)
        arguments = (x, start, weights, Flags(), None, along)
        hears = observer().hears_names
        if not self._tl_holds and not hears:
            return self.along_time(*arguments)
        from . import watched  # a watched cell is a cell, and made from this module

        y, last, seen = watched.along_time(self, self._tl_holds, *arguments)
        if hears:
            observer().named(self, context, seen)
        return y, last

    def affines(self, weights: Any) -> dict[str, Affine]:
        """Returns the arrays of each map."""
        arrays = iter(weights)
        return {
            name: Affine(next(arrays), next(arrays) if m.bias else None, m.of_x)
            for name, m in self.maps().items()
        }

    def operand_rows(self, m: Map) -> int:
        """Returns how many rows of a map's kernel are its operand's; the others are the input's."""
        return self._n_units if m.operand is None else m.operand

    def params(self, weights: Any) -> tuple[Any, ...]:
        """Returns the further arrays that `step` takes."""
        return tuple(weights)[sum(1 + m.bias for m in self.maps().values()) :]

    def unpack(self, state: Any) -> Any:
        """Returns a state as `step` takes it, from one array with all numbers side by side."""
        widths = self.state_widths
        if len(widths) == 1:
            return state
        ends = [sum(widths[:i]) for i in range(1, len(widths))]
        return tuple(jnp.split(state, ends, axis=-1))

    def pack(self, state: Any) -> Any:
        """Returns one array with all numbers of a state side by side."""
        return jnp.concatenate(state, axis=-1) if isinstance(state, tuple) else state

    # The layer.

    def weights_fn(self, signature, context):
        x, state = signature
        self.check_state(state)
        return self.new_weights(x.shape[-1], context)

    def new_weights(self, d: int, context: Any) -> Any:
        """Returns new weights for inputs of d features."""
        params = self.new_params(d, context)
        kind = self.weights_type or _weights_type(
            type(self).__name__, tuple(self.maps().items()), tuple(params)
        )
        fields = iter(kind._fields)
        made = []
        for m in self.maps().values():
            made.append(self._tl_new_kernel(d, m, context, next(fields)))
            if m.bias:
                bias = self._bias_initializer((m.width,), context.key(next(fields)))
                made.append(bias + m.shift if m.shift else bias)
        return kind(*made, *params.values())

    def _tl_new_kernel(self, d, m, context, field):
        rows = self.operand_rows(m)
        of_x = d if m.of_x else 0
        separate, key = self._recurrent_initializer, context.key(field)
        if separate is None or not rows:
            return self._kernel_initializer((of_x + rows, m.width), key)
        gates = m.width // rows if m.width % rows == 0 else 1
        shape = (rows, m.width // gates)
        keys = [context.key(f'{field}.{gate}') for gate in range(gates)]
        recurrent = jnp.concatenate([separate(shape, key) for key in keys], axis=1)
        if not of_x:
            return recurrent
        return jnp.concatenate([self._kernel_initializer((of_x, m.width), key), recurrent])

    def apply_fn(self, x, weights, state, context):
        x, before = x
        self.check_state(before)
        self.check_width(x, weights)
        rows = x.shape[:-1]
        one = x.reshape(-1, 1, x.shape[-1])
        start = before.reshape(-1, before.shape[-1])
        y, after = self._tl_from_state(one, start, weights, context)
        y, after = y.reshape(*rows, -1), after.reshape(*rows, -1)
        return (y, after), state

    def check_state(self, state: Any) -> None:
        """Raises unless a state has the width that this cell's has."""
        wanted = sum(self.state_widths)
        if not state.shape or state.shape[-1] != wanted:
            raise mismatch('the last axis of the state', wanted, _last_axis(state))

    def check_width(self, x: Any, weights: Any) -> None:
        """Raises unless inputs have the width that the weights are for."""
        name, m = next((k, m) for k, m in self.maps().items() if m.of_x)
        wanted = self.affines(weights)[name].kernel.shape[0] - self.operand_rows(m)
        same_width(x, wanted)


def _last_axis(state):
    return state.shape[-1] if state.shape else 'a scalar'


class _Step:
    """A cell's step, equal to those of cells of equal definition, so that it is compiled once.

    Where it drops, its first parameter is what the operands are multiplied by.
    """

    def __init__(self, cell: RecurrentCell, drops: bool):
        self._cell, self._drops = cell, drops
        self._key = (type(cell), cell._tl_fingerprint, cell._tl_edit, drops)

    def __hash__(self):
        return hash(self._key)

    def __eq__(self, other):
        return isinstance(other, _Step) and self._key == other._key

    def __call__(self, state, affine, *params):
        step: Any = self._cell.step
        if not self._drops:
            return step(state, affine, *params)
        drop, *params = params

        def dropping(name, operand=None, *activation):
            return affine(name, None if operand is None else operand * drop, *activation)

        return step(state, dropping, *params)


@functools.lru_cache(maxsize=1024)
def _weights_type(cell, maps, params):
    names = [f'{name}_{part}' for name, m in maps for part in ('kernel', 'bias')[: 1 + m.bias]]
    return collections.namedtuple(f'{cell}Weights', [*names, *params])
