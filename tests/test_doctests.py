"""Every example in a docstring runs.

Through the imported modules and not by collecting the folders: pytest would import the root
package a second time.
"""

import doctest
import importlib
import pkgutil

import pytest

import retrax

NOT_IN_THE_PACKAGE = ('retrax.tests', 'retrax.benchmarks', 'retrax.docs', 'retrax.examples')


def module_names() -> list[str]:
    found = pkgutil.walk_packages(retrax.__path__, 'retrax.', onerror=lambda name: None)
    names = ['retrax', *(module.name for module in found)]
    return [
        name
        for name in names
        if not name.startswith(NOT_IN_THE_PACKAGE) and not name.endswith('.__main__')
    ]


@pytest.mark.parametrize('name', module_names())
def test_examples(name: str) -> None:
    module = importlib.import_module(name)
    result = doctest.testmod(
        module,
        optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF,
    )
    assert result.failed == 0, f'{result.failed} of {result.attempted} examples (see above)'
