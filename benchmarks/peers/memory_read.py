"""A bound, not a peer: the time to read the weights that one token needs, with all threads, in C.

Counted are the weights of a model whose first layer looks its product with the input up in a table,
so 10 of the seed model's 13.6 MB (float32; half of that in bf16). Compiled at run time; without a
compiler NumPy reads, which is a little slower. For many rows weights are read once for all.
"""

import ctypes
import pathlib
import shutil
import subprocess
import tempfile
import threading

import numpy as np

convention = None


def decode(setting):
    """Reads the weights once for each token of a row."""
    n, size = setting.width, 2 if setting.precision == 'bf16' else 4
    count = 6 * setting.layers * n * n - 3 * n * n + n * setting.vocab
    words = np.arange(count * size // 8 // setting.threads * setting.threads, dtype=np.uint64)
    read = _compiled() or _by_numpy
    if read(words, 3, setting.threads) != 3 * int(words.sum()) % 2**64:
        raise ValueError('the sum of what was read is wrong')
    return lambda tokens, temperature: read(words, tokens, setting.threads)


def _compiled():
    """Returns a function that reads in C, or None without a C compiler."""
    compiler = shutil.which('cc') or shutil.which('gcc')
    if compiler is None:
        return None
    source = pathlib.Path(__file__).with_suffix('.c')
    with tempfile.TemporaryDirectory() as folder:
        library = pathlib.Path(folder, 'memory_read.so')
        flags = ['-O3', '-march=native', '-funroll-loops', '-shared', '-fPIC', '-pthread']
        subprocess.run([compiler, *flags, str(source), '-o', str(library)], check=True)
        function = ctypes.CDLL(str(library)).read_all
    function.restype = ctypes.c_uint64
    function.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int]
    return lambda words, passes, threads: function(words.ctypes.data, len(words), passes, threads)


def _by_numpy(words, passes, threads):
    sums = []

    def part(words):
        sums.extend(int(words.sum()) for _ in range(passes))

    workers = [threading.Thread(target=part, args=(p,)) for p in np.split(words, threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(sums) % 2**64
