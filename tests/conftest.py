"""Strict settings for all tests."""

import functools
import gc
import os
import pathlib
import shutil
from collections.abc import Iterator

import jax
import pytest
from hypothesis import HealthCheck, settings
from quick import QUICK, is_thorough, quickly

jax.config.update('jax_enable_x64', False)
# jax_numpy_rank_promotion stays as users have it: `x @ w + b` is how the layers read.

# A program that one test has compiled, no other compiles again: not in this process, not in the
# other workers, not in the children that tests start, and not in the next run.
COMPILED = pathlib.Path(__file__).parent / '.pytest_cache' / 'compiled'
for _name, _value in {
    'jax_compilation_cache_dir': str(COMPILED),
    'jax_persistent_cache_min_compile_time_secs': 0,
    'jax_persistent_cache_min_entry_size_bytes': -1,
}.items():
    jax.config.update(_name, _value)
    os.environ[_name.upper()] = str(_value)

# 'ci' draws the same examples every time, so a red run can be repeated; 'thorough' draws new ones:
#   RETRAX_HYPOTHESIS=thorough pytest tests
_SLOW_IS_FINE = [HealthCheck.too_slow, HealthCheck.data_too_large]  # examples compile
settings.register_profile(
    'ci',
    derandomize=True,
    deadline=None,
    max_examples=25,
    database=None,
    print_blob=True,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.register_profile(
    'thorough',
    deadline=None,
    max_examples=500,
    print_blob=True,
    suppress_health_check=_SLOW_IS_FINE,
)
settings.load_profile(os.environ.get('RETRAX_HYPOTHESIS', 'ci'))


@pytest.fixture
def compiled_quickly(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Lets XLA optimise little, for tests about numbers that compile much and run little.

    Child processes do so too. 'thorough' compiles as users do. Tests that look into compiled
    programs must not take this, nor those that ask for the bits of what a fixture of their module
    made: such a fixture runs before this one, so it compiles as users do.
    """
    if not is_thorough():
        for name, value in QUICK.items():
            monkeypatch.setenv(name.upper(), str(value))
    with quickly():
        yield


@pytest.hookimpl(tryfirst=True)  # xdist looks at the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Gives the tests of a file that makes something for all of them to one worker."""
    for item in items:
        if _shares(item.path) and item.get_closest_marker('xdist_group') is None:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))


@functools.cache
def _shares(path: pathlib.Path) -> bool:
    """Whether the tests of a file share a fixture, which each worker would make."""
    return "scope='module'" in path.read_text(encoding='utf-8')


EACH = 50  # tests
MANY_MAPS = 25_000  # of the 65,530 that Linux allows to a process


def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Forgets compiled programs now and then: each takes about eight maps of memory for good.

    A process that has none left crashes in the compiler.
    """
    item.session.stash[_ENDED] = ended = item.session.stash.get(_ENDED, 0) + 1
    maps = pathlib.Path('/proc/self/maps')
    if ended % EACH == 0 and maps.exists() and maps.read_bytes().count(b'\n') > MANY_MAPS:
        jax.clear_caches()
        gc.collect()


_ENDED = pytest.StashKey[int]()


MUCH = 2 << 30  # bytes; a whole run leaves 150 MB


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, 'workerinput') and COMPILED.exists():
        if sum(file.stat().st_size for file in COMPILED.iterdir()) > MUCH:
            shutil.rmtree(COMPILED)
    here = os.path.dirname(os.path.abspath(__file__))
    if config.inipath is None or str(config.inipath.parent) != here:
        raise pytest.UsageError(
            f'pytest read its settings from {config.inipath}, expected tests/pytest.ini: the root '
            'folder is the package itself and must not be collected. Run: pytest tests'
        )
