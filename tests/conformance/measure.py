"""How far a cell of ours with imported weights is from the cell that it was imported from."""

from typing import Any, NamedTuple

import jax
import numpy as np

from retrax import layers as tl
from retrax.interop.weights import CONVENTIONS
from retrax.interop.weights.cells import cell_of, weights_of

from .others import OTHERS, B, D, N, T, random_arrays
from .peers import peer


class Errors(NamedTuple):
    """The largest differences, in float64."""

    outputs: float
    gradients: float


def measure(name: str) -> Errors:
    """Compares outputs and the gradients of x and of all arrays."""
    r = np.random.RandomState(1)
    convention, other = CONVENTIONS[name], OTHERS[name]
    arrays, x, for_y = random_arrays(convention), r.randn(B, T, D), r.randn(B, T, N)

    def ours(arrays, x):
        cell = cell_of(arrays, convention)
        layer = tl.Recurrent(cell, 'eval')
        y, _ = layer.pure_fn(x, weights_of(cell, arrays, convention), (), None)
        return (y * for_y).sum(), y

    with jax.enable_x64(True):
        run = jax.jit(jax.value_and_grad(ours, (0, 1), has_aux=True))
        (_, y), (d_arrays, d_x) = jax.tree.map(np.asarray, run(arrays, x))
        gradients = {**d_arrays, 'x': d_x}
        if other.gradients is None:
            wanted = other.run(arrays, x)
            far = _from_differences(other.run, arrays, x, for_y, gradients)
        else:
            wanted, (d_arrays, d_x) = _RUNS[other.gradients](other.run, arrays, x, for_y)
            theirs = {**d_arrays, 'x': d_x}
            far = max(_far(gradients[name], theirs[name]) for name in gradients)
    return Errors(_far(y, wanted), float(far))


def _far(a, b):
    return float(np.abs(np.asarray(a) - np.asarray(b)).max())


def _with_torch(run, arrays, x, for_y):
    torch = peer('torch')
    p = {k: torch.tensor(a, requires_grad=True) for k, a in arrays.items()}
    x = torch.tensor(x, requires_grad=True)
    y = run(p, x)
    (y * torch.tensor(for_y)).sum().backward()
    return y.detach(), ({k: a.grad for k, a in p.items()}, x.grad)


def _with_jax(run, arrays, x, for_y):
    def loss(arrays, x):
        y = run(arrays, x)
        return (y * for_y).sum(), y

    (_, y), gradients = jax.jit(jax.value_and_grad(loss, (0, 1), has_aux=True))(arrays, x)
    return y, gradients


_RUNS: dict[str, Any] = {'torch': _with_torch, 'jax': _with_jax}


def _from_differences(run, arrays, x, for_y, gradients, step=1e-5):
    """The largest error of the derivative along a random direction of each array."""
    r, found = np.random.RandomState(2), []
    for name, gradient in gradients.items():
        move = r.randn(*gradient.shape)
        moved = []
        for sign in (1, -1):
            p = {**arrays, 'x': x}
            p[name] = p[name] + sign * step * move
            x_there = p.pop('x')
            moved.append((run(p, x_there) * for_y).sum())
        found.append(abs((moved[0] - moved[1]) / (2 * step) - (gradient * move).sum()))
    return max(found)
