"""A program with the words that people call most in Trax. It prints numbers.

The first line of `TEXT` says where `tl` comes from; `test_trax_programs.py` runs it both ways.
"""

WORDS = (
    'Serial Embedding LogSoftmax Dense CrossEntropyLoss Accuracy Fn Residual LSTM ShiftRight Mean '
    'Relu Parallel LayerNorm Branch one_hot Select Dropout GRU Concatenate '
    'WeightedCategoryCrossEntropy logsoftmax_sample Dup'
).split()

TEXT = """
import json
import numpy as np

x = np.array([[3, 1, 4, 1], [5, 9, 2, 6]], np.int32)
model = tl.Serial(
    tl.ShiftRight(mode='eval'),
    tl.Embedding(vocab_size=10, d_feature=6),
    [tl.GRU(n_units=6) for _ in range(2)],
    tl.LSTM(n_units=6),
    tl.Residual(tl.LayerNorm(), tl.Dense(6), tl.Relu(), tl.Dropout(rate=0.5, mode='eval')),
    tl.Branch(tl.Fn('Double', lambda h: 2 * h), tl.Dense(4)),
    tl.Parallel(tl.Relu(), None),
    tl.Concatenate(),
    tl.Dup(),
    tl.Select([1], n_in=2),
    tl.Dense(n_units=10),
    tl.LogSoftmax(),
)
model.init(tl.signature(x), rng=7)
y = model(x)
w = np.array([[1, 1, 1, 0], [1, 1, 0, 0]], np.float32)
numbers = {
    'repr': repr(model),
    'log probabilities': np.asarray(y).tolist(),
    'losses': [
        float(layer((y, x, w)))
        for layer in (tl.CrossEntropyLoss(), tl.WeightedCategoryCrossEntropy(), tl.Accuracy())
    ],
    'mean': np.asarray(tl.Mean(axis=1)(y)).tolist(),
    'one hot': np.asarray(tl.one_hot(x, 10)).tolist(),
    'greedy': np.asarray(tl.logsoftmax_sample(y, temperature=0.0)).tolist(),
}
print(json.dumps(numbers))
"""
