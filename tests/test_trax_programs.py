"""Whole programs for Trax run under the alias, and give what retrax gives."""

import contextlib
import io
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trax_words

import retrax
from retrax import layers as tl
from retrax.interop.trax import decoding

ROOT = Path(__file__).resolve().parents[1]


def run(*arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, '-m', 'retrax.interop.trax', *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_words_that_people_use_give_retrax_s_numbers(tmp_path: Path) -> None:
    for word in trax_words.WORDS:
        assert re.search(rf'\btl\.{word}\b', trax_words.TEXT), word
    program = tmp_path / 'program.py'
    program.write_text('from trax import layers as tl\n' + trax_words.TEXT)
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec('from retrax import layers as tl\n' + trax_words.TEXT, {})
    ours = json.loads(out.getvalue())
    assert json.loads(run(str(program))) == ours
    np.testing.assert_allclose(np.exp(ours['log probabilities']).sum(-1), 1, atol=1e-5)


def test_the_course_s_language_model() -> None:
    printed = run(str(ROOT / 'examples' / 'trax_gru_lm.py'))
    assert printed.startswith('Serial[\n  ShiftRight(1)\n  Embedding_256_512\n  GRU_512\n')
    first, last = map(float, re.search(r'loss (\S+) -> (\S+)', printed).groups())
    assert first == pytest.approx(np.log(256), abs=0.1)
    assert last < 1
    assert 'the same by steps: True' in printed
    assert printed.splitlines()[-1].startswith('the quick brown')


@pytest.fixture(scope='module')
def model() -> tl.Serial:
    model = retrax.models.GRULM(12, 8, 1)
    model.init(tl.ShapeDtype((1, 1), np.int32), 3)
    return model


def test_autoregressive_sample_is_generate(model: tl.Serial) -> None:
    prompt = np.array([[1, 2], [3, 4]])
    ours = retrax.generate(model, prompt, 9, 0.7, seed=5)
    theirs = decoding.autoregressive_sample(
        model, prompt, batch_size=2, temperature=0.7, eos_id=-1, max_length=9, seed=5
    )
    np.testing.assert_array_equal(theirs, ours)


def test_autoregressive_sample_ends_where_the_last_row_has_ended(model: tl.Serial) -> None:
    tokens = decoding.autoregressive_sample(model, batch_size=3, eos_id=-1, max_length=40, seed=1)
    eos = int(tokens[0, 3])
    cut = decoding.autoregressive_sample(model, batch_size=3, eos_id=eos, max_length=40, seed=1)
    ends = [int(np.argmax(row == eos)) if eos in row else 39 for row in tokens]
    assert cut.shape == (3, max(ends) + 1)
    for row, whole, end in zip(cut, tokens, ends, strict=True):
        np.testing.assert_array_equal(row[: end + 1], whole[: end + 1])


def test_a_model_without_shift_right_reads_the_start_id() -> None:
    model = tl.Serial(tl.Embedding(5, 4), tl.GRU(4), tl.Dense(5), tl.LogSoftmax())
    model.init(tl.ShapeDtype((1, 1), np.int32), 0)
    tokens = decoding.autoregressive_sample(
        model, temperature=0.0, start_id=2, eos_id=-1, max_length=4
    )
    fed = [2, *tokens[0, :-1].tolist()]
    np.testing.assert_array_equal(np.argmax(model(np.array([fed])), -1), tokens)


def test_autoregressive_sample_says_what_does_not_fit(model: tl.Serial) -> None:
    with pytest.raises(ValueError, match='inputs have 1 rows, batch_size is 2'):
        decoding.autoregressive_sample(model, np.array([[1]]), batch_size=2)
    with pytest.raises(ValueError, match='start_id is 3, and Serial starts with 0, as its Shift'):
        decoding.autoregressive_sample(model, start_id=3)
