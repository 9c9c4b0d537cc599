"""Recurrent: a cell along time, with everything that a sequence may ask for."""

from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..combinators import Layer, declare, in_range, mismatch
from ..combinators.observing import observer
from ..combinators.stack import as_items, as_stack
from ..kernels import Flags, Rows
from . import watched
from .checks import rate, same_batch
from .named import Hold
from .recurrent_cell import Along, RecurrentCell

Padding = Literal['lengths', 'mask']


class LearnedStart(NamedTuple):
    """The weights of a recurrent layer that learns its initial state."""

    cell: Any
    initial: jax.Array  # (s,)


class Kept(NamedTuple):
    """The state of a recurrent layer that needs to know where in a sequence it is."""

    state: jax.Array  # (b, s)
    steps: Any  # (b,), how many there were


class Recurrent(Layer):
    """Runs a cell along time, one step after another.

    Inputs, top first: x (b, t, d); with `padding` the lengths (b,) or the mask (b, t); with
    `resets` the flags (b, t); with initial_state='stack' the first state (b, s).

    Outputs, top first: y (b, t, n_units); with return_state the last state (b, s).

    Where the sequence is padding, the state is held and y repeats the last valid output (before
    the first one, that of the first state), so that y[:, -1] belongs to the last valid step. A
    cell whose output reads x itself, such as SRUCell, reads zeros there.

    Args:
      cell: a RecurrentCell; given to several layers, they share its weights.
      mode: as for every layer.
      initial_state: 'zeros', 'learned' (one for all rows, zeros at first), 'stack', or an array
        (s,); True and False are Trax's words for 'stack' and 'zeros'.
      return_state: whether to give the last state.
      padding: 'lengths' for rows that are padded on the right, 'mask' (1 where valid) for any.
      resets: whether flags say before which steps the state is the initial one again, as at the
        beginning of an episode or a document; with `reverse` it is so after these steps.
      reverse: goes from the last step to the first; the layer then reads its whole input at
        every call, in predict too.
      recurrent_dropout: the rate at which, in training, numbers of the operands of the recurrent
        products are dropped, the same ones at all steps (Gal and Ghahramani 2016, arXiv
        1512.05287).
      zoneout: the rate at which, in training, numbers of the state stay as they were; else the
        mean of that (Krueger et al. 2017, arXiv 1606.01305).
      remat: keeps the states of about sqrt(t) steps for the backward pass and runs the rest
        again.
      name: the name to print.

    Weights: those of the cell; with a learned initial state (cell, initial).

    State: in predict and with carry (b, s), zeros at first; where the initial state is not zeros,
    or lengths are given, which are those of whole sequences, Kept(state, steps (b,)). Without
    predict and carry none.

    Raises:
      ValueError: x is not (batch, time, features) of floats or of another width than the weights;
        lengths, mask, flags or a state of a wrong shape or dtype; lengths below 0 or beyond
        the sequence, where they are an input of the model (else they count as none or all of it).
    """

    _tl_holds: tuple[Hold, ...] = ()  # what named values of its steps are held at

    def __init__(
        self,
        cell: RecurrentCell,
        mode: str | None = None,
        initial_state: Any = 'zeros',
        return_state: bool = False,
        padding: Padding | None = None,
        resets: bool = False,
        reverse: bool = False,
        recurrent_dropout: float = 0.0,
        zoneout: float = 0.0,
        remat: bool = False,
        name: str | None = None,
    ):
        if isinstance(initial_state, bool):
            initial_state = 'stack' if initial_state else 'zeros'
        n_in = 1 + (padding is not None) + resets + _is(initial_state, 'stack')
        full_name = f'{name or "Recurrent"}{"_reverse" if reverse else ""}'
        shown = [cell] if name is None else []
        super().__init__(n_in, 1 + return_state, full_name, shown, mode)
        if not isinstance(cell, RecurrentCell):
            raise mismatch('the cell', 'a RecurrentCell, such as GRUCell(8)', repr(cell))
        if padding not in (None, 'lengths', 'mask'):
            raise mismatch('padding', "None, 'lengths' or 'mask'", repr(padding))
        self._step, self._given_name = cell, name
        self._initial, self._return_state = _initial_state(initial_state, cell), return_state
        self._padding, self._resets, self._reverse = padding, resets, reverse
        self._drop_rate = rate(recurrent_dropout, 'Recurrent: recurrent_dropout')
        if recurrent_dropout and all(m.operand == 0 for m in cell.maps().values()):
            raise mismatch(
                'recurrent_dropout',
                '0, as this cell has no products with its state',
                recurrent_dropout,
                'zoneout drops changes of the state instead.',
            )
        self._zoneout, self._remat = rate(zoneout, 'Recurrent: zoneout'), remat
        declare(
            self,
            has_memory=not reverse,
            is_causal=not reverse,
            draws=('train',) if recurrent_dropout or zoneout else False,
        )
        if not _is(self._initial, 'learned'):
            vars(self)['_tl_cell'] = cell._tl_cell  # the weights are the cell's, wherever it is

    @property
    def cell(self) -> RecurrentCell:
        """What runs along time."""
        return self._step

    @property
    def is_plain(self) -> bool:
        """Whether it is no more than the loop of its cell over one input, from zeros."""
        options = self.n_in > 1 or self.n_out > 1 or self._reverse or self._zoneout
        return self.takes_rows and not options and _is(self._initial, 'zeros')

    @property
    def takes_rows(self) -> bool:
        """Whether its first input may be `kernels.Rows`: all that it does with it are products."""
        own = type(self).apply_fn is Recurrent.apply_fn and self._tl_pure_apply
        return (
            own and type(self._step).along_time is RecurrentCell.along_time and not self._tl_holds
        )

    @property
    def goes_back(self) -> bool:
        """Whether it goes from the last step to the first."""
        return self._reverse

    def reversed(self) -> 'Recurrent':
        """Returns this layer in the other direction; they share the weights of the cell."""
        return Recurrent(
            self._step,
            self._tl_told,
            self._initial,
            self._return_state,
            self._padding,
            self._resets,
            not self._reverse,
            self._drop_rate,
            self._zoneout,
            self._remat,
            self._given_name,
        )

    def weights_fn(self, signature, context):
        x = as_items(signature)[0]
        check_sequence(x)
        weights = self._step.new_weights(x.shape[-1], context)
        if not _is(self._initial, 'learned'):
            return weights
        return LearnedStart(weights, jnp.zeros((self._width,), jnp.float32))

    def state_fn(self, signature, context):
        x = as_items(signature)[0]
        check_sequence(x)
        if not self._steps(context):
            return ()
        zeros = self._rows(x, 0.0)
        return Kept(zeros, jnp.zeros((x.shape[0],), jnp.int32)) if self._counts else zeros

    def apply_fn(self, x, weights, state, context):
        x, padding, resets, given = self._sorted(x)
        check_sequence(x)
        weights, fresh = self._weights_and_fresh(x, weights, given)
        kept = self._before_first(x, fresh, state, context)
        valid = None if padding is None else _valid(x, padding, self._padding, kept.steps)
        flags = Flags(self._keep(x, valid, context), _flags(x, resets, self._reverse))
        drop = self._drop(x, context)
        along = Along(context.precision, context.implementation, self._reverse, self._remat, drop)
        x = _without_padding(x, valid)
        y, last = self._along_time(context, x, kept.state, weights, flags, fresh, along)
        outputs = as_stack((y, last) if self._return_state else (y,))
        if not self._steps(context):
            return outputs, state
        return outputs, Kept(last, kept.steps + x.shape[1]) if self._counts else last

    def _along_time(self, context, *arguments):
        """Runs the cell along time; watched, where somebody holds or hears what it names."""
        hears = observer().hears_names
        if not self._tl_holds and not hears:
            return self._step.along_time(*arguments)
        if self._steps(context) and any(hold.steps is not None for hold in self._tl_holds):
            raise ValueError(
                'values are held at certain steps, which are counted from the beginning of a '
                'sequence; a layer that goes on from its state does not know where it is. Run the '
                "model in 'eval', or hold them at all steps."
            )
        y, last, seen = watched.along_time(self._step, self._tl_holds, *arguments)
        if hears:
            observer().named(self, context, seen)
        return y, last

    @property
    def _width(self):
        return sum(self._step.state_widths)

    @property
    def _counts(self):
        """Whether the state knows how many steps were before."""
        return self._padding == 'lengths' or not _is(self._initial, 'zeros')

    def _steps(self, context):
        return context.steps and not self._reverse

    def _sorted(self, x):
        """Returns x, padding, resets and the given state from the inputs; None where not taken."""
        x, *rest = as_items(x)
        taken = (self._padding, self._resets, _is(self._initial, 'stack'))
        return x, *(rest.pop(0) if there else None for there in taken)

    def _rows(self, x, value):
        # Never narrower than float32, whatever the inputs are: rounding would add up along time.
        dtype = jnp.promote_types(x.dtype, jnp.float32)
        return jnp.broadcast_to(jnp.asarray(value, dtype), (x.shape[0], self._width))

    def _weights_and_fresh(self, x, weights, given):
        """Returns the weights of the cell, and the state that a sequence begins with."""
        initial = 0.0 if isinstance(self._initial, str) else self._initial
        if _is(self._initial, 'learned'):
            weights, initial = weights
        if given is not None:
            _check_given(x, given, self._width)
            initial = given
        self._step.check_width(x, weights)
        return weights, self._rows(x, initial)

    def _before_first(self, x, fresh, state, context):
        """Returns the state before the first step, and how many steps were before it."""
        if not self._steps(context):
            return Kept(fresh, 0)
        if not self._counts:
            same_batch(state, x)
            return Kept(state, 0)
        before, steps = state
        same_batch(before, x)
        return Kept(jnp.where(steps[:, None] > 0, before, fresh), steps)

    def _keep(self, x, valid, context):
        """Returns how much of each new state is taken, or None for all of it."""
        if not self._zoneout:
            return valid
        shape = (*x.shape[:2], self._width)
        if context.mode == 'train':
            moves = jax.random.bernoulli(context.key('zoneout'), 1 - self._zoneout, shape)
        else:
            moves = jnp.full(shape, 1 - self._zoneout, jnp.float32)
        if valid is not None:
            moves = jnp.where(valid[..., None], moves, 0)
        return self._step.unpack(moves)

    def _drop(self, x, context):
        """Returns what operands are multiplied by at all steps, or None."""
        if not self._drop_rate or context.mode != 'train':
            return None
        kept = 1 - self._drop_rate
        shape = (x.shape[0], self._step.n_units)
        mask = jax.random.bernoulli(context.key('recurrent_dropout'), kept, shape)
        return mask.astype(jnp.promote_types(x.dtype, jnp.float32)) / kept


