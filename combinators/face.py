"""The face of a layer: what people call. The only code that writes to a layer.

A face holds what belongs to one view of a model: its state, its key, and how often it was
called. Weights are in cells, which all views share.
"""

import logging
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from . import passes, sharing, state, statistics
from . import weights as trees
from .adapter import part_of
from .arrays import all_arrays, as_jax, dtype_of, fresh, has_tracer, remembered
from .context import Policy, ambient, as_key
from .errors import LayerError, needs_values, warn
from .files import Files
from .paths import label_of
from .ranges import Compiled
from .signature import (
    ShapeDtype,
    asked,
    is_symbolic,
    signature,
    with_batch,
    with_symbols,
    without_symbols,
)
from .views import Views

_log = logging.getLogger('retrax')


class Face(Views, Files):
    """What people call on a layer; `Layer` adds the definition and the pure core."""

    _tl_frame: Any = None  # set on the twin that runs a user's layer, see adapter.py
    _tl_cell: sharing.Cell
    _tl_kept: dict[str, Any]  # the statistics of a model, common to its views
    _n_in: int
    _n_out: int

    # Of Layer.
    _tl_fingerprint: Any
    _tl_weightless: Any
    _tl_stateless: Any

    # Making weights and state.

    def init(self, input_signature: Any, rng: Any = None, use_cache: bool = False) -> Any:
        """Makes weights and state for inputs of a signature; returns both.

        On a view of a model that has weights, such as `model.as_mode('predict')`, it makes the
        state only: trained weights are never replaced through a view.

        Args:
          input_signature: a `ShapeDtype` or array, or a tuple of them. Sizes may be names:
            `ShapeDtype(('b', 't'), np.int32)`; the state is then made by the first call.
          rng: a jax key or an int; seed 0 if it is not given (logged at level INFO).
          use_cache: only for Trax-style combinators, which call init on their sublayers.

        Raises:
          LayerError: a layer does not fit the inputs; nothing has changed in the model then.
        """
        where = ambient()
        if where is not None and where.notebook is not None:
            return self._tl_init_nested(where, signature(input_signature))
        if rng is None and self._tl_memory.rng is None:
            _log.info('%s.init() was given no key and uses seed 0', self._name)
        inputs, key = asked(input_signature), self.rng if rng is None else as_key(rng)
        keep = self._tl_policy != Policy()
        weights, new_state, _ = self._tl_make(inputs, keep=keep, key=key)
        if has_tracer((weights, new_state, key)):  # values of a trace; the model stays as it is
            return weights, state.plain(new_state)
        if keep:
            new_state = self._tl_with_statistics(new_state)
        else:
            self._tl_kept.clear()
            self.keep_statistics(new_state)
        memory = self._tl_memory
        memory.signature, memory.state, memory.rng, memory.calls = inputs, new_state, key, 0
        return weights, state.plain(new_state)

    def _tl_make(self, inputs, keep, commit=True, key=None):
        notebook = passes.Notebook(keep=keep)
        context = passes.root_context(self, self.rng if key is None else key, self._tl_policy)
        try:
            weights, new_state, outputs = passes.initialise(
                self, with_symbols(inputs), context, notebook
            )
        except LayerError as error:
            raise error.with_traceback(None)  # noqa: B904 - it says the path; the frames repeat it
        if is_symbolic(inputs):
            new_state = None
        if commit and not has_tracer(weights):
            notebook.commit()
        return weights, new_state, outputs

    def _tl_init_nested(self, where, inputs):
        context = where.context.child(label_of(where.layer, self))
        return passes.initialise(self, inputs, context, where.notebook)[:2]

    def new_state(self, batch_size: int, after: Any = None) -> Any:
        """Returns the initial state for another batch size.

        Statistics, such as the running means of BatchNorm, are not initial: they are the model's.

        Args:
          batch_size: how many rows.
          after: a state of this model whose statistics go on instead.

        Raises:
          ValueError: the model was never initialised or called, so its inputs are not known.
        """
        inputs = self._tl_memory.signature
        if inputs is None:
            raise ValueError(
                f'{self._name} has not seen inputs yet; call model.init(ShapeDtype((1, 1), '
                'np.int32)), with the shape and dtype of your inputs, before new_state'
            )
        sized = jax.tree.map(lambda s: with_batch(s, int(batch_size)), inputs)
        made = self._tl_initial_state(sized)
        return made if after is None else statistics.put(self, made, self._tl_copied(after))

    def _tl_initial_state(self, inputs):
        """Makes the state of this view for inputs of a signature, once; numbers also in a trace."""

        def make():
            with jax.ensure_compile_time_eval():
                made = self._tl_make(inputs, keep=True, commit=False)[1]
                return jax.tree.map(remembered, made)

        made = self.program(('initial state', repr(inputs)), make)
        return self._tl_with_statistics(jax.tree.map(fresh, made))  # a caller may donate them

    def keep_statistics(self, held: Any) -> None:
        """Gives this model, and all its views, the statistics of a state, as weights are set."""
        self._tl_kept.update(self._tl_copied(held))

    def _tl_copied(self, held):
        return jax.tree.map(jnp.copy, statistics.taken(self, held))

    def _tl_with_statistics(self, held):
        """Returns a state with a copy of this model's statistics."""
        return statistics.put(self, held, jax.tree.map(jnp.copy, self._tl_kept))

    # Running.

    def __call__(self, x: Any, weights: Any = None, state: Any = None, rng: Any = None) -> Any:
        """Returns the outputs for inputs `x`, and remembers the new state.

        A model that was never initialised makes its weights (seed 0) and state from `x`. In the
        `forward` of a layer that it is a sublayer of, it runs as a part of that one.
        """
        part = part_of(self)
        if part is not None:
            weights = part.weights if weights is None else weights
            y, part.state = self.pure_fn(x, weights, part.state if state is None else state, rng)
            return y
        if weights is None:
            self._tl_ensure_weights(x)
            weights = self.weights
        held = self._tl_state_for(x) if state is None else self._tl_checked(state)
        key = self._tl_next_key() if rng is None else (as_key(rng), np.uint32(0))
        y, new_state = self._tl_run(x, weights, held, *key)
        if not has_tracer(new_state):
            self._tl_memory.state = new_state
            self.keep_statistics(new_state)
        return y

    def pure_fn(self, x: Any, weights: Any, state: Any, rng: Any, use_cache: bool = False) -> Any:
        """Returns outputs and new state as a pure function: to jit, differentiate and scan."""
        where = ambient()
        if where is None:
            return passes.run_root(self, x, weights, state, rng, self._tl_policy)
        context = where.context.child(label_of(where.layer, self))
        if rng is not None:
            context = context.replace(rng=rng)
        return passes.apply(self, x, weights, state, context)

    def _tl_run(self, x, weights, held, key, call):
        if (not self._sublayers and self._tl_weightless and self._tl_stateless) or not all_arrays(
            x
        ):
            return as_jax(self.pure_fn(x, weights, held, _folded(key, call)))
        leaves, structure = jax.tree.flatten(x)
        shapes = tuple((np.shape(leaf), str(dtype_of(leaf))) for leaf in leaves)
        name = ('call', structure, shapes)
        program = self.program(name, lambda: Compiled(self._tl_pure))
        try:
            return as_jax(program(x, weights, held, key, call))
        except LayerError as error:
            if program == self._tl_pure or not needs_values(error):
                raise
            warn(
                f'{error.layer}{" at " + error.path if error.path else ""} needs Python values, '
                f'so {self._name} runs op by op, which is slow. Use jnp.where instead of if, and '
                'jax.numpy instead of numpy.',
            )
            self._tl_programs.put((name, self._tl_policy, self._tl_edits()), self._tl_pure)
            return as_jax(self._tl_pure(x, weights, held, key, call))

    def _tl_pure(self, x, weights, held, key, call):
        return passes.run_root(self, x, weights, held, _folded(key, call), self._tl_policy)

    def _tl_ensure_weights(self, x):
        if self.has_weights:
            return
        with jax.ensure_compile_time_eval():  # numbers also in a trace: they are the model's
            _, new_state, _ = self._tl_make(signature(x), keep=True)
        self._tl_memory.signature = signature(x)
        if self._tl_memory.state is None:
            self._tl_memory.state = new_state

    def _tl_has_all_weights(self):
        if self._sublayers:
            return all(sub.has_weights for sub in self._sublayers)
        return self._tl_cell.initialised

    def _tl_state_for(self, x):
        if self._tl_memory.state is None:
            inputs = signature(x)
            if self._tl_memory.signature is None or is_symbolic(self._tl_memory.signature):
                self._tl_memory.signature = inputs
            if not self._sublayers and self._tl_stateless:
                return state.EMPTY
            made = self._tl_initial_state(inputs)
            if has_tracer(made):
                return made
            self._tl_memory.state = made
        return self._tl_with_statistics(self._tl_memory.state)

    def _tl_next_key(self):
        self._tl_memory.calls += 1
        return self.rng, np.uint32(self._tl_memory.calls)  # folded where it is free if none draws

    # Values.

    def _tl_running(self):
        """Returns what has the weights and state of the call that runs; None outside of any."""
        return part_of(self) if self._tl_frame is None else self._tl_frame

    @property
    def weights(self) -> Any:
        """The weights, nested as the layers are; `SHARED` marks a second place of a layer."""
        if (here := self._tl_running()) is not None:
            return here.weights
        return trees.collect(self)

    @weights.setter
    def weights(self, weights: Any) -> None:
        if (here := self._tl_running()) is not None:
            here.weights = weights
        elif ambient() is None:
            trees.assign(self, weights)

    @property
    def state(self) -> Any:
        """The state of this view of the model: what it remembers of what it has seen."""
        if (here := self._tl_running()) is not None:
            return here.state
        held = self._tl_memory.state
        if held is None:
            return tuple(sub.state for sub in self._sublayers)
        return state.plain(self._tl_with_statistics(held))

    @state.setter
    def state(self, value: Any) -> None:
        if (here := self._tl_running()) is not None:
            here.state = value
        elif ambient() is None:
            self._tl_check_state(value)
            self._tl_memory.state = value
            self.keep_statistics(value)

    def _tl_checked(self, value):
        """Returns a state that a call is given; the model has it when the call has ended."""
        if ambient() is None:
            self._tl_check_state(value)
        return value

    def _tl_check_state(self, value):
        """Raises StateError if a state belongs elsewhere; shapes are checked by the layers."""
        mine = self._tl_memory.state
        if mine is None and self._tl_memory.signature is not None:
            if not is_symbolic(self._tl_memory.signature):
                mine = self._tl_make(self._tl_memory.signature, keep=True, commit=False)[1]
        if not self._sublayers:
            state.release(value, passes.root_context(self))
            return
        if mine is None:
            return
        state.check_same_places(value, mine, self._tl_fingerprint)

    @property
    def rng(self) -> Any:
        """The key from which weights and calls draw; seed 0 until it is set."""
        if self._tl_frame is not None:
            return self._tl_frame.rng
        if self._tl_memory.rng is None:
            return as_key(0)
        return self._tl_memory.rng

    @rng.setter
    def rng(self, rng: Any) -> None:
        if self._tl_frame is not None:
            self._tl_frame.rng = rng
        elif ambient() is None:
            self._tl_memory.rng = as_key(rng)
            self._tl_memory.calls = 0

    def named_weights(self) -> dict[str, Any]:
        """Returns the weights by path, such as 'GRU#1.w1': the form that checkpoints keep."""
        return dict(trees.named(self, self.weights))

    def set_named_weights(self, arrays: dict[str, Any]) -> None:
        """Sets the weights from a dict by path, as `named_weights` returns it.

        Raises:
          ValueError: a path is missing or unknown, or a shape differs; nothing is set then.
        """
        mine = self.named_weights()
        missing, unknown = sorted(mine.keys() - arrays), sorted(arrays.keys() - mine)
        if missing or unknown:
            raise ValueError(
                f'weights of {self._name}: missing {missing[:5]}, unknown {unknown[:5]}. '
                'Are these the weights of another model? An uninitialised model has none: init it.'
            )
        structure = jax.tree.structure(self.weights)
        self.weights = jax.tree.unflatten(structure, [jnp.asarray(arrays[k]) for k in mine])

    # Facts.

    @property
    def name(self) -> str:
        """The name of this layer."""
        return self._name

    @property
    def n_in(self) -> int:
        """How many inputs it takes."""
        return self._n_in

    @property
    def n_out(self) -> int:
        """How many outputs it gives."""
        return self._n_out

    @property
    def input_signature(self) -> Any:
        """The signature of the inputs that this model was initialised with; None before."""
        return self._tl_memory.signature

    @property
    def has_weights(self) -> bool:
        """Whether the weights are there, or there are none to make."""
        return self._tl_weightless or self._tl_has_all_weights()

    @property
    def start_id(self) -> int | None:
        """The id to feed before the first token when decoding; None if the model has none."""
        found = (sub.start_id for sub in self._sublayers)
        return next((i for i in found if i is not None), None)

    @property
    def shift(self) -> int:
        """How many places the ids that it reads lie before those that it is to give."""
        return max((sub.shift for sub in self._sublayers), default=0)

    def output_signature(self, input_signature: Any) -> Any:
        """Returns the signature of the outputs, without making weights that last."""
        inputs = asked(input_signature)
        (weights, held), outputs = self._tl_abstract(inputs)
        if outputs is None:  # a user's layer that stands alone is not run by init
            context = passes.root_context(self, self.rng, self._tl_policy)
            weights, held = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), (weights, held))
            outputs = passes.infer(
                lambda x: passes.apply(self, x, weights, held, context)[0], with_symbols(inputs)
            )
        return without_symbols(outputs)

    def weights_and_state_signature(self, input_signature: Any, unsafe: bool = False) -> Any:
        """Returns the signatures of weights and state for inputs of a signature."""
        return self._tl_abstract(signature(input_signature))[0]

    def _tl_abstract(self, inputs):
        """Runs init without computing numbers: (weights and state signatures, outputs)."""
        found = {}

        def make():
            weights, new_state, found['outputs'] = self._tl_make(inputs, keep=True, commit=False)
            return weights, new_state

        made = jax.tree.map(lambda s: ShapeDtype(s.shape, s.dtype), jax.eval_shape(make))
        return (made[0], state.plain(made[1])), found['outputs']


def _folded(key, call):
    """Returns the key of a call by its number; 0: a key that the user gave, as it is."""
    return jnp.where(call > 0, jax.random.fold_in(key, call), key)
