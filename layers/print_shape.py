"""PrintShape: a look at what flows."""

from ..combinators import PureLayer


def PrintShape(n_in: int = 1, msg: str = '') -> PureLayer:
    """Returns a layer that prints the shapes and dtypes of its inputs and passes them on.

    It prints where the model is initialised and where it is compiled, not at every call.
    """

    def show(xs):
        items = xs if n_in > 1 else (xs,)
        shapes = ', '.join(f'{tuple(x.shape)}[{x.dtype}]' for x in items)
        print(f'PrintShape: {msg}: [{shapes}]')  # noqa: T201 - what it is for
        return xs

    return PureLayer(show, n_in=n_in, n_out=n_in, name=f'PrintShape_{n_in}')
