"""Hostile and damaged checkpoints: nothing in them runs, and each is refused in a sentence.

The attacks are written operation by operation. Python's own pickle runs every one of ATTACKS, as a
test shows: the marker file appears there, and never here.
"""

import codecs
import gzip
import io
import marshal
import os
import pickle
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from retrax.interop.trax_checkpoints import Limits, TraxCheckpointError, read

LOOP = Path(__file__).parent / 'golden' / 'loop_checkpoint' / 'model.pkl.gz'
GENUINE = gzip.decompress(LOOP.read_bytes())


# Pickles by hand.


def name(module: str, attribute: str) -> bytes:
    return f'c{module}\n{attribute}\n'.encode()


def stack_name(module: str, attribute: str) -> bytes:
    return text(module) + text(attribute) + b'\x93'


def text(value: str) -> bytes:
    return b'X' + struct.pack('<I', len(value.encode())) + value.encode()


def data(value: bytes) -> bytes:
    return b'\x8e' + struct.pack('<Q', len(value)) + value


def items(*parts: bytes) -> bytes:
    return b'(' + b''.join(parts) + b't'


def call(function: bytes, *arguments: bytes) -> bytes:
    return function + items(*arguments) + b'R'


def whole(value: bytes) -> bytes:
    """As the weights of a checkpoint, so that nothing but the value is wrong."""
    return b'\x80\x04}(' + text('flat_weights') + b'](' + value + b'eu.'


def write(file: Path, pickled: bytes) -> Path:
    file.write_bytes(gzip.compress(pickled, mtime=0))
    return file


def refused(file: Path, **limits: int) -> str:
    """The message of the error."""
    with pytest.raises(TraxCheckpointError) as error:
        read(file, Limits(**limits))
    assert str(file.parent) in str(error.value)
    return str(error.value)


BUILTINS = 'builtins'
GETATTR, IMPORT = name(BUILTINS, 'getattr'), name(BUILTINS, '__import__')
IMPORT_MODULE = name('importlib', 'import_module')


def shell(marker: Path) -> bytes:
    return text(f'touch {marker}')


def code(marker: Path) -> bytes:
    return text(f'open({str(marker)!r}, "w").close()')


def rot13(marker: Path) -> bytes:
    return text(codecs.encode(f'open({str(marker)!r}, "w").close()', 'rot13'))


def pickle_in_a_file(marker: Path) -> bytes:
    inner = marker.with_suffix('.inner')
    inner.write_bytes(b'\x80\x04' + call(name('os', 'system'), shell(marker)) + b'.')
    return call(name('numpy', 'load'), text(str(inner)), b'N', b'\x88')


def marshalled(marker: Path) -> bytes:
    made = marshal.dumps(compile(f'open({str(marker)!r}, "w").close()', 'x', 'exec'))
    function = call(name('types', 'FunctionType'), call(name('marshal', 'loads'), data(made)), b'}')
    return call(function)


ATTACKS: dict[str, Callable[[Path], bytes]] = {
    'os.system': lambda m: call(name('os', 'system'), shell(m)),
    'posix.system': lambda m: call(name('posix', 'system'), shell(m)),
    'a dotted name': lambda m: call(stack_name('shutil', 'os.system'), shell(m)),
    'subprocess': lambda m: call(name('subprocess', 'getoutput'), shell(m)),
    'Popen': lambda m: call(
        name('subprocess', 'call'), b'](' + text('touch') + text(str(m)) + b'e'
    ),
    'eval': lambda m: call(name(BUILTINS, 'eval'), code(m)),
    'exec': lambda m: call(name(BUILTINS, 'exec'), code(m)),
    'getattr': lambda m: call(call(GETATTR, call(IMPORT, text('os')), text('system')), shell(m)),
    'importlib': lambda m: call(
        call(GETATTR, call(IMPORT_MODULE, text('os')), text('system')), shell(m)
    ),
    'functools.partial': lambda m: call(
        call(name('functools', 'partial'), name(BUILTINS, 'exec'), code(m))
    ),
    'operator.attrgetter': lambda m: call(
        call(call(name('operator', 'attrgetter'), text('system')), call(IMPORT, text('os'))),
        shell(m),
    ),
    'operator.methodcaller': lambda m: call(
        call(name('operator', 'methodcaller'), text('system'), shell(m)), call(IMPORT, text('os'))
    ),
    'codecs': lambda m: call(
        name(BUILTINS, 'eval'), call(name('codecs', 'decode'), rot13(m), text('rot13'))
    ),
    'timeit': lambda m: call(name('timeit', 'timeit'), text('pass'), code(m)),
    'marshal': marshalled,
    'a pickle in a pickle': lambda m: call(
        name('pickle', 'loads'), data(b'\x80\x04' + ATTACKS['os.system'](m) + b'.')
    ),
    'numpy.f2py': lambda m: call(name('numpy.f2py.crackfortran', 'myeval'), code(m)),
    'numpy.testing': lambda m: call(
        name('numpy.testing._private.utils', 'runstring'), code(m), b'}'
    ),
    'numpy.load': pickle_in_a_file,
    'a jax array of a call': lambda m: call(
        name('jax._src.array', '_reconstruct_array'),
        *(name('os', 'system'), items(shell(m)), b'N', b'}'),
    ),
    'the operation INST': lambda m: b'(' + shell(m) + b'ios\nsystem\n',
    'the operation OBJ': lambda m: b'(' + name('os', 'system') + shell(m) + b'o',
}


