"""verify: the laws that retrax's own layers are held to, on a user's model."""

import copy
import warnings
from collections.abc import Iterator
from typing import Any

from ..combinators import Layer, ModeWarning, Policy
from .laws import LAWS, Finding, Law, Subject, examine, loud
from .laws.inputs import drawing, named, with_numbers
from .tables import Printed, plain, table


class LawBroken(AssertionError):
    """A model does not keep a law that it should."""


class Report(Printed):
    """What each law found; prints as a table.

    Attributes:
      name: of the model.
      inputs: the signature that was used; 'b' stands for the batch, 't' for time.
      findings: (law, finding) of each law.
    """

    def __init__(self, name: str, inputs: Any, findings: list[tuple[Law, Finding]]):
        self.name, self.inputs, self.findings = name, inputs, findings

    def __iter__(self) -> Iterator[tuple[Law, Finding]]:
        return iter(self.findings)

    def __getitem__(self, law: str) -> Finding:
        """Returns the finding of a law by its name."""
        return {known.name: finding for known, finding in self.findings}[law]

    @property
    def broken(self) -> list[tuple[Law, Finding]]:
        """The laws that the model breaks, and how."""
        return [pair for pair in self.findings if pair[1].verdict == 'broken']

    @property
    def ok(self) -> bool:
        """Whether the model breaks no law."""
        return not self.broken

    def raise_if_broken(self) -> None:
        """Raises LawBroken, with all laws that the model breaks, for use in a test."""
        if self.broken:
            lines = [f'{self.name} breaks {len(self.broken)} of {len(self.findings)} laws:']
            for law, finding in self.broken:
                where = f'\n    at {finding.where}' if finding.where else ''
                lines.append(f'  {law}: {finding.measured}{where}')
            raise LawBroken('\n'.join(lines))

    def __repr__(self):
        return str(self)

    def __rich__(self):
        columns = ['law', 'verdict', 'measured', 'first at']
        made = table(f'{self.name}: {self.inputs}', columns, [])
        for law, (verdict, measured, where) in self.findings:
            made.add_row(*map(plain, (law, verdict, measured, where)), style=_STYLES[verdict])
        return made


_STYLES = {'kept': '', 'broken': 'bold red', 'seen': 'yellow', 'does not apply': 'dim'}


def verify(model: Layer, signature: Any = None, n_ids: int = 2, draw: Any = None) -> Report:
    """Examines the laws of docs/laws.md on a model; returns a report that prints as a table.

    The model does not change. The laws run on a copy, in float32, with weights that are moved
    by up to 0.7, because mistakes hide in the small weights that initializers draw. What layers
    declare (has_memory, is_causal, couples_rows, draws, ...) decides how a law reads. Use it in
    a test of your own: `retrax.verify(model, signature).raise_if_broken()`.

    Args:
      model: a layer, or a view of one.
      signature: of the inputs, with names for batch and time, such as
        `ShapeDtype(('b', 't'), np.int32)`; by default the one of `init`.
      n_ids: integers are drawn below this.
      draw: a function from a seed to inputs of 3 rows and 6 steps, for a model that does not
        take any numbers.

    Raises:
      ValueError: no signature is known.
      LayerError: the model does not take such inputs.
    """
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', ModeWarning)
        subject = subject_of(model, signature, n_ids, draw)
        findings = [(law, examine(law, subject)) for law in LAWS]
    return Report(model.name, subject.inputs, findings)


def subject_of(model: Layer, signature: Any, n_ids: int, draw: Any = None) -> Subject:
    """Returns a copy of a model, with loud weights, and what to feed it."""
    given = model.input_signature if signature is None else signature
    if given is None:
        raise ValueError(
            f'{model.name} was never initialised, so its inputs are not known; give a signature: '
            "verify(model, ShapeDtype(('b', 't'), np.int32))"
        )
    model = copy.deepcopy(model._tl_view(Policy()))
    inputs = named(model, given)
    is_loss = _is_loss(model, inputs)
    model.init(with_numbers(inputs), rng=0)
    make = lambda: copy.deepcopy(model)  # noqa: E731
    shifted = int(model.n_in == 1 and model.start_id is not None)
    draw = draw or drawing(inputs, n_ids, is_loss)
    return Subject(loud(model), make, inputs, draw, shifted, is_loss)


def _is_loss(model, inputs):
    """Whether it takes (outputs, targets, weights) and gives one number, as losses do."""
    if model.n_in != 3 or model.n_out != 1:
        return False
    output = model.output_signature(with_numbers(inputs))
    _, targets, weights = inputs
    return output.shape == () and targets.shape == weights.shape
