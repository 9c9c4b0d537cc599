"""The loop of recurrent layers: against float64 NumPy, and its own backward pass against jax's."""

import dataclasses
import functools
import itertools
import re
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from retrax.kernels import Affine, Flags, Rows, recur

B, T, D, N = 3, 11, 4, 5


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def joined(x, h, map_):
    return np.concatenate([x, h], -1) @ map_.kernel + map_.bias


def gru(h, affine):
    u, r = jnp.split(affine('gates', h, jax.nn.sigmoid), 2, axis=-1)
    c = affine('candidate', r * h, jnp.tanh)
    return u * h + (1 - u) * c


def gru_by_hand(x, h, maps, params):
    u, r = np.split(sigmoid(joined(x, h, maps['gates'])), 2, -1)
    c = np.tanh(joined(x, r * h, maps['candidate']))
    return u * h + (1 - u) * c


def lstm(state, affine):
    c, h = state
    i, j, f, o = jnp.split(affine('gates', h), 4, axis=-1)
    c = c * jax.nn.sigmoid(f) + jax.nn.sigmoid(i) * jnp.tanh(j)
    return c, jnp.tanh(c) * jax.nn.sigmoid(o)


def lstm_by_hand(x, state, maps, params):
    c, h = state
    i, j, f, o = np.split(joined(x, h, maps['gates']), 4, -1)
    c = c * sigmoid(f) + sigmoid(i) * np.tanh(j)
    return c, np.tanh(c) * sigmoid(o)


def everything(h, affine, gain):
    """All that a step may ask for: maps of x alone, of the state alone, any activation, a gain."""
    u = affine('gate', h, jax.nn.sigmoid)
    c = jax.nn.silu(affine('of x') + u * affine('of h', h)) * gain
    return u * h + (1 - u) * c + 0.1 * affine('odd', h, jnp.sin) + affine('relu', h, jax.nn.relu)


def everything_by_hand(x, h, maps, params):
    (gain,) = params
    u = sigmoid(joined(x, h, maps['gate']))
    before = x @ maps['of x'].kernel + maps['of x'].bias
    before = before + u * (h @ maps['of h'].kernel + maps['of h'].bias)
    c = before * sigmoid(before) * gain
    odd, relu = np.sin(h @ maps['odd'].kernel), np.maximum(joined(x, h, maps['relu']), 0)
    return u * h + (1 - u) * c + 0.1 * odd + relu


@dataclasses.dataclass(frozen=True)
class Kind:
    """A recurrence, the same in NumPy, and what it takes: rows of x or not, columns, bias."""

    step: Callable[..., Any]
    by_hand: Callable[..., Any]
    maps: dict[str, tuple[bool, bool, int, bool]]  # of x, of the state, width, bias
    n_states: int = 1
    n_params: int = 0

    def draw(self, seed: int = 0) -> 'Case':
        r = np.random.RandomState(seed)

        def draw_map(of_x, of_h, width, bias):
            rows = D * of_x + N * of_h
            return Affine(0.4 * r.randn(rows, width), r.randn(width) if bias else None, of_x)

        def state(*shape):
            arrays = tuple(r.randn(B, *shape, N) for _ in range(self.n_states))
            return arrays if self.n_states > 1 else arrays[0]

        maps = {name: draw_map(*spec) for name, spec in self.maps.items()}
        params = tuple(r.randn(1, N) for _ in range(self.n_params))
        return Case(self, r.randn(B, T, D), state(), maps, params, state(), state(T), state())


@dataclasses.dataclass(frozen=True)
class Case:
    """A recurrence with inputs, and weights of its results in a scalar."""

    kind: Kind
    x: Any
    start: Any
    maps: Any
    params: Any
    fresh: Any
    for_states: Any
    for_last: Any

    def total(self, flags=None, **options):
        """The scalar as a function of inputs, state, maps, parameters and fresh state."""

        def weighed(x, start, maps, params, fresh):
            results = recur(
                self.kind.step, x, start, maps, params, flags or Flags(), fresh, **options
            )
            wanted = (self.for_states, self.for_last)
            return sum(jax.tree.leaves(jax.tree.map(lambda a, b: (a * b).sum(), results, wanted)))

        return weighed

    @property
    def arguments(self):
        return self.x, self.start, self.maps, self.params, self.fresh


