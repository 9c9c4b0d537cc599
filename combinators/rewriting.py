"""Rewriting: a model with other layers in the same places."""

from typing import Any

from .serial import Serial


def with_sublayers(model: Serial, sublayers: list[Any]) -> Serial:
    """Returns a series of other layers that stands in for a model.

    Places keep their names and told modes, and states bear the model's mark, so a state of one is a
    state of the other, if each layer takes and gives what the one before it did. The view's mode,
    carry and precision stay; it has seen the model's inputs, and shares its statistics.
    """
    for layer, before in zip(sublayers, model._sublayers, strict=True):
        vars(layer).update(_tl_told=before._tl_told, _tl_told_here=before._tl_told_here)
    other = Serial(*sublayers, name=model._name)
    vars(other).update(_tl_labels=model._tl_labels, _tl_print=model._tl_fingerprint)
    vars(other).update(_tl_memory=model._tl_memory, _tl_kept=model._tl_kept)
    return other._tl_view(model._tl_policy)
