"""Trax's choice of a backend. Layers here compute with jax whatever is chosen.

What is left of the choice: `trax.fastmath.numpy` is NumPy while 'numpy' is chosen, and the
questions after the backend's name are answered.
"""

import contextlib
import enum
from collections.abc import Iterator


class Backend(enum.Enum):
    """The backends that Trax names."""

    JAX = 'jax'
    TFNP = 'tensorflow-numpy'
    NUMPY = 'numpy'


_default: list[Backend] = [Backend.JAX]
_chosen: list[Backend] = []  # by `use_backend`, innermost last


def current() -> Backend:
    """Returns the backend in use."""
    return (_default + _chosen)[-1]


def set_backend(name: str | Backend | None) -> None:
    """Chooses a backend for good; None means 'jax'."""
    _default[:] = [_checked(name or Backend.JAX)]


@contextlib.contextmanager
def use_backend(name: str | Backend) -> Iterator[None]:
    """Chooses a backend for the block below.

    Raises:
      ValueError: Trax has no such backend.
      NotImplementedError: it is TensorFlow's.
    """
    _chosen.append(_checked(name))
    try:
        yield
    finally:
        _chosen.pop()


def backend_name() -> str:
    """Returns the name of the backend in use."""
    return current().value


def is_backend(backend: Backend) -> bool:
    """Whether `backend` is in use."""
    return current() is backend


def _checked(name):
    try:
        backend = Backend(name)
    except ValueError:
        raise ValueError(f"no backend is called {name!r}; there are 'jax' and 'numpy'") from None
    if backend is Backend.TFNP:
        raise NotImplementedError(
            f"the backend {backend.value!r} needs TensorFlow, which retrax does not use; use 'jax'"
        )
    return backend


__all__ = ['Backend', 'backend_name', 'is_backend', 'set_backend', 'use_backend']
