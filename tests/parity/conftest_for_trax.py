"""The conftest.py beside Trax's test files: trax is retrax, and old names of jax are there."""

import sys
import types

import jax

from retrax.interop.trax import install

install()

# Trax's tests import `jax.config` as a module, which it was until 2023.
_config = types.ModuleType('jax.config')
_config.config = jax.config
sys.modules['jax.config'] = _config
