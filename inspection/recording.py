"""record: a model run once, and what the steps of its recurrent layers named."""

from typing import Any

import jax
import jax.core
import jax.numpy as jnp
import numpy as np

from ..combinators import Observer
from ..combinators.stack import as_items
from ..layers.named import Named
from .one_run import ready, run_observed


class Recording:
    """What a run gave.

    Attributes:
      name: of the model.
      outputs: of the model.
      layers: by path of a recurrent layer, by name, values (b, t, n_units) of all its steps;
        'output' too, where none of them is h.
      series: by path, the outputs (b, t, d) of the layers that the model is a series of.
    """

    def __init__(self, name: str, outputs: Any, heard: '_Names'):
        self.name, self.outputs = name, outputs
        self.layers, self.series = heard.found, heard.series

    def gates(self) -> dict[str, np.ndarray]:
        """Returns the gates by 'path.name'."""
        return {
            f'{path}.{name}'.lstrip('.'): named.value
            for path, found in self.layers.items()
            for name, named in found.items()
            if named.is_gate
        }


def record(model: Any, x: Any) -> Recording:
    """Runs a model in eval, from its initial state; returns what its recurrent layers named.

    The model does not change. One that has no weights yet is run with weights of its own that do
    not last. Of a cell in a Scan the slices stand one after another, as steps.

    Args:
      model: a layer, or a view of one.
      x: inputs, one array or a tuple.

    Raises:
      LayerError: the model does not take x.
    """
    model, x = ready(model, x)
    heard = _Names()
    y = run_observed(model.as_mode('eval').with_carry(False), x, heard)
    return Recording(model.name, jax.tree.map(np.asarray, y), heard)


class _Names(Observer):
    """Hears what layers name."""

    hears_names = True

    def __init__(self):
        self.found: dict[str, dict[str, Named]] = {}
        self.series: dict[str, np.ndarray] = {}

    def after(self, layer, context, weights, y):
        if not layer.n_out:
            return
        first = as_items(y)[0]
        floats = jnp.issubdtype(first.dtype, jnp.floating)
        if not floats or first.ndim != 3 or isinstance(first, jax.core.Tracer):
            return
        if len(context.path) == 1:
            self.series[context.location] = np.asarray(first)
        found = self.found.get(context.location)
        if found is not None and 'h' not in found:
            found['output'] = Named(np.asarray(first), False)

    def named(self, layer, context, values):
        arrays = jax.tree.leaves({name: v.value for name, v in values.items()})
        if any(isinstance(a, jax.core.Tracer) for a in arrays):  # in a user's own loop
            return
        self.found[context.location] = {
            name: v._replace(value=np.asarray(v.value)) for name, v in values.items()
        }
