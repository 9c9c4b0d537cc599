"""Every public layer, combinator and model, once: what the laws run over.

A case says how to make a layer and what it takes. What it *is* (has memory, is causal, couples
rows, draws) is asked of the layer itself, and where its outputs have rows and steps is read off
its symbolic signature: no test skips a law by hand.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from retrax import layers as tl
from retrax import models
from retrax.inspection import laws
from retrax.inspection.laws import loud as make_loud

# Names of retrax.layers.__all__ that are no layers.
NOT_LAYERS = {
    *('EMPTY_STATE', 'EMPTY_WEIGHTS', 'GET_WEIGHTS_FROM_CACHE', 'MODES', 'PRECISIONS', 'SHARED'),
    *('Context', 'Declaration', 'Held', 'Layer', 'Map', 'Policy', 'Programs', 'ShapeDtype'),
    *(
        'BatchNormState',
        'CausalAttentionState',
        'MaskedMeanState',
        'SelfAttentionState',
        'LayerError',
        'ModeError',
        'ModeWarning',
        'Observer',
        'StateError',
    ),
    'ReversibleLayer',
    *(name for name in tl.__all__ if name[0].islower()),
    *(name for name in tl.__all__ if name.endswith(('Initializer', 'InitializerFromFile'))),
    *(name for name in tl.__all__ if name != 'Weights' and name.endswith('Weights')),
}


@dataclasses.dataclass(frozen=True)
class Floats:
    """Numbers of a shape; 'b' stands for the batch, 't' for time."""

    shape: tuple[Any, ...]
    low: float = -1.5
    high: float = 1.5

    def signature(self) -> tl.ShapeDtype:
        return tl.ShapeDtype(self.shape, np.float32)

    def draw(self, random: np.random.Generator, sizes: dict[str, int]) -> np.ndarray:
        shape = [sizes.get(d, d) for d in self.shape]
        return random.uniform(self.low, self.high, shape).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class Ids:
    """Integers below n."""

    n: int
    shape: tuple[Any, ...] = ('b', 't')

    def signature(self) -> tl.ShapeDtype:
        return tl.ShapeDtype(self.shape, np.int32)

    def draw(self, random: np.random.Generator, sizes: dict[str, int]) -> np.ndarray:
        return random.integers(0, self.n, [sizes.get(d, d) for d in self.shape], np.int32)


@dataclasses.dataclass(frozen=True)
class Lengths:
    """Lengths of rows: a whole one, one that is padded, and so on."""

    shape: tuple[Any, ...] = ('b',)

    def signature(self) -> tl.ShapeDtype:
        return tl.ShapeDtype(self.shape, np.int32)

    def draw(self, random: np.random.Generator, sizes: dict[str, int]) -> np.ndarray:
        return np.arange(sizes['t'], sizes['t'] - 2 * sizes['b'], -2).clip(0).astype(np.int32)


@dataclasses.dataclass(frozen=True)
class Bools:
    """True with a probability."""

    probability: float
    shape: tuple[Any, ...] = ('b', 't')

    def signature(self) -> tl.ShapeDtype:
        return tl.ShapeDtype(self.shape, np.bool_)

    def draw(self, random: np.random.Generator, sizes: dict[str, int]) -> np.ndarray:
        return random.random([sizes.get(d, d) for d in self.shape]) < self.probability


class LossWeights(Floats):
    """Weights of positions in a loss: the last step is padding, and has weight 0."""

    def draw(self, random: np.random.Generator, sizes: dict[str, int]) -> np.ndarray:
        weights = super().draw(random, sizes)
        weights[:, -1] = 0
        return weights


def features(d: int) -> Floats:
    return Floats(('b', 't', d))


# No seed changes the first weights of PositionalEncoding, which are no constant either.
NO_SEED = ('the same seed gives the same',)
LOSS_INPUTS = (features(4), Ids(4), LossWeights(('b', 't'), 0.0, 1.0))


@dataclasses.dataclass(frozen=True)
class Case:
    """One layer to test.

    Attributes:
      name: the public name, and after a colon which variant.
      make: makes a new one.
      inputs: what it takes, a tree of Floats and Ids.
      shifted: by how many steps its predict mode wants its inputs later, because the decoder
        feeds the start id; 0 where predict takes what eval takes.
      seen: names of laws that show something of it which is neither kept nor broken.
    """

    name: str
    make: Callable[[], tl.Layer]
    inputs: Any
    shifted: int = 0
    seen: tuple[str, ...] = ()

    def signature(self, **sizes: int) -> Any:
        """The signature of its inputs; sizes that are not given stay names."""
        return jax.tree.map(
            lambda s: tl.ShapeDtype([sizes.get(d, d) for d in s.shape], s.dtype),
            jax.tree.map(lambda kind: kind.signature(), self.inputs),
        )

    def draw(self, b: int = 3, t: int = 6, seed: int = 0) -> Any:
        """Inputs as NumPy arrays."""
        random = np.random.default_rng(seed)
        return jax.tree.map(lambda kind: kind.draw(random, {'b': b, 't': t}), self.inputs)


@functools.cache
def subject(case: Case) -> laws.Subject:
    """What the laws are examined on, one for all of them; do not change its weights."""
    model = case.make()
    model.init(case.signature(b=laws.ROWS, t=laws.STEPS))
    return laws.Subject(
        make_loud(model),
        case.make,
        case.signature(),
        lambda seed: case.draw(laws.ROWS, laws.STEPS, seed),
        case.shifted,
        any(isinstance(kind, LossWeights) for kind in jax.tree.leaves(case.inputs)),
    )


# Layers of the tests' own that are what retrax's layers are not (yet): they keep the laws honest.


class FlipTime(tl.Layer):
    """Looks ahead."""

    is_causal = False

    def apply_fn(self, x, weights, state, context):
        return x[:, ::-1], state


class RunningSum(tl.Layer):
    """Has memory and nothing else."""

    has_memory = True

    def state_fn(self, signature, context):
        shape = (signature.shape[0], signature.shape[-1])
        return jnp.zeros(shape, signature.dtype) if context.steps else ()

    def apply_fn(self, x, weights, state, context):
        y = jnp.cumsum(x, 1)
        if not context.steps:
            return y, state
        y = y + state[:, None]
        return y, y[:, -1]


def cell_and_output() -> tl.Layer:
    """A layer with weights, memory of its own and two carries, for one slice."""
    return tl.Serial(
        tl.GRUCell(4),
        tl.Parallel(tl.Dense(3), None),
        tl.Parallel(None, None, tl.Fn('Grow', lambda c: 1.01 * c)),
    )


def scan_of_a_model() -> tl.Layer:
    scan = tl.Scan(cell_and_output(), axis=1, n_carry=2, mode='eval')
    return tl.Serial(scan, tl.Select([0], n_in=3))


def answer(is_true: bool) -> tl.Layer:
    return tl.Fn('Answer', lambda: jnp.asarray(is_true))


def is_large() -> tl.Layer:
    """Asks something of all rows and steps; the inputs that the laws compare differ in it."""
    return tl.Fn('IsLarge', lambda x: jnp.sum(x) > 3, is_causal=False, couples_rows=True)


def reversible_blocks() -> tl.Layer:
    def half() -> tl.Layer:
        return tl.ReversibleHalfResidual(tl.GRU(3), tl.Dropout(0.5), tl.Dense(3))

    halves = [[half(), tl.ReversibleSwap()] for _ in range(3)]
    return tl.Serial(tl.Dup(), tl.ReversibleSerial(halves), tl.Concatenate())


def side_outputs() -> tl.Layer:
    def cell() -> tl.Layer:
        return tl.Serial(tl.Concatenate(), tl.Dense(4), tl.Dup())

    return tl.SerialWithSideOutputs([cell(), cell()])


def normed_gru() -> tl.Layer:
    return tl.Serial(tl.Residual(tl.Dense(3), tl.BatchNorm(axis=(0, 1))), tl.GRU(2), tl.BatchNorm())


def recurrent(cell: Callable[[], tl.RecurrentCell], **options: Any) -> Callable[[], tl.Layer]:
    return lambda: tl.Recurrent(cell(), mode='eval', **options)


class LeakyCell(tl.RecurrentCell):
    """A user's own cell, with two states and an activation that is computed twice."""

    @property
    def state_widths(self):
        return (2, self.n_units)

    def maps(self):
        n = self.n_units
        own = tl.Map(2, operand=n, of_x=False, bias=False)
        return {'leak': tl.Map(n), 'candidate': tl.Map(n, operand=2), 'own': own}

    def step(self, state, affine):
        slow, h = state
        u = affine('leak', h, jax.nn.sigmoid)
        return 0.5 * (slow + affine('own', h)), u * h + (1 - u) * affine('candidate', slow, jnp.sin)


