"""The package as it is shipped: the wheel, the version, and what an import brings along."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

import retrax

ROOT = Path(__file__).resolve().parent.parent
NOT_IN_THE_PACKAGE = {'tests', 'benchmarks', 'docs', 'examples', 'build', 'dist', 'runs'}


def pyproject() -> dict:
    return tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))


SHIPPED = r'configs/.*\.gin|inspection/web/page\..*|py\.typed'


def shipped_files() -> set[str]:
    """What the tree says must be in the wheel: all code, all gin files, the web page, py.typed."""
    files = set()
    for folder, subfolders, names in os.walk(ROOT):
        at_root = Path(folder) == ROOT
        subfolders[:] = [
            name
            for name in subfolders
            if not name.startswith('.')
            and not name.endswith('.egg-info')
            and name != '__pycache__'
            and not (at_root and name in NOT_IN_THE_PACKAGE)
        ]
        files |= {Path(folder, name).relative_to(ROOT).as_posix() for name in names}
    return {name for name in files if name.endswith('.py') or re.fullmatch(SHIPPED, name)}


@pytest.fixture(scope='module')
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built from a copy: a build inside the tree would pick up what earlier ones left."""
    source = tmp_path_factory.mktemp('source') / 'retrax'
    shutil.copytree(
        ROOT,
        source,
        symlinks=True,
        ignore=shutil.ignore_patterns('.*', '*.egg-info', '__pycache__', 'build', 'dist', 'runs'),
    )
    target = tmp_path_factory.mktemp('wheel')
    run = subprocess.run(
        [
            *(sys.executable, '-m', 'pip', '--disable-pip-version-check', 'wheel', '--no-deps'),
            *('--no-index', '--no-build-isolation', '--wheel-dir', str(target), str(source)),
        ],
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    (file,) = target.glob('*.whl')
    return zipfile.ZipFile(file)


@pytest.mark.xdist_group('wheel')
def test_the_wheel_holds_the_tree(wheel: zipfile.ZipFile) -> None:
    code = {name for name in wheel.namelist() if not name.startswith('retrax-')}
    expected = {f'retrax/{name}' for name in shipped_files()}
    assert code == expected, 'is a folder missing from `packages` in pyproject.toml?'


@pytest.mark.xdist_group('wheel')
def test_the_wheel_brings_its_licence(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith('licenses/LICENSE')]
    assert wheel.read(name) == (ROOT / 'LICENSE').read_bytes()


@pytest.mark.xdist_group('wheel')
def test_one_version_everywhere(wheel: zipfile.ZipFile) -> None:
    assert Path(str(wheel.filename)).name.split('-')[1] == retrax.__version__
    assert 'version' not in pyproject()['project']
    installed = importlib.metadata.version('retrax')
    assert installed == retrax.__version__, 'the installation is old: rm .venv/installed*'


def test_pytest_imports_the_root_package_once() -> None:
    """An ini or conftest at the root makes pytest import it again under the folder's name."""
    assert 'pytest' not in pyproject()['tool']
    at_root = {'pytest.ini', '.pytest.ini', 'pytest.toml', '.pytest.toml', 'tox.ini', 'setup.cfg'}
    assert not [name for name in sorted(at_root | {'conftest.py'}) if (ROOT / name).exists()]

    face = (ROOT / '__init__.py').resolve()
    copies = [
        name
        for name, module in list(sys.modules.items())
        if (file := getattr(module, '__file__', None)) and Path(file).resolve() == face
    ]
    assert copies == ['retrax']


def test_pytest_without_a_folder_says_what_to_do() -> None:
    run = subprocess.run(
        [sys.executable, '-m', 'pytest', '--collect-only', '-q', '-p', 'no:cacheprovider'],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode != 0
    assert 'Run: pytest tests' in run.stdout + run.stderr


def modules_after(statement: str) -> set[str]:
    """The names in sys.modules of a fresh interpreter that ran `statement`."""
    code = f'import json, sys\n{statement}\nprint(json.dumps(sorted(sys.modules)))'
    run = subprocess.run(
        [sys.executable, '-c', code], capture_output=True, text=True, cwd=Path(ROOT.anchor)
    )
    assert run.returncode == 0, run.stderr
    return set(json.loads(run.stdout.splitlines()[-1]))


def test_layers_import_neither_gin_nor_optimizers_nor_tensorflow() -> None:
    assert {'gin', 'optax', 'tensorflow'}.isdisjoint(modules_after('from retrax import layers'))


def test_the_face_alone_imports_no_jax() -> None:
    assert 'jax' not in modules_after('import retrax; retrax.__version__; dir(retrax)')


def test_the_lazy_names_exist() -> None:
    for name in retrax.__all__:
        assert getattr(retrax, name) is not None
    with pytest.raises(AttributeError, match="module 'retrax' has no attribute 'Gru'"):
        _ = retrax.Gru
