"""The conftest.py beside Trax's test files: trax is retrax, and old names of jax are there."""

import sys
import types
import unittest

import jax
import pytest

from retrax.interop.trax import install

install()

# Trax's tests import `jax.config` as a module, which it was until 2023.
_config = types.ModuleType('jax.config')
_config.config = jax.config
sys.modules['jax.config'] = _config

# One of them takes the class of its tests from TensorFlow, for which that of unittest will do.
_tensorflow = types.ModuleType('tensorflow.compat.v2')
_tensorflow.test = unittest
sys.modules.update(
    dict.fromkeys(('tensorflow', 'tensorflow.compat', 'tensorflow.compat.v2'), _tensorflow)
)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """A test of TensorFlow's backend, which retrax refuses, counts as skipped."""
    report = yield
    if report.failed and 'needs TensorFlow, which retrax does not use' in str(call.excinfo.value):
        report.outcome, report.longrepr = 'skipped', (str(item.path), 0, str(call.excinfo.value))
    return report
