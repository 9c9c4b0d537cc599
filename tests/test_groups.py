"""Groups of tests: those that share what takes time run in one worker."""

import pytest


@pytest.mark.xdist_group('kept together')
def test_groups_are_seen(request: pytest.FixtureRequest) -> None:
    """xdist says by the name of a test that it has a group; without one nothing else would tell."""
    if not request.config.getoption('loadgroup', False):
        pytest.skip('runs in a worker of `make test`')
    assert request.node.nodeid.endswith('@kept together')
