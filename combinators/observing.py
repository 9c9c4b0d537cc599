"""Observing: being told of each layer while a model is made or run, without touching the model.

An observer sees what Python sees: inside of a trace its arrays are traced ones.
"""

import contextlib
import contextvars
from collections.abc import Iterator
from typing import Any

from .context import Context


class Observer:
    """What may be told; override what you want to hear."""

    def made(self, layer: Any, context: Context, inputs: Any, made: tuple[Any, Any, Any]) -> None:
        """A layer was initialised; `made` is (weights, state, output signature)."""

    hears_names = False  # whether `named` is wanted: steps are then run so that it can be told

    def generalised(self, outputs: Any) -> None:
        """The next layer in `made` does not run with names for sizes; numbers were tried."""

    def before(self, layer: Any, context: Context, x: Any) -> None:
        """A layer is about to run on `x`."""

    def after(self, layer: Any, context: Context, weights: Any, y: Any) -> None:
        """A layer, and those within it, ran and gave `y`."""

    def named(self, layer: Any, context: Context, values: Any) -> None:
        """A recurrent layer ran; `values` has what its steps name, over all of them, by name."""


_NOBODY = Observer()
_OBSERVER: contextvars.ContextVar[Observer] = contextvars.ContextVar('observer', default=_NOBODY)


def observer() -> Observer:
    """Returns who observes; somebody who ignores everything, if nobody does."""
    return _OBSERVER.get()


def observed() -> bool:
    """Whether somebody observes."""
    return observer() is not _NOBODY


@contextlib.contextmanager
def observing(who: Observer) -> Iterator[None]:
    """Lets `who` observe the models that are made or run in a block of code."""
    token = _OBSERVER.set(who)
    try:
        yield
    finally:
        _OBSERVER.reset(token)
