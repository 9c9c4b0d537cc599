"""Small models for tests of the face, and how often they are traced and compiled."""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from registry import make_loud

from retrax import layers as tl
from retrax import models

X = np.array(np.random.default_rng(0).normal(size=(2, 5, 3)), np.float32)
IDS = np.array([[3, 1, 4, 1, 5], [2, 7, 1, 8, 2]], np.int32)

COMPILED: list[str] = []


def _note(event: str, seconds: float, **_: Any) -> None:
    if event.endswith('backend_compile_duration'):
        COMPILED.append(event)


jax.monitoring.register_event_duration_secs_listener(_note)


@contextlib.contextmanager
def no_compilation() -> Iterator[None]:
    before = len(COMPILED)
    yield
    assert len(COMPILED) == before, f'{len(COMPILED) - before} compilations'


def lm(mode: str | None = None) -> tl.Serial:
    return models.GRULM(11, 6, 2, mode=mode)


def ready_lm(mode: str | None = None) -> tl.Serial:
    model = lm(mode)
    model.init(tl.signature(IDS))
    return make_loud(model)


def counting(traces: list[Any]) -> tl.Layer:
    """The identity; notes each time that Python runs it."""

    def note(x: Any) -> Any:
        traces.append(x)
        return x

    return tl.Fn('Note', note)


def ready(layer: tl.Layer, x: Any = X) -> tl.Layer:
    layer.init(tl.signature(x))
    return layer
