"""Runs a program as Python would, with `import trax` meaning retrax."""

import io
import os
import runpy
import sys
from types import ModuleType, TracebackType

from .finder import install

USAGE = """\
usage: python -m retrax.interop.trax SCRIPT [ARGUMENT ...]
       python -m retrax.interop.trax -m MODULE [ARGUMENT ...]
       python -m retrax.interop.trax -c CODE [ARGUMENT ...]
Runs a program that was written for Trax: `import trax` gives it retrax.
"""


def main(arguments: list[str]) -> None:
    """Runs the program with its own arguments, path and `__main__`, as `python` does."""
    match arguments:
        case [] | ['-m' | '-c']:
            sys.stderr.write(USAGE)
            sys.exit(2)
        case ['-h' | '--help', *_]:
            sys.stdout.write(USAGE)
            sys.exit()
    install()
    sys.excepthook = _shorter
    match arguments:
        case ['-m', module, *rest]:
            _stand_in([module, *rest], os.getcwd())
            runpy.run_module(module, run_name='__main__', alter_sys=True)
        case ['-c', code, *rest]:
            _stand_in(['-c', *rest], '')
            _run(code, '<string>')
        case [script, *_]:
            _stand_in(arguments, os.path.dirname(os.path.realpath(script)))
            _run_script(os.path.abspath(script))


def _stand_in(argv, folder):
    sys.argv = argv
    if not sys.flags.safe_path:  # with `python -P` no folder of the program is on the path
        sys.path[0] = folder


def _run_script(path):
    try:
        with io.open_code(path) as file:
            code = file.read()
    except OSError as error:
        what = f"can't open file {path!r}: [Errno {error.errno}] {error.strerror}"
        sys.stderr.write(f'{sys.executable}: {what}\n')
        sys.exit(2)
    _run(code, path, __file__=path)


def _run(code, path, **names):
    # In a module of its own, so that the program sees nothing of this one.
    sys.modules['__main__'] = main_module = ModuleType('__main__')
    main_module.__dict__.update(names)
    exec(compile(code, path, 'exec'), main_module.__dict__)


def _shorter(
    kind: type[BaseException], error: BaseException, traceback: TracebackType | None
) -> None:
    """Shows an error as `python` would: from the program's first frame on."""
    ours = (__file__, __file__.replace('command', '__main__'), '<frozen runpy>')
    while traceback is not None and traceback.tb_frame.f_code.co_filename in ours:
        traceback = traceback.tb_next
    sys.__excepthook__(kind, error.with_traceback(traceback), traceback)
