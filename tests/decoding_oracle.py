"""A slow oracle for generate, and models to try it on.

For each token the oracle runs the eval pass over the whole text, padded with zeros, and draws with
jax.random's own functions. It has no state, no predict mode and no chunks.
"""

import json
import pathlib
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrax import layers as tl
from retrax.models import GRULM, TransformerLM

VOCAB = 11
IDS = tl.ShapeDtype((1, 1), np.int32)
GOLDEN = json.loads(pathlib.Path(__file__).with_name('golden_decoding.json').read_text())


def with_weights(model: tl.Layer, seed: int = 0, scale: float = 1.5, inputs: Any = IDS) -> tl.Layer:
    """Initialises a model with weights that are large enough for texts that vary."""
    model.init(inputs)
    random = np.random.RandomState(seed)
    model.weights = jax.tree.map(
        lambda w: jnp.asarray(random.uniform(-scale, scale, w.shape), w.dtype), model.weights
    )
    return model


def golden_model(case: str) -> tl.Layer:
    """The model that Trax decoded with, for a case of GOLDEN."""
    golden = GOLDEN[case]
    model = GRULM(golden['vocab_size'], golden['d_model'], golden['n_layers'])
    model.init(IDS)
    leaves, structure = jax.tree.flatten(model.weights)
    limits = golden['weight_lims']
    limits = limits if isinstance(limits, list) else [limits] * len(leaves)
    random = np.random.RandomState(golden['weight_seed'])
    drawn = [
        jnp.asarray(random.uniform(-limit, limit, size=leaf.shape), jnp.float32)
        for limit, leaf in zip(limits, leaves, strict=True)
    ]
    model.weights = jax.tree.unflatten(structure, drawn)
    return model


def slow_generate(
    model, prompt, n_tokens, temperature=0.0, seed=0, row_ids=None, allow=None, step=64
):
    """Returns what generate must return.

    `allow` maps scores and the text so far to scores. Texts are padded to multiples of `step`, so
    that few lengths, and few programs, are compiled.
    """
    prompt = np.atleast_2d(np.asarray(prompt, np.int32))
    batch_size, start = prompt.shape
    ids = range(batch_size) if row_ids is None else row_ids
    n_places = -(-(start + n_tokens) // step) * step
    text = np.zeros((batch_size, n_places), np.int32)
    text[:, :start] = prompt
    evaluate = model.as_mode('eval')
    # Without ShiftRight the scores of token i are those that follow token i - 1.
    shift = 0 if model.start_id is not None else 1
    for position in range(start, start + n_tokens):
        scores = evaluate(text)[:, position - shift]
        for row, row_id in enumerate(ids):
            allowed = scores[row]
            if allow is not None:
                allowed = jnp.asarray(allow(np.asarray(allowed), text[row, :position]), jnp.float32)
            text[row, position] = _draw(allowed, temperature, seed, row_id, position)
    return text[:, start : start + n_tokens]


def _draw(scores, temperature, seed, row_id, position):
    if temperature == 0:
        return np.argmax(scores)
    return _drawn(jax.random.PRNGKey(seed), row_id, position, scores / temperature)


@jax.jit
def _drawn(key, row_id, position, scores):
    fold = jax.random.fold_in
    return jax.random.categorical(fold(fold(key, row_id), position), scores)


def gru_lm() -> tl.Layer:
    """The mode goes to ShiftRight only, as in the courses; here even that is left out."""
    return GRULM(VOCAB, 8, 2)


def told_train() -> tl.Layer:
    return GRULM(VOCAB, 8, 2, mode='train')


def logits() -> tl.Layer:
    return tl.Serial(tl.ShiftRight(), tl.Embedding(VOCAB, 6), tl.GRU(9), tl.Dense(VOCAB))


def without_shift() -> tl.Layer:
    return tl.Serial(tl.Embedding(VOCAB, 6), tl.GRU(9), tl.Dense(VOCAB), tl.LogSoftmax())


def without_state() -> tl.Layer:
    return tl.Serial(tl.ShiftRight(), tl.Embedding(VOCAB, 6), tl.Dense(VOCAB), tl.LogSoftmax())


def residual() -> tl.Layer:
    return tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(VOCAB, 6),
        tl.Residual(tl.GRU(6)),
        tl.Branch(tl.GRU(6), None),
        tl.Concatenate(),
        tl.Dense(VOCAB),
    )


def shared() -> tl.Layer:
    gru = tl.GRU(6)
    return tl.Serial(tl.ShiftRight(), tl.Embedding(VOCAB, 6), gru, gru, tl.Dense(VOCAB))


def scan() -> tl.Layer:
    start = tl.Fn('Start', lambda x: (x, jnp.zeros((x.shape[0], 6))), n_out=2)
    return tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(VOCAB, 6),
        start,
        tl.Scan(tl.GRUCell(6), axis=1),
        tl.Select([0], n_in=2),
        tl.Dense(VOCAB),
    )


class UserSum(tl.Layer):
    """Written as Trax users write: the sum of what came before, kept in self.state."""

    has_memory = True

    def forward(self, x):
        total = jnp.cumsum(x, axis=1)
        if self._tl_running_context().mode == 'predict':
            total = total + self.state[:, None]
            self.state = total[:, -1]
        return jnp.sin(total)

    def init_weights_and_state(self, signature):
        self.state = jnp.zeros((signature.shape[0], signature.shape[2]), signature.dtype)


def user_layer() -> tl.Layer:
    return tl.Serial(tl.ShiftRight(), tl.Embedding(VOCAB, 6), UserSum(), tl.Dense(VOCAB))


def transformer() -> tl.Layer:
    return TransformerLM(VOCAB, 8, 12, n_layers=2, n_heads=2, max_len=128)


MODELS = [
    gru_lm,
    told_train,
    logits,
    without_shift,
    without_state,
    residual,
    shared,
    scan,
    user_layer,
    transformer,
]
