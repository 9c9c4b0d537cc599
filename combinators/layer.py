"""Layer: a definition with a pure core; weights and state are values that go through it.

A layer is written in one of two ways. Pure, as all of retrax is:

    weights_fn(signature, context)              -> weights
    state_fn(signature, context)                -> state
    apply_fn(x, weights, state, context)        -> (y, new_state)

or as Trax users write them, with `forward` and `init_weights_and_state` on `self`. Whichever a
class overrides last wins. The familiar face (init, call, weights, state) is in face.py.

What a layer keeps for itself has a name that begins with `_tl_`, but for the names of Trax, so that
a user's class may call what is its own `_cell`, `_memory` or `_run`.
"""

import functools
import inspect
import itertools
from typing import Any

from . import adapter, backward, passes
from .construction import LayerType, filled
from .context import Context, check_mode
from .declarations import Declaration
from .errors import ModeError, creation_site
from .face import Face
from .paths import labels, places
from .programs import Programs
from .sharing import Cell
from .views import Memory

_edits = itertools.count(1)


class Layer(Face, metaclass=LayerType):
    """A function from inputs to outputs, with weights that are learned and state that moves on.

    Inputs and outputs are one array where there is one, else a tuple of arrays.

    Args:
      n_in: how many inputs it takes from the stack.
      n_out: how many outputs it puts there.
      name: the name to print; the class's by default.
      sublayers_to_print: which sublayers to print; all by default.
      mode: 'train', 'eval' or 'predict' where a layer is told; None follows the model.

    Attributes:
      has_memory: whether it keeps state along time in predict mode.
      is_causal: whether output t depends on inputs up to t only (time is axis 1); a tuple names
        the modes.
      couples_rows: whether rows of a batch influence each other; a tuple names the modes.
      draws: whether it draws random numbers; a tuple names the modes.
      keeps_statistics: whether its state is not of a sequence but of all batches that it was
        trained on, so that a new sequence, another batch size or mode goes on with it.
      stops_gradient: whether it holds gradients back, so that they are not the derivatives.
    """

    has_memory = False
    is_causal: Declaration = True
    couples_rows: Declaration = False
    draws: Declaration = False
    keeps_statistics = False
    stops_gradient = False

    # (x (b, t, d), carry, weights, context, remat) -> (y, carry): what Scan runs along axis 1
    # instead of the layer slice by slice, where a layer knows a faster way.
    over_time: Any = None

    _tl_passes_rest = False  # a combinator that leaves surplus inputs on the stack
    _tl_pins_mode = False
    _tl_rests = False  # a combinator whose parts start anew at every call, in every mode
    _tl_saves_inputs = True  # for its own backward pass, if it has one
    _tl_pure_apply = False
    _tl_pure_init = True
    _mode: str | None
    _tl_told: str | None
    _sublayers_to_print: Any

    def __init__(self, n_in=1, n_out=1, name=None, sublayers_to_print=None, mode=None):
        fields = vars(self)
        fields['_n_in'], fields['_n_out'] = n_in, n_out
        fields['_name'] = type(self).__name__ if name is None else name
        fields['_sublayers_to_print'] = sublayers_to_print
        fields['_sublayers'] = ()
        fields['_tl_cell'] = Cell()
        fields['_tl_memory'] = Memory()
        fields['_tl_programs'] = Programs()
        fields['_tl_kept'] = {}
        fields['_tl_site'] = creation_site()
        fields['_tl_filled'] = filled(self)
        fields['_tl_told'] = check_mode(mode, fields['_name'])
        fields['_tl_edit'] = 0

    def __init_subclass__(cls, **kwargs: Any):
        super().__init_subclass__(**kwargs)
        _refuse_hidden_names(cls)
        cls._tl_pure_apply = _last(cls, 'apply_fn', 'forward')
        cls._tl_pure_init = _last(cls, 'weights_fn', 'init_weights_and_state', 'state_fn')

    @property
    def room_for_steps(self) -> tuple[str, int] | None:
        """For how many steps there is room in predict: by which argument, and how many."""
        return None

    # The pure core.

    def weights_fn(self, signature: Any, context: Context) -> Any:
        """Returns new weights for inputs of that signature; `()` for none."""
        return ()

    def state_fn(self, signature: Any, context: Context) -> Any:
        """Returns the initial state for inputs of that signature; `()` for none."""
        return ()

    def apply_fn(self, x: Any, weights: Any, state: Any, context: Context) -> tuple[Any, Any]:
        """Returns outputs and the new state."""
        return adapter.apply(self, x, weights, state, context)

    def run(self, x: Any, weights: Any, state: Any, context: Context) -> tuple[Any, Any]:
        """Runs the layer, with its own backward pass where it has one."""
        if self.has_backward:
            return backward.apply(self, self.run_plain, x, weights, state, context)
        return self.run_plain(x, weights, state, context)

    def run_plain(self, x: Any, weights: Any, state: Any, context: Context) -> tuple[Any, Any]:
        """Runs `apply_fn`, or `forward` where a class overrides that last."""
        run = self.apply_fn if self._tl_pure_apply else functools.partial(adapter.apply, self)
        return run(x, weights, state, context)

    def init_through(self, inputs: Any, context: Context, notebook: Any) -> tuple[Any, Any, Any]:
        """Returns weights, state and output signature; combinators go through their sublayers."""
        if self._tl_pure_init:
            return passes.initialise_leaf(self, inputs, context, notebook)
        return adapter.initialise(self, inputs, context, notebook)

    # What Trax users override.

    def forward(self, inputs: Any) -> Any:
        """Computes outputs from inputs, self.weights, self.state and self.rng."""
        if type(self).apply_fn is Layer.apply_fn:
            raise NotImplementedError(f'{type(self).__name__} has no forward')
        y, self.state = type(self).apply_fn(
            self, inputs, self.weights, self.state, self._tl_running_context()
        )
        return y

    def init_weights_and_state(self, input_signature: Any) -> None:
        """Sets self.weights and self.state for inputs of that signature."""
        context = self._tl_running_context()
        self.weights = type(self).weights_fn(self, input_signature, context)
        self.state = type(self).state_fn(self, input_signature, context)

    @property
    def has_backward(self) -> bool:
        """Whether this layer overrides `backward`."""
        return False

    def backward(self, inputs, output, grad, weights, state, new_state, rng):
        """Returns the gradients of inputs and weights from the gradient of the output."""
        raise NotImplementedError(f'{type(self).__name__} has no backward')

    # Construction.

    def _tl_running_context(self) -> Context:
        """The context of the call that runs, or of this layer alone."""
        if self._tl_frame is not None:
            return self._tl_frame.context
        return passes.root_context(self, self.rng, self._tl_policy)

    def _tl_complete(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        """Ends construction: records the definition, names the sublayers, joins their modes."""
        fields = vars(self)
        fields['_sublayers'] = tuple(self._sublayers)
        fields['_tl_labels'] = labels(self._sublayers)
        if not self._tl_pure_apply:
            _adopt_own_mode(self)
        fields['_tl_told_here'] = _join_modes(self)
        fields['_tl_definition'] = (args, kwargs)

    @property
    def _tl_fingerprint(self) -> str:
        if '_tl_print' not in vars(self):
            vars(self)['_tl_print'] = passes.fingerprint(self)
        return vars(self)['_tl_print']

    @property
    def _tl_lasting(self) -> frozenset[str]:
        """The places of the layers within that keep statistics."""
        if '_tl_lasting_places' not in vars(self):
            found = (place for place, leaf in places(self) if leaf.keeps_statistics)
            vars(self)['_tl_lasting_places'] = frozenset(found)
        return vars(self)['_tl_lasting_places']

    @property
    def _tl_label(self) -> str:
        """The class part of this layer's path element."""
        return type(self).__name__

    @property
    def _tl_weightless(self) -> bool:
        """Whether it can be seen without running that neither it nor its parts have weights."""
        if self._sublayers:
            return all(sub._tl_weightless for sub in self._sublayers)
        cls = type(self)
        if self._tl_pure_init:
            return cls.weights_fn is Layer.weights_fn
        return False

    @property
    def _tl_stateless(self) -> bool:
        if self._sublayers or not self._tl_pure_init:
            return False
        return type(self).state_fn is Layer.state_fn

    def _settable_attrs(self) -> tuple[str, ...]:
        """The public attributes that may be set."""
        return ('weights', 'state', 'rng')

    def __setattr__(self, name: str, value: Any) -> None:
        if not name.startswith('_') and name not in self._settable_attrs():
            raise ValueError(
                f'{type(self).__name__}: only {", ".join(self._settable_attrs())} can be set on a '
                f'layer, not {name!r}; name what is your own with an underscore: _{name}'
            )
        if (
            '_tl_definition' in vars(self)
            and name.startswith('_')
            and '_tl_frame' not in vars(self)
        ):
            vars(self)['_tl_edit'] = next(_edits)  # functions compiled before are out of date
        super().__setattr__(name, value)

    # Printing.

    def _tl_name_with_arity(self) -> str:
        arity = f'_in{self.n_in}' if self.n_in != 1 else ''
        return self._name + arity + (f'_out{self.n_out}' if self.n_out != 1 else '')

    def __repr__(self):
        shown = self._sublayers if self._sublayers_to_print is None else self._sublayers_to_print
        lines = [text.replace('\n', '\n  ') for text in map(str, shown) if text]
        if not lines:
            return self._tl_name_with_arity()
        return self._tl_name_with_arity() + '[\n  ' + '\n  '.join(lines) + '\n]'


def _last(cls, pure, trax, *more_pure):
    """Whether the pure method is overridden at least as far down as the Trax-style one."""
    for base in cls.__mro__:
        if any(name in base.__dict__ for name in (pure, *more_pure)):
            return base is not Layer or trax != 'forward'
        if trax in base.__dict__:
            return False
    return True


def _refuse_hidden_names(cls):
    """Raises TypeError where a function of a class hides what Layer has under its name."""
    for name, own in vars(cls).items():
        theirs = getattr(Layer, name, None)
        if name.startswith('_') or theirs is None or not inspect.isfunction(own):
            continue
        if inspect.isfunction(theirs):
            needed = _needed(theirs)
            what = f'which models call with ({", ".join(needed)})'
        else:
            needed, what = None, 'a value that models read'
        if needed is None or not _takes(own, len(needed)):
            raise TypeError(
                f'{cls.__name__}.{name}{inspect.signature(own)} hides Layer.{name}, {what}; give '
                f'yours another name, such as _{name}'
            )


def _needed(function):
    parameters = inspect.signature(function).parameters.items()
    return [name for name, parameter in parameters if parameter.default is parameter.empty]


def _takes(function, n):
    try:
        inspect.signature(function).bind(*range(n))
    except TypeError:
        return False
    return True


def _adopt_own_mode(layer):
    """A user's layer that stores `_mode` was told it, if it is not its constructor's default."""
    own = vars(layer).get('_mode')
    if own is None or layer._tl_told is not None:
        return
    default = adapter.constructor_default(type(layer), 'mode')
    if own != default:
        vars(layer)['_tl_told'] = check_mode(own, layer._name)


def _join_modes(layer):
    """Returns the modes that this layer and those within were told, and who was told first."""
    told = {} if layer._tl_told is None else {layer._tl_told: layer}
    if not layer._tl_pins_mode:
        for sub in layer._sublayers:
            for mode, who in sub._tl_told_here.items():
                told.setdefault(mode, who)
    if 'train' in told and len(told) > 1:
        other = next(mode for mode in told if mode != 'train')
        first, second = told['train'], told[other]
        raise ModeError(
            f"{first._name} (created at {first._tl_site}) was told 'train' and {second._name} "
            f'(created at {second._tl_site}) was told {other!r}; one model has one mode. Tell one '
            'layer only, and use model.as_mode(...) to change the mode of the whole model.'
        )
    return told
