"""retrax.verify on models that break a law: each is named by law and place."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import retrax
from retrax import layers as tl
from retrax.inspection import LawBroken, Report

pytestmark = pytest.mark.usefixtures('compiled_quickly')

FLOATS = tl.ShapeDtype(('b', 't', 3), np.float32)
IDS = tl.ShapeDtype(('b', 't'), np.int32)


class LooksAhead(tl.Layer):
    """Says that it is causal."""

    def apply_fn(self, x, weights, state, context):
        return x - jnp.roll(x, -1, 1), state


class MixesRows(tl.Layer):
    """Says that it does not couple rows."""

    def apply_fn(self, x, weights, state, context):
        return x - x.mean(0), state


class Sum(tl.Layer):
    """A running sum; right."""

    has_memory = True

    def state_fn(self, signature, context):
        shape = (signature.shape[0], signature.shape[-1])
        return jnp.zeros(shape, signature.dtype) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        y = jnp.cumsum(x, 1)
        if not context.steps:
            return y, state
        y = y + state[:, None]
        return y, y[:, -1]


class Forgets(Sum):
    """In predict, its state stays what it was."""

    def apply_fn(self, x, weights, state, context):
        y, new = super().apply_fn(x, weights, state, context)
        return y, state if context.mode == 'predict' else new


class ChangesStructure(Sum):
    """Its state becomes a tuple."""

    def apply_fn(self, x, weights, state, context):
        y, new = super().apply_fn(x, weights, state, context)
        return y, (new,) if context.steps else new


class WidensState(Sum):
    """The dtype of its outputs follows its state, and that is another after a step."""

    def state_fn(self, signature, context):
        shape = (signature.shape[0], signature.shape[-1])
        return jnp.zeros(shape, jnp.bfloat16) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        if not context.steps:
            return x, state
        y = jnp.cumsum(x, 1).astype(state.dtype) + state[:, None]
        return y, y[:, -1].astype(jnp.float32)


class NeedsValues(tl.Layer):
    """Branches in Python on what it computes."""

    def forward(self, x):
        return -x if x.sum() < 0 else x


class Noisy(tl.Layer):
    """Draws from NumPy."""

    def apply_fn(self, x, weights, state, context):
        return x * np.random.default_rng().uniform(0.5, 1.5), state


class DrawsUnsaid(tl.Layer):
    """Draws in train and does not say so."""

    def apply_fn(self, x, weights, state, context):
        if context.mode != 'train':
            return x, state
        return x * jax.random.uniform(context.key(), x.shape), state


class SaysThatItDraws(tl.Layer):
    """Does not."""

    draws = ('train',)

    def apply_fn(self, x, weights, state, context):
        return x, state


class SaysThatItLooksAhead(tl.Layer):
    """Does not."""

    is_causal = False

    def apply_fn(self, x, weights, state, context):
        return x, state


class NaNGradient(tl.Layer):
    """The usual trap: the branch that is not taken has a gradient, and 0 times it is NaN."""

    def apply_fn(self, x, weights, state, context):
        return jnp.where(x > 0, jnp.sqrt(x), 0.0), state


class WrongBackward(tl.Layer):
    """Says that the derivative of x^2 is x."""

    def forward(self, x):
        return x * x

    @property
    def has_backward(self):
        return True

    def backward(self, inputs, output, grad, weights, state, new_state, rng):
        return grad * inputs, weights


class Counts(tl.Layer):
    """Its weights follow how often they were made."""

    made = 0

    def weights_fn(self, signature, context):
        type(self).made += 1
        return jnp.full((3,), type(self).made, jnp.float32)

    def apply_fn(self, x, weights, state, context):
        return x * weights, state


BROKEN = [
    (LooksAhead, 'looks ahead only if declared', 'other inputs from step'),
    (LooksAhead, 'predict steps are the eval pass', 'chunks of [1, 1, 1, 1, 1, 1] give'),
    (MixesRows, 'a batch is its rows', 'vmap over rows gives'),
    (MixesRows, 'rows are independent', 'another row 0 gives'),
    (Forgets, 'predict steps are the eval pass', 'chunks of [1, 1, 1, 1, 1, 1] give'),
    (ChangesStructure, 'a step keeps the kind of state', 'another structure: [1][0].value[0]'),
    (WidensState, 'a step keeps the kind of state', 'expected bfloat16'),
    (WidensState, 'promised shapes are actual', 'promised'),
    (NeedsValues, 'compiling changes nothing', 'it needs Python values'),
    (Noisy, 'the same seed gives the same', 'a second call with the same key'),
    (DrawsUnsaid, 'what draws is declared', 'another key gives'),
    (NaNGradient, 'gradients are the numerical ones', 'not finite'),
    (WrongBackward, 'gradients are the numerical ones', 'numerically'),
]


@pytest.fixture(scope='module')
def reports() -> dict[type, Report]:
    return {}


@pytest.mark.filterwarnings('ignore:.*needs Python values')
@pytest.mark.parametrize(('layer', 'law', 'says'), BROKEN)
def test_a_broken_layer_is_named(
    reports: dict[type, Report], layer: Any, law: str, says: str
) -> None:
    if layer not in reports:
        model = tl.Serial(tl.Dense(3), tl.Serial(layer()))
        reports[layer] = retrax.verify(model, FLOATS)
    report = reports[layer]
    assert not report.ok
    finding = report[law]
    assert finding.verdict == 'broken'
    assert says in finding.measured
    assert re.fullmatch(
        rf'Serial#1/{layer.__name__}#1 \((.*/)?test_verify\.py:\d+\)', finding.where
    )
    with pytest.raises(
        LawBroken, match=rf'\n    at Serial#1/{layer.__name__}#1 \((.*/)?test_verify'
    ):
        report.raise_if_broken()


@pytest.mark.parametrize(
    ('layer', 'law', 'says'),
    [
        (SaysThatItDraws, 'what draws is declared', 'says that it does draw, but was not seen to'),
        (SaysThatItLooksAhead, 'looks ahead only if declared', 'look ahead, but was not seen to'),
        (Counts, 'the same seed gives the same', 'weights of the same seed'),
    ],
)
def test_what_one_layer_says_must_be_seen(layer: Any, law: str, says: str) -> None:
    finding = retrax.verify(layer(), FLOATS)[law]
    assert finding.verdict == 'broken'
    assert says in finding.measured
