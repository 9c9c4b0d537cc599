"""The table of conventions in docs/weights.md."""

import importlib.metadata

from .measure import measure
from .others import OTHERS

MARKS = '<!-- begin: conformance -->', '<!-- end: conformance -->'
HEAD = ['| convention | compared with | outputs | gradients |', '|---|---|---|---|']
_PACKAGES = {'nnx': 'flax', 'haiku': 'dm-haiku'}


def row(name: str) -> str:
    """Returns the row of a convention: the largest errors."""
    errors = measure(name)
    how = 'float32' if OTHERS[name].float32 else 'float64'
    gradients = f'{errors.gradients:.0e}'
    if OTHERS[name].gradients is None:
        gradients += ' (differences)'
    return f'| {name} | {_other_side(name)}, {how} | {errors.outputs:.0e} | {gradients} |'


def names(page: str) -> list[str]:
    """Returns the conventions that a page has rows of."""
    begin, end = MARKS
    _, _, rest = page.partition(begin)
    lines = rest.partition(end)[0].strip().splitlines()
    return [line.split('|')[1].strip() for line in lines[len(HEAD) :]]


def _other_side(name):
    framework = name.partition('.')[0]
    package = _PACKAGES.get(framework, framework)
    if framework in ('trax', 'tf1', 'd2l', 'theano'):
        return 'its formulas in NumPy'
    return f'{package} {importlib.metadata.version(package).partition("+")[0]}'
