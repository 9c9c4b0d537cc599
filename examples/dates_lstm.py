# %% [markdown]
# # Dates as people write them, to ISO 8601
#
# '3rd of May, 1998' becomes '1998-05-03': LSTMs read a date, and LSTMs that attend to what was read
# write another. The dates are made up, so nothing is downloaded; those that are held out have
# another seed, and none of them is learned from.
#
# `python examples/dates_lstm.py`

# %%
import numpy as np

import retrax
from retrax import data, models, training
from retrax import layers as tl
from retrax.interop.trax import decoding

STEPS = 640
END = 1  # after a target; 0 is padding, and what the decoder begins with

# %% [markdown]
# ## Pairs as batches
#
# The model takes two inputs, so a batch is (source, target, weights): the target is both what the
# decoder reads, shifted right, and what its scores are compared with.


# %%
def padded(texts, length):
    rows = np.zeros((len(texts), length), np.int32)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text)] = list(text)
    return rows


def batches_of(pairs, batch_size=64):
    sources = padded([pair.source.encode('ascii') for pair in pairs], 32)
    targets = padded([pair.target.encode('ascii') + bytes([END]) for pair in pairs], 11)
    every = range(0, len(pairs), batch_size)
    rows = [slice(start, start + batch_size) for start in every]
    return [(sources[r], targets[r], np.float32(targets[r] != 0)) for r in rows]


learned = list(data.Pairs('dates', 64 * STEPS))
batches, seen = batches_of(learned), set(learned)
held_out = [pair for pair in data.Pairs('dates', 1000, seed=1) if pair not in seen]

# %% [markdown]
# ## Train

# %%
model = models.LSTMSeq2SeqAttn(128, 128, d_model=64, n_encoder_layers=1, n_decoder_layers=1)
history = retrax.fit(
    *(model, batches, STEPS),
    optimizer=training.Adam(training.CosineDecay(1e-2, STEPS), clip_norm=1.0),
    metrics={'accuracy': tl.Accuracy()},
    log_every=STEPS // 4,
)
for entry in history.progress:
    print(f'step {entry.step}: loss {entry.loss:.3f}, accuracy {entry.metrics["accuracy"]:.3f}')

# %% [markdown]
# ## Write
#
# The source is read once; then the decoder makes one step for each character.


# %%
def written(sources, **options):
    rows = decoding.autoregressive_sample(
        model, sources, len(sources), temperature=0.0, eos_id=END, max_length=11, **options
    )
    return [bytes(row[row > END].tolist()).decode('ascii') for row in rows]


[(sources, _, _)] = batches_of(held_out, batch_size=len(held_out))
answers = written(sources)
for pair, answer in list(zip(held_out, answers, strict=True))[:8]:
    print(f'{pair.source:30} {answer} {"" if answer == pair.target else "not " + pair.target}')
right = np.mean([answer == pair.target for pair, answer in zip(held_out, answers, strict=True)])
print(f'held out: {100 * right:.1f}% of {len(held_out)} dates are right, every character of them')
