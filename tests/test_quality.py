"""python -m benchmarks quality and loop: tables on a tiny budget, and what is run beside what."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from test_cli import CONFIG

from retrax import configs
from retrax.benchmarks import loop, quality, sections
from retrax.benchmarks.__main__ import main

pytestmark = pytest.mark.usefixtures('compiled_quickly')

TEXT = 'the cat sat on the mat and the dog sat on the log. ' * 20
PAGE = '# Results\n\nFirst.\n\n## Old\n\nOld words.\n'


def test_the_table_is_that_of_the_runs(tmp_path: Path) -> None:
    (tmp_path / 'corpus.txt').write_text(TEXT)
    (tmp_path / 'page.md').write_text(PAGE)
    small = [f"train.corpus='{tmp_path}/corpus.txt'", 'STEPS=2', 'WIDTH=4', 'train.batch_size=4']
    small += ['train.window=8', 'CosineDecay.warmup_steps=1']
    arguments = ['quality', '--seeds', '1', '--out', f'{tmp_path}/runs', '--page']
    arguments += [f'{tmp_path}/page.md', *(word for one in small for word in ('--gin', one))]
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    page = (tmp_path / 'page.md').read_text()
    assert page.startswith(PAGE.rstrip())
    rows = [line.strip('| ').split(' | ') for line in page.splitlines() if line.endswith(' |')][1:]
    assert {row[0] for row in rows} == set(quality.CELLS.values())
    figures = [float(row[4]) for row in rows]
    assert figures == sorted(figures)
    results = (tmp_path / 'runs').glob('*/result.json')
    recorded = [json.loads(file.read_text())['bits_per_character'] for file in results]
    assert figures == [round(bits, 3) for bits in sorted(recorded)]
    digest = quality.planned(1, small, tmp_path / 'runs')[0].run.facts()['corpus']['sha256']
    assert digest in page

    before = {file: file.read_bytes() for file in tmp_path.rglob('*') if file.is_file()}
    assert CliRunner().invoke(main, arguments).exit_code == 0  # finished runs, the same page
    assert all(file.read_bytes() == content for file, content in before.items())


def test_the_layers_have_equal_weights() -> None:
    runs = quality.planned(3, (), Path('nowhere'))
    assert len({one.run.path for one in runs}) == 15
    sizes = [one.config.experiment().n_weights for one in runs[:5]]
    assert max(sizes) < 1.01 * min(sizes)


def test_a_section_takes_the_place_of_its_older_self() -> None:
    text = f'{quality.TITLE}\n\nNew.'
    assert sections.put(PAGE, text) == f'{PAGE}\n{text}\n'
    middle = f'# Results\n\n{quality.TITLE}\n\nOlder.\n\n### Part\n\n## Old\n\nOld words.\n'
    assert sections.put(middle, text) == f'# Results\n\n{text}\n\n## Old\n\nOld words.\n'


def test_the_timed_loop_does_what_a_run_does(tmp_path: Path) -> None:
    (tmp_path / 'corpus.txt').write_text(TEXT)
    (tmp_path / 'mine.gin').write_text(CONFIG.format(corpus=tmp_path / 'corpus.txt'))
    arguments = ['loop', '--config', f'{tmp_path}/mine.gin', '--steps', '2', '--pairs', '2']
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0, result.output
    assert 'of the time of its bare steps' in result.output
    run, looped, _ = loop.turns(configs.load(str(tmp_path / 'mine.gin')), str(tmp_path), 2)
    looped()
    run.settle()
    (line,) = run.metrics()
    assert line['step'] == 2
    assert run.newest is not None
    assert run.newest.name == 'step-00000002'
