"""trax.layers.test_utils: checks that people run on their own models.

A `model_fn` takes `mode` and returns a model. All raise AssertionError.
"""

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import jax
import numpy as np

from ... import layers as tl
from .mock_lm import MockTransformerLM

ModelFn = Callable[..., tl.Layer]


def test_eval_is_deterministic(inp: Any, model_fn: ModelFn, message: str = '') -> None:
    """Checks that two models of equal weights give equal outputs in 'eval'."""
    one, two = _with_equal_weights(model_fn(mode='eval'), model_fn(mode='eval'), inp)
    for a, b in zip(jax.tree.leaves(one(inp)), jax.tree.leaves(two(inp)), strict=True):
        np.testing.assert_array_almost_equal(a, b, 5, f'eval is not deterministic. {message}')


def test_eval_equals_predict(
    inp: Any,
    model_fn: ModelFn,
    seq_axis: int = 1,
    seq_tensor: int | None = None,
    init_tokens: int = 3,
    message: str = '',
) -> None:
    """Checks that 'predict', given a first chunk and then single steps, gives what 'eval' gives.

    Args:
      inp: the input: an array, or a tuple of which `seq_tensor` is stepped through.
      model_fn: makes the model.
      seq_axis: the axis of time.
      seq_tensor: which input is stepped through, if there are several.
      init_tokens: the length of the first chunk.
      message: ends the text of an error.
    """
    whole, stepping = _with_equal_weights(model_fn(mode='eval'), model_fn(mode='predict'), inp)
    expected = jax.tree.leaves(whole(inp))
    length = (inp if seq_tensor is None else inp[seq_tensor]).shape[seq_axis]
    ends = [init_tokens, *range(init_tokens + 1, length + 1)]
    for start, end in zip([0, *ends], ends, strict=False):
        cut = partial(np.take, indices=range(start, end), axis=seq_axis)
        x = cut(inp) if seq_tensor is None else _replaced(inp, seq_tensor, cut(inp[seq_tensor]))
        for a, b in zip(expected, jax.tree.leaves(stepping(x)), strict=True):
            text = f'predict differs from eval at {start}:{end} of {length}. {message}'
            np.testing.assert_array_almost_equal(cut(np.asarray(a)), b, 5, text)


def test_eval_equals_predict_configs(
    inp: Any,
    model_fn: ModelFn,
    configs: Iterable[dict[str, Any]],
    seq_axis: int = 1,
    seq_tensor: int | None = None,
    message: str = '',
) -> None:
    """Checks test_eval_equals_predict with each of `configs` given to `model_fn`."""
    for config in configs:
        test_eval_equals_predict(
            inp,
            partial(model_fn, **config),
            seq_axis,
            seq_tensor,
            message=f'Config: {config}. {message}',
        )


def test_eval_equals_predict_discrete(
    model_fn: ModelFn, vocab_size: int = 10, length: int = 5, batch_size: int = 3
) -> None:
    """Checks that a language model, fed with its start id and then tokens, steps as it reads."""
    tokens = np.random.default_rng(0).integers(vocab_size, size=(batch_size, length))
    whole, stepping = _with_equal_weights(
        model_fn(mode='eval', vocab_size=vocab_size),
        model_fn(mode='predict', vocab_size=vocab_size),
        tokens[:, :1],
    )
    expected = whole(tokens)
    fed = np.pad(tokens, ((0, 0), (1, 0)))
    for i in range(length):
        np.testing.assert_array_almost_equal(expected[:, i], stepping(fed[:, i : i + 1])[:, 0], 5)


def _with_equal_weights(one, two, x):
    one.init(tl.signature(x))
    two.init(tl.signature(x))
    two.weights = one.weights
    return one, two


def _replaced(xs, index, x):
    return (*xs[:index], x, *xs[index + 1 :])


__all__ = [
    'MockTransformerLM',
    'test_eval_equals_predict',
    'test_eval_equals_predict_configs',
    'test_eval_equals_predict_discrete',
    'test_eval_is_deterministic',
]
