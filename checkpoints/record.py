"""checkpoint.json: what a checkpoint says about itself, with a seal against damage.

{"format": "retrax checkpoint", "version": 1, "metadata": {...},
 "arrays": {path: {"shape": [...], "dtype": "..."}},
 "arrays_file": {"name": "arrays.safetensors", "bytes": ..., "sha256": ...},
 "sha256": of all the rest}
"""

import hashlib
import json
from pathlib import Path
from typing import Any

from .errors import CheckpointError
from .files import whole_directory

RECORD_FILE = 'checkpoint.json'
ARRAYS_FILE = 'arrays.safetensors'
FORMAT = 'retrax checkpoint'
VERSION = 1

_RESTORE_ANOTHER = 'Copy the checkpoint again from where it came, or restore an earlier one.'


def make_record(metadata: dict[str, Any], arrays: dict[str, dict[str, Any]], data: bytes) -> bytes:
    """Returns the text of checkpoint.json for arrays that are stored as `data`."""
    _check_keys('metadata', metadata)
    record = {
        'format': FORMAT,
        'version': VERSION,
        'metadata': metadata,
        'arrays': arrays,
        'arrays_file': {
            'name': ARRAYS_FILE,
            'bytes': len(data),
            'sha256': hashlib.sha256(data).hexdigest(),
        },
    }
    try:
        record['sha256'] = _seal(record)
        return json.dumps(record, indent=1, ensure_ascii=False, allow_nan=False).encode() + b'\n'
    except (TypeError, ValueError) as error:
        raise CheckpointError(
            f'metadata: expected what JSON can hold (dict with text keys, list, text, finite '
            f'number, bool, None), got something else: {error}. Convert it before saving.'
        ) from error


def read_record(path: Path) -> tuple[Path, dict[str, Any]]:
    """Returns where the checkpoint `path` really is, and its verified checkpoint.json."""
    directory = whole_directory(path)
    file = directory / RECORD_FILE
    record = _parse(file)
    if not isinstance(record, dict) or record.get('format') != FORMAT:
        raise CheckpointError(
            f'{file}: expected "format": "{FORMAT}", got {_shown(record)}. It is not one of '
            "retrax's checkpoints, or it is damaged. " + _RESTORE_ANOTHER
        )
    if record.get('version') != VERSION:
        raise CheckpointError(
            f'{file}: expected format version {VERSION}, the only one this retrax reads, got '
            f'{record.get("version")!r}. Install the retrax that wrote it, or a newer one.'
        )
    seal = record.pop('sha256', None)
    if seal != _seal(record):
        raise CheckpointError(
            f'{file}: expected its content to have the sha256 it names ({seal}), got '
            f'{_seal(record)}: the file was damaged or edited. ' + _RESTORE_ANOTHER
        )
    return directory, record


def read_arrays_file(directory: Path, record: dict[str, Any]) -> bytes:
    """Returns the bytes of the arrays file after holding them against the record."""
    expected = record['arrays_file']
    file = directory / expected['name']
    try:
        data = file.read_bytes()
    except FileNotFoundError as error:
        raise CheckpointError(
            f'{file}: expected this file beside {RECORD_FILE}, got nothing. ' + _RESTORE_ANOTHER
        ) from error
    if len(data) != expected['bytes']:
        raise CheckpointError(
            f'{file}: expected {expected["bytes"]} bytes, got {len(data)}: the file was cut, or is '
            'still being copied. ' + _RESTORE_ANOTHER
        )
    digest = hashlib.sha256(data).hexdigest()
    if digest != expected['sha256']:
        raise CheckpointError(
            f'{file}: expected sha256 {expected["sha256"]}, got {digest}: its bytes changed since '
            'it was written. ' + _RESTORE_ANOTHER
        )
    return data


def _check_keys(where: str, value: Any) -> None:
    """JSON would turn other keys into text without a word."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if not isinstance(key, str):
                raise CheckpointError(
                    f'{where}: expected text keys, as JSON has, got {key!r}. Use str({key!r}).'
                )
            _check_keys(f'{where}[{key!r}]', inner)
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            _check_keys(f'{where}[{index}]', inner)


def _parse(file: Path) -> Any:
    try:
        return json.loads(file.read_text(encoding='utf-8'))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CheckpointError(
            f'{file.parent}: expected a checkpoint, a directory with {RECORD_FILE} in it, got '
            f'{_found(file.parent)}. Check the path.'
        ) from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise CheckpointError(
            f'{file}: expected JSON, got something that cannot be read: {error}. '
            + _RESTORE_ANOTHER
        ) from error


def _found(path: Path) -> str:
    if not path.exists():
        return 'nothing'
    if not path.is_dir():
        return 'a file'
    names = sorted(entry.name for entry in path.iterdir())
    return f'a directory with {", ".join(names[:5]) or "nothing"} in it'


def _shown(record: Any) -> str:
    return repr(record.get('format') if isinstance(record, dict) else type(record).__name__)


def _seal(record: dict[str, Any]) -> str:
    """The sha256 of the record's meaning: spaces and the order of keys do not count."""
    text = json.dumps(record, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode('utf-8')).hexdigest()
