"""What a user adds to a Loop: code before and after some of its steps."""

import abc
from typing import Any


class TrainingStepCallback(abc.ABC):
    """Is told of steps. A Loop is given the class, and makes the object: callbacks=[Mine].

    Args:
      loop: the Loop; `loop.model` has the weights of the moment.
    """

    def __init__(self, loop: Any):
        self._loop = loop

    @abc.abstractmethod
    def call_at(self, step: int) -> bool:
        """Returns whether to be told of a step; the first is 1."""

    @abc.abstractmethod
    def on_step_begin(self, step: int) -> None:
        """The step comes next."""

    @abc.abstractmethod
    def on_step_end(self, step: int) -> None:
        """The step was made."""
