"""Runs test files that were written for Trax, each in a process of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from .wheel import flat_name

TIMEOUT = 600  # seconds for one file


class Verdict(NamedTuple):
    """What became of one test."""

    outcome: str  # 'passed', 'failed' or 'skipped'
    reason: str  # the first line of what it said


def prepare(folder: Path) -> None:
    """Puts beside the test files in `folder` what makes `trax` mean retrax."""
    shutil.copy(Path(__file__).with_name('conftest_for_trax.py'), folder / 'conftest.py')
    (folder / 'pytest.ini').write_text('[pytest]\n', encoding='utf-8')


def run(folder: Path, file: str, left_out: Mapping[str, str]) -> dict[str, Verdict]:
    """Returns the verdict on each test of a file, by `Class.test`.

    Those that are left out, for a reason each, count as skipped.

    Raises:
      RuntimeError: pytest did not come to an end.
    """
    report = folder / f'{flat_name(file)}.xml'
    # Options go by the environment: absl reads the command line in some tests, and knows none.
    options = f'-q -p no:cacheprovider -p no:xdist --junitxml={report}'
    for test in left_out:
        options += f' --deselect {flat_name(file)}::{test.replace(".", "::")}'
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', flat_name(file)],
        cwd=folder,
        env={**os.environ, 'PYTEST_ADDOPTS': options},
        capture_output=True,
        text=True,
        timeout=TIMEOUT,
    )
    if not report.exists():
        raise RuntimeError(f'{file}: pytest wrote no report:\n{done.stdout}\n{done.stderr}')
    verdicts = {
        f'{case.get("classname", "").rpartition(".")[2]}.{case.get("name")}': _verdict(case)
        for case in ElementTree.parse(report).iter('testcase')
    }
    return verdicts | {test: Verdict('skipped', why) for test, why in left_out.items()}


def _verdict(case):
    for part in case:
        if part.tag in ('failure', 'error', 'skipped'):
            outcome = 'skipped' if part.tag == 'skipped' else 'failed'
            message = part.get('message') or ''
            return Verdict(outcome, message.strip().splitlines()[0] if message.strip() else '')
    return Verdict('passed', '')
