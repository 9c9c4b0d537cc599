"""retrax.dependence: which steps of which inputs an output depends on."""

from typing import Any

import numpy as np
import pages
import pytest

import retrax
from retrax import layers as tl
from retrax import models

pytestmark = pytest.mark.usefixtures('compiled_quickly')

IDS = tl.ShapeDtype(('b', 't'), np.int32)
FLOATS = tl.ShapeDtype(('b', 't', 3))


def test_a_language_model_does_not_see_the_present() -> None:
    found = retrax.dependence(models.GRULM(7, 4, 1), IDS)
    assert (found.seen[0, 0] == np.tri(6, k=-1, dtype=bool)).all()
    assert not found.looks_ahead
    assert not found.sees_now


def test_a_tagger_sees_all() -> None:
    model = tl.Serial(tl.Embedding(7, 4), tl.Bidirectional(tl.GRU(3)), tl.Dense(2))
    found = retrax.dependence(model, IDS)
    assert found.seen[0, 0].all()
    assert found.looks_ahead
    assert 'output t depends on inputs after t' in str(found)


@pytest.mark.parametrize(
    ('pool', 'steps'),
    [(lambda x: x[:, 0], [0]), (lambda x: x[:, -2:].max(1), [4, 5]), (lambda x: 0 * x[:, 0], [])],
)
def test_a_pooling_tells_what_it_reads(pool: Any, steps: list[int]) -> None:
    found = retrax.dependence(tl.Fn('Pool', pool), FLOATS)
    assert found.seen[0, 0].shape == (1, 6)
    assert found.steps() == steps


def test_a_relu_hides_nothing_and_inputs_are_told_apart() -> None:
    model = tl.Parallel(tl.Fn('Relu', lambda x: x.clip(0)), tl.Fn('Rest', lambda x: x[..., :1]))
    found = retrax.dependence(model, (FLOATS, FLOATS))
    for output in range(2):
        assert (found.seen[output, output] == np.eye(6, dtype=bool)).all()
        assert not found.seen[output, 1 - output].any()


def test_the_page_of_laws() -> None:
    assert pages.run('docs/laws.md') == 2
