"""Config: an experiment as text that was read, checked and tried.

A binding reaches layers that a model function constructs in Python, too:
`GRU.kernel_initializer = @GlorotUniformInitializer()` changes the GRUs in GRULM. What code says
explicitly wins. Nothing of a config stays behind, and what gin held for somebody else is put back,
so plain Python is never affected.
"""

import dataclasses
from collections.abc import Sequence

import gin

from .. import training as trainings
from ..combinators.errors import warn
from .annotations import signature_of
from .bindings import Binding, by_binding, expanded
from .building import Building
from .errors import ConfigError, ConfigWarning, Place
from .registry import known
from .sources import Sources, imports_allowed
from .trying import bind, check_shapes, clean_gin, displaced, made
from .unused import beaten_words, unused, unused_words


@dataclasses.dataclass(frozen=True)
class Config:
    """A config that was read and checked; `experiment` makes what it describes.

    Attributes:
      name: of the config, for people.
      text: as it was resolved: all bindings that are used, macros first, later ones in the place of
        earlier ones.
      places: where each binding was written.
      values: the value of each binding that is used, macros resolved; what it makes without a
        binding has its default, marked as such.
    """

    name: str
    text: str
    places: dict[Binding, Place]
    values: dict[str, str]

    @classmethod
    def parse(cls, name: str, file: str, text: str, bindings: Sequence[str] = ()) -> 'Config':
        """Reads a config from text, with more bindings that win over it, and tries it.

        Raises:
          ConfigError: a mistake; the message names the file and the line.
        """
        with clean_gin():
            sources = Sources(known)
            sources.read(text, file)
            for line in bindings:
                sources.read(line + '\n', f"--gin '{line}'", is_extra=True)
            lines = by_binding(sources.statements, sources.includes)
            last = {binding: found[-1] for binding, found in lines.items()}
            building = Building(file, last)
            experiment = made(building)
            dropped = set(unused(building))
            if dropped:
                dropped -= displaced(sources, last)
            if dropped:
                raise ConfigError(unused_words(building, sorted(dropped)))
            check_shapes(experiment, building)
            for binding in sorted(building.used & building.beaten.keys()):
                warn(beaten_words(building, binding), ConfigWarning)
            kept = {b: s for b, s in last.items() if b not in set(unused(building))}
            bind(kept)
            written = [f'{line}\n' for line in sources.imports]
            return cls(
                name,
                ''.join(written) + gin.config_str(max_line_length=96),
                {binding: statement.place for binding, statement in kept.items()},
                _values(building),
            )

    def experiment(self) -> trainings.Experiment:
        """Makes the experiment that the config describes; no weight and no file.

        Raises:
          ConfigError: a value cannot be.
        """
        with clean_gin(), imports_allowed():  # or they were refused when the text was read
            sources = Sources(known)
            sources.read(self.text, self.name)
            places = {
                s.binding: s._replace(place=self.places.get(s.binding, s.place))
                for s in sources.statements
            }
            return made(Building(self.name, places))


def _values(building):
    values = {binding: s.value for binding, s in building.statements.items()}
    found = {str(b): expanded(values[b], values) for b in building.used if b.parameter}
    for name in building.made:
        for parameter in signature_of(known[name]).parameters.values():
            default = parameter.default
            if isinstance(default, str | int | float | None) and parameter.name != 'mode':
                found.setdefault(f'{name}.{parameter.name}', f'{default!r} (default)')
    return found
