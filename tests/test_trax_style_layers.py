"""Layers as Trax's users write them: forward and init_weights_and_state on self."""

import abc
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import X, ready
from tolerances import assert_close, assert_equal, differs

from retrax import layers as tl


class Scale(tl.Layer):
    """Weights in forward and init_weights_and_state, as in Trax."""

    def init_weights_and_state(self, signature: Any) -> None:
        self.weights = jnp.full(signature.shape[-1:], 2.0)

    def forward(self, x: Any) -> Any:
        return x * self.weights


class Count(tl.Layer):
    """State in forward."""

    def init_weights_and_state(self, signature: Any) -> None:
        self.state = jnp.zeros((), jnp.int32)

    def forward(self, x: Any) -> Any:
        self.state = self.state + 1
        return x + self.state


class Noise(tl.Layer):
    """The key in forward."""

    def forward(self, x: Any) -> Any:
        return x + jax.random.normal(self.rng, x.shape)


class Twice(tl.Dense):
    """A built-in layer with another forward."""

    def forward(self, x: Any) -> Any:
        return 2 * super().forward(x)


class Clipped(tl.Layer):
    """A gradient of its own."""

    def forward(self, x: Any) -> Any:
        return x * 3

    @property
    def has_backward(self) -> bool:
        return True

    def backward(self, inputs, output, grad, weights, state, new_state, rng):
        return jnp.clip(grad, -0.5, 0.5), ()


class Sized(tl.Layer):
    """Works a size out in init and reads it in forward."""

    def init_weights_and_state(self, signature: Any) -> None:
        self._width = signature.shape[-1]

    def forward(self, x: Any) -> Any:
        return x.reshape((-1, self._width))


def in_model(layer: tl.Layer) -> tl.Layer:
    return tl.Serial(tl.Fn('Same', lambda x: x), layer)


@pytest.mark.parametrize('wrap', [lambda layer: layer, in_model])
def test_users_layers_run_alone_and_in_models(wrap: Any) -> None:
    assert_equal(ready(wrap(Scale()))(X), jnp.asarray(2 * X))
    count = ready(wrap(Count()))
    assert [float(count(np.float32(0))) for _ in range(3)] == [1.0, 2.0, 3.0]
    noise = ready(wrap(Noise()))
    assert differs(noise(X), noise(X))
    assert_equal(noise(X, rng=jax.random.PRNGKey(1)), noise(X, rng=jax.random.PRNGKey(1)))
    assert ready(wrap(Sized()))(X).shape == (10, 3)

    twice, once = ready(wrap(Twice(4))), ready(wrap(tl.Dense(4)))
    once.weights = twice.weights
    assert_equal(twice(X), 2 * once(X))

    clipped = ready(wrap(Clipped()))
    gradient = jax.grad(lambda x: clipped(x).sum())(X)
    assert_equal(gradient, jnp.full(X.shape, 0.5))


def test_two_noises_in_a_model_differ() -> None:
    model = ready(tl.Branch(Noise(), Noise()))
    one, two = model(X)
    assert differs(one, two)


def test_users_combinators_call_their_sublayers_purely() -> None:
    class Sum(tl.Layer):
        """Adds up what its sublayers give, in Trax's way."""

        def __init__(self, *layers: tl.Layer):
            super().__init__()
            self._sublayers = layers

        def init_weights_and_state(self, signature: Any) -> None:
            made = [sub.init(signature, use_cache=True) for sub in self.sublayers]
            self.weights = tuple(w for w, _ in made)
            self.state = tuple(s for _, s in made)

        def forward(self, x: Any) -> Any:
            total, states = 0, []
            parts = zip(self.sublayers, self.weights, self.state, strict=True)
            for sub, weights, state in parts:
                y, state = sub.pure_fn(x, weights, state, self.rng)
                total = total + y
                states.append(state)
            self.state = tuple(states)
            return total

    dense = tl.Dense(3)
    model = ready(tl.Serial(Sum(dense, tl.GRU(3, mode='predict'), dense)))
    assert model.weights[0][2] is tl.SHARED
    parts = [ready(tl.Serial(dense)), tl.Serial(tl.GRU(3, mode='eval'))]
    model_weights = model.weights[0]
    parts[1].init(tl.signature(X))
    parts[1].weights = (model_weights[1],)
    dense.weights = model_weights[0]
    expected = 2 * parts[0](X) + parts[1](X)
    steps = [model(X[:, t : t + 1]) for t in range(X.shape[1])]
    assert_close(jnp.concatenate(steps, 1), expected)


