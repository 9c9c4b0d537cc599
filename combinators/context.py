"""Context: what flows down from the root of a model while it is made or run.

Mode, carry, precision, implementation, the random key and the path. A layer reads them here; only
the root of a model decides them, so two parts of one model cannot disagree by accident.
"""

import contextlib
import contextvars
import dataclasses
import functools
import hashlib
from collections.abc import Iterator
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from ..kernels.implementation import Implementation
from .errors import ModeError

Mode = Literal['train', 'eval', 'predict']
MODES = ('train', 'eval', 'predict')
PRECISIONS = ('float32', 'tf32', 'bf16')

# jax's names for how float32 products may be computed; 'bf16' concerns products that cast.
MATMUL_PRECISION = {'float32': 'highest', 'tf32': 'tensorfloat32', 'bf16': 'default'}


def check_mode(mode: str | None, who: str) -> str | None:
    """Returns `mode` if it is one of the three, or None; else raises ModeError."""
    if mode is None or mode in MODES:
        return mode
    hint = ''
    if isinstance(mode, str) and mode.lower() in MODES:
        hint = f' Did you mean {mode.lower()!r}?'
    raise ModeError(f"{who}: mode must be 'train', 'eval' or 'predict', got {mode!r}.{hint}")


class Policy(NamedTuple):
    """What a view of a model overrides; None leaves a thing as the layers were told."""

    mode: str | None = None
    carry: bool = False
    precision: str = 'float32'
    implementation: Implementation = 'auto'


@dataclasses.dataclass(frozen=True)
class Context:
    """What one layer is told by the model around it.

    Attributes:
      mode: 'train', 'eval' or 'predict', already resolved for this layer.
      carry: whether layers with memory continue from the state they are given.
      precision: how products are computed: 'float32', 'tf32' or 'bf16'.
      implementation: which implementation of a kernel runs; see kernels.implementation.
      rng: a key for the whole model, or None where nothing may be drawn.
      path: the elements `Class#k` from the root down to this layer.
      owner: the fingerprint of the model, which its states bear.
      forced: whether the mode comes from `as_mode` and beats what layers were told.
      only_told: whether layers that were not told a mode do not step in predict.
    """

    mode: str = 'train'
    carry: bool = False
    precision: str = 'float32'
    implementation: Implementation = 'auto'
    rng: Any = None
    path: tuple[str, ...] = ()
    owner: str = ''
    forced: bool = False
    only_told: bool = False

    @property
    def steps(self) -> bool:
        """Whether a layer with memory continues from its state instead of starting anew."""
        return self.mode == 'predict' or self.carry

    @property
    def location(self) -> str:
        """The path as text: 'Serial#1/GRU#2'; '' at the root."""
        return '/'.join(self.path)

    def child(self, label: str) -> 'Context':
        """Returns the context of the sublayer with that path element."""
        return self.replace(path=(*self.path, label))

    def at_rest(self) -> 'Context':
        """Returns this context for parts that start anew at every call: eval instead of predict."""
        if self.mode != 'predict':
            return self.replace(carry=False)
        return self.replace(mode='eval', forced=True, only_told=False, carry=False)

    def replace(self, **changes: Any) -> 'Context':
        """Returns this context with some fields changed."""
        return dataclasses.replace(self, **changes)

    def key(self, name: str = '') -> jax.Array:
        """Returns a random key for this layer, different for each place and each name.

        It is the model's key folded with a hash of path and name, so that a layer keeps its key
        when layers of other classes come or go. A layer that is alone and names nothing gets the
        model's key as it is.

        Raises:
          ValueError: the model was run without a key.
        """
        if self.rng is None:
            raise ValueError(
                'this layer draws random numbers and was given no key; pass rng=jax.random.key(0)'
            )
        where = f'{self.location}.{name}' if name else self.location
        if not where:
            return self.rng
        return _fold(self.rng, *_hash_words(where))


@functools.lru_cache(maxsize=4096)
def _hash_words(text: str) -> np.ndarray:
    digest = hashlib.blake2s(text.encode(), digest_size=8).digest()
    return np.frombuffer(digest, '>u4').astype(np.uint32)


@jax.jit  # one dispatch instead of dozens: a deep model asks for hundreds of keys
def _fold(key, first, second):
    return jax.random.fold_in(jax.random.fold_in(key, first), second)


class Ambient(NamedTuple):
    """The layer that is running user code, and its context.

    Also its notebook while it is initialised, and its frame while `forward` runs.
    """

    layer: Any
    context: Context
    notebook: Any = None
    frame: Any = None


_AMBIENT: contextvars.ContextVar[Ambient | None] = contextvars.ContextVar('ambient', default=None)


def ambient() -> Ambient | None:
    """Returns the layer whose user code is running, or None outside of any."""
    return _AMBIENT.get()


@contextlib.contextmanager
def within(where: Ambient | None) -> Iterator[None]:
    """Makes `where` the ambient layer for a block of code."""
    token = _AMBIENT.set(where)
    try:
        yield
    finally:
        _AMBIENT.reset(token)


def as_key(rng: Any) -> jax.Array:
    """Returns a jax key from a key or an int seed.

    Raises:
      TypeError: it is neither, or several keys.
    """
    if isinstance(rng, int | np.integer):
        return jax.random.PRNGKey(int(rng))
    kind, shape = getattr(rng, 'dtype', None), getattr(rng, 'shape', ())
    is_typed = kind is not None and jnp.issubdtype(kind, jax.dtypes.prng_key)
    if not ((is_typed and shape == ()) or (kind == jnp.uint32 and len(shape) == 1)):
        got = f'{kind}{list(shape)}' if kind is not None else repr(rng)
        raise TypeError(f'a seed must be an int, or one key of jax.random, got {got}')
    return rng
