"""Cells of other frameworks in float64, each run with arrays of its convention.

Where a library is there, it runs; others are written in NumPy from their documented formulas. A
runner takes the arrays by name and x (b, t, d) and returns y (b, t, n).
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from retrax.interop.weights import Convention

from .peers import peer

B, T, D, N = 2, 3, 3, 4


def random_arrays(convention: Convention, seed: int = 0) -> dict[str, np.ndarray]:
    """Random numbers for each array of a convention, none of them zero."""
    r = np.random.RandomState(seed)
    arrays = {}
    for a in convention.arrays:
        k = len(a.gates) * N
        if hasattr(a, 'outputs_first'):
            shape = ({'x': D, 'h': N, 'xh': D + N}[a.of], k)
            shape = shape[::-1] if a.outputs_first else shape
        else:
            shape = (len(a.of), k) if a.in_rows else (len(a.of) * k,)
        arrays[a.name] = r.randn(*shape) * 0.5
    return arrays


def nested(arrays: dict[str, Any]) -> dict[str, Any]:
    """The tree of arrays whose names are paths."""
    tree: dict[str, Any] = {}
    for name, array in arrays.items():
        *around, last = name.split('/')
        place = tree
        for part in around:
            place = place.setdefault(part, {})
        place[last] = array
    return tree


# Formulas, each with the names of its source.


def sigmoid(a):
    return 1 / (1 + np.exp(-a))


def along_time(step: Callable, x, states=1):
    """y of step(state, x) -> state, of which the last array is the output."""
    state, y = [np.zeros((len(x), N))] * states, []
    for i in range(x.shape[1]):
        state = step(*state, x[:, i])
        y.append(state[-1])
    return np.stack(y, 1)


def trax_gru(p, x):
    """trax.layers.rnn.GRUCell: candidate of [x, r * h], u keeps the old state."""

    def step(h, x):
        u, r = np.split(sigmoid(np.concatenate([x, h], -1) @ p['w1'] + p['b1']), 2, -1)
        c = np.tanh(np.concatenate([x, r * h], -1) @ p['w2'] + p['b2'])
        return (u * h + (1 - u) * c,)

    return along_time(step, x)


def trax_lstm(p, x, forget_bias=0.0, names=('w', 'b')):
    """trax.layers.rnn.LSTMCell, gates i, j, f, o."""
    w, b = (p[name] for name in names)

    def step(c, h, x):
        i, j, f, o = np.split(np.concatenate([x, h], -1) @ w + b, 4, -1)
        c = c * sigmoid(f + forget_bias) + sigmoid(i) * np.tanh(j)
        return c, np.tanh(c) * sigmoid(o)

    return along_time(step, x, states=2)


def tf1_lstm(p, x):
    """tf.nn.rnn_cell.BasicLSTMCell, which adds forget_bias=1 when it runs."""
    return trax_lstm(p, x, 1.0, ('kernel', 'bias'))


def tf1_gru(p, x):
    """tf.nn.rnn_cell.GRUCell: gates r, u of [x, h]; new_h = u h + (1 - u) c."""

    def step(h, x):
        gates = np.concatenate([x, h], -1) @ p['gates/kernel'] + p['gates/bias']
        r, u = np.split(sigmoid(gates), 2, -1)
        joined = np.concatenate([x, r * h], -1)
        c = np.tanh(joined @ p['candidate/kernel'] + p['candidate/bias'])
        return (u * h + (1 - u) * c,)

    return along_time(step, x)


def d2l_gru(p, x):
    """Dive into Deep Learning, GRU from scratch: H = Z * H + (1 - Z) * H_tilda."""

    def step(h, x):
        z = sigmoid(x @ p['W_xz'] + h @ p['W_hz'] + p['b_z'])
        r = sigmoid(x @ p['W_xr'] + h @ p['W_hr'] + p['b_r'])
        c = np.tanh(x @ p['W_xh'] + (r * h) @ p['W_hh'] + p['b_h'])
        return (z * h + (1 - z) * c,)

    return along_time(step, x)


def theano_dl4mt(p, x):
    """dl4mt's gru_layer: preactx = (h Ux) r + x Wx + bx; h = u h_ + (1 - u) tanh(preactx)."""

    def step(h, x):
        r, u = np.split(sigmoid(x @ p['W'] + p['b'] + h @ p['U']), 2, -1)
        c = np.tanh(h @ p['Ux'] * r + x @ p['Wx'] + p['bx'])
        return (u * h + (1 - u) * c,)

    return along_time(step, x)


def theano_chung(p, x):
    """Chung et al. 2014, equation 4: h = (1 - z) h + z c, with c of r * h."""

    def step(h, x):
        r, u = np.split(sigmoid(x @ p['W'] + p['b'] + h @ p['U']), 2, -1)
        c = np.tanh((r * h) @ p['Ux'] + x @ p['Wx'] + p['bx'])
        return ((1 - u) * h + u * c,)

    return along_time(step, x)


# Libraries.


def torch_runner(kind):
    def run(p, x):
        torch = peer('torch')
        module = getattr(torch.nn, kind)(D, N, batch_first=True, dtype=torch.float64)
        parameters = {f'{name}_l0': value for name, value in p.items()}
        return torch.func.functional_call(module, parameters, (x,))[0]

    return run


def jax_along_time(step, x, states):
    import jax.numpy as jnp

    state = (jnp.zeros((len(x), N), x.dtype),) * states
    state, y = state if states > 1 else state[0], []
    for i in range(x.shape[1]):
        state, out = step(state, x[:, i])
        y.append(out)
    return jnp.stack(y, 1)