def check_sequence(x: Any) -> None:
    """Raises ValueError unless x is (batch, time, features) of floats."""
    floats = jnp.issubdtype(x.dtype, jnp.floating)
    if len(x.shape) == 3 and floats:
        return
    fix = 'Add the batch axis: x[None].' if len(x.shape) == 2 else ''
    if not floats:
        fix = 'Put an Embedding before it, or ToFloat.'
    got = f'{x.dtype}[{",".join(map(str, x.shape))}]'
    raise mismatch('the input', 'floats of shape (batch, time, features)', got, fix)


def _is(value, word):
    return isinstance(value, str) and value == word


def _initial_state(value, cell):
    """Returns one of the words, or an array as wide as the cell's state."""
    words = ('zeros', 'learned', 'stack')
    if isinstance(value, str):
        if value not in words:
            raise mismatch('initial_state', f'one of {words} or an array', repr(value))
        return value
    width = sum(cell.state_widths)
    if np.shape(value) != (width,):
        raise mismatch('initial_state', f'an array of shape ({width},)', np.shape(value))
    return np.asarray(value)


def _check_given(x, given, width):
    if given.shape != (x.shape[0], width):
        raise mismatch('the initial state', f'shape {(x.shape[0], width)}', given.shape)
    if not jnp.issubdtype(given.dtype, jnp.floating):
        raise mismatch('the initial state', 'floats', given.dtype)


