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

STEPS = 1000

# %% [markdown]
# ## Pairs as batches
#
# A batch is (source, target, weights). The target, with a line break as its end, is both what the
# decoder reads, shifted right, and what its scores are compared with; padding has weight 0.

# %%
vocabulary = data.ByteVocabulary()
learned = list(data.Pairs('dates', 64 * STEPS))
batches = data.PairBatches(learned, vocabulary, 64, source_length=32, target_length=11)
seen = set(learned)
held_out = [pair for pair in data.Pairs('dates', 1000, seed=1) if pair not in seen]

# %% [markdown]
# ## Train

# %%
model = models.LSTMSeq2SeqAttn(128, 128, d_model=96, n_encoder_layers=1, n_decoder_layers=1)
history = retrax.fit(
    *(model, batches, STEPS),
    optimizer=training.Adam(training.CosineDecay(5e-3, STEPS, warmup_steps=100), clip_norm=1.0),
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
def written(sources):
    end = data.end_id(vocabulary)
    rows = retrax.generate(model, None, 11, temperature=0, source=sources, eos_id=end)
    return [data.text_of(vocabulary, row) for row in rows]


sources = [vocabulary.encode(pair.source) for pair in held_out]
answers = written(sources)
for pair, answer in list(zip(held_out, answers, strict=True))[:8]:
    print(f'{pair.source:30} {answer} {"" if answer == pair.target else "not " + pair.target}')
right = np.mean([answer == pair.target for pair, answer in zip(held_out, answers, strict=True)])
print(f'held out: {100 * right:.1f}% of {len(held_out)} dates are right, every character of them')
