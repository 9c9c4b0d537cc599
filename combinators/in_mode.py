"""InMode: a part of a model in a mode of its own."""

from . import passes
from .context import check_mode
from .layer import Layer
from .serial import ensure_layers


class InMode(Layer):
    """Runs a layer in another mode than the model around it.

    `InMode(encoder, predict='eval')` does not step in predict: it reads its whole input at every
    call. `as_mode` on the model leaves the part alone where a mode is given here.

    Args:
      layer: the part.
      train: the part's mode when the model is in train; None follows.
      eval: the same for eval.
      predict: the same for predict.

    Raises:
      ModeError: a mode that does not exist.
    """

    _tl_passes_rest = True
    _tl_pins_mode = True

    def __init__(
        self,
        layer: Layer,
        train: str | None = None,
        eval: str | None = None,
        predict: str | None = None,
    ):
        ensure_layers([layer], 'InMode')
        super().__init__(layer.n_in, layer.n_out)
        self._sublayers = (layer,)
        self._pins = {'train': train, 'eval': eval, 'predict': predict}
        for mode in self._pins.values():
            check_mode(mode, 'InMode')

    @property
    def rests(self) -> bool:
        """Whether the part reads its whole input at every call in predict, and never steps."""
        return self._pins['predict'] == 'eval'

    def _inside(self, context):
        pinned = self._pins[context.mode]
        inside = context.child(self._tl_labels[0])
        if pinned is None:
            return inside
        rests = pinned == 'eval' and context.mode == 'predict'
        return inside.replace(
            mode=pinned, forced=True, only_told=False, carry=context.carry and not rests
        )

    def init_through(self, inputs, context, notebook):
        layer = self._sublayers[0]
        w, s, y = passes.initialise(layer, inputs, self._inside(context), notebook)
        return (w,), (s,), y

    def apply_fn(self, x, weights, state, context):
        y, s = passes.apply(self._sublayers[0], x, weights[0], state[0], self._inside(context))
        return y, (s,)
