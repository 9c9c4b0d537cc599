"""What a Loop has measured: (step, value) pairs by mode and metric."""

from collections.abc import Mapping
from typing import Any


class LoopHistory:
    """Metrics by mode ('train', 'eval', ...) and name, in the order of time.

    >>> history = LoopHistory()
    >>> history.append('train', 'metrics/loss', 1, 0.7)
    >>> history.append('train', 'metrics/loss', 50, 0.3)
    >>> history.get('train', 'metrics/loss'), history.get('eval', 'metrics/loss')
    ([(1, 0.7), (50, 0.3)], [])
    """

    def __init__(self) -> None:
        self._values: dict[str, dict[str, list[tuple[int, Any]]]] = {}

    def append(self, mode: str, metric: str, step: int, value: Any) -> None:
        """Adds what a metric was at a step."""
        self._values.setdefault(mode, {}).setdefault(metric, []).append((step, value))

    def get(self, mode: str, metric: str) -> list[tuple[int, Any]]:
        """Returns the (step, value) pairs of a metric; none if it is not known."""
        return list(self._values.get(mode, {}).get(metric, ()))

    @property
    def modes(self) -> list[str]:
        """The modes that have metrics, sorted."""
        return sorted(self._values)

    def metrics_for_mode(self, mode: str) -> list[str]:
        """Returns the names of the metrics of a mode, sorted."""
        return sorted(self._values.get(mode, ()))

    def to_dict(self) -> dict[str, Any]:
        """Returns {mode: {metric: [[step, value], ...]}}, which JSON can hold."""
        return {
            mode: {metric: [list(pair) for pair in pairs] for metric, pairs in metrics.items()}
            for mode, metrics in self._values.items()
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> 'LoopHistory':
        """Returns the history that `to_dict` has described."""
        history = cls()
        for mode, metrics in values.items():
            for metric, pairs in metrics.items():
                for step, value in pairs:
                    history.append(mode, metric, step, value)
        return history

    def __str__(self):
        return str(self._values)
