"""PrintShape: a look at what flows."""

from ..combinators import PureLayer, ReversibleLayer


def PrintShape(n_in: int = 1, msg: str = '') -> PureLayer:
    """Returns a layer that prints the shapes and dtypes of its inputs and passes them on.

    It prints where the model is initialised and where it is compiled, not at every call.
    """

    def show(xs):
        _show(xs, msg)
        return xs

    return PureLayer(show, n_in=n_in, n_out=n_in, name=f'PrintShape_{n_in}')


class ReversiblePrintShape(ReversibleLayer):
    """PrintShape for a ReversibleSerial; it prints on the way forwards."""

    def __init__(self, n_in: int = 1, msg: str = ''):
        super().__init__(n_in, n_in)
        self._msg = msg

    def apply_fn(self, x, weights, state, context):
        _show(x, self._msg)
        return x, state

    def reverse(self, output, weights=(), state=(), new_state=(), rng=None):
        return output


def _show(xs, msg):
    items = xs if isinstance(xs, tuple | list) else (xs,)
    shapes = ', '.join(f'{tuple(x.shape)}[{x.dtype}]' for x in items)
    print(f'PrintShape: {msg}: [{shapes}]')  # noqa: T201 - what it is for
