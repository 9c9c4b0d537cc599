"""How a run ended: the figures of its last evaluation, beside those of counting."""

import abc
import dataclasses
from typing import Any


class Result(abc.ABC):
    """What result.json says, and how people are told."""

    steps: int

    @property
    @abc.abstractmethod
    def figure(self) -> str:
        """The figure that counts, in a word or two."""

    @property
    @abc.abstractmethod
    def rank(self) -> float:
        """The lower, the better; of runs of one task."""

    @property
    @abc.abstractmethod
    def lines(self) -> list[str]:
        """What `retrax train` prints at the end."""


@dataclasses.dataclass
class TextResult(Result):
    """How a run ended that learned a language."""

    steps: int
    bits_per_character: float  # of the held-out text
    baseline_bits_per_character: float  # of the baseline that counts
    baseline: str

    @property
    def figure(self) -> str:
        """Bits per character."""
        return f'{self.bits_per_character:.3f} bpc'

    @property
    def rank(self) -> float:
        """Bits per character."""
        return self.bits_per_character

    @property
    def lines(self) -> list[str]:
        """Bits per character, and those of the baseline."""
        return [
            f'Held out    {self.bits_per_character:.3f} bits per character after '
            f'{self.steps:,} steps',
            f'Baseline    {self.baseline_bits_per_character:.3f} ({self.baseline}, fitted on the '
            'same training text)',
        ]


@dataclasses.dataclass
class LabelResult(Result):
    """How a run ended that learned labels."""

    steps: int
    accuracy: float  # on held-out rows
    baselines: dict[str, float]  # by name, their accuracy on the same rows

    @property
    def figure(self) -> str:
        """The share that is right."""
        return f'{100 * self.accuracy:.2f}%'

    @property
    def rank(self) -> float:
        """The share that is right, negative."""
        return -self.accuracy

    @property
    def lines(self) -> list[str]:
        """The share that is right, and that of each baseline."""
        return [
            f'Held out    {100 * self.accuracy:.2f}% right after {self.steps:,} steps',
            *(f'Baseline    {100 * value:.2f}% ({k})' for k, value in self.baselines.items()),
        ]


@dataclasses.dataclass
class PairResult(Result):
    """How a run ended that learned pairs of texts."""

    steps: int
    perplexity: float  # per token of held-out targets
    exact_match: float  # the share of held-out targets that are written right, as a whole
    baselines: dict[str, float]  # by name, their perplexity on the same targets

    @property
    def figure(self) -> str:
        """The share that is written right."""
        return f'{100 * self.exact_match:.2f}%'

    @property
    def rank(self) -> float:
        """The perplexity."""
        return self.perplexity

    @property
    def lines(self) -> list[str]:
        """Both figures, and the perplexity of each baseline."""
        return [
            f'Held out    {100 * self.exact_match:.2f}% of the targets written right, perplexity '
            f'{self.perplexity:.4f} per token, after {self.steps:,} steps',
            *(f'Baseline    perplexity {value:.3f} ({k})' for k, value in self.baselines.items()),
        ]


def result_of(found: dict[str, Any]) -> Result:
    """Returns the result whose fields were written.

    Raises:
      TypeError: they are of none.
    """
    for kind in (LabelResult, PairResult):
        if dataclasses.fields(kind)[1].name in found:
            return kind(**found)
    return TextResult(**found)
