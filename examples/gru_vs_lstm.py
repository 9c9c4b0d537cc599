# %% [markdown]
# # GRU or LSTM?
#
# Comparisons go wrong when one side has more weights, another text, other seeds, or a learning
# rate that was tuned for the other. Here configs differ in the layer and its learning rate alone,
# and one command makes the table of parameters, time of a step, held-out figures and samples:
#
#     retrax compare benchmarks/recurrences/{rnn,gru,lstm,sru}.gin
#
# This page looks at the same layers in Python, on a small budget and with one learning rate for
# all. `python -m benchmarks quality` trains all of them at full length, with three seeds each.
#
# `python examples/gru_vs_lstm.py [FILE]`

# %%
import sys

import numpy as np

import retrax
from retrax import data, training
from retrax import layers as tl

SOURCE = sys.argv[1] if __name__ == '__main__' and len(sys.argv) == 2 else 'python_docs'
STEPS = 250
text, held_out = data.split(data.load(SOURCE).text)

# %% [markdown]
# RNN, GRU and LSTM have about the same number of weights at these widths: an LSTM has four maps of
# its input and state, a GRU three, a plain RNN one. An SRU has three of its input alone, two thirds
# of what the LSTM of equal width has. The GRU begins with orthogonal kernels, as Trax's default
# begins slowly.

# %%
RECURRENT = {
    'RNN': lambda: tl.RNN(194),
    'GRU': lambda: tl.GRU(112, kernel_initializer=tl.OrthogonalInitializer()),
    'LSTM': lambda: tl.LSTM(96),
    'SRU': lambda: tl.SRU(96),
}


def language_model(name):
    return tl.Serial(
        tl.ShiftRight(),
        tl.Embedding(256, 96, tl.RandomNormalInitializer(0.5)),
        RECURRENT[name](),
        tl.Dense(256),
        tl.LogSoftmax(),
    )


def measured(name, seed=0):
    model = language_model(name)
    optimizer = training.Adam(training.CosineDecay(5e-3, STEPS, warmup_steps=20), clip_norm=1.0)
    history = retrax.fit(model, text, STEPS, optimizer=optimizer, seed=seed, log_every=STEPS // 3)
    rate = max(entry.tokens_per_second for entry in history.progress)  # without compiling
    found = retrax.evaluate(model, held_out)
    return {
        'weights': sum(w.size for w in model.named_weights().values()),
        'tokens/s': rate,
        'perplexity': np.exp(found.nats_per_token),
        'sample': bytes(retrax.generate(model, list(b'The '), 40, 0.5, seed=seed)[0].tolist()),
    }


table = {name: measured(name) for name in RECURRENT}
print(f'{"":6}{"weights":>9}{"tokens/s":>10}{"perplexity":>12}  sample')
for name, row in table.items():
    print(
        f'{name:6}{row["weights"]:>9,}{row["tokens/s"]:>10,.0f}{row["perplexity"]:>12.2f}  '
        f'{row["sample"].decode(errors="replace")!r}'
    )
