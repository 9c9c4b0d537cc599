"""Modes and precision: who is told, who follows, and what cannot."""

import functools
import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from small_models import IDS, X, lm, ready, ready_lm
from tolerances import assert_close, assert_equal, differs

from retrax import combinators
from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

# ------------------------------------------------------------------------------------------- modes


def test_untold_layers_follow_the_one_that_was_told() -> None:
    model = ready_lm('predict')
    assert model.mode == 'predict'
    assert lm().mode == 'train'
    assert lm('eval').mode == 'eval'
    expected = ready_lm('eval')(IDS)
    fed = np.pad(IDS, ((0, 0), (1, 0)))[:, :-1]
    steps = [model(fed[:, t : t + 1]) for t in range(5)]
    assert_close(jnp.concatenate(steps, 1), expected)


def test_as_mode_beats_what_layers_were_told() -> None:
    model = ready_lm('predict').as_mode('eval')
    assert model.mode == 'eval'
    assert_equal(model(IDS), ready_lm('eval')(IDS))


def test_explicit_eval_inside_predict_does_not_step() -> None:
    model = ready(tl.Serial(tl.GRU(3, mode='predict'), tl.GRU(3, mode='eval')))
    assert model.mode == 'predict'
    first = model(X)
    second = model(X)
    reference = ready(tl.GRU(3))
    reference.weights = model.weights[1]
    assert_close(first, reference(model.sublayers[0].as_mode('eval')(X)))
    assert len(jax.tree.leaves(model.state)) == 1
    assert differs(first, second)


def two_inputs(first: tl.Layer, second: tl.Layer) -> tl.Layer:
    return tl.Serial(tl.Parallel(first, second), tl.Concatenate())


def test_in_a_model_with_several_inputs_untold_layers_do_not_step_and_are_named() -> None:
    model = two_inputs(tl.GRU(3), tl.GRU(4, mode='predict'))
    with pytest.warns(tl.ModeWarning, match=r'has 2 inputs.*start anew.*: GRU_3\. '):
        model.init(tl.signature((X, X)))
    with pytest.warns(tl.ModeWarning):
        one = model((X, X))
    with warnings.catch_warnings():
        warnings.simplefilter('error')  # one warning is enough
        two = model((X, X))
    assert_equal(one[..., :3], two[..., :3])
    assert differs(one[..., 3:], two[..., 3:])


def test_in_mode_says_that_a_part_rests_and_ends_the_warning() -> None:
    encoder = tl.InMode(tl.GRU(3), predict='eval')
    model = ready(two_inputs(encoder, tl.GRU(4, mode='predict')), (X, X))
    one, two = model((X, X)), model((X, X))
    assert_equal(one[..., :3], two[..., :3])
    assert differs(one[..., 3:], two[..., 3:])


def test_as_mode_leaves_pinned_parts_alone() -> None:
    model = ready(tl.Serial(tl.InMode(tl.Dropout(0.5), eval='train'), tl.Dropout(0.5)))
    train, evaluate = model(X), model.as_mode('eval')(X)
    assert 0 < float((evaluate == 0).mean()) < float((train == 0).mean())
    pinned = ready(tl.Serial(tl.InMode(tl.GRU(3), predict='eval'))).as_mode('predict')
    assert jax.tree.leaves(pinned.state) == []
    assert_equal(pinned(X), pinned(X))


def test_a_resting_part_does_not_carry() -> None:
    model = tl.Serial(tl.InMode(tl.GRU(3), predict='eval'), tl.GRU(3))
    view = ready(model).with_carry().as_mode('predict')
    view(X)
    assert len(jax.tree.leaves(view.state)) == 1


class OwnMode(tl.Layer):
    """Stores its own mode, as many a layer in the wild does."""

    def __init__(self, mode: str = 'train'):
        super().__init__()
        self._mode = mode

    def forward(self, x: Any) -> Any:
        return x if self._mode == 'predict' else 2 * x


