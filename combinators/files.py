"""Files, which combinators do not know: the package's face says who reads and writes them."""

import sys
from collections.abc import Callable
from typing import Any


def file_method(name: str) -> Callable[..., Any]:
    """Returns what a method of Layer that reads or writes files calls.

    The face is asked and not imported: what it loads lies above this folder.
    """
    return sys.modules[__name__.partition('.')[0]].file_method(name)
