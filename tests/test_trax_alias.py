"""`import trax` gives retrax, and says what is not there."""

import importlib
import subprocess
import sys
import types

import numpy as np
import pytest

import retrax
from retrax import layers as tl
from retrax.interop.trax import install, uninstall
from retrax.interop.trax.names import LISTED, MODULES


@pytest.fixture(autouse=True)
def alias():
    install()
    yield
    uninstall()


def test_every_module_that_it_names_imports_and_has_what_it_lists():
    for name in MODULES:
        module = importlib.import_module(name)
        assert module.__name__ == name
        assert LISTED[name]
        for listed in dir(module):
            assert hasattr(module, listed), f'{name}.{listed}'


def test_the_layers_are_those_of_retrax():
    from trax import layers as tl_of_trax
    from trax.layers import base, combinators
    from trax.layers.core import Dense

    assert tl_of_trax.Dense is Dense is tl.Dense
    assert base.Layer is tl.Layer
    assert combinators.Serial is tl.Serial
    assert set(tl.__all__) <= set(dir(tl_of_trax))


def test_every_name_is_listed_where_trax_has_it():
    """A layer under a module that lists it, so that `dir` and `import *` are those of Trax."""
    import trax.layers.core

    assert {'Dense', 'Embedding'} <= set(dir(trax.layers.core)) <= set(LISTED['trax.layers.core'])


def test_numpy_is_jax_until_numpy_is_asked_for():
    import jax.numpy
    import trax.fastmath.numpy as jnp
    from trax import fastmath
    from trax.fastmath import numpy as the_same

    assert jnp is the_same is fastmath.numpy
    assert jnp.exp is jax.numpy.exp
    with fastmath.use_backend('numpy'):
        assert jnp.exp is np.exp
        assert fastmath.backend_name() == 'numpy'
        with fastmath.use_backend(fastmath.Backend.JAX):
            assert fastmath.is_backend(fastmath.Backend.JAX)
    assert jnp.exp is jax.numpy.exp


def test_a_backend_that_is_not_there():
    from trax import fastmath

    with pytest.raises(NotImplementedError, match='needs TensorFlow, which retrax does not use'):
        fastmath.use_backend(fastmath.Backend.TFNP).__enter__()
    with pytest.raises(ValueError, match="no backend is called 'torch'; there are 'jax' and"):
        fastmath.set_backend('torch')
    assert fastmath.backend_name() == 'jax'


@pytest.mark.parametrize('name', ['GRULM', 'RNNLM'])
def test_recurrent_language_models_give_logits(name):
    import trax

    model = getattr(trax.models, name)(vocab_size=11, d_model=4, n_layers=2, mode='eval')
    reference = getattr(retrax.models, name)(11, 4, 2, mode='eval')
    x = np.arange(6).reshape(2, 3)
    model.init(trax.shapes.signature(x))
    reference.init(tl.signature(x))
    reference.weights = (*model.weights, ())
    logits = np.asarray(model(x), np.float64)
    shifted = logits - logits.max(-1, keepdims=True)
    expected = shifted - np.log(np.exp(shifted).sum(-1, keepdims=True))
    assert abs(logits.sum() - expected.sum()) > 1
    np.testing.assert_allclose(reference(x), expected, atol=1e-5)


def test_signatures_of_both_sides_are_equal():
    from trax.shapes import ShapeDtype

    assert ShapeDtype((2, 3)) == tl.ShapeDtype((2, 3))
    assert tl.ShapeDtype((2, 3)) == ShapeDtype([2, 3])
    assert hash(ShapeDtype((2, 3))) == hash(tl.ShapeDtype((2, 3)))
    assert ShapeDtype((2, 3)) != ShapeDtype((2, 3), np.int32)
    assert ShapeDtype((2, 3)).replace(dtype=np.int32) == ShapeDtype((2, 3), np.int32)


@pytest.mark.parametrize(
    ('code', 'error', 'text'),
    [
        (
            'import trax.layerz',
            ImportError,
            r"'trax' has no name 'layerz'.*mean layers.*modules of trax that.*: .*trax\.layers",
        ),
        ('from trax.layers.base import Lay', ImportError, 'Did you mean Layer'),
        ('from trax.layers import LSHSelfAttention', ImportError, r'LSHSelfAttention is a name of'),
        ('import trax.rl.training', ImportError, r'trax\.rl is a name.*The modules of trax that'),
        ('from trax.layers.research.efficient_attention import LSHFF', ImportError, 'LSHFF'),
        ('trax.layers.Danse', AttributeError, 'Trax 1.4.1 nor in retrax. Did you mean Dense'),
        ('trax.layers.LSHSelfAttention', AttributeError, 'name of Trax 1.4.1 that retrax does not'),
    ],
)
def test_what_is_not_there_is_told(code, error, text):
    import trax

    with pytest.raises(error, match=text):
        exec(code, {'trax': trax})


def test_the_real_trax_is_not_overwritten(monkeypatch):
    uninstall()
    monkeypatch.setitem(sys.modules, 'trax', types.ModuleType('trax'))
    with pytest.raises(ImportError, match=r'Trax itself is imported already.*before the first'):
        install()


def test_uninstall_leaves_nothing():
    importlib.import_module('trax.layers')
    assert 'trax.layers' in sys.modules
    uninstall()
    assert not [name for name in sys.modules if name.split('.')[0] == 'trax']
    with pytest.raises(ModuleNotFoundError, match="No module named 'trax'"):
        importlib.import_module('trax')


def test_no_tensorflow():
    code = (
        'import sys; from retrax.interop.trax import install; install(); import trax; '
        "trax.layers.Dense, trax.models.GRULM; sys.exit('tensorflow' in sys.modules)"
    )
    assert subprocess.run([sys.executable, '-c', code]).returncode == 0
