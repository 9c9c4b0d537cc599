"""A pickle read as data: the stack machine that it is a program for, without what runs code.

`pickle.load` imports the modules that a file names, and calls what it finds there. Here a name
stays a name, `names.py` says what data a call of it stands for, and the operations that reach
outside (instances, extension codes, persistent ids, buffers) do not exist.
"""

import pickletools
from pathlib import Path
from typing import Any

from . import names
from .errors import TraxCheckpointError
from .limits import Limits
from .values import Name, Refused, check_size

_CONSTANTS = {'NONE': None, 'NEWTRUE': True, 'NEWFALSE': False, 'EMPTY_TUPLE': ()}
_LITERALS = {
    *('BININT', 'BININT1', 'BININT2', 'LONG1', 'BINFLOAT'),
    *('SHORT_BINUNICODE', 'BINUNICODE', 'BINUNICODE8'),
    *('SHORT_BINBYTES', 'BINBYTES', 'BINBYTES8', 'BYTEARRAY8'),
}
_NOTES = {'PROTO', 'FRAME', 'STOP'}


def loads(data: bytes, file: Path, limits: Limits) -> Any:
    """Returns the value that a pickle describes; dicts, lists, tuples, numbers, text and arrays.

    Raises:
      TraxCheckpointError: the pickle is damaged, asks for anything that Trax's checkpoints do not
        need, or is larger than the limits.
    """
    machine, position = _Machine(), 0
    try:
        for count, (opcode, argument, place) in enumerate(pickletools.genops(data)):
            position = place or 0
            if count >= limits.opcodes:
                raise Refused(f'more than {limits.opcodes:,} steps, the limit Limits(opcodes=...)')
            machine.step(opcode.name, argument)
        if rest := len(data) - position - 1:
            raise Refused(f'{rest:,} bytes after the end of the pickle')
        value = machine.result()
        check_size(value, limits.values, limits.depth)
        return value
    except Refused as refused:
        raise TraxCheckpointError(
            f'{file}: expected the arrays and numbers of a Trax checkpoint, got, at byte '
            f'{position:,} of the pickle, {refused}. Nothing in the file was run. If Trax wrote '
            'it, it was changed since: get it again from a source that you trust.'
        ) from None
    except (ValueError, IndexError, KeyError, OverflowError, MemoryError) as error:
        raise TraxCheckpointError(
            f'{file}: expected a whole pickle, got one that breaks off or is damaged after byte '
            f'{position:,} of {len(data):,} ({ascii(str(error))[1:200]}). Copy it again from '
            'where it came.'
        ) from error


class _Machine:
    """The stack, the marks on it and the memo of values to come back to."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []  # the stacks under each mark
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        """Does one operation."""
        if name in _CONSTANTS:
            self.push(_CONSTANTS[name])
        elif name in _LITERALS:
            self.push(argument)
        elif name not in _NOTES:
            operation = _OPERATIONS.get(name)
            if operation is None:
                raise Refused(f'the operation {name}')
            operation(self, argument)

    def push(self, value: Any) -> None:
        """Puts a value on top."""
        self.stack.append(value)

    def result(self) -> Any:
        """Returns the one value that is left."""
        if len(self.stack) != 1 or self.below:
            raise Refused('an end in the middle of a value')
        return self.stack[0]

    def mark(self, _):
        """Begins the parts of a value."""
        self.below.append(self.stack)
        self.stack = []

    def parts(self) -> list[Any]:
        """Returns the values since the last mark."""
        found, self.stack = self.stack, self.below.pop()
        return found

    def pop(self, n: int) -> tuple[Any, ...]:
        """Returns the last n values."""
        if len(self.stack) < n:
            raise IndexError('too few values on the stack')
        found = tuple(self.stack[-n:])
        del self.stack[-n:]
        return found

    def extend(self, parts: Any) -> None:
        """Adds to the list on top."""
        if type(self.stack[-1]) is not list:
            raise Refused('parts added to what is no list')
        self.stack[-1].extend(parts)

    def update(self, parts: Any) -> None:
        """Adds keys and values in turn to the dict on top."""
        if type(self.stack[-1]) is not dict or len(parts) % 2:
            raise Refused('keys and values added to what is no dict')
        for key, value in zip(parts[::2], parts[1::2], strict=True):
            if type(key) not in (str, int):  # hashing nested tuples may never end
                raise Refused(f'a key of type {type(key).__name__}')
            self.stack[-1][key] = value

    def remember(self, index: int | None) -> None:
        """Keeps the value on top under a number."""
        self.memo[len(self.memo) if index is None else index] = self.stack[-1]

    def name(self, module: Any, name: Any) -> None:
        """Pushes a name, if it is one of those in Trax's files."""
        if type(module) is not str or type(name) is not str:
            raise Refused('a name that is no text')
        self.push(names.known(Name(module, name)))

    def reduce(self, _):
        """Replaces a name and arguments by what calling it would have made."""
        name, arguments = self.pop(2)
        self.push(names.made(name, arguments))

    def new(self, _):
        """Replaces a class and arguments by a record."""
        name, arguments = self.pop(2)
        self.push(names.record(name, arguments))

    def build(self, _):
        """Gives the value on top its content."""
        (content,) = self.pop(1)
        names.fill(self.stack[-1], content)


_OPERATIONS: dict[str, Any] = {
    'MARK': _Machine.mark,
    'EMPTY_LIST': lambda m, _: m.push([]),
    'EMPTY_DICT': lambda m, _: m.push({}),
    'TUPLE': lambda m, _: m.push(tuple(m.parts())),
    'TUPLE1': lambda m, _: m.push(m.pop(1)),
    'TUPLE2': lambda m, _: m.push(m.pop(2)),
    'TUPLE3': lambda m, _: m.push(m.pop(3)),
    'APPEND': lambda m, _: m.extend(m.pop(1)),
    'APPENDS': lambda m, _: m.extend(m.parts()),
    'SETITEM': lambda m, _: m.update(m.pop(2)),
    'SETITEMS': lambda m, _: m.update(m.parts()),
    'MEMOIZE': _Machine.remember,
    'BINPUT': _Machine.remember,
    'LONG_BINPUT': _Machine.remember,
    'BINGET': lambda m, index: m.push(m.memo[index]),
    'LONG_BINGET': lambda m, index: m.push(m.memo[index]),
    'GLOBAL': lambda m, text: m.name(*text.split(' ', 1)),
    'STACK_GLOBAL': lambda m, _: m.name(*m.pop(2)),
    'REDUCE': _Machine.reduce,
    'NEWOBJ': _Machine.new,
    'BUILD': _Machine.build,
}
