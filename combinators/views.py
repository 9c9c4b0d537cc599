"""Views of a model: the same definition and weights under another policy.

A view has its own state, and shares cells and compiled functions with the model it is of.
"""

from typing import Any

from ..kernels.implementation import Implementation, resolved
from . import passes
from .context import PRECISIONS, Policy, check_mode
from .errors import ModeWarning, warn
from .programs import Programs


class Memory:
    """What one view of a model remembers between calls."""

    def __init__(self, signature: Any = None, rng: Any = None):
        self.signature, self.rng = signature, rng
        self.state: Any = None
        self.calls = 0

    def __deepcopy__(self, memo):
        copy = Memory(self.signature, self.rng)
        copy.state, copy.calls = self.state, self.calls
        return copy


class Views:
    """The part of a layer's face that looks at it under another policy."""

    _policy = Policy()
    _memory: Memory
    _programs: Programs
    _sublayers: tuple[Any, ...]
    _labels: tuple[str, ...]
    _name: str
    _edit: int
    _pure_apply: bool

    def as_mode(self, mode: str) -> Any:
        """Returns this model in another mode: the same definition and weights, its own state."""
        check_mode(mode, f'{self._name}.as_mode')
        self._warn_of_own_modes(mode)
        return self._view(self._policy._replace(mode=mode))

    def with_carry(self, carry: bool = True) -> Any:
        """Returns this model with layers that continue from their state in train and eval too."""
        return self._view(self._policy._replace(carry=carry))

    def with_precision(self, precision: str) -> Any:
        """Returns this model with products in 'float32', 'tf32' or 'bf16'."""
        if precision not in PRECISIONS:
            raise ValueError(f'precision must be one of {PRECISIONS}, got {precision!r}')
        return self._view(self._policy._replace(precision=precision))

    def with_implementation(self, implementation: Implementation) -> Any:
        """Returns this model with kernels that run as 'auto', 'reference' or 'xla'.

        'reference' is for looking at what the others do, and for forward-mode derivatives: plain
        loops, differentiated by jax.
        """
        resolved(implementation)
        return self._view(self._policy._replace(implementation=implementation))

    @property
    def mode(self) -> str:
        """The mode that this model runs in."""
        return passes.root_mode(self, self._policy)

    @property
    def precision(self) -> str:
        """How this model computes its products: 'float32', 'tf32' or 'bf16'."""
        return self._policy.precision

    @property
    def implementation(self) -> Implementation:
        """Which implementation of its kernels this model runs: 'auto', 'reference' or 'xla'."""
        return self._policy.implementation

    @property
    def sublayers(self) -> tuple[Any, ...]:
        """The layers within; of a view, views."""
        if self._policy == Policy():
            return self._sublayers
        if '_views' not in self.__dict__:
            views = {id(sub): sub._view(self._policy) for sub in self._sublayers}
            self.__dict__['_views'] = tuple(views[id(sub)] for sub in self._sublayers)
        return self.__dict__['_views']

    @property
    def labels(self) -> tuple[str, ...]:
        """The path elements of the layers within."""
        return self._labels

    @property
    def programs(self) -> Programs:
        """The functions compiled for this model, common to all its views."""
        return self._programs

    def program(self, name: Any, build: Any) -> Any:
        """Returns the compiled function of that name for this view, built if there is none.

        Args:
          name: anything hashable that tells the function from others of this model.
          build: makes the function.
        """
        return self._programs.get((name, self._policy, self._edits()), build)

    def _edits(self):
        """Counts what was set on definitions after they were made: old functions are stale."""
        return (self._edit, *(sub._edits() for sub in self._sublayers))

    def _view(self, policy):
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view.__dict__['_policy'] = policy
        view.__dict__['_memory'] = Memory(self._memory.signature, self._memory.rng)
        view.__dict__.pop('_views', None)
        return view

    def _warn_of_own_modes(self, mode):
        for sub in self._sublayers:
            sub._warn_of_own_modes(mode)
        own = self.__dict__.get('_mode')
        if not self._pure_apply and own not in (None, mode):
            warn(
                f'{self._name} keeps its own mode, {own!r}, and cannot follow as_mode({mode!r}); '
                f'build the model anew with mode={mode!r}',
                ModeWarning,
            )
