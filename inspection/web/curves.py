"""Curves of a run as a drawing that needs no script."""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

WIDTH, HEIGHT, LEFT, BOTTOM = 280, 150, 36, 20


class Curve(NamedTuple):
    """A line of figures over steps."""

    name: str
    points: Sequence[tuple[int, float]]
    is_heldout: bool = False


def drawing(curves: Sequence[Curve], unit: str) -> str:
    """Returns curves as a section of a page; nothing where there are no two points."""
    curves = [curve for curve in curves if len(curve.points) > 1]
    if not curves:
        return ''
    steps = [step for curve in curves for step, _ in curve.points]
    values = sorted(value for curve in curves for _, value in curve.points)
    # Of a long run the first steps are far above what follows and would press it flat.
    low, high = values[0], values[math.ceil(0.98 * (len(values) - 1))]
    place = _Place(min(steps), max(steps), low - 0.05 * (high - low), high)
    lines = [_line(curve, place) for curve in curves]
    keys = ''.join(
        f'<span><i class="{_class(curve)}"></i>{escape(curve.name)}</span>' for curve in curves
    )
    return (
        f'<section><h2>How it learned ({escape(unit)})</h2>'
        f'<svg class="loss" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(_in_words(curves))}">{_axes(place)}{"".join(lines)}</svg>'
        f'<p class="key">{keys}</p></section>'
    )


class _Place(NamedTuple):
    """Where a step and a value are in the drawing."""

    first: int
    last: int
    low: float
    high: float

    def x(self, step):
        return LEFT + (WIDTH - LEFT) * (step - self.first) / max(self.last - self.first, 1)

    def y(self, value):
        part = (min(value, self.high) - self.low) / max(self.high - self.low, 1e-12)
        return (HEIGHT - BOTTOM) * (1 - part)


def _line(curve, place):
    points = ' '.join(f'{place.x(step):.1f},{place.y(value):.1f}' for step, value in curve.points)
    dots = ''
    if curve.is_heldout:
        dots = ''.join(
            f'<circle cx="{place.x(s):.1f}" cy="{place.y(v):.1f}" r="2.4"/>'
            for s, v in curve.points
        )
    return f'<path class="{_class(curve)}" d="M{points.replace(" ", " L")}"/>{dots}'


def _axes(place):
    digits = max(0, 1 - math.floor(math.log10(max(place.high - place.low, 1e-6))))
    parts = []
    for value in (place.low, (place.low + place.high) / 2, place.high):
        y = place.y(value)
        parts.append(f'<line class="grid" x1="{LEFT}" x2="{WIDTH}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(
            f'<text x="{LEFT - 5}" y="{y + 4:.1f}" text-anchor="end">{value:.{digits}f}</text>'
        )
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 4}">step {place.first:,}</text>')
    parts.append(f'<text x="{WIDTH}" y="{HEIGHT - 4}" text-anchor="end">{place.last:,}</text>')
    return ''.join(parts)


def _in_words(curves):
    return '; '.join(
        f'{curve.name} from {curve.points[0][1]:.2f} to {curve.points[-1][1]:.2f}'
        for curve in curves
    )


def _class(curve):
    return 'heldout' if curve.is_heldout else 'training'
