"""`retrax --help` answers at once: it does not import JAX."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HEAVY = {'jax', 'jaxlib', 'numpy', 'optax', 'gin', 'tensorflow'}

HELP = """
import sys
from retrax.cli import main
sys.argv = ['retrax', *{arguments!r}]
try:
    main()
except SystemExit as end:
    assert not end.code, end.code
print(*sorted({{name.partition('.')[0] for name in sys.modules}}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    'arguments',
    [
        ['--help'],
        ['--version'],
        ['train', '--help'],
        ['generate', '--help'],
        ['summary', '--help'],
        ['convert', '--help'],
    ],
    ids=' '.join,
)
def test_help_does_not_import_jax(arguments: list[str]) -> None:
    run = subprocess.run(
        [sys.executable, '-c', HELP.format(arguments=arguments)],
        capture_output=True,
        text=True,
        cwd=ROOT.anchor,
        env={**os.environ, 'PYTHONWARNINGS': 'default'},
    )
    assert run.returncode == 0, run.stderr
    assert HEAVY.isdisjoint(run.stderr.splitlines()[-1].split())
    assert 'retrax' in run.stdout


def test_the_installed_command_answers() -> None:
    command = Path(sys.executable).with_name('retrax')
    run = subprocess.run([command, '--help'], capture_output=True, text=True, cwd=ROOT.anchor)
    assert run.returncode == 0, run.stderr
    assert 'train' in run.stdout
