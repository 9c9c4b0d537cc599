"""Whole programs for Trax run under the alias, and give what retrax gives."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trax_words

pytestmark = pytest.mark.usefixtures('compiled_quickly')

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> str:
    return run_plainly('-m', 'retrax.interop.trax', *arguments)


def run_plainly(*arguments: str) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_words_that_people_use_give_retrax_s_numbers(tmp_path: Path) -> None:
    for word in trax_words.WORDS:
        assert re.search(rf'\btl\.{word}\b', trax_words.TEXT), word
    trax, ours = tmp_path / 'for_trax.py', tmp_path / 'for_retrax.py'
    trax.write_text('from trax import layers as tl\n' + trax_words.TEXT)
    ours.write_text('from retrax import layers as tl\n' + trax_words.TEXT)
    ours = json.loads(run_plainly(str(ours)))
    assert json.loads(run(str(trax))) == ours
    np.testing.assert_allclose(np.exp(ours['log probabilities']).sum(-1), 1, atol=1e-5)


def test_the_course_s_language_model() -> None:
    printed = run(str(ROOT / 'examples' / 'trax_program.py'))
    assert printed.startswith('Serial[\n  ShiftRight(1)\n  Embedding_256_512\n  GRU_512\n')
    first, last = map(float, re.search(r'loss (\S+) -> (\S+)', printed).groups())
    assert first == pytest.approx(np.log(256), abs=0.1)
    assert last < 1
    assert 'the same by steps: True' in printed
    assert printed.splitlines()[-1].startswith('the quick brown')