class Calls(tl.Layer):
    """Calls its sublayer in forward, or runs it with what it has there."""

    def __init__(self, layer: tl.Layer, purely: bool):
        super().__init__()
        self._sublayers, self._purely = (layer,), purely

    def init_weights_and_state(self, signature: Any) -> None:
        weights, state = self.sublayers[0].init(signature)
        self.weights, self.state = (weights,), (state,)

    def forward(self, x: Any) -> Any:
        (sub,) = self.sublayers
        if not self._purely:
            return sub(x)
        y, sub.state = sub.pure_fn(x, sub.weights, sub.state, self.rng)
        return y


@pytest.mark.parametrize('purely', [False, True])
def test_a_sublayer_in_forward_is_a_part_of_the_call(purely: bool) -> None:
    inner = tl.Serial(tl.GRU(3), tl.Dropout(0.5))
    model = ready(tl.Serial(Calls(inner, purely)))
    expected = inner.as_mode('eval')(X)
    steps = model.as_mode('predict')
    steps.init(tl.signature(X[:, :1]))
    found = [steps(X[:, t : t + 1]) for t in range(X.shape[1])]
    assert_close(jnp.concatenate(found, 1), expected)
    assert_close(model.as_mode('eval')(X), expected)

    def loss(model: tl.Layer, weights: Any) -> Any:
        return model.as_mode('eval')(X, weights=weights).sum()

    given = jax.tree.map(lambda w: w + 0.1, inner.weights)
    wanted = jax.grad(lambda w: loss(inner, w))(given)
    ((got,),) = jax.grad(lambda w: loss(model, w))(((given,),))
    jax.tree.map(assert_close, got, wanted)


def test_has_backward_sees_weights_and_gives_their_gradient() -> None:
    class Custom(Scale):
        @property
        def has_backward(self) -> bool:
            return True

        def backward(self, inputs, output, grad, weights, state, new_state, rng):
            return grad * weights, jnp.full_like(weights, 7.0)

    model = ready(tl.Serial(Custom()))

    def loss(w: Any) -> jax.Array:
        return model.pure_fn(X, w, model.state, jax.random.PRNGKey(0))[0].sum()

    assert_equal(jax.grad(loss)(model.weights), (jnp.full((3,), 7.0),))


def test_a_leaked_tracer_is_an_error() -> None:
    class Leak(tl.Layer):
        def forward(self, x: Any) -> Any:
            self._last = x
            return x

    with pytest.raises(tl.LayerError, match=r'left a traced value in self\._last') as info:
        tl.Serial(tl.Dense(3), Leak())(X)
    assert isinstance(info.value.__cause__, RuntimeError)


def test_a_lost_change_is_a_warning() -> None:
    class Lost(tl.Layer):
        def forward(self, x: Any) -> Any:
            self._calls = 1
            return x

    layer = Lost()
    with pytest.warns(UserWarning, match=r'Lost: forward changed self\._calls; the change is lost'):
        layer(X)
    assert not hasattr(layer, '_calls')


def test_python_values_run_op_by_op_with_one_warning() -> None:
    class Sign(tl.Layer):
        def forward(self, x: Any) -> Any:
            return x if x.sum() > 0 else -x

    model = ready(tl.Serial(tl.Dense(3), Sign()))
    with pytest.warns(UserWarning, match=r'Sign at Sign#1 needs Python values.*jnp\.where') as seen:
        out = model(X)
    assert len(seen) == 1
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        again = model(-X)
    assert out.sum() > 0
    assert again.sum() > 0


