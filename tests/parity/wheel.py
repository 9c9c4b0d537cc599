"""Where Trax's tests come from: its wheel, fetched once and without what it depends on."""

import hashlib
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
(REQUIREMENT,) = tomllib.loads((ROOT / 'pyproject.toml').read_text('utf-8'))['dependency-groups'][
    'parity'
]
NAME = f'{REQUIREMENT.replace("==", "-")}-py2.py3-none-any.whl'
SHA256 = '5884c010ceaffca5148fe702321ac8f336bc5ca9bdc88d2247a9e04f3deba281'
KEPT = ROOT / 'build' / 'parity' / NAME  # git does not see build/


class NoWheelError(Exception):
    """The wheel cannot be had."""


def wheel() -> Path:
    """Returns the path of Trax's wheel, fetched by pip if it is not kept from before.

    Raises:
      NoWheelError: pip cannot fetch it, or it is another file than the one that is known.
    """
    if not KEPT.exists():
        KEPT.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=KEPT.parent) as folder:
            _download(folder)
            Path(folder, NAME).replace(KEPT)
    digest = hashlib.sha256(KEPT.read_bytes()).hexdigest()
    if digest != SHA256:
        raise NoWheelError(f'{KEPT} has sha256 {digest}, expected {SHA256}; delete it')
    return KEPT


def _download(folder):
    run = subprocess.run(
        [
            *(sys.executable, '-m', 'pip', '--disable-pip-version-check', 'download', '--quiet'),
            *('--no-deps', '--only-binary', ':all:', '--dest', folder, REQUIREMENT),
        ],
        capture_output=True,
        text=True,
    )
    if run.returncode:
        raise NoWheelError(
            f'pip could not fetch {REQUIREMENT}, whose tests are run here:\n{run.stderr.strip()}\n'
            f'Without a package index: put {NAME} into {KEPT.parent}, or leave these tests out '
            'with `make test PYTEST_ARGS="-m \'not parity\'"`.'
        )


def unpack(folder: Path) -> None:
    """Writes each test file of Trax to `folder`; `layers/base_test.py` as layers__base_test.py.

    The folder is flat, so that nothing in it is called `trax`.
    """
    with zipfile.ZipFile(wheel()) as archive:
        for name in archive.namelist():
            if name.startswith('trax/') and name.endswith('_test.py'):
                target = folder / flat_name(name.removeprefix('trax/'))
                target.write_bytes(archive.read(name))


def flat_name(file: str) -> str:
    """Returns the name in the flat folder of a test file, given its path below trax/."""
    return file.replace('/', '__')
