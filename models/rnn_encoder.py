"""What tagger and classifier share: padded ids become a vector for each step, and a mask."""

from collections.abc import Callable
from typing import Literal

from .. import layers as tl
from ..layers.checks import positive

Padding = Literal['ids', 'mask']


def encoder(
    who: str,
    vocab_size: int,
    d_model: int,
    n_layers: int,
    rnn_cell: Callable[..., tl.RecurrentCell],
    bidirectional: bool,
    padding: Padding,
    dropout: float,
    mode: str | None,
) -> list[tl.Layer]:
    """Returns layers that make (x (b, t, width), mask (b, t)) of ids, or of ids and a mask."""
    positive(n_layers, f'{who}: n_layers')
    if padding not in ('ids', 'mask'):
        raise ValueError(f"{who}: padding must be 'ids' or 'mask', got {padding!r}")

    def along_time():
        layer = tl.Recurrent(rnn_cell(n_units=d_model), mode, padding='mask')
        return tl.Bidirectional(layer) if bidirectional else layer

    masked = [tl.Branch([], tl.SequenceMask())] if padding == 'ids' else []
    layers = [
        *masked,  # ids, mask
        tl.Embedding(vocab_size, d_model),  # x, mask
        tl.Dropout(dropout, mode=mode),
    ]
    for _ in range(n_layers):
        layers += [tl.Select([0, 1, 1], n_in=2), along_time()]  # x, mask, mask; y, mask
    return layers