def _valid(x, padding, kind, steps):
    """Returns what is not padding, (b, t)."""
    if kind == 'mask':
        if padding.shape != x.shape[:2]:
            fix = 'SequenceMask() makes one of ids.'
            raise mismatch('the mask', f'shape {x.shape[:2]}, as (batch, time)', padding.shape, fix)
        return padding.astype(bool)
    if padding.shape != x.shape[:1] or not jnp.issubdtype(padding.dtype, jnp.integer):
        got = f'{padding.dtype}{list(padding.shape)}'
        raise mismatch('the lengths', f'integers of shape {x.shape[:1]}, one for each row', got)
    whole = isinstance(steps, int)  # the whole sequence is here
    in_range(padding, 0, x.shape[1] if whole else None, 'the lengths')
    return (steps + jnp.arange(x.shape[1])[:, None]).T < padding[:, None]


def _without_padding(x, valid):
    """Returns x with zeros at padding: NaN there would be in the gradients of the weights."""
    if valid is None or isinstance(x, Rows):
        return x
    return jnp.where(valid[..., None], x, 0)


def _flags(x, resets, reverse):
    if resets is None:
        return None
    if resets.shape != x.shape[:2]:
        raise mismatch('the reset flags', f'shape {x.shape[:2]}, as (batch, time)', resets.shape)
    flags = resets.astype(bool)
    return jnp.roll(flags, -1, axis=1) if reverse else flags  # a document is entered at its end
