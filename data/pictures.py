"""Generated pictures of shapes as labelled text, one character for each pixel: '#' or '.'.

A picture has one filled shape, of any size, anywhere in it, and some pixels that are turned over.
Its text is its rows of pixels one after another, so size x size characters.
"""

import numpy as np

from .labelled import Row, format_rows

_NOISE = 0.03  # the share of pixels that are turned over


def pictures(n_rows: int = 4000, size: int = 32, seed: int = 0) -> str:
    """Returns a labelled text of the classes 'disc', 'square', 'diamond' and 'cross'.

    >>> label, text = pictures(1, size=9).strip().split('\\t')
    >>> print(label, *(text[i : i + 9] for i in range(36, 72, 9)), sep='\\n')
    disc
    ....###..
    ....####.
    ....####.
    #....##.#
    """
    random = np.random.RandomState(seed)  # whose numbers are the same in all versions of NumPy
    return format_rows(_row(random, size) for _ in range(n_rows))


def _row(random, size):
    label = list(_SHAPES)[random.randint(len(_SHAPES))]
    radius = random.uniform(size / 8, size / 3)
    down, right = random.uniform(radius, size - 1 - radius, 2)
    place = np.arange(size)
    inside = _SHAPES[label](abs(place[:, None] - down) / radius, abs(place - right) / radius)
    inked = inside ^ (random.uniform(size=(size, size)) < _NOISE)
    return Row(label, ''.join(np.where(inked, '#', '.').ravel()))


# From how far a pixel is from the middle, down and across, in radii: whether it is inside. All
# shapes of one radius have about the same ink, so that ink alone tells nothing.
_SHAPES = {
    'disc': lambda v, u: u**2 + v**2 <= 0.8,
    'square': lambda v, u: np.maximum(u, v) <= 0.79,
    'diamond': lambda v, u: u + v <= 1.12,
    'cross': lambda v, u: (np.minimum(u, v) <= 0.42) & (np.maximum(u, v) <= 0.96),
}
