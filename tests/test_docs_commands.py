"""The commands that README and docs/ show: each is understood as it stands there, not run.

What the commands do is tested where they are: test_cli_*.py, test_benchmarks.py, test_kill.py.
"""

import itertools
import re
import shlex
import tomllib
from pathlib import Path

import click
import pages
import pytest

from retrax.benchmarks.__main__ import main as benchmarks
from retrax.cli import main

PAGES = ['README.md', *sorted(str(p.relative_to(pages.ROOT)) for p in pages.ROOT.glob('docs/*.md'))]
COMMAND = re.compile(r'^    ((?:retrax|python|make|pip) .*?)(?:\s+#.*)?$', flags=re.MULTILINE)
SHOWN = [
    (page, command)
    for page in PAGES
    for command in COMMAND.findall((pages.ROOT / page).read_text(encoding='utf-8'))
]


def test_the_pages_show_commands() -> None:
    assert len(SHOWN) > 40
    assert {command.split()[0] for _, command in SHOWN} == {'retrax', 'python', 'make', 'pip'}


@pytest.mark.parametrize(('page', 'command'), SHOWN)
def test_the_command_is_there(
    page: str, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program, *words = shlex.split(command)
    if program == 'retrax':
        monkeypatch.chdir(tmp_path)
        for name in ('FILE', 'begins.txt', 'rates.txt'):
            (tmp_path / name).write_text('a text')
        understood(main, words)
        for before, word in itertools.pairwise(words):
            if re.fullmatch(r'[a-z]+_[a-z_]+', word) and not before.startswith('--'):
                assert (pages.ROOT / 'configs' / f'{word}.gin').is_file()
    elif program == 'python' and words[:2] == ['-m', 'benchmarks']:
        understood(benchmarks, words[2:])
    elif program == 'python' and words[0] == '-c':
        monkeypatch.chdir(tmp_path)
        (tmp_path / 'text.txt').write_text('a text')
        exec(words[1], {})
    elif program == 'python':
        file = words[1].replace('.', '/') if words[0] == '-m' else words[0]
        file = file.removeprefix('retrax/')
        places = (file, f'{file}.py', f'{file}/__main__.py')
        assert any((pages.ROOT / place).is_file() for place in places), command
    elif program == 'make':
        makefile = (pages.ROOT / 'Makefile').read_text(encoding='utf-8')
        assert re.search(rf'^{words[0]}:', makefile, flags=re.MULTILINE)
    else:
        extras = tomllib.loads((pages.ROOT / 'pyproject.toml').read_text())['project']
        for extra in re.findall(r'\[(\w+)\]', command):
            assert extra in extras['optional-dependencies']


def understood(group: click.Group, words: list[str]) -> None:
    """Raises unless the group has such a command with such arguments and options."""
    name, command, rest = group.resolve_command(click.Context(group), words)
    assert command is not None
    command.make_context(name, rest)
