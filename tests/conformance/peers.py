"""Other frameworks, where they are installed; where they must be, their absence is a failure."""

import importlib
import os
from typing import Any

import pytest

os.environ.setdefault('KERAS_BACKEND', 'jax')  # Keras reads it when it is imported


def peer(name: str) -> Any:
    """Returns a module of another framework, or skips the tests of the file that asks for it.

    Where RETRAX_PEERS is set, as in CI, it is imported whatever happens.
    """
    if os.environ.get('RETRAX_PEERS'):
        return importlib.import_module(name)
    return pytest.importorskip(name, reason=f'{name} is not installed: pip install -e .[peers]')
