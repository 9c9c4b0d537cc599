"""Making what a config describes: which bindings are used, whether they fit, and what went wrong.

While a `Building` is active, everything that the config makes goes through `call`, and every layer
that Python code makes goes through `provide`, which adds what is bound for it.
"""

import contextlib
import contextvars
import copy
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import gin
from gin import config_parser

from .annotations import annotations_of, makes_layers, problem, signature_of
from .bindings import Binding, Delegate, Statement, expanded, macro_name, needed, references
from .errors import ConfigError

_active: contextvars.ContextVar['Building | None'] = contextvars.ContextVar('active', default=None)


class Building:
    """What happens to the bindings of a config while its experiment is made.

    Attributes:
      statements: the line that wins for each binding.
      used: the bindings whose value reached something.
      beaten: bindings that a layer did not get, because the code that made it says the argument
        itself; with this code.
      made: the names of all that was made.
      failure: the error that ended it.
    """

    def __init__(self, file: str, statements: Mapping[Binding, Statement]):
        self.file, self.statements = file, statements
        self.used: set[Binding] = set()
        self.beaten: dict[Binding, str] = {}
        self.made: set[str] = set()
        self.failure: ConfigError | None = None
        self._latest: dict[str, Binding] = {}  # what the newest layer of Python code was given
        self._called: Any = None  # the layer class that the config is calling

    @contextlib.contextmanager
    def active(self) -> Iterator[None]:
        """Makes this the building that `call` and `provide` serve."""
        token = _active.set(self)
        try:
            yield
        finally:
            _active.reset(token)
        self._use_what_others_were_given()
        self._use_what_references_need()

    def bound(
        self, name: str, parameters: Iterable[str], scopes: Sequence[str] | None = None
    ) -> dict[str, Binding]:
        """Returns each parameter's binding in a scope, by default the current; inner ones win."""
        scopes, found = gin.current_scope() if scopes is None else scopes, {}
        for depth in range(len(scopes) + 1):
            for parameter in parameters:
                binding = Binding('/'.join(scopes[:depth]), name, parameter)
                if binding in self.statements:
                    found[parameter] = binding
        return found

    def use(self, name: str, target: Any, values: Mapping[str, Any]) -> dict[str, Binding]:
        """Notes the bindings of values, after checking that they are what `target` wants."""
        self.made.add(name)
        bound, annotations = self.bound(name, values), annotations_of(target)
        for parameter, binding in bound.items():
            if not makes_layers(annotations.get(parameter)):
                for reference in references(self.statements[binding].value):
                    self._check_called(reference, binding)
            if parameter in annotations:
                wrong = problem(values[parameter], annotations[parameter])
                if wrong:
                    raise self.fail([binding], wrong)
        self.used |= set(bound.values())
        return bound

    def fail(self, bindings: Iterable[Binding], message: str) -> ConfigError:
        """Returns the error of some bindings, and keeps it: gin puts its own words around it."""
        lines = [self.written(binding) for binding in bindings]
        self.failure = ConfigError('\n'.join([*(lines or [self.file]), f'  {message}']))
        return self.failure

    def written(self, binding: Binding) -> str:
        """Returns a binding as it is written, with its place and the macros that it uses."""
        statement = self.statements[binding]
        text = str(statement)
        for reference in references(statement.value):
            macro = needed(reference)
            if macro and macro in self.statements and macro_name(reference) is not None:
                text += f'\n  with %{macro} from {self.statements[macro]}'
        return text

    def _check_called(self, reference, binding):
        if macro_name(reference) is None and not reference.evaluate:
            name = reference.scoped_selector
            raise self.fail(
                [binding], f'@{name} is only named here, not made. Write a call: @{name}()'
            )

    def _blame(self, error, name, bound):
        """Returns the error of a constructor, with the bindings that are most likely its reason."""
        message = str(error)
        missing = re.search(r"missing a required argument: '(\w+)'", message)
        if missing:
            return self._missing(name, missing[1])
        candidates = [*bound.values(), *self._latest.values()]
        scores = {b: self._score(b, message) for b in candidates}
        best = max(scores.values(), default=0)
        return self.fail([b for b in candidates if scores[b] == best], message)

    def _score(self, binding, message):
        words = set(re.findall(r'\w+', message))
        value = re.escape(expanded(self.statements[binding].value, self._values()))
        told = re.search(rf'(?<![\w.]){value}(?![\w.])', message) is not None
        return 2 * (binding.parameter in words) + (binding.configurable in words) + 2 * told

    def _missing(self, name, parameter):
        scope = gin.current_scope_str()
        full = f'{scope}/{name}' if scope else name
        users = [
            b
            for b, s in self.statements.items()
            if any(r.selector.rpartition('.')[2] == name for r in references(s.value))
        ]
        fix = f'{full}.{parameter} has no value. Add a line: {full}.{parameter} = ...'
        return self.fail([b for b in users if b.parameter][:1], fix)

    def _values(self):
        return {binding: statement.value for binding, statement in self.statements.items()}

    def _use_what_others_were_given(self):
        """Functions of users do not go through `call`; gin notes what it gave them."""
        for given in config_parser.ConfigParser(gin.operative_config_str(), Delegate()):
            if isinstance(given, config_parser.BindingStatement) and given.arg_name:
                name, scopes = given.selector.rpartition('.')[2], (given.scope or '').split('/')
                self.used |= set(self.bound(name, [given.arg_name], scopes).values())

    def _use_what_references_need(self):
        """Macros and singletons are used by the used bindings that name them."""
        waiting = list(self.used)
        while waiting:
            for reference in references(self.statements[waiting.pop()].value):
                binding = needed(reference)
                if binding and binding in self.statements and binding not in self.used:
                    self.used.add(binding)
                    waiting.append(binding)


