"""The GPU probe where there is no GPU: its kernels lower, and what fails leaves the rest."""

import json

import pytest
from click.testing import CliRunner

from retrax.benchmarks import gpu_probe


@pytest.mark.parametrize('name', gpu_probe.KERNELS)
def test_the_kernels_lower_for_cuda(name):
    assert 'mosaic_gpu' in gpu_probe.lowered(gpu_probe.KERNELS[name])


def test_a_question_that_ends_or_hangs_says_so_and_the_others_are_saved(monkeypatch, tmp_path):
    hangs, ends = gpu_probe.answer('device', 0.01), gpu_probe.answer('no such question')
    assert hangs == {'failed': 'no answer in 0.01 s'}
    assert ends['failed'].startswith('ended with 1: ')
    assert ends['failed'].endswith("KeyError: 'no such question'")
    monkeypatch.setattr(gpu_probe, 'RESULTS', tmp_path)
    monkeypatch.setattr(gpu_probe, 'QUESTIONS', {'no such question': None, 'device': None})
    assert CliRunner().invoke(gpu_probe.main, ['--save']).exit_code == 0
    (path,) = tmp_path.iterdir()
    found = json.loads(path.read_text())
    assert found['no such question'] == ends
    assert found['device']['jax']


def test_all_questions_end_within_eight_minutes():
    assert len(gpu_probe.QUESTIONS) * gpu_probe.LIMIT <= 480
