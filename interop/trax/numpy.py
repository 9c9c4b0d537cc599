"""trax.fastmath.numpy: jax.numpy, or NumPy while that backend is chosen."""

from typing import Any

import jax.numpy
import numpy

from .backends import Backend, current


def __getattr__(name: str) -> Any:
    return getattr(numpy if current() is Backend.NUMPY else jax.numpy, name)


def __dir__() -> list[str]:
    return dir(jax.numpy)
