"""A bounded store of compiled functions, common to all views of a model."""

import collections
from collections.abc import Callable, Hashable
from typing import Any


class Programs:
    """The functions compiled for a model; the least recently used leaves first.

    Args:
      limit: how many functions are kept.
    """

    def __init__(self, limit: int = 64):
        self._limit = limit
        self._functions: collections.OrderedDict[Hashable, Any] = collections.OrderedDict()

    def get(self, key: Hashable, build: Callable[[], Any]) -> Any:
        """Returns the function stored under `key`, built by `build` if there is none."""
        if key not in self._functions:
            self._functions[key] = build()
            if len(self._functions) > self._limit:
                self._functions.popitem(last=False)
        self._functions.move_to_end(key)
        return self._functions[key]

    def put(self, key: Hashable, function: Any) -> None:
        """Replaces what is stored under `key`."""
        self.get(key, lambda: function)
        self._functions[key] = function

    def __len__(self):
        return len(self._functions)

    def __deepcopy__(self, memo):
        return Programs(self._limit)

    def __reduce__(self):
        return Programs, (self._limit,)
