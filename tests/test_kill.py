"""The kill test, small; `python -m tests.kill --kills 200` is the large one."""

import sys
from pathlib import Path

import pytest
from kill.driver import Kills


@pytest.mark.skipif(sys.platform != 'linux', reason='moments are found through /proc')
def test_killed_runs_end_as_if_they_had_not_been(tmp_path: Path) -> None:
    killer = Kills(tmp_path, seed=1)
    killer.kill(5)
    assert killer.by_moment.total() == 5