@pytest.mark.parametrize('attack', ATTACKS)
def test_an_attack_does_not_run(attack: str, tmp_path: Path) -> None:
    marker = tmp_path / 'marker'
    message = refused(write(tmp_path / 'm.pkl.gz', whole(ATTACKS[attack](marker))))
    assert not marker.exists()
    assert 'Nothing in the file was run' in message
    assert 'a source that you trust' in message


def test_pickle_runs_every_attack(tmp_path: Path) -> None:
    """So the test above can fail."""
    for number, attack in enumerate(ATTACKS.values()):
        (tmp_path / f'{number}.pkl').write_bytes(whole(attack(tmp_path / str(number))))
    script = (
        'import pathlib, pickle, sys\n'
        'for file in pathlib.Path(sys.argv[1]).glob("*.pkl"):\n'
        '    try: pickle.loads(file.read_bytes())\n'
        '    except Exception as error: print(file, error)\n'
    )
    run = subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', script, str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, 'JAX_PLATFORMS': 'cpu'},
    )
    ran = {attack for i, attack in enumerate(ATTACKS) if (tmp_path / str(i)).exists()}
    assert ran == set(ATTACKS), run.stdout + run.stderr


# What does not run code by itself, but has no place in a checkpoint.

RECONSTRUCT = name('numpy.core.multiarray', '_reconstruct')
BLANK = call(RECONSTRUCT, name('numpy', 'ndarray'), items(b'K\0'), data(b'b'))
FLOATS = call(name('numpy', 'dtype'), text('f4'), b'\x89', b'\x88')
FROM_BUFFER = name('numpy.core.numeric', '_frombuffer')
SHAPE_DTYPE = name('trax.shapes', 'ShapeDtype')


def filled(*content: bytes, blank: bytes = BLANK) -> bytes:
    return blank + items(b'K\1', *content) + b'b'


