# %% [markdown]
# # A GRU with a mask, for the sentiment of a sentence
#
# The code behind this question scanned a GRU over padded sentences and took the last output. Its
# scan returned one result or several, depending on how many things were carried, so what was
# pooled was the first word; and padding ran through the state. Here the number of outputs is part
# of the layer, the mask holds the state, reaches the pooling and the loss, and a report says which
# steps an output depends on.
#
# `python examples/masked_sentiment.py [FILE]` where a line of FILE is a class, a tab and a text

# %%
import sys

import numpy as np

import retrax
from retrax import data, training
from retrax import layers as tl

SOURCE = sys.argv[1] if __name__ == '__main__' and len(sys.argv) == 2 else 'agreement'
STEPS = 400

# %% [markdown]
# ## Sentences of two classes
#
# Without a file of yours the classes are made: does the verb agree with its subject, whatever
# nouns stand between? No word and no pair of words tells it.

# %%
rows = data.parse_rows(data.load(SOURCE).text)
training_rows, held_out = data.split_rows(rows)
labels = data.labels_of(rows)
words = sorted({word for row in training_rows for word in row.text.split()})
UNKNOWN = len(words) + 1  # 0 is padding
number = {word: i for i, word in enumerate(words, 1)}
for row in rows[:3]:
    print(row)


def encode(row):
    return np.array([number.get(word, UNKNOWN) for word in row.text.split()], np.int32)


def batches_of(some, batch_size=64, n_words=24, seed=None):
    classes = [labels.index(row.label) for row in some]
    return data.RowBatches([encode(row) for row in some], classes, batch_size, n_words, seed)


# %% [markdown]
# ## The mask goes everywhere
#
# A step that is masked leaves the state as it is: h = m h_new + (1 - m) h_old. The mean is taken
# over what is valid, and a row that only fills the batch has weight 0 in the loss.

# %%
GRU = tl.GRUCell(
    64,
    kernel_initializer=tl.GlorotUniformInitializer(),
    recurrent_initializer=tl.OrthogonalInitializer(),  # gate by gate
)
model = tl.Serial(
    tl.Branch([], tl.SequenceMask()),  # ids, mask
    tl.Embedding(UNKNOWN + 1, 32, tl.RandomNormalInitializer(0.5)),
    tl.Select([0, 1, 1], n_in=2),  # x, mask, mask
    tl.Recurrent(GRU, padding='mask'),
    tl.MaskedMean(),
    tl.Dense(len(labels)),
    tl.LogSoftmax(),
)
history = retrax.fit(
    *(model, batches_of(training_rows, seed=0), STEPS),
    optimizer=training.Adam(5e-3, clip_norm=1.0),
    metrics={'accuracy': tl.Accuracy()},
    log_every=STEPS // 4,
)
for entry in history.progress:
    print(f'step {entry.step}: loss {entry.loss:.3f}, accuracy {entry.metrics["accuracy"]:.3f}')
found = retrax.evaluate(model, batches_of(held_out), metrics={'accuracy': tl.Accuracy()})
print(f'held out: {found.metrics["accuracy"]:.3f}')

# %% [markdown]
# ## Padding changes nothing

# %%
row = encode(held_out[0])[None]
evaluate = model.as_mode('eval')
padded = np.pad(row, ((0, 0), (0, 9)))
print(np.allclose(evaluate(row), evaluate(padded), atol=1e-6))

# %% [markdown]
# ## Which steps the outputs depend on
#
# The question's model pooled the first word. A mean sees them all; the output of a GRU alone sees
# what is before it.

# %%
x = tl.ShapeDtype(('b', 't', 3), np.float32)
print(retrax.dependence(tl.Serial(tl.GRU(4), tl.Mean(axis=1)), x))
print(retrax.dependence(tl.GRU(4), x))

# %% [markdown]
# ## The conventions of the question's cell, each by name
#
# The update gate may keep the old state or take the new one, the reset gate may come before or
# after the product, and the recurrent part may have a bias or not.

# %%
for cell in (
    tl.GRUCell(4),
    tl.GRUCell(4, update='keeps_new'),
    tl.GRUCell(4, reset='after', recurrent_bias=False),
):
    layer = tl.Recurrent(cell)
    layer.init(tl.ShapeDtype((1, 1, 3), np.float32))
    equations = retrax.describe(layer).splitlines()
    print('\n'.join(line for line in equations if line.startswith(('  c =', "  h' ="))))

# %% [markdown]
# ## The number of outputs is fixed
#
# With or without a mask, with one carried state or two, the layer says what it gives.

# %%
x = np.ones((2, 5, 3), np.float32)
for cell in (tl.GRUCell(4), tl.LSTMCell(4)):
    for padding in (None, 'mask'):
        layer = tl.Recurrent(cell, padding=padding, return_state=True)
        inputs = x if padding is None else (x, np.ones((2, 5), bool))
        print(layer.n_in, layer.n_out, [y.shape for y in layer(inputs)])
