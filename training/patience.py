"""Early stopping: how many evaluations came after the best one."""

from collections.abc import Sequence


def since_best(figures: Sequence[float], lower_is_better: bool) -> int:
    """Returns how many figures came after the best; of equal ones the first is it.

    >>> since_best([2.5, 2.1, 2.1, 2.3], lower_is_better=True)
    2
    """
    best = min(figures) if lower_is_better else max(figures)
    return len(figures) - 1 - list(figures).index(best)
