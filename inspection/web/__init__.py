"""One self-contained HTML page on what a model did while it read a text."""

from .build import LONGEST, fitting, page
from .curves import Curve

__all__ = ['LONGEST', 'Curve', 'fitting', 'page']