class MeanCell(tl.LinearCell):
    """A user's own linear cell, which forgets by numbers that are no function of x."""

    def maps(self):
        return {'value': tl.Map(self.n_units, operand=0, bias=False)}

    def sequence(self, x, affine, recurrence):
        return jnp.sin(recurrence(0.75, affine('value', jnp.tanh)))


def configured_attention() -> tl.Layer:
    return tl.ConfigurableAttention(
        [tl.Dense(4), tl.Rotary(2)],
        [tl.Dense(4), tl.Rotary(2)],
        tl.Dense(6),
        tl.Dense(5),
        tl.DotProductCausalAttention(max_inference_length=16),
        n_heads=2,
    )


def tied() -> tl.Layer:
    gru = tl.GRU(3)
    return tl.Serial(gru, tl.Residual(tl.Dense(3)), gru, gru)


# Layers with memory and several inputs are told a mode, so that they follow as_mode: untold ones
# do not step in a model of several inputs (tested in test_modes.py).
CASES = [
    Case('Add', tl.Add, (features(3), features(3))),
    Case('SubtractTop', tl.SubtractTop, (features(3), features(3))),
    Case('Multiply', tl.Multiply, (features(3), features(3))),
    Case('Gate', tl.Gate, (features(3), features(3), features(3))),
    Case('Concatenate', lambda: tl.Concatenate(3), (features(1), features(2), features(3))),
    Case('Concatenate:time', lambda: tl.Concatenate(axis=1), (features(2), features(2))),
    Case('Split', lambda: tl.Split(3), features(6)),
    Case('Concatenate:one', lambda: tl.Concatenate(1), features(2)),
    Case('Split:one', lambda: tl.Split(1), features(6)),
    Case('FlattenList', tl.FlattenList, (features(1), (features(2), features(3)))),
    Case('Fn', lambda: tl.Fn('Both', lambda x, y: (x + y, x * y), n_out=2), (features(3),) * 2),
    Case('PureLayer', lambda: tl.PureLayer(lambda x: 2 * x), features(3)),
    Case('Select', lambda: tl.Select([2, 0, 0]), (features(1), features(2), features(3))),
    Case('Rearrange', lambda: tl.Rearrange([1, 0, 1], 2, 'Turn'), (features(1), features(2))),
    Case('Drop', lambda: tl.Serial(tl.Drop()), (features(1), features(2))),
    Case('Dup', tl.Dup, features(3)),
    Case('Swap', tl.Swap, (features(1), features(2))),
    Case('Serial', lambda: tl.Serial(tl.Dense(4), tl.GRU(3), tl.Dense(2)), features(3)),
    Case('Serial:empty', tl.Serial, features(3)),
    Case('Serial:rest', lambda: tl.Serial(tl.Dense(2)), (features(1), features(2))),
    Case('Serial:tied', tied, features(3)),
    Case(
        'Branch',
        lambda: tl.Branch(tl.GRU(4, mode='eval'), None, tl.Add(), tl.Dropout(0.5)),
        (features(3), features(3)),
    ),
    Case(
        'Parallel',
        lambda: tl.Parallel(
            tl.GRU(4, mode='eval'), tl.Add(), [tl.Dense(2), tl.GRU(2, mode='eval')]
        ),
        (features(1), features(2), features(2), features(3)),
    ),
    Case('Residual', lambda: tl.Residual(tl.GRU(3), tl.Dense(3)), features(3)),
    Case('Residual:shortcut', lambda: tl.Residual(tl.GRU(4), shortcut=tl.Dense(4)), features(3)),
    Case('Bidirectional', lambda: tl.Bidirectional(tl.GRU(4)), features(3)),
    Case(
        'Bidirectional:sum',
        lambda: tl.Bidirectional(
            tl.Serial(tl.GRU(2), tl.ShiftRight(), tl.Dropout(0.5)), merge_layer=tl.Add()
        ),
        features(3),
    ),
    Case('Cond', lambda: tl.Cond(answer(True), tl.GRU(3), tl.ShiftRight()), features(3)),
    Case('Cond:false', lambda: tl.Cond(answer(False), tl.Serial(), tl.Dropout(0.5)), features(3)),
    Case('Cond:asks', lambda: tl.Serial(tl.Dup(), tl.Cond(is_large(), tl.Dense(3))), features(3)),
    Case('Chunk', lambda: tl.Chunk(tl.GRU(4), 1), features(3)),
    Case('Chunk:rest', lambda: tl.Chunk(tl.Serial(tl.GRU(4), tl.Dropout(0.5)), 2), features(3)),
    Case('Chunk:pair', lambda: tl.Chunk(tl.Serial(tl.Add(), tl.Dup()), 3), (features(3),) * 2),
    Case('Chunk:none', lambda: tl.Chunk(tl.Dense(4), 0), features(3)),
    Case('BatchLeadingAxes', lambda: tl.BatchLeadingAxes(tl.Dense(4)), features(3)),
    Case(
        'BatchLeadingAxes:memory',
        lambda: tl.BatchLeadingAxes(tl.GRU(4), n_last_axes_to_keep=2),
        Floats(('b', 2, 't', 3)),
    ),
    Case('Cache', lambda: tl.Cache(tl.Dense(4)), Floats(('b', 3))),
    Case(
        'Cache:pair',
        lambda: tl.Cache(tl.Serial(tl.Concatenate(), tl.Dup()), mode='eval'),
        (Floats(('b', 3)), Floats(('b', 2))),
    ),
    Case('Accelerate', lambda: tl.Accelerate(tl.GRU(4)), features(3)),
    Case('ReversibleSelect', lambda: tl.ReversibleSelect([1, 0, 1]), (features(2), features(3))),
    Case('ReversibleSwap', tl.ReversibleSwap, (features(2), features(3))),
    Case('ReversibleConcatenatePair', tl.ReversibleConcatenatePair, (features(2),) * 2),
    Case(
        'ReversibleReshape',
        lambda: tl.ReversibleReshape((3, 4), (2, 6), n_in=2),
        (Floats((3, 4, 't')), Floats((3, 4))),
    ),
    Case('ReversiblePrintShape', tl.ReversiblePrintShape, features(3)),
    Case(
        'ReversibleHalfResidual',
        lambda: tl.ReversibleHalfResidual(tl.Add(), attention_layer=tl.Dense(3)),
        (features(3),) * 3,
    ),
    Case('ReversibleSerial', reversible_blocks, features(3)),
    Case('SerialWithSideOutputs', side_outputs, (features(3), features(4), features(4))),
    Case('InMode', lambda: tl.InMode(tl.GRU(3)), features(3)),
    Case('InMode:pinned', lambda: tl.InMode(tl.GRU(3), train='eval'), features(3)),
    Case(
        'Scan', lambda: tl.Scan(tl.GRUCell(4), axis=1, mode='eval'), (features(3), Floats(('b', 4)))
    ),
    Case(
        'Scan:remat',
        lambda: tl.Scan(tl.GRUCell(4), axis=1, remat=True, mode='eval'),
        (features(3), Floats(('b', 4))),
    ),
    Case(
        'Scan:features',
        lambda: tl.Scan(tl.Fn('Sum', lambda x, c: (x + c,) * 2, n_out=2), axis=-1, mode='eval'),
        (Floats(('b', 3)), Floats(('b',))),
    ),
    Case('Scan:no carry', lambda: tl.Scan(tl.Dense(2), axis=1, n_carry=0), features(3)),
    Case(
        'Scan:two',
        scan_of_a_model,
        (features(3), Floats(('b', 4)), Floats(('b', 2))),
    ),
    Case('Dense', lambda: tl.Dense(4), features(3)),
    Case('Dense:no bias', lambda: tl.Dense(4, use_bias=False), features(3)),
    Case('Dense:bfloat16', lambda: tl.Dense(4, use_bfloat16=True), features(3)),
    Case('Embedding', lambda: tl.Embedding(7, 4), Ids(7)),
    Case('Dropout', lambda: tl.Dropout(0.5), features(3)),
    Case('Dropout:shared', lambda: tl.Dropout(0.5, shared_axes=[1]), features(3)),
    Case('ShiftRight', tl.ShiftRight, Ids(7), shifted=1),
    Case('ShiftRight:two', lambda: tl.ShiftRight(2), features(3), shifted=2),
    Case('GRU', lambda: tl.GRU(4), features(3)),
    Case('GRU:forget', lambda: tl.GRU(3, forget_bias=1.0), features(3)),
    Case('Recurrent', recurrent(lambda: LeakyCell(3)), features(4)),
    Case(
        'Recurrent:lengths',
        recurrent(lambda: tl.LSTMCell(3), padding='lengths'),
        (features(4), Lengths()),
    ),
    Case(
        'Recurrent:mask',
        recurrent(lambda: tl.GRUCell(3), padding='mask'),
        (features(4), Bools(0.7)),
    ),
    Case(
        'Recurrent:resets',
        recurrent(lambda: tl.GRUCell(3), resets=True, initial_state='learned'),
        (features(4), Bools(0.3)),
    ),
    Case(
        'Recurrent:stack',
        recurrent(lambda: tl.LSTMCell(3), initial_state='stack', return_state=True),
        (features(4), Floats(('b', 6))),
    ),
    Case('Recurrent:reverse', recurrent(lambda: tl.GRUCell(3), reverse=True), features(4)),
    Case(
        'Recurrent:drops',
        recurrent(lambda: tl.LSTMCell(3), recurrent_dropout=0.5, zoneout=0.3),
        features(4),
    ),
    Case('Recurrent:remat', recurrent(lambda: tl.RNNCell(3), remat=True), features(4)),
    Case(
        'Recurrent:after',
        recurrent(lambda: tl.GRUCell(3, reset='after', recurrent_bias=True, update='keeps_new')),
        features(4),
    ),
    Case('Recurrent:given gate', recurrent(lambda: tl.GRUCell(3, reset_gate=0.5)), features(4)),
    Case('RecurrentCell', lambda: LeakyCell(3), (Floats(('b', 4)), Floats(('b', 5)))),
    Case('RNN', lambda: tl.RNN(4), features(3)),
    Case('RNNCell', lambda: tl.RNNCell(4, jax.nn.relu), (Floats(('b', 3)), Floats(('b', 4)))),
    Case('GRUCell', lambda: tl.GRUCell(4), (Floats(('b', 3)), Floats(('b', 4)))),
    Case('LSTM', lambda: tl.LSTM(4), features(3)),
    Case(
        'LSTM:initial state',
        lambda: tl.LSTM(4, mode='eval', initial_state=True),
        (features(3), Floats(('b', 8))),
    ),
    Case('LSTM:return state', lambda: tl.LSTM(4, return_state=True), features(3)),
    Case(
        'LSTM:both',
        lambda: tl.Serial(
            tl.LSTM(4, mode='eval', return_state=True, initial_state=True),
            tl.Select([0], n_in=2),
        ),
        (features(3), Floats(('b', 8))),
    ),
    Case('LSTMCell', lambda: tl.LSTMCell(4), (Floats(('b', 3)), Floats(('b', 8)))),
    Case(
        'PeepholeLSTMCell',
        lambda: tl.PeepholeLSTMCell(4),
        (Floats(('b', 3)), Floats(('b', 8))),
    ),
    Case('SRU', lambda: tl.SRU(4), features(4)),
    Case('SRU:tanh', lambda: tl.SRU(4, tl.Tanh()), features(4)),
    Case('SRUCell', lambda: tl.SRUCell(4, jnp.tanh), (Floats(('b', 4)), Floats(('b', 4)))),
    Case('InnerSRUCell', tl.InnerSRUCell, (Floats(('b', 4)),) * 3),
    Case(
        'ScanSRUCell',
        lambda: tl.ScanSRUCell(mode='eval'),
        (features(4), Floats(('b', 't', 4), 0.0, 1.0), Floats(('b', 4))),
    ),
    Case('MinGRU', lambda: tl.MinGRU(4), features(3)),
    Case('MinGRUCell', lambda: tl.MinGRUCell(4), (Floats(('b', 3)), Floats(('b', 4)))),
    Case('MinLSTM', lambda: tl.MinLSTM(4), features(3)),
    Case('MinLSTMCell', lambda: tl.MinLSTMCell(4), (Floats(('b', 3)), Floats(('b', 4)))),
    Case('RGLRU', lambda: tl.RGLRU(4), features(4)),
    Case('RGLRUCell', lambda: tl.RGLRUCell(4), (Floats(('b', 4)), Floats(('b', 4)))),
    Case('LinearCell', lambda: MeanCell(3), (Floats(('b', 4)), Floats(('b', 3)))),
    Case('Recurrent:linear', recurrent(lambda: MeanCell(3), return_state=True), features(4)),
    Case(
        'Recurrent:linear lengths',
        recurrent(lambda: tl.SRUCell(3), padding='lengths'),
        (features(3), Lengths()),
    ),
    Case(
        'Recurrent:linear resets',
        recurrent(lambda: tl.MinGRUCell(3), padding='mask', resets=True, initial_state='learned'),
        (features(4), Bools(0.7), Bools(0.3)),
    ),
    Case(
        'Recurrent:linear reverse',
        recurrent(lambda: tl.RGLRUCell(3), reverse=True, zoneout=0.3, remat=True),
        features(3),
    ),
    Case(
        'LayerNormalized',
        lambda: tl.LayerNormalized(tl.GRUCell(4)),
        (Floats(('b', 3)), Floats(('b', 4))),
    ),
    Case(
        'Recurrent:normalised',
        recurrent(lambda: tl.LayerNormalized(LeakyCell(3)), padding='mask'),
        (features(4), Bools(0.7)),
    ),
    Case('GeneralGRUCell', lambda: tl.GeneralGRUCell(lambda: tl.Dense(3)), features(3)),
    Case(
        'GeneralGRUCell:memory',
        lambda: tl.GeneralGRUCell(lambda: tl.Dense(2), lambda: tl.Dense(2)),
        features(2),
    ),
    Case('ConvGRUCell', lambda: tl.ConvGRUCell(2), Floats(('b', 3, 4, 2))),
    Case('Conv', lambda: tl.Conv(2, (2, 3)), Floats(('b', 4, 5, 3))),
    Case('Conv:rows', lambda: tl.Conv(2, (1, 2), padding='SAME'), Floats(('b', 't', 2, 2))),
    Case(
        'Conv:strides',
        lambda: tl.Conv(2, (3, 2), (1, 2), 'SAME', ('NCHW', 'OIHW', 'NCHW')),
        Floats(('b', 2, 4, 5)),
    ),
    Case('Conv:batches', lambda: tl.Conv(2, (2, 2), use_bias=False), Floats(('b', 2, 3, 3, 2))),
    Case('CausalConv', lambda: tl.CausalConv(4), features(3)),
    Case('CausalConv:one', lambda: tl.CausalConv(4, 1, use_bias=False), features(3)),
    Case('CausalDepthwiseConv', tl.CausalDepthwiseConv, features(3)),
    Case(
        'CausalDepthwiseConv:one',
        lambda: tl.CausalDepthwiseConv(1, use_bfloat16=True),
        features(3),
    ),
    Case('ConvTranspose', lambda: tl.ConvTranspose(2, (2, 3), (1, 2)), Floats(('b', 4, 5, 3))),
    Case(
        'ConvTranspose:rows',
        lambda: tl.ConvTranspose(2, (3, 2), padding='SAME', rhs_dilation=(2, 1)),
        Floats(('b', 't', 2, 2)),
    ),
    Case(
        'ConvTranspose:steps',
        lambda: tl.ConvTranspose(2, (1,), dimension_numbers=('NWC', 'WIO', 'NWC')),
        features(3),
    ),
    *(
        Case(make.__name__, lambda make=make: make((2, 3), (1, 2)), Floats(('b', 4, 5, 3)))
        for make in (tl.MaxPool, tl.SumPool, tl.AvgPool)
    ),
    *(
        Case(f'{make.__name__}:time', lambda make=make: make((2,), padding='SAME'), features(3))
        for make in (tl.MaxPool, tl.SumPool, tl.AvgPool)
    ),
    Case('MaxPool:rows', lambda: tl.MaxPool((1, 2), (1, 2), 'SAME'), Floats(('b', 't', 3, 2))),
    Case('PerStepDense', lambda: tl.PerStepDense(4, 2 * laws.STEPS), features(3)),
    Case('PerStepDense:all', lambda: tl.PerStepDense(4), Floats(('b', 5, 3))),
    Case('Conv1d', lambda: tl.Conv1d(4, 3, padding='SAME'), features(3)),
    Case('Conv1d:stride', lambda: tl.Conv1d(4, 3, 2), Floats(('b', 7, 3))),
    Case('MakeZeroState', lambda: tl.MakeZeroState(2), features(3)),
    Case(
        'Scan:LSTMCell',
        lambda: tl.Scan(tl.LSTMCell(4), axis=1, mode='eval'),
        (features(3), Floats(('b', 8))),
    ),
    Case('LogSoftmax', tl.LogSoftmax, features(3)),
    Case('Softmax', tl.Softmax, features(3)),
    Case('Softmax:time', lambda: tl.Softmax(axis=-2), features(3)),
    Case('Softmax:batch', lambda: tl.Softmax(axis=0), features(3)),
    Case('LogSoftmax:all', lambda: tl.LogSoftmax(axis=None), features(3)),
    *(
        Case(make.__name__, make, features(4))
        for make in (
            *(tl.Relu, tl.ParametricRelu, tl.LeakyRelu, tl.Elu, tl.Selu, tl.Gelu, tl.FastGelu),
            *(tl.Sigmoid, tl.Tanh, tl.HardSigmoid, tl.HardTanh, tl.Softplus, tl.Exp, tl.Swish),
            *(tl.Glu, tl.ThresholdedLinearUnit, tl.Negate, tl.StopGradient, tl.ThresholdToBinary),
            *(tl.LogSumExp, tl.Mean, tl.Min, tl.Max, tl.Sum, tl.ArgMax, tl.LayerNorm),
            *(tl.FilterResponseNorm, tl.Flatten, tl.PrintShape),
        )
    ),
    Case('Log', tl.Log, Floats(('b', 't', 3), 0.1, 2.0)),
    Case('ToFloat', tl.ToFloat, Ids(4)),
    Case('Flatten:two', lambda: tl.Flatten(2), features(4)),
    Case('Mean:time', lambda: tl.Mean(axis=1), features(4)),
    Case('Max:batch', lambda: tl.Max(axis=0, keepdims=True), features(4)),
    Case('SequenceMask', tl.SequenceMask, Ids(3)),
    Case('MaskedMean', lambda: tl.MaskedMean(mode='eval'), (features(4), Bools(0.6))),
    Case('Weights', lambda: tl.Weights(tl.RandomNormalInitializer(), (2, 3)), ()),
    Case('RandomUniform', lambda: tl.RandomUniform(-1.0, 1.0, (2, 3)), ()),
    Case('AssertShape', lambda: tl.AssertShape('b...3,b...a'), (features(3), features(2))),
    Case('AssertFunction', lambda: tl.AssertFunction('...a->...b', tl.GRU(2)), features(3)),
    *(
        Case(
            f'LocallyConnected1d:{padding}',
            lambda padding=padding: tl.LocallyConnected1d(2, 3, padding=padding),
            Floats(('b', 5, 3)),
        )
        for padding in ('VALID', 'SAME', 'WRAP')
    ),
    Case(
        'LocallyConnected1d:no bias',
        lambda: tl.LocallyConnected1d(2, 1, use_bias=False),
        Floats(('b', 5, 3)),
    ),
    Case('BatchNorm', tl.BatchNorm, features(3)),
    Case('BatchNorm:rows', lambda: tl.BatchNorm(axis=0, momentum=0.5), Floats(('b', 5, 3))),
    Case('BatchNorm:time', lambda: tl.BatchNorm(axis=(0, 1), center=False), features(3)),
    Case('BatchNorm:images', lambda: tl.BatchNorm(scale=False), Floats(('b', 4, 5, 3))),
    Case('BatchNorm:deep', normed_gru, features(3)),
    Case('SummaryScalar', lambda: tl.SummaryScalar('mean'), features(3)),
    Case('LayerNorm:no center', lambda: tl.LayerNorm(center=False), features(4)),
    Case(
        'FilterResponseNorm:learned',
        lambda: tl.FilterResponseNorm(learn_epsilon=True),
        Floats(('b', 't', 2, 3)),
    ),
    Case('PrintShape:two', lambda: tl.PrintShape(2, 'two'), (features(3), features(2))),
    Case('CrossEntropyLoss', tl.CrossEntropyLoss, LOSS_INPUTS),
    Case('WeightedCategoryCrossEntropy', tl.WeightedCategoryCrossEntropy, LOSS_INPUTS),
    Case(
        'WeightedCategoryCrossEntropy:smooth',
        lambda: tl.WeightedCategoryCrossEntropy(label_smoothing=0.1),
        LOSS_INPUTS,
    ),
    Case('WeightedCategoryAccuracy', tl.WeightedCategoryAccuracy, LOSS_INPUTS),
    *(
        Case(make.__name__, make, LOSS_INPUTS)
        for make in (
            *(tl.Accuracy, tl.SequenceAccuracy, tl.MaskedSequenceAccuracy),
            *(tl.CrossEntropyLossWithLogSoftmax, tl.CrossEntropySum),
        )
    ),
    Case(
        'WeightedCategoryCrossEntropy:cutoff',
        lambda: tl.WeightedCategoryCrossEntropy(cutoff=1.0),
        LOSS_INPUTS,
    ),
    *(
        Case(make.__name__, make, (features(4), features(4), LossWeights(('b', 't', 4), 0.0, 1.0)))
        for make in (tl.L2Loss, tl.SmoothL1Loss)
    ),
    *(
        Case(make.__name__, make, (Floats(('b', 't'), 0.1, 0.9), Ids(2), LOSS_INPUTS[2]))
        for make in (tl.BinaryCrossEntropyLoss, tl.BinaryCrossEntropySum)
    ),
    *(
        Case(make.__name__, make, LOSS_INPUTS[:2])
        for make in (
            *(tl.CategoryAccuracy, tl.CategoryCrossEntropy),
            *(tl.MacroAveragedFScore, tl.WeightedFScore),
        )
    ),
    Case('BinaryCrossEntropy', tl.BinaryCrossEntropy, (Floats(('b', 't')), Ids(2))),
    Case('WeightedSum', tl.WeightedSum, (features(3), features(3))),
    Case(
        'Attention',
        lambda: tl.Attention(4, 2, dropout=0.5),
        (features(4), Bools(0.7, ('b', 1, 1, 't'))),
    ),
    Case(
        'AttentionQKV',
        lambda: tl.AttentionQKV(4, 2),
        (*(features(3),) * 3, Bools(0.7, ('b', 1, 't', 't'))),
    ),
    Case(
        'PureAttention',
        lambda: tl.PureAttention(2),
        (*(features(4),) * 3, Bools(0.7, (1, 1, 't', 't'))),
    ),
    Case(
        'DotProductAttention',
        lambda: tl.DotProductAttention(dropout=0.5),
        (*(Floats(('b', 2, 't', 3)),) * 3, Bools(0.7, ('b', 1, 1, 't'))),
    ),
    Case(
        'CausalAttention',
        lambda: tl.CausalAttention(4, 2, dropout=0.5, max_inference_length=16),
        features(3),
    ),
    Case('ConfigurableAttention', configured_attention, features(3)),
    Case(
        'DotProductCausalAttention',
        lambda: tl.DotProductCausalAttention(max_inference_length=16),
        (features(3), features(3), features(2)),
    ),
    Case(
        'SelfAttention',
        lambda: tl.SelfAttention(2, 4, 3, causal=True, predict_mem_len=16, attention_dropout=0.5),
        features(3),
    ),
    Case(
        'SelfAttention:masked',
        lambda: tl.SelfAttention(2, 3, 3, masked=True, bias=True, output_dropout=0.5),
        (features(3), Bools(0.6)),
    ),
    Case(
        'SelfAttention:shared',
        lambda: tl.SelfAttention(
            2, 4, 3, True, True, True, chunk_len=2, n_chunks_before=1, bias=True
        ),
        (features(3), Bools(0.6)),
    ),
    Case('Rotary', lambda: tl.Rotary(2, base=20.0), features(8)),
    Case('SplitIntoHeads', lambda: tl.SplitIntoHeads(2), features(4)),
    Case('MergeHeads', lambda: tl.MergeHeads(3), Floats((6, 't', 3))),
    Case('PaddingMask', tl.PaddingMask, Ids(3)),
    Case('EncoderDecoderMask', tl.EncoderDecoderMask, (features(4), Bools(0.7, ('b', 1, 1, 5)))),
    Case('PositionalEncoding', lambda: tl.PositionalEncoding(16), features(3), seen=NO_SEED),
    Case(
        'PositionalEncoding:drops',
        lambda: tl.PositionalEncoding(20, 0.5, (0, 1), True, 0.5, 4, d_feature=6),
        features(3),
        seen=NO_SEED,
    ),
    Case('GRULM', lambda: models.GRULM(7, 4, 2), Ids(7), shifted=1),
    Case('RNNLM', lambda: models.RNNLM(7, 4, 3), Ids(7), shifted=1),
    Case('RNNLM:GRUCell', lambda: models.RNNLM(7, 4, 1, tl.GRUCell, 1), Ids(7), shifted=1),
    Case('LSTMLM', lambda: models.LSTMLM(7, 4, 1), Ids(7), shifted=1),
    Case(
        'TransformerLM',
        lambda: models.TransformerLM(7, 4, 6, n_layers=1, n_heads=2, max_len=16),
        Ids(7),
        shifted=1,
        seen=NO_SEED,
    ),
    Case(
        'TransformerDecoder',
        lambda: models.TransformerDecoder(None, 4, 6, n_layers=1, n_heads=2, max_len=16),
        features(3),
        seen=NO_SEED,
    ),
    Case(
        'TransformerEncoder',
        lambda: models.TransformerEncoder(7, 3, 4, 6, n_layers=1, n_heads=2, max_len=16),
        Ids(7),
        seen=NO_SEED,
    ),
    Case(
        'TransformerEncoder:masked',
        lambda: models.TransformerEncoder(7, 3, 4, 6, 1, 2, 16, masked_mean=True),
        Ids(7),
        seen=NO_SEED,
    ),
    Case(
        'Transformer',
        lambda: models.Transformer(
            7, None, 4, 6, n_encoder_layers=1, n_decoder_layers=1, n_heads=2, max_len=16
        ),
        (Ids(7, ('b', 5)), Ids(7)),
        seen=(*NO_SEED, 'looks ahead only if declared'),  # in the source
    ),
    Case(
        'LSTMSeq2SeqAttn',
        lambda: models.LSTMSeq2SeqAttn(7, 5, 4, 1, 1, n_attention_heads=2),
        (Ids(7, ('b', 6)), Ids(5)),
        seen=('looks ahead only if declared',),  # in the source
    ),
    Case('RNNTagger', lambda: models.RNNTagger(7, 3, 4, 2), Ids(7)),
    Case(
        'RNNTagger:forwards',
        lambda: models.RNNTagger(7, 3, 4, bidirectional=False, padding='mask', mode='eval'),
        (Ids(7), Bools(0.7)),
    ),
    Case('RNNClassifier', lambda: models.RNNClassifier(7, 3, 4, 2), Ids(7)),
    Case(
        'RNNClassifier:both',
        lambda: models.RNNClassifier(7, 2, 4, 1, tl.LSTMCell, bidirectional=True, padding='mask'),
        (Ids(7), Bools(0.7)),
    ),
    Case('MLP', lambda: models.MLP((4, 3)), Floats(('b', 2, 3))),
    Case('MLP:steps', lambda: models.MLP((4, 3), tl.Tanh, True, flatten=False), features(3)),
    Case('Resnet', lambda: models.Resnet(1, 3, (1, 2), (1, 1)), Ids(4, ('b', 8, 8, 2))),
    Case('WideResnet', lambda: models.WideResnet(1, 1, 2), Ids(4, ('b', 29, 29, 1))),
    Case(
        'PictureClassifier',
        lambda: models.PictureClassifier(models.MLP((4, 3)), 7, 2, 3),
        Ids(7, ('b', 6)),
    ),
    Case('test:FlipTime', FlipTime, features(3)),
    Case('test:RunningSum', RunningSum, features(3)),
]


def public_names() -> set[str]:
    """The names that must have a case."""
    return (set(tl.__all__) - NOT_LAYERS) | set(models.__all__)


def covered_names() -> set[str]:
    return {case.name.partition(':')[0] for case in CASES} - {'test'}
