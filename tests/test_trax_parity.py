"""Trax's own tests pass, unmodified, where `import trax` gives retrax."""

from pathlib import Path

import pytest
from parity import report
from parity import wheel as wheels
from parity.expected import DONE, EXCUSED, LEFT_OUT, OPEN, Row, judge
from parity.running import Verdict, prepare, run
from parity.wheel import NoWheelError, unpack

pytestmark = pytest.mark.usefixtures('compiled_quickly')


@pytest.fixture(scope='module')
def trax_tests(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('trax_tests')
    try:
        unpack(folder)
    except NoWheelError as error:
        pytest.fail(str(error), pytrace=False)
    prepare(folder)
    return folder


@pytest.mark.parity
@pytest.mark.parametrize('file', DONE)
def test_trax_passes_its_own_tests(trax_tests: Path, file: str) -> None:
    row = judge(file, run(trax_tests, file, LEFT_OUT.get(file, {})), EXCUSED.get(file, {}))
    assert row.ok, f'failed: {row.failed}; excused, but not failing: {row.stale}'
    assert row.passed


@pytest.mark.parity
def test_the_listed_files_are_trax_s(trax_tests: Path) -> None:
    assert len(set(DONE + OPEN)) == len(DONE + OPEN)
    assert {*EXCUSED, *LEFT_OUT} <= set(DONE)
    for file in DONE + OPEN:
        assert (trax_tests / file.replace('/', '__')).exists(), file


def test_failures_are_seen(tmp_path: Path) -> None:
    (tmp_path / 'layers__some_test.py').write_text(
        'import unittest\n'
        'import trax.layers as tl\n'
        'class SomeTest(unittest.TestCase):\n'
        '    def test_there(self):\n'
        '        assert tl.Dense(3).n_in == 1\n'
        '    def test_not_there(self):\n'
        '        tl.Danse(3)\n'
        '    def test_different(self):\n'
        '        self.assertEqual(tl.Dense(3).n_out, 2)\n'
        '    def test_tensorflow(self):\n'
        '        import trax\n'
        "        trax.fastmath.set_backend('tensorflow-numpy')\n"
        "    @unittest.skip('not here')\n"
        '    def test_skipped(self):\n'
        '        pass\n'
        '    def test_without_end(self):\n'
        '        while True: pass\n'
    )
    prepare(tmp_path)
    left_out = {'SomeTest.test_without_end': 'takes too long'}
    verdicts = run(tmp_path, 'layers/some_test.py', left_out)
    assert {test: verdict.outcome for test, verdict in verdicts.items()} == {
        'SomeTest.test_there': 'passed',
        'SomeTest.test_not_there': 'failed',
        'SomeTest.test_different': 'failed',
        'SomeTest.test_tensorflow': 'skipped',
        'SomeTest.test_skipped': 'skipped',
        'SomeTest.test_without_end': 'skipped',
    }
    assert 'Did you mean Dense' in verdicts['SomeTest.test_not_there'].reason
    row = judge('layers/some_test.py', verdicts, {'SomeTest.test_different': 'meant'})
    assert (row.passed, row.skipped, row.excused) == (1, 3, {'SomeTest.test_different': 'meant'})
    assert list(row.failed) == ['SomeTest.test_not_there']
    assert not row.ok


def test_a_file_that_does_not_import_has_failed(tmp_path: Path) -> None:
    (tmp_path / 'rl__some_test.py').write_text('from trax import rl\n')
    prepare(tmp_path)
    row = judge('rl/some_test.py', run(tmp_path, 'rl/some_test.py', {}), {})
    assert len(row.failed) == 1
    assert not row.ok


def test_an_excuse_that_is_not_needed_is_an_error() -> None:
    verdicts = {'A.test_a': Verdict('passed', ''), 'A.test_b': Verdict('failed', 'no')}
    row = judge('a_test.py', verdicts, {'A.test_a': 'once', 'A.test_b': 'meant'})
    assert row.failed == {}
    assert row.stale == ['A.test_a']
    assert not row.ok


def test_without_a_package_index_it_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(wheels, 'KEPT', tmp_path / 'kept' / wheels.NAME)
    monkeypatch.setenv('PIP_NO_INDEX', '1')
    monkeypatch.delenv('PIP_FIND_LINKS', raising=False)
    with pytest.raises(NoWheelError, match=r'could not fetch trax==1\.4\.1(.|\n)*-m .not parity'):
        unpack(tmp_path)


def test_another_wheel_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, 'KEPT', tmp_path / wheels.NAME)
    wheels.KEPT.write_bytes(b'another')
    with pytest.raises(NoWheelError, match=r'has sha256 .*, expected 5884c0.*; delete it'):
        unpack(tmp_path)


def test_the_table_goes_between_its_marks(tmp_path: Path) -> None:
    page = tmp_path / 'page.md'
    page.write_text(f'before\n{report.MARKS[0]}\nold\n{report.MARKS[1]}\nafter\n')
    row = Row('layers/base_test.py', 15, 0, {'A.test_a': 'meant'}, {}, [])
    slow = Row('layers/acceleration_test.py', 3, 2, {}, {}, [])
    report.write(report.table([row, slow]), page)
    text = page.read_text()
    assert text.startswith(f'before\n{report.MARKS[0]}\n| file |')
    before, _, left_out = text.partition('\nNot run:\n\n')
    assert before.endswith('A.test_a: meant\n')
    assert left_out.startswith('- `layers/acceleration_test.py` AccelerationTest.test_chunk_')
    assert left_out.endswith(f'\n{report.MARKS[1]}\nafter\n')
    assert '| layers/base_test.py | 15 | 1 | 0 | 0 | done |' in text
    page.write_text('no marks')
    with pytest.raises(ValueError, match='must have a line'):
        report.write('text', page)
