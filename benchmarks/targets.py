"""What retrax wants to reach on two cores: ratios of times measured side by side."""

from typing import NamedTuple

from .peers import OURS, PEERS
from .results import Results
from .seed_model import SEED
from .setting import Setting, new_tokens_for
from .summary import Spread, ratio, spread


class Side(NamedTuple):
    """The fastest of some peers in one race, in seconds per token."""

    setting: Setting
    peers: tuple[str, ...] = (OURS,)


class Race(NamedTuple):
    """Their time per token over ours is to be at least this."""

    what: str
    theirs: Side
    ours: Side
    at_least: float

    def found(self, results: Results) -> Spread | None:
        """Returns the ratio; pair by pair where both ran in one race. None: not measured."""
        theirs, ours = _wall(results, self.theirs), _wall(results, self.ours)
        if theirs is None or ours is None:
            return None
        if self.theirs.setting == self.ours.setting:
            return ratio(theirs, ours)
        per_token = self.ours.setting.tokens / self.theirs.setting.tokens
        return spread([per_token * spread(theirs).median / spread(ours).median])

    def met(self, found: float) -> bool:
        """Whether that is enough."""
        return found >= self.at_least

    @property
    def wanted(self) -> str:
        """The bound, in words."""
        return f'≥ {self.at_least:.2f}'


class Cost(NamedTuple):
    """A time, or a ratio to another one, is to be at most this."""

    what: str
    ours: tuple[str, str]  # a group of results.costs, and a name in it
    at_most: float
    theirs: tuple[str, str] | None = None

    def found(self, results: Results) -> Spread | None:
        """Returns seconds, or the ratio pair by pair. None: not measured."""
        ours = _cost(results, self.ours)
        if self.theirs is None:
            return spread(ours) if ours else None
        theirs = _cost(results, self.theirs)
        return ratio(ours, theirs) if ours and theirs else None

    def met(self, found: float) -> bool:
        """Whether that is little enough."""
        return found <= self.at_most

    @property
    def wanted(self) -> str:
        """The bound, in words."""
        return f'≤ {self.at_most:.2f}' + ('' if self.theirs else ' s')


def _wall(results, side):
    rows = results.race(side.setting)
    walls = [rows[peer]['wall'] for peer in side.peers if rows.get(peer, {}).get('wall')]
    return min(walls, key=lambda wall: spread(wall).median) if walls else None


def _cost(results, place):
    group, name = place
    return results.costs.get(group, {}).get(name)


def decoding(batch: int, precision: str = 'float32', prompt: int = 1, new: int = 0) -> Setting:
    """Returns the setting of decoding for some rows, as in the committed set."""
    new = new or new_tokens_for(batch)
    return Setting('decode', batch=batch, time=prompt, new_tokens=new, precision=precision)


TRAIN, TRAIN_BF16 = SEED, SEED._replace(precision='bf16')
FORWARD = SEED._replace(task='forward')
FORWARD_BF16 = FORWARD._replace(precision='bf16')
TORCH_LOOPS = tuple(peer for peer in PEERS['decode'] if peer.startswith('torch_'))


def _against(what, theirs, ours, peers, at_least):
    return Race(what, Side(theirs, peers), Side(ours), at_least)


TARGETS = [
    _against('training, float32: PyTorch nn.GRU', TRAIN, TRAIN, ('torch_nn_gru',), 1.05),
    _against('training, float32: Flax linen', TRAIN, TRAIN, ('flax_linen',), 1.25),
    _against('training, float32: Flax nnx', TRAIN, TRAIN, ('flax_nnx',), 1.25),
    _against('training, float32: Equinox', TRAIN, TRAIN, ('equinox_gru',), 1.25),
    _against('training, float32: Keras', TRAIN, TRAIN, ('keras_gru',), 1.25),
    _against('training, float32: Trax', TRAIN, TRAIN, ('trax_gru',), 5.0),
    _against(
        'training, bf16: PyTorch nn.GRU in float32', TRAIN, TRAIN_BF16, ('torch_nn_gru',), 1.5
    ),
    _against(
        'training, bf16: PyTorch nn.GRU in bf16', TRAIN_BF16, TRAIN_BF16, ('torch_nn_gru',), 1.1
    ),
    _against('training, bf16: Trax in float32', TRAIN, TRAIN_BF16, ('trax_gru',), 7.0),
    _against('eval forward, float32: PyTorch nn.GRU', FORWARD, FORWARD, ('torch_nn_gru',), 1.0),
    _against(
        "eval forward, float32: PyTorch, Trax's equations compiled",
        FORWARD,
        FORWARD,
        ('torch_trax_gru_compiled',),
        1.0,
    ),
    _against(
        'decoding, 1 row: reading the weights', decoding(1), decoding(1), ('memory_read',), 1 / 1.4
    ),
    _against('decoding, 1 row: Trax', decoding(1), decoding(1), ('trax_gru',), 12.0),
    _against('decoding, 1 row: the best PyTorch loop', decoding(1), decoding(1), TORCH_LOOPS, 1.4),
    _against('decoding, 8 rows: 1 row, per token', decoding(1), decoding(8), (OURS,), 4.0),
    _against(
        'decoding, 128 rows: the best PyTorch loop', decoding(128), decoding(128), TORCH_LOOPS, 1.2
    ),
    _against(
        'decoding, 128 rows, bf16: the best PyTorch loop',
        decoding(128, 'bf16'),
        decoding(128, 'bf16'),
        TORCH_LOOPS,
        1.2,
    ),
    _against(
        'decoding, 128 rows: the products alone',
        decoding(128),
        decoding(128),
        ('product_rate',),
        0.6,
    ),
    Cost(
        '`from retrax import layers`: `import jax`', ('import', 'layers'), 1.15, ('import', 'jax')
    ),
    Cost('`retrax --help`', ('import', 'help'), 0.3),
    Cost('init of 100 GRU layers, width 64', ('init', 'gru_100'), 2.0),
    Cost(
        'first token, cold: compiling one step',
        ('first-token', 'generate'),
        2.0,
        ('first-token', 'one step'),
    ),
]