def linen_runner(name, states=1):
    def run(p, x):
        cell = getattr(peer('flax.linen'), name)(N, param_dtype='float64')
        return jax_along_time(lambda s, x: cell.apply({'params': nested(p)}, s, x), x, states)

    return run


def nnx_runner(name, states=1):
    def run(p, x):
        nnx = peer('flax.nnx')
        cell = getattr(nnx, name)(D, N, dtype='float64', param_dtype='float64', rngs=nnx.Rngs(0))
        nnx.update(cell, nested(p))
        return jax_along_time(cell, x, states)

    return run


def haiku_runner(name, states=1):
    def run(p, x):
        hk = peer('haiku')
        groups: dict[str, Any] = {}
        for path, array in p.items():
            *around, last = path.split('/')
            groups.setdefault('/'.join(['cell', *around]), {})[last] = array

        def step(state, x):
            state = hk.LSTMState(*state) if states > 1 else state
            return getattr(hk, name)(N, name='cell')(x, state)[::-1]

        apply = hk.without_apply_rng(hk.transform(step)).apply
        return jax_along_time(lambda state, x: apply(groups, state, x), x, states)

    return run


def equinox_runner(name, states=1):
    def run(p, x):
        import jax

        nn = peer('equinox').nn
        cell = getattr(nn, name)(D, N, dtype=x.dtype, key=jax.random.key(0))
        cell = peer('equinox').tree_at(lambda c: [getattr(c, k) for k in p], cell, list(p.values()))

        def step(state, x):
            state = jax.vmap(cell)(x, state)
            return state, state[0] if states > 1 else state

        return jax_along_time(step, x, states)

    return run


def keras_runner(name, **options):
    """In float32, to which Keras rounds every tanh on JAX."""

    def run(p, x):
        layer = getattr(peer('keras').layers, name)(N, return_sequences=True, **options)
        layer.build(x.shape)
        given = [p[v.name].astype('float32') for v in layer.trainable_variables]
        x = x.astype('float32')
        return layer.stateless_call(given, layer.non_trainable_variables, x)[0]

    return run


def onnx_runner(op, outputs, **attributes):
    """onnx.reference, which knows both values of linear_before_reset; time is its first axis."""

    def run(p, x):
        onnx = peer('onnx')
        evaluator = peer('onnx.reference').ReferenceEvaluator
        double, make = onnx.TensorProto.DOUBLE, onnx.helper.make_tensor_value_info
        names = ['X', *p]
        node = onnx.helper.make_node(op, names, ['Y', *outputs], hidden_size=N, **attributes)
        graph = onnx.helper.make_graph(
            [node], 'one', [make(n, double, None) for n in names], [make('Y', double, None)]
        )
        arrays = {name: array[None] for name, array in p.items()}
        y = evaluator(onnx.helper.make_model(graph)).run(None, {'X': x.swapaxes(0, 1), **arrays})[0]
        return y[:, 0].swapaxes(0, 1)

    return run


@dataclasses.dataclass(frozen=True)
class Other:
    """A cell elsewhere: how it runs, who knows its gradients (None: differences), its dtype."""

    run: Callable[[dict[str, Any], Any], Any]
    gradients: str | None = None
    float32: bool = False


OTHERS: dict[str, Other] = {
    'torch.GRU': Other(torch_runner('GRU'), 'torch'),
    'torch.LSTM': Other(torch_runner('LSTM'), 'torch'),
    'torch.RNN': Other(torch_runner('RNN'), 'torch'),
    'keras.GRU': Other(keras_runner('GRU'), 'jax', True),
    'keras.GRU(reset_after=False)': Other(keras_runner('GRU', reset_after=False), 'jax', True),
    'keras.LSTM': Other(keras_runner('LSTM'), 'jax', True),
    'keras.SimpleRNN': Other(keras_runner('SimpleRNN'), 'jax', True),
    'onnx.GRU': Other(onnx_runner('GRU', ['Y_h'])),
    'onnx.GRU(linear_before_reset=1)': Other(onnx_runner('GRU', ['Y_h'], linear_before_reset=1)),
    'onnx.LSTM': Other(onnx_runner('LSTM', ['Y_h', 'Y_c'])),
    'onnx.RNN': Other(onnx_runner('RNN', ['Y_h'])),
    'flax.GRUCell': Other(linen_runner('GRUCell'), 'jax'),
    'flax.LSTMCell': Other(linen_runner('LSTMCell', 2), 'jax'),
    'flax.SimpleCell': Other(linen_runner('SimpleCell'), 'jax'),
    'nnx.GRUCell': Other(nnx_runner('GRUCell'), 'jax'),
    'nnx.OptimizedLSTMCell': Other(nnx_runner('OptimizedLSTMCell', 2), 'jax'),
    'nnx.LSTMCell': Other(nnx_runner('LSTMCell', 2), 'jax'),
    'nnx.SimpleCell': Other(nnx_runner('SimpleCell'), 'jax'),
    'haiku.GRU': Other(haiku_runner('GRU'), 'jax'),
    'haiku.LSTM': Other(haiku_runner('LSTM', 2), 'jax'),
    'haiku.VanillaRNN': Other(haiku_runner('VanillaRNN'), 'jax'),
    'equinox.GRUCell': Other(equinox_runner('GRUCell'), 'jax'),
    'equinox.LSTMCell': Other(equinox_runner('LSTMCell', 2), 'jax'),
    'trax.GRUCell': Other(trax_gru),
    'trax.LSTMCell': Other(trax_lstm),
    'tf1.GRUCell': Other(tf1_gru),
    'tf1.LSTMCell': Other(tf1_lstm),
    'd2l.GRU': Other(d2l_gru),
    'theano.dl4mt': Other(theano_dl4mt),
    'theano.chung': Other(theano_chung),
}
