"""What a layer that mixes values along an axis declares of itself."""


def mixing(axis: int | tuple[int, ...] | None) -> dict[str, bool]:
    """Returns what mixing along an axis, several, or all (None) makes a layer.

    Axis 0 is the batch and axis 1 is time. Negative axes are counted as on (batch, time,
    features), so -1 is neither.

    >>> mixing(-1), mixing(1)
    ({'is_causal': True, 'couples_rows': False}, {'is_causal': False, 'couples_rows': False})
    """
    axes = (0, 1) if axis is None else (axis,) if isinstance(axis, int) else axis
    counted = {a + 3 if a < 0 else a for a in axes}
    return {'is_causal': 1 not in counted, 'couples_rows': 0 in counted}
