"""Which races `short` and `all` run."""

from typing import NamedTuple

from .peers import LANGUAGES, OURS, PEERS
from .setting import Setting
from .targets import FORWARD, FORWARD_BF16, TRAIN, TRAIN_BF16, decoding

SLOWEST_RUN = (
    2.5  # seconds; a cell of the grid that takes longer is skipped: 20 rounds take minutes
)
SEEDS = TRAIN, TRAIN_BF16, FORWARD, FORWARD_BF16  # cells of the grid, with all peers
GRID_PEERS = OURS, 'torch_nn_gru', 'flax_linen', 'jax_trax_form'


class Planned(NamedTuple):
    """A race, how many seconds its rounds may take, and whether peers start side by side."""

    setting: Setting
    peers: tuple[str, ...]
    seconds: float
    together: bool = False


def short() -> list[Planned]:
    """Five minutes: the seed model, the peers that come nearest."""
    near = (OURS, 'torch_nn_gru', 'torch_trax_gru', 'flax_linen', 'jax_trax_form')
    loops = (OURS, 'memory_read', 'torch_gru_cell', 'torch_trax_gru', 'flax_linen_scan')
    return [
        Planned(TRAIN, near, 40),
        Planned(TRAIN_BF16, near, 40),
        Planned(FORWARD, near, 20),
        Planned(decoding(1), loops, 30),
    ]


def committed() -> list[Planned]:
    """What results/ holds: the seed model with all peers, decoding, the grid from small to big."""
    return [
        Planned(TRAIN, LANGUAGES, 100),
        Planned(decoding(1), _but(PEERS['decode'], 'retrax_deterministic'), 75),
        Planned(TRAIN_BF16, _but(LANGUAGES, 'trax_gru'), 140),
        Planned(FORWARD, LANGUAGES, 40),
        *_decodings(),
        Planned(FORWARD_BF16, _but(LANGUAGES, 'trax_gru'), 30),
        Planned(decoding(1, 'bf16'), _but(PEERS['decode'], 'retrax_deterministic', 'trax_gru'), 75),
        *grid(),
    ]


def _but(peers, *others):
    """Returns peers without others, such as Trax, which takes 20 s to say that it has no bf16."""
    return tuple(peer for peer in peers if peer not in others)


def _decodings():
    """Batches, prompts of 512, and 1024 new tokens; time for 20 rounds of most.

    A round of the last three takes from 15 seconds to two minutes, so they have few.
    """
    bounds = OURS, 'memory_read', 'product_rate'
    cells = 'torch_gru_cell', 'torch_gru_cell_compiled'
    loops = *cells, 'torch_nn_gru', 'torch_trax_gru', 'flax_linen_scan'
    batches = *cells, 'torch_trax_gru_compiled', 'flax_linen_scan', 'keras_gru'
    few = OURS, 'torch_gru_cell', 'flax_linen_scan', 'keras_gru'
    by_rows, best = 'retrax_deterministic', ('torch_trax_gru', 'equinox_gru')
    return [
        Planned(decoding(8), (*bounds, by_rows, *batches), 60),
        Planned(decoding(128), (*bounds, *loops, 'keras_gru'), 60),
        Planned(decoding(128, 'bf16'), (*bounds, *loops), 50),
        Planned(decoding(32), (*bounds, by_rows, *batches), 100),
        Planned(decoding(1, prompt=512), (*few, 'trax_gru'), 60),
        Planned(decoding(8, prompt=512), few, 40),
        Planned(decoding(32, prompt=512), few, 50),
        Planned(decoding(128, prompt=512), few, 60),
        Planned(decoding(1, new=1024), (*few, 'memory_read', *best, 'trax_gru'), 130),
        Planned(decoding(8, new=1024), (*few, 'memory_read'), 80),
        Planned(decoding(32, new=1024), (*few, 'memory_read'), 100),
        Planned(decoding(1024), (OURS, *batches), 100),
        Planned(decoding(128, new=1024), few, 60),
        Planned(decoding(1024, prompt=512), few, 80),
        Planned(decoding(1024, new=1024), few[:3], 90),
    ]


def grid() -> list[Planned]:
    """Steps and eval passes over widths, lengths, batches and precisions, the least work first."""
    cells = [
        Setting(task, width=width, time=time, batch=batch, precision=precision)
        for task in ('train', 'forward')
        for width in (256, 512, 1024)
        for time in (64, 256, 1024)
        for batch in (1, 32, 128)
        for precision in ('float32', 'bf16')
    ]
    cells = [cell for cell in cells if cell not in SEEDS]
    return [Planned(cell, GRID_PEERS, 25, True) for cell in sorted(cells, key=work)]


def in_grid(setting: Setting) -> bool:
    """Whether a race is a cell of the grid and nothing else, with any number of threads."""
    return any(cell.setting == setting._replace(threads=TRAIN.threads) for cell in grid())


def work(setting: Setting) -> float:
    """Returns floating point operations of a run: forwards, and in training twice that back."""
    passes = 3.0 if setting.task == 'train' else 1.0
    return passes * setting.weight_flops * setting.tokens
