"""Random compositions keep the laws, and compute what a plain stack machine computes.

A composition is drawn as pieces: a layer, the widths of the arrays that it takes and gives, and
what it does to a Python list of float64 NumPy arrays (top first). The pieces know nothing of how
retrax runs them; layer objects are shared between pieces at random.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from registry import make_loud
from tolerances import assert_close, assert_equal, assert_same_kind

from retrax import layers as tl

pytestmark = pytest.mark.usefixtures('compiled_quickly')

B, T = 2, 4
KEY = jax.random.PRNGKey(0)

Stack = list[np.ndarray]
NESTED = ['Serial', 'Residual', 'Branch', 'Parallel', 'Cond', 'Chunk', 'BatchLeadingAxes']


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """A layer with the widths that it takes and gives, and its meaning in NumPy."""

    layer: tl.Layer
    takes: tuple[int, ...]
    gives: tuple[int, ...]
    run: Callable[[Stack], Stack]


# ------------------------------------------------------------------------- meanings, in NumPy


def dense(layer: tl.Layer) -> Callable[[Stack], Stack]:
    def run(stack: Stack) -> Stack:
        w, b = (np.asarray(a, np.float64) for a in layer.weights)
        return [stack[0] @ w + b]

    return run


def gru(layer: tl.Layer) -> Callable[[Stack], Stack]:
    """Of a GRU, or a GRUCell in a Scan from zeros."""

    def run(stack: Stack) -> Stack:
        (x,) = stack
        w1, b1, w2, b2 = (np.asarray(a, np.float64) for a in layer.weights)
        h, ys = np.zeros((x.shape[0], len(b2))), []
        for t in range(x.shape[1]):
            gates = 1 / (1 + np.exp(-(np.concatenate([x[:, t], h], -1) @ w1 + b1)))
            u, r = np.split(gates, 2, -1)
            c = np.tanh(np.concatenate([x[:, t], r * h], -1) @ w2 + b2)
            h = u * h + (1 - u) * c
            ys.append(h)
        return [np.stack(ys, 1)]

    return run


def shift(stack: Stack) -> Stack:
    return [np.concatenate([np.zeros_like(stack[0][:, :1]), stack[0][:, :-1]], 1)]


def beside(x: np.ndarray, tops: list[tl.Layer], sides: list[Callable[[Stack], Stack]]) -> Stack:
    """A series of Dense layers, and what the sides make of the inputs of each."""
    aside = []
    for top, side in zip(tops, sides, strict=True):
        aside += side([x])
        (x,) = dense(top)([x])
    return [x, *aside]


def in_series(pieces: list[Piece]) -> Callable[[Stack], Stack]:
    def run(stack: Stack) -> Stack:
        for piece in pieces:
            n = len(piece.takes)
            stack = piece.run(stack[:n]) + stack[n:]
        return stack

    return run


# ------------------------------------------------------------------------------------- drawing


def arity(pieces: list[Piece]) -> tuple[int, int]:
    """Tries stacks of 0, 1, 2 ... items until the series runs, one pop at a time."""
    for n_in in range(100):
        stack = [None] * n_in
        try:
            for piece in pieces:
                for _ in piece.takes:
                    stack.pop()
                stack += [None] * len(piece.gives)
        except IndexError:
            continue
        return n_in, len(stack)
    raise AssertionError('no stack is large enough')


def flat(pieces: list[Piece], widths: list[int], wrap: Callable[..., tl.Layer]) -> Piece:
    """A series of pieces over a stack of widths, as one piece."""
    if not pieces:
        return Piece(wrap([]), (widths[0],), (widths[0],), lambda stack: stack)
    after = list(widths)
    for piece in pieces:
        after = [*piece.gives, *after[len(piece.takes) :]]
    n_in, n_out = arity(pieces)
    layer = wrap([piece.layer for piece in pieces])
    return Piece(layer, tuple(widths[:n_in]), tuple(after[:n_out]), in_series(pieces))


def simple(draw: Any, name: str, widths: list[int], told: str | None) -> Piece:
    top = widths[0]
    n = draw(st.integers(1, 3))
    match name:
        case 'Dense':
            layer = tl.Dense(n)
            return Piece(layer, (top,), (n,), dense(layer))
        case 'GRU':
            layer = tl.GRU(n, mode=told)
            return Piece(layer, (top,), (n,), gru(layer))
        case 'Scan':
            cell = tl.GRUCell(n)
            layer = tl.Serial(
                tl.Fn('Zeros', lambda x: (x, jnp.zeros((x.shape[0], n), x.dtype)), n_out=2),
                tl.Scan(cell, axis=1, mode=told),
                tl.Select([0], n_in=2),
            )
            return Piece(layer, (top,), (n,), gru(cell))
        case 'Dropout':
            return Piece(tl.Dropout(0.4), (top,), (top,), lambda stack: stack)
        case 'ShiftRight':
            return Piece(tl.ShiftRight(mode=told), (top,), (top,), shift)
        case 'Dup':
            return Piece(tl.Dup(), (top,), (top, top), lambda stack: stack * 2)
        case 'Swap':
            takes = tuple(widths[:2])
            return Piece(tl.Swap(), takes, takes[::-1], lambda stack: stack[::-1])
        case 'Drop':
            return Piece(tl.Drop(), (top,), (), lambda stack: [])
        case 'Add':
            return Piece(tl.Add(), (top, top), (top,), lambda stack: [stack[0] + stack[1]])
        case 'Concatenate':
            takes = tuple(widths[:2])
            join = lambda stack: [np.concatenate(stack, -1)]  # noqa: E731
            return Piece(tl.Concatenate(), takes, (sum(takes),), join)
        case 'Reversible':
            x, c = widths[:2]
            f = tl.GRU(x, mode=told)
            layer = tl.ReversibleSerial(tl.ReversibleHalfResidual(f), tl.ReversibleSwap())
            run = lambda stack: [stack[1], stack[0] + gru(f)([stack[1]])[0]]  # noqa: E731
            return Piece(layer, (x, c), (c, x), run)
        case 'SideOutputs':
            tops, sides = [tl.Dense(n), tl.Dense(top)], [tl.GRU(n, mode=told), tl.Dense(1)]
            cells = [tl.Branch(*pair) for pair in zip(tops, sides, strict=True)]
            return Piece(
                tl.SerialWithSideOutputs(cells),
                (top,),
                (top, n, 1),
                lambda stack: beside(stack[0], tops, [gru(sides[0]), dense(sides[1])]),
            )
    n_in = draw(st.integers(1, len(widths)))
    indices = draw(st.lists(st.integers(0, n_in - 1), min_size=1, max_size=3))
    return Piece(
        tl.Select(indices, n_in=n_in),
        tuple(widths[:n_in]),
        tuple(widths[i] for i in indices),
        lambda stack: [stack[i] for i in indices],
    )


def chosen(piece: Piece, said: bool) -> Piece:
    """A piece or nothing where that fits on the stack; else the piece in either case."""
    answer = tl.Fn('Answer', lambda: jnp.asarray(said))
    if piece.takes == piece.gives:
        layer = tl.Cond(answer, piece.layer)
        return dataclasses.replace(
            piece, layer=layer, run=lambda stack: piece.run(stack) if said else stack
        )
    return dataclasses.replace(piece, layer=tl.Cond(answer, piece.layer, piece.layer))


def nested(draw: Any, name: str, widths: list[int], depth: int, context: Any) -> Piece:
    def part(widths: list[int]) -> tuple[list[Piece], Piece]:
        pieces = series(draw, widths, depth - 1, context)
        return pieces, flat(pieces, widths, tl.Serial)

    if name == 'Serial':
        return part(widths)[1]
    if name == 'Residual':
        top = widths[0]
        pieces, whole = part([top])
        if len(whole.takes) != 1 or whole.gives != (top,):
            fix = [tl.Select([0], n_in=len(whole.gives)), tl.Dense(top)]
            widths_given = whole.gives
            pieces = [
                *([whole] if pieces else []),
                Piece(fix[0], widths_given, widths_given[:1], lambda stack: stack[:1]),
                Piece(fix[1], widths_given[:1], (top,), dense(fix[1])),
            ]
            whole = flat(pieces, [top], tl.Serial)
        layer = tl.Residual([piece.layer for piece in pieces] or tl.Serial())
        return Piece(layer, (top,), (top,), lambda stack: [stack[0] + whole.run(stack)[0]])
    one = part(widths)[1]
    if name == 'Chunk':
        size = draw(st.sampled_from([1, B, B + 1]))
        return dataclasses.replace(one, layer=tl.Chunk(one.layer, size))
    if name == 'BatchLeadingAxes':
        return dataclasses.replace(one, layer=tl.BatchLeadingAxes(one.layer, 2))
    if name == 'Cond':
        return chosen(one, draw(st.booleans()))
    if name == 'Branch':
        two = part(widths)[1]
        n = max(len(one.takes), len(two.takes))
        return Piece(
            tl.Branch(one.layer, two.layer),
            tuple(widths[:n]),
            one.gives + two.gives,
            lambda stack: one.run(stack[: len(one.takes)]) + two.run(stack[: len(two.takes)]),
        )
    cut = len(one.takes)
    rest = widths[cut:]
    two = part(rest)[1] if rest else None
    if two is None:
        return one
    return Piece(
        tl.Parallel(one.layer, two.layer),
        one.takes + two.takes,
        one.gives + two.gives,
        lambda stack: one.run(stack[:cut]) + two.run(stack[cut:]),
    )


def series(draw: Any, widths: list[int], depth: int, context: Any) -> list[Piece]:
    """Draws pieces that fit on a stack of widths, and leave something on it."""
    pool, told, shifts = context
    pieces, widths = [], list(widths)
    for _ in range(draw(st.integers(0, 3))):
        names = ['Dense', 'GRU', 'Scan', 'Dropout', 'Select']
        names += ['ShiftRight'] * shifts
        if len(widths) < 4:
            names += ['Dup', 'SideOutputs']
        if len(widths) > 1:
            names += ['Swap', 'Drop', 'Reversible'] + ['Add'] * (3 * (widths[0] == widths[1]))
            names += ['Concatenate'] * (sum(widths[:2]) < 7)
        if depth:
            names += NESTED
        again = [p for p in pool if p.takes == tuple(widths[: len(p.takes)])]
        name = draw(st.sampled_from(names + ['again'] * 3 * bool(again)))
        if name == 'again':
            piece = draw(st.sampled_from(again))
        elif name in NESTED:
            piece = nested(draw, name, widths, depth, context)
        else:
            piece = simple(draw, name, widths, told)
        after = [*piece.gives, *widths[len(piece.takes) :]]
        if not 0 < len(after) < 7:
            continue
        pool.append(piece)
        pieces.append(piece)
        widths = after
    return pieces


@dataclasses.dataclass(frozen=True, eq=False)
class Composition:
    """A model, what it means, and inputs for it."""

    model: tl.Layer
    piece: Piece
    pieces: list[Piece]
    shifted: bool
    inner_shifts: bool

    def draw_inputs(self, seed: int = 0) -> Any:
        random = np.random.default_rng(seed)
        arrays = [random.uniform(-1.5, 1.5, (B, T, w)).astype(np.float32) for w in self.piece.takes]
        return arrays[0] if len(arrays) == 1 else tuple(arrays)

    def __repr__(self) -> str:
        return repr(self.model)


@st.composite
def compositions(draw: Any, inner_shifts: bool = False) -> Composition:
    widths = draw(st.lists(st.integers(1, 3), min_size=1, max_size=3))
    # In a model of several inputs, layers must be told a mode to follow as_mode.
    told = 'eval' if len(widths) > 1 else None
    shifted = draw(st.booleans())
    pieces = [Piece(tl.ShiftRight(mode=told), (widths[0],), (widths[0],), shift)] if shifted else []
    pieces += series(draw, widths, 2, ([], told, inner_shifts))
    piece = flat(pieces, widths, lambda layers: tl.Serial(*layers))
    model = piece.layer
    model.init(jax.tree.map(lambda w: tl.ShapeDtype((B, T, w)), as_inputs(piece.takes)))
    make_loud(model)
    return Composition(model, piece, pieces, shifted, inner_shifts)


def as_inputs(items: Any) -> Any:
    return items[0] if len(items) == 1 else tuple(items)


def as_list(outputs: Any) -> list[Any]:
    return list(outputs) if isinstance(outputs, tuple) else [outputs]


# ------------------------------------------------------------------------------------- the laws


def at(x: Any, start: int, end: int) -> Any:
    return jax.tree.map(lambda a: a[:, start:end], x)


def in_chunks(model: tl.Layer, x: Any, size: int) -> tuple[Any, Any]:
    run = jax.jit(lambda x, state: model.pure_fn(x, model.weights, state, KEY))
    first = state = model.new_state(B)
    outputs = []
    for start in range(0, T, size):
        y, state = run(at(x, start, start + size), state)
        assert_same_kind(state, first)
        outputs.append(y)
    return jax.tree.map(lambda *ys: jnp.concatenate(ys, 1), *outputs), state


def mixed(a: Any, b: Any, where: Any) -> Any:
    return jax.tree.map(lambda a, b: np.where(where, b, a), a, b)


@given(compositions())
def test_arity_shapes_and_values_are_the_stack_machines(made: Composition) -> None:
    model = made.model
    if made.pieces:
        assert (model.n_in, model.n_out) == arity(made.pieces)
    x = made.draw_inputs()
    y = model.as_mode('eval')(x)
    exact = [a.astype(np.float64) for a in as_list(x)]
    assert_close(as_list(y), made.piece.run(exact))
    assert [a.shape[-1] for a in as_list(y)] == list(made.piece.gives)
    assert model.as_mode('eval').output_signature(tl.signature(x)) == tl.signature(y)
    names = jax.tree.map(lambda a: tl.ShapeDtype(('b', 't', a.shape[-1])), x)
    promised = [tl.ShapeDtype(('b', 't', w)) for w in made.piece.gives]
    assert as_list(model.output_signature(names)) == promised


@given(compositions())
def test_steps_and_windows_are_the_pass(made: Composition) -> None:
    x = made.draw_inputs()
    expected = made.model.as_mode('eval')(x)
    windows, _ = in_chunks(made.model.as_mode('eval').with_carry(), x, 2)
    assert_close(windows, expected)
    fed = as_list(x)
    if made.shifted:
        fed[0] = np.pad(fed[0], ((0, 0), (1, 0), (0, 0)))[:, :-1]
    steps, _ = in_chunks(made.model.as_mode('predict'), as_inputs(fed), 1)
    assert_close(steps, expected)


@given(compositions(inner_shifts=True))
def test_windows_are_the_pass_with_shifts_anywhere(made: Composition) -> None:
    x = made.draw_inputs()
    expected = made.piece.run([a.astype(np.float64) for a in as_list(x)])
    for size in (1, 3):
        windows, _ = in_chunks(made.model.as_mode('train').with_carry(), x, size)
        if 'Dropout' not in repr(made.model):
            assert_close(as_list(windows), expected)
        windows, _ = in_chunks(made.model.as_mode('eval').with_carry(), x, size)
        assert_close(as_list(windows), expected)


@given(compositions(inner_shifts=True), st.sampled_from(['train', 'eval']))
def test_neither_time_nor_rows_leak(made: Composition, mode: str) -> None:
    view = made.model.as_mode(mode)
    x, other = made.draw_inputs(), made.draw_inputs(seed=1)
    y = view(x, rng=KEY)
    late = view(mixed(x, other, np.arange(T)[None, :, None] >= 2), rng=KEY)
    assert_close(at(late, 0, 2), at(y, 0, 2))
    row = view(mixed(x, other, np.arange(B)[:, None, None] == 0), rng=KEY)
    assert_close(jax.tree.map(lambda a: a[1:], row), jax.tree.map(lambda a: a[1:], y))


@given(compositions())
def test_there_and_back(made: Composition) -> None:
    model, x = made.model, made.draw_inputs()
    expected = model(x, rng=KEY)
    for mode in tl.MODES:
        away = model.as_mode(mode)
        away(x)
        assert_equal(away.as_mode(model.mode)(x, rng=KEY), expected)
    assert_equal(model(x, rng=KEY), expected)


@settings(max_examples=8)
@given(compositions())
def test_jit_changes_nothing(made: Composition) -> None:
    view, x = made.model.as_mode('predict'), made.draw_inputs()
    state = view.new_state(B)
    plain = view.pure_fn(x, view.weights, state, KEY)
    assert_close(jax.jit(view.pure_fn)(x, view.weights, state, KEY), plain)


# --------------------------------------------------------------------------- sharing and depth


def stacked(a: tl.Layer, b: tl.Layer, c: tl.Layer) -> tl.Layer:
    return tl.Serial(tl.Dense(3), a, tl.Serial(b, c))


@pytest.mark.parametrize('make', [lambda: tl.GRU(3), lambda: tl.Dense(3)])
def test_gradients_of_shared_layers_add_up(make: Callable[[], tl.Layer]) -> None:
    """Against the model that shares nothing and holds copies."""
    one = make()
    shared, apart = stacked(one, one, one), stacked(make(), make(), make())
    x = np.random.default_rng(0).normal(size=(B, T, 3)).astype(np.float32)
    shared.init(tl.signature(x))
    first, common, rest = make_loud(shared).weights
    assert rest == (tl.SHARED, tl.SHARED)
    copies = (first, common, (common, common))

    def gradient(model: tl.Layer, weights: Any) -> Any:
        def loss(weights: Any) -> Any:
            return jnp.sum(model.pure_fn(x, weights, ((), (), ((), ())), KEY)[0] ** 2)

        return jax.value_and_grad(loss)(weights)

    value, (g_first, g_common, g_rest) = gradient(shared, shared.weights)
    expected, (h_first, h_one, (h_two, h_three)) = gradient(apart, copies)
    assert_close(value, expected)
    assert_close(g_first, h_first, 10)
    assert_close(g_common, jax.tree.map(lambda *g: sum(g), h_one, h_two, h_three), 10)
    assert g_rest == (tl.SHARED, tl.SHARED)


def test_state_is_never_shared() -> None:
    """A shared GRU three times on top of itself decodes as the eval pass; in Trax it does not."""
    gru = tl.GRU(3)
    model = stacked(gru, gru, gru)
    x = np.random.default_rng(0).normal(size=(B, T, 3)).astype(np.float32)
    model.init(tl.signature(x))
    make_loud(model)
    view = model.as_mode('predict')
    assert len(jax.tree.leaves(view.new_state(B))) == 3
    steps, state = in_chunks(view, x, 1)
    assert_close(steps, model.as_mode('eval')(x))
    states = jax.tree.leaves(state)
    assert not any(np.allclose(states[i], states[j]) for i, j in ((0, 1), (0, 2), (1, 2)))


def test_depth() -> None:
    """Thirty levels are initialised and run, and a path tells each."""
    model: tl.Layer = tl.GRU(3)
    for _ in range(30):
        model = tl.Serial(tl.Dense(3), model)
    x = np.ones((B, T, 3), np.float32)
    model.init(tl.signature(x))
    assert '/'.join(['Serial#1'] * 29) + '/GRU#1.w1' in model.named_weights()
    steps, _ = in_chunks(model.as_mode('predict'), x, 2)
    assert_close(steps, model.as_mode('eval')(x))