def call(name: str, target: Callable[..., Any], args: Any, kwargs: dict[str, Any]) -> Any:
    """Calls what a config names, with the values that it binds."""
    building = _active.get()
    if building is None:
        return target(*args, **kwargs)
    building._latest = {}
    bound = building.use(name, target, kwargs)
    try:
        signature_of(target).bind(*args, **kwargs)
        building._called = target
        return target(*args, **kwargs)
    except ConfigError:
        raise
    except (TypeError, ValueError) as error:
        raise building._blame(error, name, bound) from error
    finally:
        building._called = None


def provide(name: str, cls: Any, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    """Adds what is bound for a layer that Python code makes; what the code says wins."""
    building = _active.get()
    if building is None:
        return kwargs
    if building._called is cls:  # gin has given its values
        building._called = None
        return kwargs
    parameters = list(signature_of(cls).parameters)
    given = {*parameters[: len(args)], *kwargs}
    bound = building.bound(name, parameters)
    for parameter, binding in bound.items():
        if parameter in given:
            building.beaten.setdefault(binding, _code_that_says_it())
    missing = {p: b for p, b in bound.items() if p not in given}
    values = {p: building.statements[b].value for p, b in missing.items()}
    added = copy.deepcopy(values)  # copying is how gin resolves references
    building._latest = building.use(name, cls, added)
    return {**kwargs, **added}


def _code_that_says_it():
    frame: Any = sys._getframe(2)
    ours = ('retrax.configs.', 'retrax.combinators.construction', 'gin.')
    while frame.f_back and frame.f_globals.get('__name__', '').startswith(ours):
        frame = frame.f_back
    while _function(frame).startswith('_') and frame.f_back.f_globals is frame.f_globals:
        frame = frame.f_back  # a module's own helper: what called it is known by name
    function = _function(frame)
    return f'{function} ({frame.f_code.co_filename}:{frame.f_lineno})'


def _function(frame):
    return frame.f_code.co_qualname.partition('.<locals>')[0]
