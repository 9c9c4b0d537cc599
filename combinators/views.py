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

    _tl_policy = Policy()
    _tl_memory: Memory
    _tl_programs: Programs
    _sublayers: tuple[Any, ...]
    _tl_labels: tuple[str, ...]
    _name: str
    _tl_edit: int
    _tl_pure_apply: bool

    def as_mode(self, mode: str) -> Any:
        """Returns this model in another mode: the same definition and weights, its own state."""
        check_mode(mode, f'{self._name}.as_mode')
        self._tl_warn_of_own_modes(mode)
        return self._tl_view(self._tl_policy._replace(mode=mode))

    def with_carry(self, carry: bool = True) -> Any:
        """Returns this model with layers that continue from their state in train and eval too."""
        return self._tl_view(self._tl_policy._replace(carry=carry))

    def with_precision(self, precision: str) -> Any:
        """Returns this model with products in 'float32', 'tf32' or 'bf16'."""
        if precision not in PRECISIONS:
            raise ValueError(f'precision must be one of {PRECISIONS}, got {precision!r}')
        return self._tl_view(self._tl_policy._replace(precision=precision))

    def with_implementation(self, implementation: Implementation) -> Any:
        """Returns this model with kernels that run as 'auto', 'reference' or 'xla'.

        'reference' is for looking at what the others do, and for forward-mode derivatives: plain
        loops, differentiated by jax.
        """
        resolved(implementation)
        return self._tl_view(self._tl_policy._replace(implementation=implementation))

    @property
    def mode(self) -> str:
        """The mode that this model runs in."""
        return passes.root_mode(self, self._tl_policy)

    @property
    def precision(self) -> str:
        """How this model computes its products: 'float32', 'tf32' or 'bf16'."""
        return self._tl_policy.precision

    @property
    def implementation(self) -> Implementation:
        """Which implementation of its kernels this model runs: 'auto', 'reference' or 'xla'."""
        return self._tl_policy.implementation

    @property
    def sublayers(self) -> tuple[Any, ...]:
        """The layers within; of a view, views."""
        if self._tl_policy == Policy():
            return self._sublayers
        if '_tl_views' not in self.__dict__:
            views = {id(sub): sub._tl_view(self._tl_policy) for sub in self._sublayers}
            self.__dict__['_tl_views'] = tuple(views[id(sub)] for sub in self._sublayers)
        return self.__dict__['_tl_views']

    @property
    def labels(self) -> tuple[str, ...]:
        """The path elements of the layers within."""
        return self._tl_labels

    @property
    def programs(self) -> Programs:
        """The functions compiled for this model, common to all its views."""
        return self._tl_programs

    def program(self, name: Any, build: Any) -> Any:
        """Returns the compiled function of that name for this view, built if there is none.

        Args:
          name: anything hashable that tells the function from others of this model.
          build: makes the function.
        """
        return self._tl_programs.get((name, self._tl_policy, self._tl_edits()), build)

    def _tl_edits(self):
        """Counts what was set on definitions after they were made: old functions are stale."""
        return (self._tl_edit, *(sub._tl_edits() for sub in self._sublayers))

    def _tl_view(self, policy):
        view = object.__new__(type(self))
        view.__dict__.update(self.__dict__)
        view.__dict__['_tl_policy'] = policy
        view.__dict__['_tl_memory'] = Memory(self._tl_memory.signature, self._tl_memory.rng)
        view.__dict__.pop('_tl_views', None)
        return view

    def _tl_warn_of_own_modes(self, mode):
        for sub in self._sublayers:
            sub._tl_warn_of_own_modes(mode)
        own = self.__dict__.get('_mode')
        if not self._tl_pure_apply and own not in (None, mode):
            warn(
                f'{self._name} keeps its own mode, {own!r}, and cannot follow as_mode({mode!r}); '
                f'build the model anew with mode={mode!r}',
                ModeWarning,
            )
