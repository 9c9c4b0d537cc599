"""docs/trax-checkpoints.md: its Python runs from top to bottom and prints what it says."""

import contextlib
import io
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from retrax.cli import main

ROOT = Path(__file__).parents[1]
PAGE = ROOT / 'docs' / 'trax-checkpoints.md'
LOOP = Path(__file__).parent / 'golden' / 'loop_checkpoint'
CONFIG = """
include 'gru_pydocs.gin'
GRULM.vocab_size = 16
GRULM.d_model = 8
"""


def test_the_page_prints_what_it_shows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for file in LOOP.iterdir():
        shutil.copy(file, tmp_path)
    Path('gru.gin').write_text(CONFIG)
    namespace: dict = {'__name__': 'page'}
    text = PAGE.read_text(encoding='utf-8')
    compared = 0
    for python, command, shown in re.findall(
        r'```python\n(.*?)```|^    (retrax .*?)$|```text\n(.*?)```', text, flags=re.DOTALL | re.M
    ):
        if python:
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(compile(python, PAGE.name, 'exec'), namespace)
        elif command:
            ran = CliRunner().invoke(main, command.split()[1:])
            assert ran.exit_code == 0, ran.output
        else:
            assert out.getvalue() == shown
            compared += 1
    assert compared == 5