def test_numpy_in_forward_runs_op_by_op() -> None:
    class Host(tl.Layer):
        def init_weights_and_state(self, signature: Any) -> None:
            self.weights = jnp.ones(())

        def forward(self, x: Any) -> Any:
            return np.asarray(x) * np.asarray(self.weights)

    with pytest.warns(UserWarning, match='Host needs Python values'):
        out = Host()(X)
    assert isinstance(out, jax.Array)
    assert_equal(out, jnp.asarray(X))


def test_a_root_layer_is_not_run_by_init() -> None:
    class Fails(tl.Layer):
        def forward(self, x: Any) -> Any:
            raise NotImplementedError('not yet')

    layer = Fails()
    layer.init(tl.signature(X))
    with pytest.raises(tl.LayerError, match='NotImplementedError: not yet'):
        layer(X)


def test_the_pure_pair_in_a_users_layer() -> None:
    class Power(tl.Layer):
        def weights_fn(self, signature: Any, context: Any) -> Any:
            return jnp.full((), 2.0)

        def apply_fn(self, x: Any, weights: Any, state: Any, context: Any) -> Any:
            return jnp.abs(x) ** weights, state

    assert_close(tl.Serial(Power())(X), X**2)


def test_the_more_derived_method_wins() -> None:
    class Plain(Twice):
        def apply_fn(self, x: Any, weights: Any, state: Any, context: Any) -> Any:
            return jnp.zeros_like(x), state

    assert_equal(ready(Plain(3))(X), jnp.zeros_like(X))


def test_a_constructor_must_call_super() -> None:
    class Forgets(tl.Layer):
        def __init__(self) -> None:
            pass

    with pytest.raises(TypeError, match=r'did not call super\(\).__init__\(\)'):
        Forgets()


# ------------------------------------------------------------------------- names of one's own


def test_what_a_layer_keeps_for_itself_is_named_so() -> None:
    of_trax = {'_n_in', '_n_out', '_name', '_sublayers', '_sublayers_to_print', '_settable_attrs'}
    of_python = set(dir(abc.ABC)) | {'__orig_bases__'}
    used = ready(tl.Serial(Scale(), tl.BatchNorm()))
    used(X)
    assert used.as_mode('eval').sublayers
    found = set().union(*map(dir, (tl.Layer, tl.RecurrentCell))) | set(vars(used))
    private = {name for name in found if name.startswith('_') and not name.startswith('__')}
    assert {name for name in private - of_python if not name.startswith('_tl_')} == of_trax


def test_a_layer_of_ones_own_may_call_what_it_has_as_it_likes() -> None:
    class Mine(tl.Layer):
        def __init__(self) -> None:
            super().__init__()
            self._cell, self._memory, self._labels, self._label = 1.0, 1.0, ('a',), 'b'
            self._policy, self._definition, self._told, self._kept = 1.0, 1.0, 1.0, 1.0

        def init_weights_and_state(self, signature: Any) -> None:
            self.weights = jnp.full(signature.shape[-1:], 2.0)

        def forward(self, x: Any) -> Any:
            return self._run(self._make(x)) * (self._cell + self._memory)

        def _run(self, x: Any) -> Any:
            return x * self.weights

        def _make(self, x: Any) -> Any:
            return x

    model = ready(tl.Serial(tl.Select([0]), Mine()))
    for view in (model, model.as_mode('predict'), model.with_carry()):
        assert_equal(view(X), 4 * X)


def test_a_function_does_not_hide_one_of_layer() -> None:
    def runs(self: Any, x: Any) -> Any:
        return x

    expected = (
        r'Mine\.run\(self: Any, x: Any\) -> Any hides Layer\.run, which models call with '
        r'\(self, x, weights, state, context\); give yours another name, such as _run'
    )
    with pytest.raises(TypeError, match=expected):
        type('Mine', (tl.Layer,), {'run': runs})
    with pytest.raises(TypeError, match=r'hides Layer\.labels, a value that models read'):
        type('Mine', (tl.Layer,), {'labels': runs})
    with pytest.raises(TypeError, match=r'hides Layer\.run'):
        type('Mine', (tl.Dense,), {'run': runs})
