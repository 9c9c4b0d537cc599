"""trace_stack: how the items of the data stack go from layer to layer, without running a model.

Every item has a name, x0 and up, which it keeps while it is copied, moved or left alone. So the
drawing shows what each layer takes and gives, what passes it by, and what is never used.
"""

import warnings
from typing import Any, NamedTuple

from rich.console import Group

from ..combinators import InMode, ModeWarning, Observer, Parallel, Rearrange, Serial, observing
from ..combinators import signature as signature_of
from ..combinators.stack import as_items
from .tables import Printed, plain, table


class Item:
    """One item of the stack: its name, the path of its layer ('' for an input), its signature."""

    def __init__(self, name: str, path: str, signature: Any = None):
        self.name, self.path, self.signature = name, path, signature

    def __repr__(self):
        return self.name if self.signature is None else f'{self.name} {self.signature}'


class StackRow(NamedTuple):
    """One layer at its place; of one with layers inside, the whole of them."""

    path: str
    layer: Any
    depth: int  # how many layers are around it
    takes: tuple[Item, ...]
    gives: tuple[Item, ...]
    stack: tuple[Item, ...]  # after the layer, the top first
    is_leaf: bool


class StackTrace(Printed):
    """What trace_stack found; prints as a drawing.

    Attributes:
      n_in: how many items the model takes.
      n_out: how many it gives.
      rows: the layers, in their order; a layer stands before those inside of it.
      unused: a sentence for each item that reaches no output.
    """

    def __init__(self, model: Any, inputs: tuple[Item, ...], walk: '_Walk', stack: Any):
        self.name, self.n_in = model.name, model.n_in
        self.n_out = len(stack) - (len(inputs) - self.n_in)
        self.inputs, self.outputs, self.rows = inputs, stack, walk.rows
        self.unused = [_why(item, walk.rows) for item in _dead(walk, stack)]

    def __rich__(self):
        title = f'{self.name}: takes {_n_items(self.n_in)}, gives {_n_items(self.n_out)}'
        made = table(title, ['place', 'layer', 'takes -> gives', 'stack after it, top first'], [])
        made.add_row('inputs', '', '', plain(_shown(self.inputs, '')))
        for row in self.rows:
            place = '  ' * row.depth + row.path.rpartition('/')[2]
            flow = f'{_names(row.takes)} -> {_names(row.gives)}'
            stack = _shown(row.stack, row.path) if row.is_leaf else ''
            made.add_row(*map(plain, (place, row.layer.name, flow, stack)))
        unused = ['unused:', *(f'  {line}' for line in self.unused)] if self.unused else []
        return Group(made, *map(plain, unused))


def trace_stack(model: Any, signature: Any = None) -> StackTrace:
    """Follows the items of the data stack through a model; nothing is computed.

    Layers inside of layers are indented. Where layers stand side by side, they are shown one after
    another, and each takes its own part of the stack. A combinator that runs layers in its own way,
    such as Scan, is one layer here.

    Args:
      model: a layer, or a view of one; it need not be initialised.
      signature: of the inputs, for the shapes, with names for sizes or numbers; without it only
        the number of items is followed.

    Raises:
      LayerError: the model does not take such inputs.
    """
    given = (None,) * model.n_in if signature is None else as_items(signature_of(signature))
    walk = _Walk({} if signature is None else _shapes(model, signature))
    inputs = tuple(walk.item('', part) for part in given)
    stack = walk.through(model, (), inputs)
    return StackTrace(model, inputs, walk, stack)


class _Walk:
    """Goes through a model as the stack does."""

    def __init__(self, shapes: dict[str, Any]):
        self.shapes = shapes
        self.items: list[Item] = []
        self.rows: list[StackRow] = []

    def item(self, path, signature=None):
        """Returns a new item."""
        self.items.append(Item(f'x{len(self.items)}', path, signature))
        return self.items[-1]

    def through(self, layer, path, stack, above=()):
        """Returns the stack after a layer; `above` are items that stand over its part of it."""
        at = len(self.rows)
        parts = list(zip(layer._tl_labels, layer._sublayers, strict=True))
        if _runs_as(layer, Parallel):
            after = self._side_by_side(parts, path, stack, above)
        elif _runs_as(layer, Serial) or _runs_as(layer, InMode):
            after = stack
            for label, sub in parts:
                after = self.through(sub, (*path, label), after, above)
        else:
            parts = []
            after = self._outputs(layer, '/'.join(path), stack) + stack[layer.n_in :]
        takes, gives = stack[: layer.n_in], after[: layer.n_out]
        row = StackRow(
            '/'.join(path), layer, max(len(path) - 1, 0), takes, gives, above + after, not parts
        )
        if path or not parts:  # the model as a whole is the title
            self.rows.insert(at, row)
        return after

    def _side_by_side(self, parts, path, stack, above):
        done = ()
        for label, sub in parts:
            after = self.through(sub, (*path, label), stack, above + done)
            done, stack = done + after[: sub.n_out], after[sub.n_out :]
        return done + stack

    def _outputs(self, layer, path, stack):
        if isinstance(layer, Rearrange):
            return tuple(stack[i] for i in layer.indices)
        known = self.shapes.get(path, (None,) * layer.n_out)
        return tuple(self.item(path, part) for part in known)


def _runs_as(layer, combinator):
    """Whether a layer hands its inputs to those inside as the combinator does."""
    return layer._tl_pure_apply and type(layer).apply_fn is combinator.apply_fn


class _Shapes(Observer):
    """The signatures of what each layer gives, by path."""

    def __init__(self):
        self.found: dict[str, Any] = {}

    def made(self, layer, context, inputs, made):
        if made[2] is not None:
            outputs = (made[2],) if layer.n_out == 1 else as_items(made[2])
            self.found.setdefault(context.location, outputs)


def _shapes(model, inputs):
    record = _Shapes()
    with warnings.catch_warnings(), observing(record):
        warnings.simplefilter('ignore', ModeWarning)
        outputs = model.output_signature(inputs)
    return {'': (outputs,) if model.n_out == 1 else as_items(outputs), **record.found}


def _dead(walk, stack):
    """Returns the items that no output depends on."""
    live = set(stack)
    for row in reversed(walk.rows):
        if row.is_leaf and not isinstance(row.layer, Rearrange) and live.intersection(row.gives):
            live.update(row.takes)
    return [item for item in walk.items if item not in live]


def _why(item, rows):
    """Says where an item came from, and where it was lost."""
    origin = f'given by {item.path}' if item.path else 'an input'
    last = next(row for row in reversed(rows) if row.is_leaf and item in row.takes)
    if isinstance(last.layer, Rearrange):
        return f'{item.name}, {origin}, is dropped by {last.path or last.layer.name}'
    return f'{item.name}, {origin}, is taken by {last.path}, of which nothing is used'


def _n_items(n):
    return f'{n} item' if n == 1 else f'{n} items'


def _names(items):
    return ' '.join(item.name for item in items) or 'nothing'


def _shown(items, path):
    """Writes a stack; an item shows its signature where it is new."""
    return '  '.join(repr(item) if item.path == path else item.name for item in items) or 'empty'
