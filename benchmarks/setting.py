"""What is measured: a task, the sizes of the model and its data, a precision."""

from __future__ import annotations  # the oldest peer runs on Python 3.8

from typing import NamedTuple


class Setting(NamedTuple):
    """One race: all peers run exactly this. By default the seed model, 3.4 million weights."""

    task: str  # 'train': a step; 'forward': an eval pass; 'decode': tokens, end to end
    width: int = 512
    layers: int = 2
    vocab: int = 256
    batch: int = 32
    time: int = 64  # ids in a row; for decoding, ids read before the first new one
    new_tokens: int = 0  # of each row, for decoding
    precision: str = 'float32'  # or 'bf16': products in bfloat16, weights in float32
    threads: int = 2

    @property
    def tokens(self) -> int:
        """How many tokens one run trains on, reads or makes."""
        return self.batch * (self.new_tokens if self.task == 'decode' else self.time)

    @property
    def weight_flops(self) -> int:
        """Floating point operations of the products of one token, forwards."""
        return 2 * (6 * self.layers * self.width**2 + self.width * self.vocab)

    def __str__(self):
        sizes = f'd {self.width}, B {self.batch}, '
        if self.task == 'decode':
            return f'decode, {sizes}prompt {self.time}, {self.new_tokens} new, {self.precision}'
        return f'{self.task}, {sizes}T {self.time}, {self.precision}'


def new_tokens_for(batch: int) -> int:
    """Returns how many tokens a row of a decoding benchmark gets if nothing was said."""
    return max(32, min(256, 8192 // batch))
