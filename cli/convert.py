"""`retrax convert`: from Trax's checkpoint to a safetensors file, which everyone reads."""

from pathlib import Path
from typing import Any

import click
import numpy as np
import safetensors.numpy
from rich.console import Console

from .. import configs
from ..combinators import ShapeDtype
from ..inspection.tables import plain, size, table
from ..interop import trax_checkpoints


def convert(source: Path, target: Path, config: str | None) -> None:
    """Writes the weights of `source` to `target`, and prints what they are."""
    if target.exists():
        raise ValueError(f'{target}: there is a file already. Give another name.')
    found = trax_checkpoints.read(source)
    arrays = _by_number(found) if config is None else _by_path(found, source, config)
    whole = {name: np.ascontiguousarray(array) for name, array in arrays.items()}
    notes = {'from': source.name, 'step': str(found.step), 'trax_version': str(found.version)}
    data = safetensors.numpy.save(whole, notes)
    with open(target, 'xb') as stream:
        stream.write(data)
    _tell(whole, found, target, config)


def _by_number(found):
    digits = len(str(len(found.weights) - 1))
    return {f'{number:0{digits}}': array for number, array in enumerate(found.weights)}


def _by_path(found, source, config):
    model = configs.load(config).experiment().model
    signature, _ = model.weights_and_state_signature(ShapeDtype(('b', 't'), np.int32))
    return trax_checkpoints.weights_by_path(model, signature, found, source)


def _tell(arrays: dict[str, Any], found, target, config):
    made = table(target.name, ['weight', 'dtype', 'shape'], ['bytes'])
    for name, array in arrays.items():
        made.add_row(plain(name), array.dtype.name, plain(str(array.shape)), size(array.nbytes))
    Console().print(made)
    total = sum(array.size for array in arrays.values())
    step = '' if found.step is None else f', step {found.step:,}'
    names = 'in the order of the file' if config is None else f'by the paths of {config}'
    click.echo(f'{len(arrays)} arrays, {total:,} weights{step}, named {names}, in {target}.')
    if config is None:
        click.echo('Give --config CONFIG to name them by path and check their shapes.')
