"""Windows over the axes of images and sequences: what convolutions and pooling share."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..combinators import mismatch
from .checks import positive


class Windows(NamedTuple):
    """Sizes of windows and how far they move, along each axis."""

    sizes: tuple[int, ...]
    strides: tuple[int, ...]
    padding: str  # 'VALID': whole windows only; 'SAME': ceil(size / stride) of them

    def check_fit(self, what: str, lengths: Sequence[Any]) -> None:
        """Raises ValueError if there is no whole window in an input, and one is wanted.

        Lengths that are names are not looked at.
        """
        ends = zip(self.sizes, lengths, strict=True)
        if self.padding == 'VALID' and any(isinstance(n, int) and size > n for size, n in ends):
            raise mismatch(
                what,
                f'at most the size of the input, {tuple(lengths)}',
                self.sizes,
                "There is no whole window in it; with padding='SAME' there is.",
            )


def windows(
    who: str, what: str, sizes: Any, strides: Any, padding: str, axes: str | None = None
) -> Windows:
    """Returns windows from what a layer was given.

    Args:
      who: the layer.
      what: what the layer calls its sizes.
      sizes: one for each axis.
      strides: one for each axis; 1 where they are not given.
      padding: 'VALID' or 'SAME'.
      axes: the letters of the axes, where they are known.

    Raises:
      ValueError: a size is not a positive int, or there are too few or too many; unknown padding.
    """
    sizes = _numbers(f'{who}: {what}', sizes, axes)
    strides = spread(f'{who}: strides', strides, sizes, axes)
    if padding not in ('VALID', 'SAME'):
        raise mismatch(f'{who}: padding', "'VALID' or 'SAME'", repr(padding))
    return Windows(sizes, strides, padding)


def spread(what: str, steps: Any, sizes: tuple[int, ...], axes: str | None) -> tuple[int, ...]:
    """Returns steps along the axes of windows: one for each, or 1 where none are given."""
    return _numbers(what, (1,) * len(sizes) if steps is None else steps, axes or sizes)


def _numbers(what, given, like):
    if not isinstance(given, tuple | list):
        raise mismatch(what, 'a number for each axis, in a tuple', repr(given))
    if like is not None and len(given) != len(like):
        raise mismatch(what, f'{len(like)} numbers, as in {like}', given)
    return tuple(positive(size, what) for size in given)
