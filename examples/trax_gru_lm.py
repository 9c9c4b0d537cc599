# %% [markdown]
# # A GRU language model in Trax's words
#
# The course that taught this model left its students with samples that made no sense. `mode` went
# to ShiftRight alone, so in predict the GRUs began anew at every character; each character cost a
# pass over the whole padded line; and where h0, Y and the shapes come from was asked again and
# again. Here the same lines step correctly, a character costs one step wherever it stands, and
# each of these questions has a line to look at.
#
# `python examples/trax_gru_lm.py [FILE]`

# %%
import sys

import jax
import numpy as np

import retrax
from retrax import data
from retrax import layers as tl

SOURCE = sys.argv[1] if __name__ == '__main__' and len(sys.argv) == 2 else 'python_docs'
STEPS = 300


def GRULM(vocab_size=256, d_model=512, n_layers=2, mode='train'):
    return tl.Serial(
        tl.ShiftRight(mode=mode),
        tl.Embedding(vocab_size=vocab_size, d_feature=d_model),
        [tl.GRU(n_units=d_model) for _ in range(n_layers)],  # lists flatten
        tl.Dense(n_units=vocab_size),
        tl.LogSoftmax(),
    )


print(GRULM())

# %% [markdown]
# ## What ShiftRight does
#
# The input is its own target. To predict a character the model may see what is before it, so the
# sequence moves one step to the right, and a start id comes first.

# %%
line = np.array([[97, 98, 99]])  # 'abc'
seen = tl.ShiftRight()(line)
for t, target in enumerate(line[0]):
    print(f'{seen[0, : t + 1].tolist()} -> {target}')

# %% [markdown]
# Padding is 0 in many data sets, and so is the start id. They can be told apart, and what is
# padding counts nowhere if its weight in the loss is 0.

# %%
start_id = 1
print(tl.ShiftRight(start_id=start_id)(line))

padded = np.array([[97, 98, 0, 0]])
weights = (padded != 0).astype(np.float32)
model = GRULM(d_model=16, n_layers=1)
log_probs = model(padded)
loss = tl.CrossEntropyLoss()((log_probs, padded, weights))
print(np.allclose(loss, tl.CrossEntropyLoss()((log_probs[:, :2], padded[:, :2], weights[:, :2]))))

# %% [markdown]
# ## Train
#
# A GRU may be as wide as you like: Trax wants the width of its input. Its first state is zero; it
# may be learned, given, or come from the stack.

# %%
text, held_out = data.split(data.load(SOURCE).text)
model = tl.Serial(
    tl.ShiftRight(),
    tl.Embedding(256, 64),
    tl.Recurrent(tl.GRUCell(128), initial_state='learned'),
    tl.GRU(96),
    tl.Dense(256),
    tl.LogSoftmax(),
)
history = retrax.fit(model, text, STEPS, optimizer=retrax.training.Adam(4e-3), log_every=100)
for step, loss in zip(history.steps, history.losses, strict=True):
    print(f'step {step}: loss {loss:.2f}')

# %% [markdown]
# ## Every layer's output
#
# The students traced shapes by hand, and a length jumped from 33 to 32 behind Embedding, which
# cannot be. Here is the trace.

# %%
trace = retrax.inspection.trace(model, data.ByteVocabulary().encode(text[:33])[None])
print(trace)

# %% [markdown]
# ## Sample
#
# The noise that is added to log-probabilities is drawn with a seed; a temperature of 0 takes the
# most probable character, and one of T draws from log-probabilities divided by T.

# %%
vocabulary = data.ByteVocabulary()
prompt = vocabulary.encode('The ')[None]
for temperature in (0.0, 0.5):
    tokens = retrax.generate(model, prompt, 80, temperature=temperature, seed=3)
    print(repr(vocabulary.decode(tokens[0])))

# %% [markdown]
# A row ends where `eos_id` comes, here at the end of a sentence, and the others go on.

# %%
rows = retrax.generate(model, prompt, 60, n=3, seed=3, temperature=0.7, eos_id=ord('.'))
for row in rows:
    sentence, _, _ = vocabulary.decode(row).partition('.')
    print(repr(sentence))

# %% [markdown]
# ## The slow way, as an oracle
#
# The thread ran the whole padded line for each character. It says what `generate` must say.

# %%
evaluate = model.as_mode('eval')
slow = np.zeros((1, 24), np.int32)
slow[:, :4] = prompt
for t in range(4, 24):
    slow[:, t] = tl.logsoftmax_sample(evaluate(slow)[:, t], temperature=0.0)
fast = retrax.generate(model, prompt, 20, temperature=0.0)
print('the same text by steps:', bool((slow[:, 4:] == fast).all()))

predict = model.as_mode('predict')
state = predict.new_state(1)
print('a state of', sum(leaf.size for leaf in jax.tree.leaves(state)), 'numbers, at any position')

# %% [markdown]
# ## Why a tagger needs no ShiftRight
#
# A language model must not see what it predicts; a tagger should. Which steps an output depends on
# is measured:

# %%
ids = tl.ShapeDtype(('b', 't'), np.int32)
print(retrax.dependence(GRULM(8, 4, 1), ids))
print(retrax.dependence(retrax.models.RNNTagger(8, 2, 4), ids))
