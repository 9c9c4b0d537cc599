"""Gin: experiments as text. The only module that imports gin.

Every public layer, model, initializer, optimizer and schedule is configurable under its own name,
and `train` is the experiment. A binding reaches layers that a model function constructs in Python,
too: `GRU.kernel_initializer = @GlorotUniformInitializer()` changes the GRUs in GRULM. What code
says explicitly wins. Nothing of a config stays behind: gin's global state is empty outside of this
module, so plain Python is never affected.
"""

import contextlib
import contextvars
import copy
import dataclasses
import inspect
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import gin
from gin import config_parser
from gin.config import ParserDelegate

from .. import layers, models
from .. import training as trainings
from ..combinators import Layer, add_provider
from .errors import ConfigError, Place, explained, line_of


class Binding(NamedTuple):
    """One line of a config: scope/configurable.parameter, or a macro without parameter."""

    scope: str
    configurable: str
    parameter: str

    def __str__(self):
        name = f'{self.configurable}.{self.parameter}' if self.parameter else self.configurable
        return f'{self.scope}/{name}' if self.scope else name


# The bindings used so far; None while no config is applied.
_used: contextvars.ContextVar[set[Binding] | None] = contextvars.ContextVar('used', default=None)


@dataclasses.dataclass(frozen=True)
class Config:
    """A config that was read and checked; `experiment` makes what it describes.

    Attributes:
      name: of the config, for people.
      text: as it was resolved: all bindings, macros first, later ones in the place of earlier ones.
      places: where each binding was written.
    """

    name: str
    text: str
    places: dict[Binding, Place]

    @classmethod
    def parse(cls, name: str, file: str, text: str, bindings: Sequence[str] = ()) -> 'Config':
        """Reads a config from text, with more bindings that win over it.

        Raises:
          ConfigError: an unknown name or parameter, or a line that is no binding.
        """
        extra = [_named(line + '\n', f"--gin '{line}'") for line in bindings]
        places: dict[Binding, Place] = {}
        with _clean_gin():
            for source in [_named(text, file), *extra]:
                with explained(source.name, _registered):
                    places.update(_places(source))
                    source.seek(0)
                    gin.parse_config(source)
            with explained(file, _registered):
                gin.finalize()
            return cls(name, gin.config_str(max_line_length=96), places)

    def experiment(self) -> trainings.Experiment:
        """Makes the experiment that the config describes; no weight and no file.

        Raises:
          ConfigError: a value is missing or cannot be, or nothing used a binding.
        """
        with _clean_gin():
            gin.parse_config(self.text)
            token = _used.set(set())
            try:
                experiment = gin.get_configurable('train')()
                self._check_used(_used.get() or set())
            except ConfigError:
                raise
            except (RuntimeError, TypeError, ValueError) as error:
                message = re.sub(r' \(<function [^>]*>\)', '', str(error))
                raise ConfigError(f"The config '{self.name}': {message}") from error
            finally:
                _used.reset(token)
        return experiment

    def _check_used(self, used):
        macros = {b for b in self.places if not b.parameter and re.search(rf'%{b}\b', self.text)}
        unused = [b for b in self.places if b not in used and b not in macros]
        if unused:
            lines = '\n'.join(f'  {self.places[b]}: {b}' for b in unused)
            raise ConfigError(
                f'Nothing used these bindings of the config:\n{lines}\nEither nothing makes such '
                'a thing, or the code that makes it says this argument itself. Take them out, or '
                'bind what is used.'
            )


def _named(text, name):
    source = io.StringIO(text)
    source.name = name  # gin reads it for its messages
    return source


@contextlib.contextmanager
def _clean_gin() -> Iterator[None]:
    """Gives a block of code an empty gin, and leaves one."""
    gin.clear_config()
    try:
        yield
    finally:
        gin.clear_config()


def _places(source):
    """Yields each binding of a text with its place; refuses imports, which run code."""
    delegate = ParserDelegate()
    for statement in config_parser.ConfigParser(source, delegate):
        if isinstance(statement, config_parser.BindingStatement):
            scope, selector, parameter, _, location = statement
            binding = Binding(scope or '', selector.rpartition('.')[2], parameter or '')
            yield binding, Place(source.name, location.line_num)
        elif isinstance(statement, config_parser.ImportStatement):
            raise ConfigError(
                f'{line_of(source.name, statement.location.line_num, statement.format())}\n  A '
                "config cannot import modules; all of retrax's names are there without it."
            )


# What configs can name.

_registered: dict[str, Any] = {}


def _register(name, target, denylist=()):
    parameters = list(inspect.signature(_callable(target)).parameters.values())
    if inspect.isclass(target):
        parameters = parameters[1:]  # self

    def make(*args, **kwargs):
        _note_used(name, kwargs)
        return target(*args, **kwargs)

    make.__name__ = make.__qualname__ = name
    make.__doc__ = target.__doc__
    make.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    denied = [p.name for p in parameters if p.name in denylist]
    gin.external_configurable(make, name=name, module='retrax', denylist=denied or None)
    _registered[name] = make


def _callable(target):
    return target.__init__ if inspect.isclass(target) else target


def _note_used(name, arguments):
    """Notes which bindings gave these arguments: those of the innermost scope that has them."""
    used = _used.get()
    if used is None:
        return
    scopes = gin.current_scope()
    for depth in range(len(scopes), -1, -1):
        scope = '/'.join(scopes[:depth])
        here = gin.get_bindings(f'{scope}/{name}', resolve_references=False, inherit_scopes=False)
        used |= {Binding(scope, name, p) for p in here if p in arguments}
        arguments = {p: value for p, value in arguments.items() if p not in here}


def _provide(cls, args, kwargs):
    """Adds what the config that is being applied binds for a layer; what code says wins."""
    name = cls.__name__
    if _used.get() is None or name not in _layer_names or getattr(layers, name) is not cls:
        return kwargs
    given = set(list(inspect.signature(_registered[name]).parameters)[: len(args)]) | set(kwargs)
    bound = gin.get_bindings(name, resolve_references=False)
    added = {p: value for p, value in bound.items() if p not in given}
    _note_used(name, added)
    return {**kwargs, **copy.deepcopy(added)}  # copying is how gin resolves references


def _is_configurable(value):
    if inspect.isclass(value):
        return issubclass(value, Layer) and value is not Layer
    return inspect.isfunction(value) and value.__name__[0].isupper()


def _register_all():
    for name in layers.__all__:
        value = getattr(layers, name)
        if _is_configurable(value):
            is_initializer = value.__module__.endswith('.initializers')  # 'mode' of a fan
            _register(name, value, denylist=() if is_initializer else ('mode',))
    for name in models.__all__:
        _register(name, getattr(models, name), denylist=('mode',))
    for name in ('Adam', 'AdamW', 'SGD', 'CosineDecay'):
        _register(name, getattr(trainings, name))
    _register('train', trainings.Experiment)


_register_all()
_layer_names = {n for n in _registered if inspect.isclass(getattr(layers, n, None))}
add_provider(_provide)