KINDS = {
    'gru': Kind(
        gru, gru_by_hand, {'gates': (True, True, 2 * N, True), 'candidate': (True, True, N, True)}
    ),
    'lstm': Kind(lstm, lstm_by_hand, {'gates': (True, True, 4 * N, True)}, n_states=2),
    'everything': Kind(
        everything,
        everything_by_hand,
        {
            'gate': (True, True, N, True),
            'of x': (True, False, N, True),
            'of h': (False, True, N, True),
            'odd': (False, True, N, False),
            'relu': (True, True, N, True),
        },
        n_params=1,
    ),
}


def some(probability, *shape):
    return np.random.RandomState(7).rand(B, T, *shape) < probability


FLAGS = {
    'none': Flags(),
    'mask': Flags(some(0.7)),
    'fractions': Flags(np.random.RandomState(8).rand(B, T, N)),
    'resets': Flags(None, some(0.3)),
    'both': Flags(some(0.7), some(0.3)),
}


@pytest.fixture(params=KINDS)
def case(request):
    return KINDS[request.param].draw()


def by_hand(case, flags, reverse):
    """All states, step by step."""
    state, found = case.start, [None] * T
    for t in range(T)[::-1] if reverse else range(T):
        if flags.fresh is not None:
            state = mixed(flags.fresh[:, t], case.fresh, state)
        new = case.kind.by_hand(case.x[:, t], state, case.maps, case.params)
        state = new if flags.keep is None else mixed(flags.keep[:, t], new, state)
        found[t] = state
    return jax.tree.map(lambda *states: np.stack(states, 1), *found), state


def mixed(flag, yes, no):
    flag = np.asarray(flag, np.float64).reshape(B, -1)
    return jax.tree.map(lambda a, b: flag * a + (1 - flag) * b, yes, no)


