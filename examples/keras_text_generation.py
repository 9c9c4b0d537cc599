# %% [markdown]
# # Generating text, states in and out
#
# A Keras tutorial writes text one character at a time and passes the state of its GRU in and out
# by hand. Those who added a second GRU got the places wrong: layer 1's state went into layer 2,
# shapes agreed, nothing was said, and the text was noise. Here the state of the whole model is one
# value; its parts know where they belong; and how many outputs a layer has is fixed when the model
# is composed.
#
# `python examples/keras_text_generation.py [FILE]`

# %%
import sys
import time

import jax
import numpy as np

import retrax
from retrax import data
from retrax import layers as tl

SOURCE = sys.argv[1] if __name__ == '__main__' and len(sys.argv) == 2 else 'python_docs'
STEPS = 200
text, held_out = data.split(data.load(SOURCE).text)
vocabulary = data.CharVocabulary.fit(text)


def model_of(n_layers, n_units):
    """The tutorial's model: no ShiftRight, so a text begins with a character of yours."""
    return tl.Serial(
        tl.Embedding(vocabulary.size, 64),
        [tl.GRU(n_units) for _ in range(n_layers)],
        tl.Dense(vocabulary.size),
    )


# %% [markdown]
# ## Targets are the next characters
#
# Batches are tuples: inputs, targets, weights. The loss takes logits.

# %%
ids = vocabulary.encode(text)


def batches(seed=0, batch_size=32, length=64):
    random = np.random.default_rng(seed)
    while True:
        starts = random.integers(0, len(ids) - length - 1, batch_size)
        rows = ids[starts[:, None] + np.arange(length + 1)]
        yield rows[:, :-1], rows[:, 1:], np.ones((batch_size, length), np.float32)


model = model_of(n_layers=2, n_units=128)
history = retrax.fit(
    *(model, batches(), STEPS),
    loss=tl.CrossEntropyLossWithLogSoftmax(),
    optimizer=retrax.training.Adam(4e-3),
    log_every=STEPS // 2,
)
print(' '.join(f'{loss:.2f}' for loss in history.losses))

# %% [markdown]
# ## One value for all states
#
# In predict mode a step takes the state of the model and gives the next one.

# %%
predict = model.as_mode('predict')
state = predict.new_state(batch_size=2)
prompt = np.stack([vocabulary.encode('The '), vocabulary.encode('Ret ')])
logits, state = predict.pure_fn(prompt, predict.weights, state, None)
one_step = jax.jit(lambda x, state: predict.pure_fn(x, predict.weights, state, None))
for _ in range(3):
    token = np.asarray(logits[:, -1:].argmax(axis=-1))
    logits, state = one_step(token, state)
print(jax.tree.map(lambda part: part.shape, state))

# %% [markdown]
# What went wrong there is refused here, though the shapes agree. So is a state that is not whole.

# %%
embedding, first, second, dense = state
for wrong in ((embedding, second, first, dense), (embedding, first, (), dense)):
    try:
        predict.state = wrong
    except retrax.combinators.StateError as error:
        print(error)

# %% [markdown]
# ## States as outputs of the model
#
# `return_state` is part of a layer's definition: this GRU has two outputs, whatever it is called
# with.

# %%
encoder = tl.Recurrent(tl.GRUCell(8), return_state=True)
x = np.random.default_rng(0).normal(size=(2, 5, 3)).astype(np.float32)
y, last = encoder(x)
print(encoder.n_out, y.shape, last.shape)

# %% [markdown]
# ## Or let `generate` do it
#
# The whole loop runs on the device.

# %%
for row in retrax.generate(model, prompt, 60, temperature=0.5, seed=1):
    print(repr(vocabulary.decode(row)))

# %% [markdown]
# ## More layers, or more units?
#
# About the same number of weights, twice. `retrax compare CONFIG CONFIG` makes such a table of
# configs.

# %%
for n_layers, n_units in ((1, 128), (2, 93)):
    candidate = model_of(n_layers, n_units)
    begin = time.perf_counter()
    retrax.fit(
        *(candidate, batches(), STEPS // 2),
        loss=tl.CrossEntropyLossWithLogSoftmax(),
        optimizer=retrax.training.Adam(4e-3),
    )
    seconds = time.perf_counter() - begin
    score = retrax.score(candidate, vocabulary.encode(text[:1] + held_out[:5_000]))
    n_weights = sum(w.size for w in candidate.named_weights().values())
    sample = vocabulary.decode(retrax.generate(candidate, prompt[:1], 30, 0.5, seed=1)[0])
    print(f'{n_layers} x {n_units}: {n_weights:,} weights, {seconds:.1f} s,', end=' ')
    print(f'perplexity {score.perplexity:.1f}, {sample!r}')
