"""Accelerate: Trax's word for what every model does here."""

from .layer import Layer


def Accelerate(layer: Layer, n_devices: int | None = None) -> Layer:
    """Returns the layer itself: its calls are compiled already.

    Args:
      layer: the layer.
      n_devices: over how many devices Trax split the batch. The outputs do not depend on it; here
        one device computes them.

    Raises:
      ValueError: n_devices is not a positive int.

    Source: Trax 1.4.1, trax.layers.acceleration.Accelerate.
    """
    if n_devices is not None and n_devices < 1:
        raise ValueError(f'Accelerate: n_devices must be a positive int, got {n_devices}')
    return layer
