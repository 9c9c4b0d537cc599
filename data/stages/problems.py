"""Trax's made-up problems, as bundles of streams: copying, adding, waves."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from .batching import pad_to_max_dims
from .pipeline import Serial

Streams = Callable[[int], Iterator[Any]]


class Inputs:
    """Streams of batches to train and to evaluate on.

    Args:
      train_stream: from a number of devices to an iterator over batches.
      eval_stream: the same, to evaluate on; by default train_stream.
      train_eval_stream: the same, to evaluate on data that is trained on; by default train_stream.

    Raises:
      ValueError: train_stream is no function, or gives no batch.
    """

    def __init__(
        self,
        train_stream: Streams,
        eval_stream: Streams | None = None,
        train_eval_stream: Streams | None = None,
    ):
        if not callable(train_stream):
            raise ValueError(
                'Inputs: expected a function from the number of devices to a stream, got '
                f'{type(train_stream).__name__}. Give lambda _: stream.'
            )
        self._training, self._evaluation = train_stream, eval_stream or train_stream
        self._training_again = train_eval_stream or train_stream
        first = next(iter(train_stream(1)), None)
        if first is None:
            raise ValueError('Inputs: train_stream gives no batch')
        fields = [np.asarray(field) for field in first]
        self.input_shape, self.input_dtype = fields[0].shape[1:], fields[0].dtype
        self.target_shape, self.target_dtype = fields[-1].shape[1:], fields[-1].dtype
        self.example_shape_dtype = [f.shape for f in fields], [f.dtype for f in fields]

    def train_stream(self, n_devices: int) -> Iterator[Any]:
        """Returns batches to train on."""
        return self._training(n_devices)

    def eval_stream(self, n_devices: int) -> Iterator[Any]:
        """Returns batches to evaluate on."""
        return self._evaluation(n_devices)

    def train_eval_stream(self, n_devices: int) -> Iterator[Any]:
        """Returns batches to evaluate on, of the data that is trained on."""
        return self._training_again(n_devices)


def make_inputs(train_stream: Any, eval_stream: Any = None) -> Inputs:
    """Returns Inputs of two streams, each an iterator or a list of stages."""
    training, evaluation = (
        Serial(stream)() if isinstance(stream, list | tuple) else stream
        for stream in (train_stream, eval_stream)
    )
    return Inputs(lambda _: training, None if evaluation is None else lambda _: evaluation)


def sequence_copy_inputs(
    vocab_size: int,
    batch_size: int,
    train_length: int,
    eval_min_length: int,
    eval_max_length: int,
    reverse: bool = False,
    pad_to_multiple: int = 32,
    seed: int = 0,
) -> Inputs:
    """Returns batches of 0 w 0 w, where w is drawn and its copy counts.

    Args:
      vocab_size: ids of w are from 1 to vocab_size - 2.
      batch_size: rows per batch.
      train_length: one more than the longest w to train on.
      eval_min_length: the shortest w to evaluate on.
      eval_max_length: one more than the longest.
      reverse: the copy is backwards.
      pad_to_multiple: of the length of a row.
      seed: of what is drawn.
    """

    def rows(w: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        zero = np.zeros((len(w), 1), w.dtype)
        row = np.concatenate([zero, w, zero, w[:, ::-1] if reverse else w], axis=1)
        return row, np.repeat([0.0, 1.0], [w.shape[1] + 2, w.shape[1]])

    drawn = _drawn(rows, vocab_size, batch_size, pad_to_multiple)
    return _inputs(drawn, range(1, train_length), range(eval_min_length, eval_max_length), seed)


def simple_sequence_copy_inputs(
    vocab_size: int,
    batch_size: int,
    train_length: int,
    eval_min_length: int,
    eval_max_length: int,
    pad_to_multiple: int = 32,
    seed: int = 0,
) -> Inputs:
    """Returns batches whose rows are drawn, all of which counts.

    Args:
      vocab_size: ids are from 1 to vocab_size - 2.
      batch_size: rows per batch.
      train_length: the longest row to train on.
      eval_min_length: the shortest row to evaluate on.
      eval_max_length: the longest.
      pad_to_multiple: of the length of a row.
      seed: of what is drawn.
    """
    drawn = _drawn(lambda w: (w, np.ones(w.shape[1])), vocab_size, batch_size, pad_to_multiple)
    lengths = range(1, train_length + 1), range(eval_min_length, eval_max_length + 1)
    return _inputs(drawn, *lengths, seed)


def _inputs(drawn, training, evaluation, seed):
    return Inputs(
        lambda _: drawn(training, np.random.default_rng((seed, 0))),
        lambda _: drawn(evaluation, np.random.default_rng((seed, 1))),
    )


def _drawn(rows, vocab_size, batch_size, multiple):
    def batches(lengths: Sequence[int], random: np.random.Generator) -> Iterator[Any]:
        while True:
            shape = batch_size, int(random.choice(lengths))
            row, weights = rows(random.integers(1, vocab_size - 1, shape, np.int32))
            x, w = (
                pad_to_max_dims(a, multiple, strict_pad_on_len=True)
                for a in (row, np.broadcast_to(weights, row.shape))
            )
            yield x, x, w.astype(np.float32)

    return batches


def addition_inputs(
    vocab_size: int,
    batch_size: int,
    train_length: int,
    eval_min_length: int,
    eval_max_length: int,
    pad_to_multiple: int = 32,
    encdec: bool = False,
    seed: int = 0,
) -> Inputs:
    """Returns batches of sums, see `addition_input_stream`, whose lengths go from 3 up to train.

    Args:
      vocab_size: how many ids there are; vocab_size - 3 is the base of the numbers.
      batch_size: rows per batch.
      train_length: the longest row to train on.
      eval_min_length: the shortest row to evaluate on.
      eval_max_length: the longest.
      pad_to_multiple: of the length of a row.
      encdec: whether inputs and targets are apart.
      seed: of what is drawn.

    Raises:
      ValueError: a length is below 3.
    """

    def stream(number, shortest, longest):
        return addition_input_stream(
            vocab_size, batch_size, shortest, longest, pad_to_multiple, encdec, (seed, number)
        )

    stream(1, eval_min_length, eval_max_length)  # says now what is wrong with its lengths
    return Inputs(
        lambda _: stream(0, 3, train_length),
        lambda _: stream(1, eval_min_length, eval_max_length),
    )


def addition_input_stream(
    vocab_size: int,
    batch_size: int,
    min_length: int,
    max_length: int,
    pad_to_multiple: int = 32,
    encdec: bool = False,
    seed: Any = 0,
) -> Iterator[Any]:
    """Returns batches of S x + y S z with z = x + y, whose weights are 1 on z; numbers backwards.

    With base = vocab_size - 3, a digit d has the id d + 1, + has base + 1 and S has base + 2; ones
    come first, so that a carry goes forwards. With encdec, inputs x + y and targets z are apart.

    Raises:
      ValueError: a length is below 3.
    """
    if min(min_length, max_length) < 3:
        raise ValueError(
            f'addition: expected lengths from 3 up, as of 1+1, got {min_length} to {max_length}'
        )
    base, random = vocab_size - 3, np.random.default_rng(seed)

    def example():
        while True:
            least = (min_length - 1) // 2
            first = int(random.integers((max_length - least + 1) // 2)) + least
            x = _digits(random, first, base)
            y = _digits(random, int(random.integers(max_length - first - 1)) + 1, base)
            question, answer = [*x, base, *y], _in_base(_value(x, base) + _value(y, base), base)
            if max(len(question), len(answer)) <= max_length or not encdec:
                return np.array(question) + 1, np.array(answer) + 1

    def fields():
        question, answer = example()
        if encdec:
            return question, answer, np.ones(len(answer), np.float32)
        row = np.concatenate([[base + 2], question, [base + 2], answer])
        counts = np.repeat(np.array([0, 1], np.float32), [len(question) + 2, len(answer)])
        return row, row, counts

    def batches():
        while True:
            columns = zip(*(fields() for _ in range(batch_size)), strict=True)
            yield tuple(pad_to_max_dims(c, pad_to_multiple, True) for c in columns)

    return batches()


def _digits(random, n, base):
    """Draws a number of n digits, ones first; the last is 0 only if there is no other."""
    if n < 2:
        return [int(random.integers(base))]
    return [*random.integers(base, size=n - 1).tolist(), int(random.integers(1, base))]


def _value(digits, base):
    return sum(d * base**i for i, d in enumerate(digits))


def _in_base(number, base):
    digits = [number % base]
    while number := number // base:
        digits.append(number % base)
    return digits


def sine_inputs(
    batch_size: int,
    length: int,
    max_phase: float = 2 * np.pi,
    min_period: float = 0.1,
    max_period: float = 10.0,
    seed: int = 0,
) -> Inputs:
    """Returns batches of sine waves: (waves, actions that are 0, waves, weights).

    Args:
      batch_size: waves per batch.
      length: of each.
      max_phase: phases are drawn evenly from 0 to this.
      min_period: periods are drawn from here, evenly in their logarithm,
      max_period: to here.
      seed: of what is drawn.
    """

    def batches(random: np.random.Generator) -> Iterator[Any]:
        low, high = np.log([min_period, max_period])
        while True:
            phase = random.uniform(0, max_phase, (batch_size, 1))
            waves = np.sin(
                (np.arange(length) - phase) / np.exp(random.uniform(low, high, phase.shape))
            )
            yield waves, np.zeros(waves.shape, np.int32), waves, np.ones_like(waves)

    return Inputs(
        lambda _: batches(np.random.default_rng((seed, 0))),
        lambda _: batches(np.random.default_rng((seed, 1))),
    )