STRANGERS = {
    'codecs': (call(name('_codecs', 'encode'), text('a')), 'the name _codecs.encode'),
    'copyreg': (name('copyreg', '_reconstructor'), 'the name copyreg._reconstructor'),
    'a name that would break the line': (
        stack_name('os\nNothing is wrong', 'x'),
        r'the name os\\nNothing is wrong',
    ),
    'a name that is a number': (b'K\1K\1\x93', 'a name that is no text'),
    'dtype of objects': (
        call(name('numpy', 'dtype'), text('O8'), b'\x89', b'\x88'),
        "the dtype 'O8', which is no number",
    ),
    'dtype with fields': (
        call(name('numpy', 'dtype'), b'](' + items(text('a'), text('O')) + b'e', b'\x89', b'\x88'),
        'which is no number',
    ),
    'a subclass of ndarray': (
        call(RECONSTRUCT, SHAPE_DTYPE, items(b'K\0'), data(b'b')),
        'an array of a class of its own',
    ),
    'memmap': (name('numpy', 'memmap'), 'the name numpy.memmap'),
    'object array': (filled(items(b'K\1'), b'N', b'\x89', b'](Ne'), 'an array without bytes'),
    'array of no dtype': (filled(items(b'K\1'), b'N', b'\x89', data(b'1234')), 'no dtype'),
    'array larger than its bytes': (
        filled(items(b'J\xff\xff\xff\x7f', b'J\xff\xff\xff\x7f'), FLOATS, b'\x89', data(b'1234')),
        r'float32\(2147483647, 2147483647\) with 4 bytes',
    ),
    'array smaller than its bytes': (
        filled(items(b'K\1'), FLOATS, b'\x89', data(b'12345678')),
        'with 8 bytes, which is not its size',
    ),
    'negative shape': (
        filled(items(b'J\xff\xff\xff\xff', b'J\xff\xff\xff\xff'), FLOATS, b'\x89', data(b'1234')),
        'an array without a shape',
    ),
    'shape of booleans': (
        filled(items(b'\x88'), FLOATS, b'\x89', data(b'1234')),
        'an array without a shape',
    ),
    'axes without end': (
        call(FROM_BUFFER, data(b''), FLOATS, items(*[b'K\0'] * 99), text('C')),
        'an array of float32',
    ),
    'buffer of another order': (
        call(FROM_BUFFER, data(b'1234'), FLOATS, items(b'K\1'), text('os')),
        'an array without bytes',
    ),
    'big-endian': (
        FLOATS + items(b'K\3', text('>'), b'NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\0') + b'b',
        'content for a ',
    ),
    'other arguments': (call(FROM_BUFFER, b'N'), 'with other arguments than it has'),
    'defaultdict of calls': (
        call(name('collections', 'defaultdict'), SHAPE_DTYPE),
        'a defaultdict of something else',
    ),
    'call of a class': (call(SHAPE_DTYPE, items(b'K\1')), 'a call of trax.shapes.ShapeDtype'),
    'call of data': (call(text('os.system'), text('ls')), 'a call of str'),
    'jax array in a jax array': (
        call(name('jax._src.array', '_reconstruct_array'), FROM_BUFFER, b')', b'N', b'}'),
        'a jax array that is made of something else',
    ),
    'instance with arguments': (SHAPE_DTYPE + items(b'K\1') + b'\x81', 'an instance of trax'),
    'instance of a function': (FROM_BUFFER + b')\x81', 'an instance of numpy.core'),
    'state of a class': (SHAPE_DTYPE + b'}' + text('__init__') + b'Nsb', 'content for a Name'),
    'state of a dict': (b'}}' + text('__setstate__') + b'Nsb', 'content for a dict'),
    'fields that are no names': (SHAPE_DTYPE + b')\x81}K\1Nsb', 'fields that are no dict'),
    'NEWOBJ_EX': (SHAPE_DTYPE + b')}\x92', 'the operation NEWOBJ_EX'),
    'extension code': (b'\x82\1', 'the operation EXT1'),
    'long extension code': (b'\x84\1\0\0\0', 'the operation EXT4'),
    'persistent id': (b'Pos.system\n', 'the operation PERSID'),
    'binary persistent id': (text('os.system') + b'Q', 'the operation BINPERSID'),
    'out-of-band buffer': (b'\x97', 'the operation NEXT_BUFFER'),
    'read-only buffer': (b'\x97\x98', 'the operation NEXT_BUFFER'),
    'set': (b'\x8f', 'the operation EMPTY_SET'),
    'text of protocol 0': (b"S'os.system'\n", 'the operation STRING'),
    'tuple as a key': (b'})Ns', 'a key of type tuple'),
    'parts of what is no list': (b'}Na', 'parts added to what is no list'),
    'keys of what is no dict': (b']K\1Ns', 'keys and values added to what is no dict'),
    'weights that are no arrays': (text('a'), r'flat_weights\[0\]: expected an array, got str'),
    'a weight that is a name': (SHAPE_DTYPE, r'flat_weights\[0\]: expected an array, got Name'),
}


@pytest.mark.parametrize('case', STRANGERS)
def test_what_trax_does_not_write_is_refused(case: str, tmp_path: Path) -> None:
    value, reason = STRANGERS[case]
    with pytest.raises(TraxCheckpointError, match=reason):
        read(write(tmp_path / 'm.pkl.gz', whole(value)))


def test_the_hand_made_arrays_are_right_where_nothing_is_wrong(tmp_path: Path) -> None:
    """So the refusals above are for their one reason."""
    ones = np.ones(2, np.float32).tobytes()
    value = filled(items(b'K\2'), FLOATS, b'\x89', data(ones))
    value += call(FROM_BUFFER, data(ones), FLOATS, items(b'K\2'), text('C'))
    found = read(write(tmp_path / 'm.pkl.gz', whole(value)))
    assert [w.tolist() for w in found.weights] == [[1, 1], [1, 1]]


