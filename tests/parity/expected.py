"""What is expected of Trax's tests: which files are done, and which tests differ on purpose."""

import tomllib
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from .running import Verdict

_TABLE = tomllib.loads(Path(__file__).with_name('expected.toml').read_text(encoding='utf-8'))
DONE: list[str] = _TABLE['done']
OPEN: list[str] = _TABLE['open']
EXCUSED: dict[str, dict[str, str]] = _TABLE['excused']  # file: test: reason
LEFT_OUT: dict[str, dict[str, str]] = _TABLE['left_out']  # not run; as above


class Row(NamedTuple):
    """One test file, judged."""

    file: str
    passed: int
    skipped: int
    excused: dict[str, str]  # failed as expected: the reason
    failed: dict[str, str]  # failed and should not: what it said
    stale: list[str]  # excused, but it passes or is not there

    @property
    def ok(self) -> bool:
        """Whether all is as expected."""
        return not self.failed and not self.stale


def judge(file: str, verdicts: Mapping[str, Verdict], excuses: Mapping[str, str]) -> Row:
    """Returns how the verdicts compare with what is excused."""
    count = Counter(verdict.outcome for verdict in verdicts.values())
    failed = {test: v.reason for test, v in verdicts.items() if v.outcome == 'failed'}
    return Row(
        file,
        count['passed'],
        count['skipped'],
        {test: excuses[test] for test in failed if test in excuses},
        {test: reason for test, reason in failed.items() if test not in excuses},
        [test for test in excuses if test not in failed],
    )