def test_a_layer_that_keeps_its_own_mode_cannot_follow_and_says_so() -> None:
    model = ready(tl.Serial(tl.Dense(3), OwnMode()))
    with pytest.warns(tl.ModeWarning, match=r"OwnMode keeps its own mode, 'train'.*as_mode\('pred"):
        model.as_mode('predict')
    model.as_mode('train')


def test_a_layers_own_mode_counts_as_told_where_it_is_not_the_default() -> None:
    assert tl.Serial(tl.GRU(3), OwnMode('predict')).mode == 'predict'
    assert tl.Serial(tl.GRU(3, mode='eval'), OwnMode()).mode == 'eval'
    with pytest.raises(tl.ModeError):
        tl.Serial(tl.GRU(3, mode='train'), OwnMode('predict'))


# ------------------------------------------------------------------------------------ precision


def test_precision_is_a_policy_and_changes_no_dtype() -> None:
    model = ready_lm()
    exact = model(IDS)
    for precision in tl.PRECISIONS:
        out = model.with_precision(precision)(IDS)
        assert out.dtype == jnp.float32
        assert_close(out, exact, 2000 if precision == 'bf16' else 1)
    assert differs(model.with_precision('bf16')(IDS), exact)
    with pytest.raises(ValueError, match=r"precision must be one of .* got 'half'"):
        model.with_precision('half')


def test_a_provider_fills_arguments(monkeypatch: pytest.MonkeyPatch) -> None:
    from retrax.combinators import construction

    monkeypatch.setattr(construction, '_providers', [])
    combinators.add_provider(lambda cls, args, kwargs: {'use_bias': False, **kwargs})
    assert len(jax.tree.leaves(ready(tl.Dense(3)).weights)) == 1
    assert len(jax.tree.leaves(ready(tl.Dense(3, use_bias=True)).weights)) == 2


@pytest.mark.parametrize('base', [False, True])
def test_what_a_decorator_of_a_class_fills_in_is_its_definition(base: bool) -> None:
    """gin.configurable fills arguments inside the constructor, where no caller sees them."""
    factors = {}

    def filling(cls: Any) -> Any:
        plain = cls.__init__

        @functools.wraps(plain)
        def init(self: Any, *args: Any, **kwargs: Any) -> None:
            plain(self, *args, **{**factors, **kwargs})

        cls.__init__ = init
        return cls

    @filling
    class Times(tl.Layer):
        def __init__(self, factor: float = 1.0, name: str | None = None) -> None:
            super().__init__(name=name)
            self._factor = factor

        def forward(self, x: Any) -> Any:
            return self._factor * x

    class TimesAlways(Times):
        def __init__(self) -> None:
            super().__init__()

    make = TimesAlways if base else Times
    one = make()._tl_fingerprint
    assert make()._tl_fingerprint == one
    factors['name'] = 'another'
    assert make()._tl_fingerprint == one
    factors['factor'] = 5.0
    assert make()._tl_fingerprint != one
    assert base or make()._tl_fingerprint == Times(factor=5.0)._tl_fingerprint


def test_a_scan_alone_is_no_model_of_several_inputs() -> None:
    """It has carries as inputs; as_mode makes it step without a warning."""
    scan = ready(tl.Scan(tl.GRUCell(4), axis=1), (X, np.zeros((2, 4), np.float32)))
    stepping = scan.as_mode('predict')
    whole, _ = scan((X, np.zeros((2, 4), np.float32)))
    parts = [stepping((X[:, i : i + 1], np.zeros((2, 4), np.float32)))[0] for i in range(5)]
    assert_close(np.concatenate(parts, 1), whole)


def test_warnings_point_at_the_users_line() -> None:
    two = tl.Serial(tl.Parallel(tl.GRU(3), tl.GRU(3)), tl.Add())
    view = two.as_mode('predict')
    with pytest.warns(tl.ModeWarning) as caught:
        view((X, X))
    assert {w.filename for w in caught} == {__file__}
