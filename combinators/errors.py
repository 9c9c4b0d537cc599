"""What goes wrong, said so that it can be mended: who, expected, got, what to do.

`LayerError` is raised by the innermost layer that fails, once; the layers around it add where
they stood and pass it on. This module knows no layer.
"""

import contextlib
import contextvars
import sys
import traceback
import types
import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import jax

# Raised by jax when traced code asks for a Python value.
_NEEDS_VALUES = (
    jax.errors.ConcretizationTypeError,
    jax.errors.TracerArrayConversionError,
    jax.errors.TracerIntegerConversionError,
    jax.errors.NonConcreteBooleanIndexError,
)


class Site(NamedTuple):
    """The line of the user's file that created a layer."""

    file: str
    line: int

    def __str__(self):
        return f'{self.file}:{self.line}'


# What may stand between a user's line and ours on the call stack.
_NOT_THE_USERS = ('retrax', 'gin', 'jax', 'contextlib')


# A line that stands in no Python file, and the frame that does what it says.
_elsewhere: contextvars.ContextVar[Any] = contextvars.ContextVar('elsewhere', default=(None, None))


@contextlib.contextmanager
def created_at(site: Site) -> Iterator[None]:
    """Makes a line of a config the creation site of the layers that a block makes.

    Lines of the user's code that the block calls are nearer, and stay what they are.
    """
    token = _elsewhere.set((sys._getframe(2), site))  # 1 is contextlib
    try:
        yield
    finally:
        _elsewhere.reset(token)


def creation_site() -> Site:
    """Returns the nearest line on the call stack that is the user's own.

    Modules are told apart by name and not by folder: tests and examples lie inside the folder
    of the package.
    """
    frame: Any = sys._getframe(1)
    block, site = _elsewhere.get()
    while frame.f_back is not None and not _is_users(frame):
        if frame is block:
            return site
        frame = frame.f_back
    return Site(frame.f_code.co_filename, frame.f_lineno)


def _is_users(frame):
    module = frame.f_globals.get('__name__', '').partition('.')[0]
    return module not in _NOT_THE_USERS and not frame.f_code.co_filename.startswith('<frozen')


def shorten(error: Exception) -> None:
    """Takes from an error's traceback what is not the user's own, except where it was raised."""
    frames = list(traceback.walk_tb(error.__traceback__))
    kept = None
    for i, (frame, line) in reversed(list(enumerate(frames))):
        if i == len(frames) - 1 or _is_users(frame):
            kept = types.TracebackType(kept, frame, frame.f_lasti, line)
    error.__traceback__ = kept


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warns at the line of the user's file that led here, so that it is shown once for each."""
    site = creation_site()
    warnings.warn_explicit(message, category, site.file, site.line, registry=_warned)


_warned: dict[Any, Any] = {}


class LayerError(Exception):
    """A layer failed; the exception that it raised is chained as the cause."""

    def __init__(self, layer: str, path: str, site: Site, doing: str, inputs: Any, cause: str):
        self.layer, self.path, self.site, self.doing = layer, path, site, doing
        self.inputs, self.cause = inputs, cause
        self.stack = ''
        super().__init__()

    def __str__(self):
        where = f' at {self.path}' if self.path else ''
        lines = [f'{self.doing} layer {self.layer}{where} failed']
        lines.append(f'  created at: {self.site}')
        lines.append(f'  inputs: {_one_line(self.inputs)}')
        if self.stack:
            lines.append(self.stack)
        lines.append(f'  {self.cause}')
        return '\n'.join(lines)


def _one_line(inputs):
    if isinstance(inputs, tuple | list):
        return '(' + ', '.join(_one_line(x) for x in inputs) + ')'
    return repr(inputs)


class ModeError(ValueError):
    """A mode that does not exist, or modes that contradict each other."""


class StateError(ValueError):
    """A state that belongs to another model, another place in it, or another batch."""


class ModeWarning(UserWarning):
    """A layer that will not do what the mode of its model says."""


def mismatch(what: str, expected: Any, got: Any, fix: str = '') -> ValueError:
    """Returns the error of an input that does not fit, ready to be raised.

    >>> print(mismatch('the last axis', 5, 7, 'Is this the weights of another model?'))
    the last axis: expected 5, got 7. Is this the weights of another model?
    """
    return ValueError(f'{what}: expected {expected}, got {got}.' + (f' {fix}' if fix else ''))


def needs_values(error: BaseException | None) -> bool:
    """Whether code failed because it wants Python values where there are traced ones."""
    while error is not None:
        if isinstance(error, _NEEDS_VALUES):
            return True
        error = error.__cause__ or error.__context__
    return False