# Bombs.


def test_ten_gigabytes_claimed_by_a_few_bytes(tmp_path: Path) -> None:
    for claim in (b'\x8e' + struct.pack('<Q', 10 << 30), b'B' + struct.pack('<I', 4 << 29)):
        message = refused(write(tmp_path / 'm.pkl.gz', whole(claim + b'abc')))
        assert 'breaks off or is damaged' in message


def test_a_zip_bomb_stops_at_the_ratio(tmp_path: Path) -> None:
    file = write(tmp_path / 'm.pkl.gz', bytes(200 << 20))
    assert file.stat().st_size < 1 << 20
    assert 'more than 200 times' in refused(file)
    assert 'Limits(ratio=...)' in refused(file)
    assert 'Limits(bytes=...)' in refused(file, ratio=10_000, bytes=20 << 20)


def test_a_file_larger_than_allowed_is_not_read(tmp_path: Path) -> None:
    file = write(tmp_path / 'm.pkl.gz', GENUINE)
    assert 'Limits(file_bytes=...)' in refused(file, file_bytes=100)


def test_nesting_without_end(tmp_path: Path) -> None:
    for start, inner in ((b')', b'\x85'), (b']', b'')):
        value = start * 100_000 + b'a' * 99_999 if not inner else start + inner * 100_000
        assert 'nested deeper than 50' in refused(write(tmp_path / 'm.pkl.gz', whole(value)))


def test_a_list_in_itself(tmp_path: Path) -> None:
    value = b']\x94h\0a'
    assert 'nested deeper than' in refused(write(tmp_path / 'm.pkl.gz', whole(value)))


def test_a_billion_laughs(tmp_path: Path) -> None:
    value = b']\x94'
    for level in range(20):
        value += b'](' + b'h' + bytes([level]) + (b'h' + bytes([level])) * 9 + b'e\x94'
    message = refused(write(tmp_path / 'm.pkl.gz', whole(b'(' + value + b't')), values=10**5)
    assert 'by repeating its parts' in message


def test_one_array_a_thousand_times(tmp_path: Path) -> None:
    one = call(FROM_BUFFER, data(bytes(4 << 10)), FLOATS, items(b'M\0\4'), text('C'))
    message = refused(
        write(tmp_path / 'm.pkl.gz', whole(one + b'\x94' + b'h\0' * 999)), bytes=1 << 20
    )
    assert 'by repeating arrays' in message


def test_keys_whose_hash_never_ends(tmp_path: Path) -> None:
    value = b')\x94' + b''.join(
        b'h' + bytes([i]) + b'h' + bytes([i]) + b'\x86\x94' for i in range(60)
    )
    message = refused(write(tmp_path / 'm.pkl.gz', whole(b'}(' + b'(' + value + b'tNu')))
    assert 'a key of type tuple' in message


def test_a_memo_of_two_thousand_million_places(tmp_path: Path) -> None:
    value = b'Nr\xff\xff\xff\x7f'
    assert 'expected an array, got NoneType' in refused(write(tmp_path / 'm', whole(value)))


def test_more_steps_than_allowed(tmp_path: Path) -> None:
    file = write(tmp_path / 'm.pkl.gz', whole(b'N' * 5000))
    assert 'Limits(opcodes=...)' in refused(file, opcodes=1000)


# Damage.


def test_truncations_are_told(tmp_path: Path) -> None:
    for length in range(0, len(GENUINE), 3):
        refused(write(tmp_path / 'm.pkl.gz', GENUINE[:length]))


def test_truncated_gzip_is_told(tmp_path: Path) -> None:
    compressed = LOOP.read_bytes()
    for length in range(0, len(compressed), 10):
        (tmp_path / 'm.pkl.gz').write_bytes(compressed[:length])
        refused(tmp_path / 'm.pkl.gz')


def test_trailing_data_is_told(tmp_path: Path) -> None:
    file = tmp_path / 'm.pkl.gz'
    assert '3 bytes after the end' in refused(write(file, GENUINE + b'abc'))
    file.write_bytes(gzip.compress(GENUINE) + b'abc')
    assert 'cannot be decompressed' in refused(file)


def test_an_end_in_the_middle_is_told(tmp_path: Path) -> None:
    file = tmp_path / 'm.pkl.gz'
    for pickled in (b'\x80\x04NN.', b'\x80\x04(N.', b'\x80\x04.'):
        assert 'an end in the middle' in refused(write(file, pickled))


