"""Request: what a caller of `generate` or `stream` asks for, in one value."""

import dataclasses
import functools
import inspect
from collections.abc import Callable, Sequence
from typing import Any, ParamSpec, TypeVar

Arguments = ParamSpec('Arguments')
Asked = TypeVar('Asked')
Answer = TypeVar('Answer')


@dataclasses.dataclass(frozen=True, eq=False)
class Request:
    """The arguments of `generate` and `stream`, as they were given; `generate` says what they are.

    They are declared here alone: their names, order and defaults are those of the fields.
    """

    model: Any
    prompt: Any = None
    max_new_tokens: int = 100
    temperature: Any = 1.0
    seed: Any = 0
    batch_size: int = 1
    eos_id: int | None = None
    _: dataclasses.KW_ONLY
    source: Any = None
    n: int = 1
    prompt_lengths: Any = None
    start_id: Any = None
    row_ids: Sequence[int] | None = None
    top_k: Any = None
    top_p: Any = None
    min_p: Any = None
    repetition_penalty: Any = None
    banned: Any = None
    constraint: Any = None
    return_log_probs: bool = False
    deterministic: bool = False


def takes(
    kind: Callable[Arguments, Asked],
) -> Callable[[Callable[[Asked], Answer]], Callable[Arguments, Answer]]:
    """Returns a decorator for a function of one request: it then takes the request's arguments.

    What it takes is the signature that people and tools see, and the errors of a call that does
    not fit name the function.
    """
    signature = inspect.signature(kind)

    def decorate(answer: Callable[[Asked], Answer]) -> Callable[Arguments, Answer]:
        @functools.wraps(answer)
        def function(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
            try:
                signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f'{function.__name__}: {error}') from None
            return answer(kind(*args, **kwargs))

        returns = inspect.signature(answer).return_annotation
        vars(function)['__signature__'] = signature.replace(return_annotation=returns)
        return function

    return decorate