@pytest.mark.parametrize(('flags', 'reverse'), list(itertools.product(FLAGS, (False, True))))
def test_the_reference_is_its_formula(case, flags, reverse):
    flags, options = FLAGS[flags], {'reverse': reverse, 'implementation': 'reference'}
    x, start, maps, params, fresh = case.arguments
    with jax.enable_x64(True):
        got = recur(case.kind.step, x, start, maps, params, flags, fresh, **options)
    wanted = by_hand(case, flags, reverse)
    for a, b in zip(*map(jax.tree.leaves, (wanted, got)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    ('flags', 'reverse', 'remat'),
    [(flags, flags != 'none', flags in ('none', 'both')) for flags in FLAGS]
    + [('none', True, False)],
)
def test_the_own_passes_are_those_of_the_reference(case, flags, reverse, remat):
    def with_gradients(**options):
        total = case.total(FLAGS[flags], reverse=reverse, **options)
        with jax.enable_x64(True):
            return jax.value_and_grad(total, (0, 1, 2, 3, 4))(*case.arguments)

    wanted = with_gradients(implementation='reference')
    got = with_gradients(implementation='xla', remat=remat)
    for a, b in zip(*map(jax.tree.leaves, (wanted, got)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-11)


def test_one_step_takes_flags_as_many_do(case):
    x, flags = case.x[:, :1], FLAGS['both']
    first = Flags(flags.keep[:, :1], flags.fresh[:, :1])
    with jax.enable_x64(True):
        states, last = recur(
            case.kind.step, x, case.start, case.maps, case.params, first, case.fresh
        )
    wanted, _ = by_hand(case, flags, False)
    for s, a, b in zip(*map(jax.tree.leaves, (states, last, wanted)), strict=True):
        np.testing.assert_allclose(a, b[:, 0], atol=1e-12)
        np.testing.assert_allclose(s[:, 0], a)


def test_second_derivatives_agree(case):
    def of_gradient(implementation):
        first = jax.grad(case.total(implementation=implementation), 1)

        def squared(start, maps):
            gradient = first(case.x, start, maps, *case.arguments[3:])
            return sum((g**2).sum() for g in jax.tree.leaves(gradient))

        with jax.enable_x64(True):
            return jax.grad(squared, (0, 1))(case.start, case.maps)

    wanted, got = of_gradient('reference'), of_gradient('xla')
    for a, b in zip(jax.tree.leaves(wanted), jax.tree.leaves(got), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-10)


def test_vmap_is_a_loop_over_models(case):
    more = jax.tree.map(lambda a: np.stack([a, 1.1 * a]), case.maps)
    of = jax.grad(lambda maps: case.total()(case.x, case.start, maps, case.params, case.fresh))
    with jax.enable_x64(True):
        got = jax.vmap(of)(more)
        for i in range(2):
            wanted = of(jax.tree.map(lambda a, i=i: a[i], more))
            for a, b in zip(jax.tree.leaves(wanted), jax.tree.leaves(got), strict=True):
                np.testing.assert_allclose(b[i], a, rtol=1e-8, atol=1e-11)


MANY = 100  # times the rows, so that a pass is made in blocks of 3, 3, 3 and 2 steps


def many(tree):
    return jax.tree.map(lambda a: np.repeat(a, MANY, axis=0), tree)


def run_many(case, x, flags, maps=None, **options):
    start, fresh = many((case.start, case.fresh))
    arguments = (start, maps or case.maps, case.params, many(flags), fresh)
    return recur(case.kind.step, x, *arguments, **options)


@pytest.mark.parametrize(
    ('flags', 'reverse'), [('none', False), ('none', True), ('fractions', False), ('both', True)]
)
def test_a_pass_in_blocks_is_its_formula(case, flags, reverse):
    with jax.enable_x64(True):
        got = run_many(case, many(case.x), FLAGS[flags], reverse=reverse)
    wanted = many(by_hand(case, FLAGS[flags], reverse))
    for a, b in zip(*map(jax.tree.leaves, (wanted, got)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(('rows', 'steps'), [(0, T), (B, 0)])
def test_a_pass_over_nothing(rows, steps):
    case = KINDS['gru'].draw()
    x, start = jnp.zeros((rows, steps, case.x.shape[-1])), jnp.ones((rows, N))
    states, last = recur(case.kind.step, x, start, case.maps, case.params)
    assert states.shape == (rows, steps, N)
    np.testing.assert_array_equal(last, start)


def test_rows_of_a_table_in_blocks_are_the_array_that_they_stand_for():
    case, r = KINDS['gru'].draw(), np.random.RandomState(5)
    table, ids = r.randn(7, D), r.randint(0, 7, (B, T))
    with jax.enable_x64(True):
        got = run_many(case, Rows(jnp.asarray(table), many(ids)), FLAGS['none'])
    wanted = many(by_hand(dataclasses.replace(case, x=table[ids]), FLAGS['none'], False))
    for a, b in zip(*map(jax.tree.leaves, (wanted, got)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-9, atol=1e-12)


def test_a_pass_makes_what_x_gives_for_all_steps_only_where_it_is_differentiated():
    case, wide = KINDS['gru'].draw(), (T, B * MANY, 2 * N)

    def total(x, maps, implementation):
        states, last = run_many(case, x, FLAGS['both'], maps, implementation=implementation)
        return (states**2).sum() + last.sum()

    def shapes(function):
        jaxpr = jax.make_jaxpr(function, static_argnums=2)(many(case.x), case.maps, 'xla')
        return {v.aval.shape for e in all_eqns(jaxpr.jaxpr) for v in e.outvars}

    assert wide not in shapes(total)
    assert wide in shapes(jax.grad(total))
    gradient = jax.grad(total, (0, 1))
    with jax.enable_x64(True):
        wanted, got = (gradient(many(case.x), case.maps, kind) for kind in ('reference', 'xla'))
    for a, b in zip(*map(jax.tree.leaves, (wanted, got)), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-11)


def test_forward_mode_says_why_it_cannot(case):
    def of(implementation):
        def states(x):
            return recur(
                case.kind.step, x, case.start, case.maps, case.params, implementation=implementation
            )[0]

        return states

    with pytest.raises(TypeError, match=r'recur has .* no forward-mode .* jacrev\(grad\(f\)\)'):
        jax.jvp(of('xla'), (case.x,), (case.x,))
    jax.jvp(of('reference'), (case.x,), (case.x,))


def test_an_unknown_implementation_is_refused(case):
    with pytest.raises(ValueError, match="one of 'auto', 'reference', 'xla', got 'cudnn'"):
        case.total(implementation='cudnn')(*case.arguments)


def loop_bodies(jaxpr):
    """Yields what each scan repeats, in the functions that a program calls too."""
    for eqn in jaxpr.eqns:
        inner = [v.jaxpr for v in eqn.params.values() if hasattr(v, 'jaxpr')]
        if eqn.primitive.name == 'scan':
            yield from inner
        else:
            for function in inner:
                yield from loop_bodies(function)


def all_eqns(jaxpr):
    for eqn in jaxpr.eqns:
        yield eqn
        for sub in eqn.params.values():
            if hasattr(sub, 'jaxpr'):
                yield from all_eqns(sub.jaxpr)


def training_loops(case, implementation):
    jaxpr = jax.make_jaxpr(jax.grad(case.total(implementation=implementation), 2))(*case.arguments)
    bodies = list(loop_bodies(jaxpr.jaxpr))
    assert len(bodies) == 2  # forwards and backwards
    return bodies


def test_the_loops_compute_no_weight_gradient(case):
    """Inside the reverse loop nothing of the shape of a recurrent matrix is computed."""
    matrices = {(N, m.kernel.shape[1]) for m in case.maps.values()}

    def made(implementation):
        bodies = training_loops(case, implementation)
        return [v.aval.shape for body in bodies for e in all_eqns(body) for v in e.outvars]

    assert matrices & set(made('reference'))
    assert not matrices & set(made('xla'))


def test_the_loops_hold_the_recurrent_products_only(case):
    """One product for each map with an operand forwards, one backwards, none with x, no turning."""
    operands = sum(m.kernel.shape[0] != D for m in case.maps.values())
    for body in training_loops(case, 'xla'):
        names = [e.primitive.name for e in all_eqns(body)]
        assert names.count('dot_general') == operands
        assert 'transpose' not in names


def test_what_the_loops_write_over_their_inputs_is_in_place(case):
    """No step copies an array that is as long as the sequence."""
    compiled = jax.jit(jax.grad(case.total(), (0, 2))).lower(*case.arguments).compile()
    text = compiled.as_text()
    bodies = set(re.findall(r'body=%([\w.-]+)', text))
    computations = [c for c in re.split(r'\n(?=%)', text) if c.split(' ')[0][1:] in bodies]
    assert len(computations) == len(bodies) == 2
    for computation in computations:
        assert f'[{T},{B},' in computation
        assert not re.search(rf'\[{T},{B},\d+\]\S* copy\(', computation)


def test_a_wide_kernel_is_cut_in_two_on_a_cpu():
    """Its gates in two products and its candidate in two, with the results of the reference."""
    n, r = 512, np.random.RandomState(3)
    maps = {
        'gates': Affine(0.05 * r.randn(D + n, 2 * n), r.randn(2 * n)),
        'candidate': Affine(0.05 * r.randn(D + n, n), r.randn(n)),
    }
    x, start = r.randn(B, 3, D), r.randn(B, n)

    def total(maps, precision):
        states, _ = recur(gru, x, start, maps, precision=precision)
        return (states**2).sum(), states

    def products(precision):
        jaxpr = jax.make_jaxpr(jax.grad(total, has_aux=True), static_argnums=1)(maps, precision)
        bodies = loop_bodies(jaxpr.jaxpr)
        return [sum(e.primitive.name == 'dot_general' for e in all_eqns(b)) for b in bodies]

    assert products('float32') == ([4, 4] if jax.default_backend() == 'cpu' else [2, 2])
    assert products('bf16') == [2, 2]
    with jax.enable_x64(True):
        got, states = jax.grad(total, has_aux=True)(maps, 'float32')
        h, along = start, jnp.asarray(x)
        for t in range(3):
            h = gru_by_hand(x[:, t], h, maps, ())
            np.testing.assert_allclose(states[:, t], h, rtol=1e-9, atol=1e-12)

        def plainly(maps):
            h, squares = start, 0.0
            for x_t in jnp.swapaxes(along, 0, 1):
                h = gru(h, functools.partial(plain_affine, maps, x_t))
                squares += (h**2).sum()
            return squares

        wanted = jax.grad(plainly)(maps)
    for a, b in zip(jax.tree.leaves(wanted), jax.tree.leaves(got), strict=True):
        np.testing.assert_allclose(b, a, rtol=1e-8, atol=1e-9)


def plain_affine(maps, x, name, operand, activation):
    joined = jnp.concatenate([x, operand], -1)
    return activation(joined @ maps[name].kernel + maps[name].bias[None])
