"""Which races `short` and `all` run."""

from typing import NamedTuple

from .peers import LANGUAGES, OURS, PEERS
from .setting import Setting
from .targets import FORWARD, TRAIN, TRAIN_BF16, decoding

SLOWEST_STEP = 8.0  # seconds; a cell of the grid that takes longer is skipped
GRID_PEERS = OURS, 'torch_nn_gru', 'flax_linen', 'jax_trax_form'


class Planned(NamedTuple):
    """A race, and how many seconds its rounds may take."""

    setting: Setting
    peers: tuple[str, ...]
    seconds: float


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
        Planned(decoding(1), PEERS['decode'], 75),
        Planned(TRAIN_BF16, _modern(LANGUAGES), 140),
        Planned(FORWARD, LANGUAGES, 40),
        *_decodings(),
        Planned(FORWARD._replace(precision='bf16'), _modern(LANGUAGES), 30),
        Planned(decoding(1, 'bf16'), _modern(PEERS['decode']), 75),
        *grid(),
    ]


def _modern(peers):
    """Trax starts for 20 s to say that it has no bf16."""
    return tuple(peer for peer in peers if peer != 'trax_gru')


def _decodings():
    bounds = OURS, 'memory_read', 'product_rate'
    many = *bounds, 'torch_gru_cell', 'torch_nn_gru', 'torch_trax_gru', 'flax_linen_scan'
    batches = *bounds, 'torch_gru_cell', 'torch_trax_gru_compiled', 'flax_linen_scan'
    few = OURS, 'torch_gru_cell', 'flax_linen_scan'
    return [
        Planned(decoding(8), batches, 30),
        Planned(decoding(128), many, 60),
        Planned(decoding(128, 'bf16'), many, 50),
        Planned(decoding(32), batches, 40),
        Planned(decoding(1, prompt=512), few, 20),
        Planned(decoding(128, prompt=512), few, 40),
        Planned(decoding(1024), few, 70),
    ]


def grid() -> list[Planned]:
    """Training over widths, lengths and batches at both precisions, from little work to much."""
    cells = [
        Setting('train', width=width, time=time, batch=batch, precision=precision)
        for width in (256, 512, 1024)
        for time in (64, 256, 1024)
        for batch in (1, 32, 128)
        for precision in ('float32', 'bf16')
    ]
    cells = [cell for cell in cells if cell not in (TRAIN, TRAIN_BF16)]
    return [Planned(cell, GRID_PEERS, _seconds(cell)) for cell in sorted(cells, key=work)]


def _seconds(cell):
    """Time for 20 rounds, but where a step takes about a second or more."""
    return 120 if work(cell) <= work(TRAIN) else 45


def in_grid(setting: Setting) -> bool:
    """Whether a race is a cell of the grid and nothing else, with any number of threads."""
    return any(cell.setting == setting._replace(threads=TRAIN.threads) for cell in grid())


def work(setting: Setting) -> float:
    """Returns floating point operations of a step of training: forwards, and twice that back."""
    return 3.0 * setting.weight_flops * setting.tokens