def test_random_damage_gives_a_checkpoint_or_the_error(tmp_path: Path) -> None:
    draw, file, survived = random.Random(0), tmp_path / 'model.pkl.gz', 0
    weights = file.with_name('model.weights.npy.gz')
    weights.write_bytes(LOOP.with_name(weights.name).read_bytes())
    for _ in range(1500):
        damaged = bytearray(GENUINE)
        for _ in range(draw.choice([1, 1, 2, 5])):
            damaged[draw.randrange(len(damaged))] = draw.randrange(256)
        try:
            read(write(file, bytes(damaged)))
            survived += 1
        except TraxCheckpointError:
            pass
    assert 0 < survived < 1500


def test_what_is_no_checkpoint_is_told(tmp_path: Path) -> None:
    file = tmp_path / 'm.pkl.gz'
    for value, got in (([1], 'something else'), ({'weights': 1}, r"a dict of \['weights'\]")):
        write(file, pickle.dumps(value))
        with pytest.raises(
            TraxCheckpointError, match=f"expected a dict with 'flat_weights', got {got}"
        ):
            read(file)


# The file of the weights.


def npy(array: Any) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array)
    return stream.getvalue()


def header(descr: str, shape: str) -> bytes:
    line = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b'\x93NUMPY\1\0' + struct.pack('<H', len(line)) + line


BLOCKS = {
    'objects': npy(np.array([None])),
    'records': npy(np.zeros(2, [('a', 'f4')])),
    'text': npy(np.array(['a'])),
    'too few bytes': npy(np.ones(5))[:-1],
    'a cut header': npy(np.ones(5))[:20],
    'ten gigabytes': header("'<f4'", '(2684354560,)'),
    'a product that overflows': header("'<f4'", f'({2**62}, {2**62})'),
    'a negative shape': header("'<f4'", '(-1, -4)'),
    'axes without end': header("'<f4'", str((0,) * 99)),
    'code for a shape': header("'<f4'", "__import__('os').system('ls')"),
    'deep parentheses': header("'<f4'", '(' * 3000),
    'a long header': header("'<f4'", '(' + '1,' * 30000 + ')'),
    'something else': b'abcdefghijkl',
    'a version of the future': b'\x93NUMPY\x09\0' + bytes(20),
}


@pytest.mark.parametrize('case', BLOCKS)
@pytest.mark.parametrize('before', [b'', npy(np.ones(2, np.float32))], ids=['first', 'second'])
def test_a_wrong_block_is_told(case: str, before: bytes, tmp_path: Path) -> None:
    write(tmp_path / 'model.pkl.gz', pickle.dumps({'flat_weights': 2}))
    write(tmp_path / 'model.weights.npy.gz', before + BLOCKS[case])
    message = refused(tmp_path / 'model.pkl.gz')
    assert f'array number {1 if before else 0}' in message
    assert 'model.weights.npy.gz' in message


def test_a_missing_file_of_weights_is_told(tmp_path: Path) -> None:
    file = write(tmp_path / 'model.pkl.gz', pickle.dumps({'flat_weights': 2}))
    assert 'expected model.weights.npy.gz beside it' in refused(file)


# What is no file.


def test_a_pipe_a_directory_and_a_device_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / 'pipe')
    (tmp_path / 'folder').mkdir()
    (tmp_path / 'link').symlink_to(tmp_path / 'pipe')
    (tmp_path / 'endless').symlink_to('/dev/zero')
    for entry, got in [
        ('pipe', 'a pipe or a device'),
        ('folder', 'a directory'),
        ('link', 'a pipe or a device'),
        ('endless', 'a pipe or a device'),
    ]:
        assert f'expected a regular file, got {got}' in refused(tmp_path / entry)


def test_a_link_to_a_checkpoint_is_read(tmp_path: Path) -> None:
    target = write(tmp_path / 'target', pickle.dumps({'flat_weights': [np.ones(2)]}))
    (tmp_path / 'link').symlink_to(target)
    assert read(tmp_path / 'link').weights[0].tolist() == [1, 1]
    (tmp_path / 'nowhere').symlink_to(tmp_path / 'missing')
    with pytest.raises(FileNotFoundError):
        read(tmp_path / 'nowhere')


def test_an_address_is_told() -> None:
    with pytest.raises(
        TraxCheckpointError, match='expected a file on this machine, got an address'
    ):
        read('gs://bucket/model.pkl.gz')
