"""Attention: against float64 NumPy, its cache in predict, and what it says to what does not fit."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tolerances import assert_close, differs

from retrax import layers as tl
from retrax.combinators import LayerError
from retrax.kernels import attention

pytestmark = pytest.mark.usefixtures('compiled_quickly')

RANDOM = np.random.default_rng(0)


def draw(*shape: int) -> np.ndarray:
    return RANDOM.normal(size=shape).astype(np.float32)


def reference(q: Any, k: Any, v: Any, mask: Any) -> np.ndarray:
    """Attention in float64, one query at a time; a query that may see nothing sees all alike."""
    q, k, v = (np.asarray(a, np.float64) for a in (q, k, v))
    mask = np.broadcast_to(mask, (*q.shape[:-1], k.shape[-2]))
    y = np.zeros((*q.shape[:-1], v.shape[-1]))
    for at in np.ndindex(*q.shape[:-1]):
        scores = k[at[:-1]] @ q[at] / np.sqrt(q.shape[-1])
        strengths = np.exp(scores - scores.max()) * mask[at]
        strengths = strengths if mask[at].any() else np.ones_like(scores)
        y[at] = strengths / strengths.sum() @ v[at[:-1]]
    return y


MASKS = {
    'none': None,
    'padding': np.array([[1, 1, 1, 0, 0], [0] * 5, [1] * 5], bool)[:, None, None],
    'all': np.random.default_rng(1).random((3, 2, 5, 5)) < 0.5,
}


@pytest.mark.parametrize('width', [4, 3])
@pytest.mark.parametrize('is_causal', [False, True])
@pytest.mark.parametrize('mask', MASKS)
def test_kernel_is_the_formula(mask: str, is_causal: bool, width: int) -> None:
    q, k, v = draw(3, 2, 5, 4), draw(3, 2, 5, 4), draw(3, 2, 5, width)
    may_see = np.ones((1, 1, 5, 5), bool) if MASKS[mask] is None else MASKS[mask]
    expected = reference(q, k, v, may_see & np.tri(5, dtype=bool) if is_causal else may_see)
    assert_close(attention(q, k, v, MASKS[mask], is_causal), np.float32(expected))
    rounded = attention(q, k, v, MASKS[mask], is_causal, 'bf16')
    assert rounded.dtype == jnp.float32
    np.testing.assert_allclose(rounded, expected, atol=0.05)


def test_dropout_leaves_strengths_out() -> None:
    """Values that are one-hot show the strengths themselves."""
    q, k, v = draw(2, 1, 5, 4), draw(2, 1, 5, 4), np.tile(np.eye(5, dtype=np.float32), (2, 1, 1, 1))
    whole = attention(q, k, v)
    dropped = attention(q, k, v, rate=0.5, key=jax.random.key(0))
    kept = dropped != 0
    assert 0 < kept.mean() < 1
    assert_close(dropped, jnp.where(kept, 2 * whole, 0))


def dense(layer: tl.Layer) -> list[Any]:
    """The weights of each Dense in a layer, in float64."""
    leaves = [np.float64(w) for w in jax.tree.leaves(layer.weights)]
    return list(zip(leaves[::2], leaves[1::2], strict=True))


def by_heads(x: np.ndarray, n_heads: int) -> np.ndarray:
    return x.reshape(*x.shape[:2], n_heads, -1).swapaxes(1, 2)


@pytest.mark.parametrize('n_heads', [1, 2])
def test_layers_are_the_formula(n_heads: int) -> None:
    x, other, mask = draw(2, 5, 3), draw(2, 4, 6), np.array([[1, 1, 1, 0], [1, 1, 0, 0]])
    causal = tl.CausalAttention(4, n_heads)
    crossing = tl.AttentionQKV(4, n_heads)
    for layer, given, may_see in (
        (causal, x, np.tri(5)),
        (crossing, (x, other, other, mask[:, None, None]), mask[:, None, None]),
    ):
        layer.init(tl.signature(given))
        q, k, v, (w, b) = dense(layer)
        queries, keys = (given[0], given[1]) if isinstance(given, tuple) else (given, given)
        heads = (by_heads(a @ w + b, n_heads) for a, (w, b) in ((queries, q), (keys, k), (keys, v)))
        y = reference(*heads, may_see).swapaxes(1, 2).reshape(2, 5, 4)
        got = layer(given)
        assert_close(got[0] if isinstance(given, tuple) else got, np.float32(y @ w + b))


def places_seen(causal: bool, share_qk: bool, chunks: Any, mask: Any, t: int = 6) -> np.ndarray:
    """Which places each query sees, looked at one by one."""
    seen = np.zeros((len(mask), 1, t, t), bool)
    for row, _, i, j in np.ndindex(*seen.shape):
        ahead = causal and j > i
        far = chunks and not -chunks[2] <= i // chunks[0] - j // chunks[0] <= chunks[1]
        seen[row, 0, i, j] = mask[row, j] and not (ahead or far or (share_qk and i == j))
    return seen | ~seen.any(-1, keepdims=True) & np.eye(t, dtype=bool)


@pytest.mark.parametrize(
    ('causal', 'share_qk', 'chunks'),
    [
        (True, False, None),
        (False, True, None),
        (True, True, (2, 1, 0)),
        (False, False, (4, 0, 1)),
    ],
)
def test_self_attention_is_the_formula(causal: bool, share_qk: bool, chunks: Any) -> None:
    x, mask = draw(3, 6, 5), np.array([[1] * 6, [0, 0, 1, 1, 0, 1], [0] * 6], bool)
    chosen = dict(
        zip(('chunk_len', 'n_chunks_before', 'n_chunks_after'), chunks or (), strict=False)
    )
    layer = tl.SelfAttention(2, 3, 4, share_qk, causal, True, **chosen, bias=True)
    layer.init(tl.signature((x, mask)))
    layer.weights = jax.tree.map(lambda w: draw(*w.shape), layer.weights)
    w = jax.tree.map(np.float64, layer.weights)._asdict()
    q, k, v = (
        x[:, None] @ w[f'w_{a}'] + w[f'b_{a}'][:, None] if w[f'w_{a}'] is not None else None
        for a in 'qkv'
    )
    k = q / np.sqrt((q**2).mean(-1, keepdims=True) + 1e-6) if share_qk else k
    seen = places_seen(causal, share_qk, chunks, mask)
    expected = (reference(q, k, v, seen) @ w['w_o']).sum(1)
    assert_close(layer((x, mask)), np.float32(expected))
    plain = tuple(jax.tree.leaves(layer.weights))  # as Trax holds them
    assert_close(layer.pure_fn((x, mask), plain, layer.state, None)[0], np.float32(expected))


def test_self_attention_drops_features_of_all_steps() -> None:
    layer, x = tl.SelfAttention(2, 3, 4, output_dropout=0.5, mode='train'), draw(2, 5, 6)
    layer.init(tl.signature(x))
    got, whole = layer(x, rng=jax.random.key(2)), layer.as_mode('eval')(x)
    kept = (got != 0).any((0, 1), keepdims=True)
    assert 0 < kept.mean() < 1
    assert_close(got, jnp.where(kept, 2 * whole, 0))


def test_keys_that_are_kept_are_as_wide_as_those_that_are_not() -> None:
    layer, x = (
        tl.SelfAttention(2, 3, 4, causal=True, mode='predict', predict_mem_len=8),
        draw(2, 6, 5),
    )
    x = x.astype(jnp.bfloat16)
    layer.init(tl.signature(x[:, :1]))
    steps = [layer(x[:, :4]), layer(x[:, 4:5]), layer(x[:, 5:])]
    assert_close(jnp.concatenate(steps, 1), layer.as_mode('eval')(x))


@pytest.mark.parametrize('how', [{'chunk_len': 2}, {'predict_mem_len': 5, 'predict_drop_len': 3}])
def test_what_is_forgotten_does_not_depend_on_calls(how: dict[str, int]) -> None:
    """One call for all steps, longer than the ring, is many calls of one step."""
    layer, x = tl.SelfAttention(2, 3, 4, causal=True, **how, mode='predict'), draw(2, 12, 5)
    layer.init(tl.signature(x[:, :1]))
    step, start = jax.jit(layer.pure_fn), layer.state
    expected, state = [], start
    for t in range(12):
        y, state = step(x[:, t : t + 1], layer.weights, state, None)
        expected.append(y)
    expected = jnp.concatenate(expected, 1)
    assert (state.n == 12).all()
    for cuts in ([12], [1, 8, 12]):
        at, pieces = 0, []
        layer.state = start
        for end in cuts:
            pieces.append(layer(x[:, at:end]))
            at = end
        assert_close(jnp.concatenate(pieces, 1), expected)
        assert_close(layer.state, state)
    whole = layer.as_mode('eval')(x)
    assert_close(whole[:, :5], expected[:, :5])
    assert differs(whole, expected) == ('predict_drop_len' in how)


def test_bf16_is_near_and_gives_float32() -> None:
    layer, x = tl.CausalAttention(4, 2, max_inference_length=5), draw(2, 5, 3)
    layer.init(tl.signature(x))
    rounded = layer.with_precision('bf16')
    for view in (rounded.as_mode('eval'), rounded.as_mode('predict')):
        got = view(x)
        assert got.dtype == jnp.float32
        np.testing.assert_allclose(got, layer(x), atol=0.05)
        assert differs(got, layer(x))
    kinds = jax.tree.map(lambda a: a.dtype, rounded.as_mode('predict').new_state(2))
    assert {str(kind) for kind in jax.tree.leaves(kinds)} == {'float32', 'int32'}


def positions(mode: str | None = None) -> tl.Layer:
    return tl.PositionalEncoding(6, mode=mode)


def attends(mode: str | None = None) -> tl.Layer:
    return tl.CausalAttention(4, 2, max_inference_length=6, use_dconv=True, mode=mode)


def attends_itself(mode: str | None = None) -> tl.Layer:
    return tl.SelfAttention(2, 3, 2, True, causal=True, mode=mode, predict_mem_len=6)


@pytest.mark.parametrize('make', [positions, attends, attends_itself])
def test_rows_stand_at_places_of_their_own(make: Any) -> None:
    """A row that has read more goes on from where it is, as if it were alone."""
    layer, x = make(), draw(2, 5, 4)
    layer.init(tl.signature(x))
    view = layer.as_mode('predict')
    start = view.new_state(2)
    _, ahead = view.pure_fn(x[:, :3], view.weights, start, None)
    mixed = jax.tree.map(lambda a, b: jnp.stack([a[0], b[1]]), ahead, start)
    got, _ = view.pure_fn(np.stack([x[0, 3:], x[1, :2]]), view.weights, mixed, None)
    whole = layer.as_mode('eval')(x)
    assert_close(got, jnp.stack([whole[0, 3:], whole[1, :2]]))


@pytest.mark.parametrize('make', [positions, attends, attends_itself])
def test_no_room(make: Any) -> None:
    layer, x = make(), draw(2, 7, 4)
    layer.init(tl.signature(x[:, :1]))
    view = layer.as_mode('predict')
    with pytest.raises(LayerError, match=r'the number of steps: expected at most (.*)6, got 7'):
        view(x)
    view(x[:, :4])
    with pytest.raises(
        LayerError, match=r': expected numbers from 0 to 3, got 4. .*larger (max_|pred)'
    ):
        view(x[:, 4:])
    state = view.new_state(2)
    run = jax.jit(lambda x, state: view.pure_fn(x, view.weights, state, None))
    _, state = run(x[:, :4], state)
    y, state = run(x[:, 4:], state)  # steps 4, 5 and 6, of which there is none
    assert_close(y[:, :2], layer.as_mode('eval')(x[:, :6])[:, 4:])
    assert jnp.isnan(y[:, 2]).all()
    assert jnp.isnan(run(x[:, :1], state)[0]).all()


def test_positions_of_another_width() -> None:
    layer, x = tl.PositionalEncoding(6, d_feature=3), np.zeros((1, 5, 4), np.float32)
    layer.init(tl.signature(x))
    assert_close(layer(x)[0], layer.weights.table[:5] @ layer.weights.ff)


def test_training_drops_and_moves_positions() -> None:
    x = np.zeros((3, 5, 4), np.float32)
    dropping = tl.PositionalEncoding(6, dropout=0.5, mode='train')
    dropping.init(tl.signature(x))
    got = dropping(x, rng=jax.random.key(3))
    kept = (got != 0).any(1, keepdims=True)  # features, for all rows and steps
    assert 0 < kept.mean() < 1
    assert_close(got, jnp.where(kept, 2 * dropping.weights[:5], 0))

    moving = tl.PositionalEncoding(9, start_from_zero_prob=0.3, max_offset_to_add=4, mode='train')
    moving.init(tl.signature(x))
    table = np.asarray(moving.weights)
    at = [
        next(n for n in range(5) if np.allclose(moving(x, rng=key)[0], table[n : n + 5], atol=1e-6))
        for key in map(jax.random.key, range(12))
    ]
    assert min(at) == 0
    assert 1 < max(at) < 4
    assert_close(moving.as_mode('eval')(x)[0], table[:5])
    longer = np.zeros((1, 7, 4), np.float32)
    with pytest.raises(LayerError, match='the number of steps: expected at most 6, for max_len 9'):
        moving(longer)


def test_rotary_turns_pairs() -> None:
    """A pair is a complex number, and a turn a product with one of length 1."""
    x = draw(2, 5, 12)
    pairs = x.astype(np.float64).reshape(2, 5, 2, 3, 2)
    angles = np.arange(5)[:, None, None] / 50.0 ** (np.arange(0, 6, 2) / 6)
    turned = (pairs[..., 0] + 1j * pairs[..., 1]) * np.exp(1j * angles)
    expected = np.stack([turned.real, turned.imag], -1).reshape(2, 5, 12)
    assert_close(tl.Rotary(2, base=50.0)(x), np.float32(expected))


def test_products_of_turned_vectors_depend_on_distances() -> None:
    query, key = np.tile(draw(1, 1, 6), (1, 9, 1)), np.tile(draw(1, 1, 6), (1, 9, 1))
    products = tl.Rotary()(query)[0] @ tl.Rotary()(key)[0].T
    assert_close(products[1:, 1:], products[:-1, :-1])
    assert differs(products[1:], products[:-1])


WRONG = [
    (lambda: tl.Rotary(2), (2, 3, 6), 'the width of a head: expected an even number, .* got 3'),
    (lambda: tl.Rotary(), (2, 6), r'floats of shape \(batch, time, features\), got float32 of s'),
    (
        lambda: tl.CausalAttention(6, 4),
        None,
        '^CausalAttention: d_feature: expected a multiple of 4 heads, got 6. Take a number of he',
    ),
    (
        lambda: tl.AttentionQKV(6, 4),
        None,
        '^AttentionQKV: d_feature: .* a multiple of 4 heads, got 6',
    ),
    (lambda: tl.Attention(6, 0), None, '^Attention: n_heads must be a positive int, got 0'),
    (lambda: tl.SplitIntoHeads(4), (2, 3, 6), 'a multiple of 4 heads, got 6'),
    (lambda: tl.MergeHeads(2), (3, 2, 4), 'the first axis: expected a multiple of 2 heads, got 3'),
    (lambda: tl.SplitIntoHeads(0), None, 'SplitIntoHeads: n_heads must be a positive int, got 0'),
    (lambda: tl.CausalAttention(4, dropout=1.0), None, 'must be at least 0 and less than 1'),
    (lambda: tl.PositionalEncoding(4), (2, 5, 3), 'at most 4, for max_len 4, got 5. Make the'),
    (lambda: tl.PositionalEncoding(4), (2, 3), r'floats of shape \(batch, time, features\), got'),
    (lambda: tl.PaddingMask(), (2, 3, 4), r'ids: expected \(batch, time\), got shape \(2, 3, 4\)'),
    (
        lambda: tl.Attention(4, 2),
        ((2, 3, 4), (2, 3)),
        r'the mask: expected shape \(2, 2, 3, 3\), with 1 .*shape \(2, 3\). PaddingMask\(\) mak',
    ),
    (lambda: tl.Attention(4), ((2, 3, 4), (2, 1, 1, 4)), r'the mask: .* got shape \(2, 1, 1, 4\)'),
    (
        lambda: tl.EncoderDecoderMask(),
        ((2, 3, 4), (2, 5)),
        r'the mask: expected \(2, 1, 1, time of the encoder\), got shape \(2, 5\)',
    ),
    (lambda: tl.EncoderDecoderMask(), ((2, 3, 4), ()), r'the mask: .*got shape \(\)'),
    (
        lambda: tl.DotProductCausalAttention(),
        ((2, 3, 4), (2, 3, 5), (2, 3, 4)),
        r'keys: expected shape \(2, 3, 4\), as the queries have \(2, 3, 4\), got shape \(2, 3, 5\)',
    ),
    (
        lambda: tl.DotProductAttention(),
        ((2, 3, 4), (2, 5, 4), (2, 3, 4), (2, 1, 5)),
        r'values: expected one for each of the keys \(2, 5, 4\), got shape \(2, 3, 4\)',
    ),
    (lambda: tl.SelfAttention(n_chunks_before=1), None, '1 chunks before and 0 behind, and no chu'),
    (lambda: tl.SelfAttention(chunk_len=2, n_chunks_after=-1), None, 'cannot be fewer than 0'),
    (
        lambda: tl.SelfAttention(predict_mem_len=4, predict_drop_len=5),
        None,
        'predict_drop_len must be at most predict_mem_len, 4, got 5: it cannot forget more s',
    ),
    (lambda: tl.SelfAttention(predict_mem_len=0), None, 'SelfAttention: predict_mem_len must be a'),
    (
        lambda: tl.SelfAttention(masked=True),
        ((2, 3, 4), (2, 1, 1, 3)),
        r'the mask: expected shape \(2, 3\), got shape \(2, 1, 1, 3\). Squeeze axes 1 and 2',
    ),
    (
        lambda: tl.DotProductCausalAttention(),
        ((2, 4), (2, 4), (2, 4)),
        r'queries: expected floats of shape \(batch, time, features\) or',
    ),
]


@pytest.mark.parametrize(('make', 'shapes', 'text'), WRONG)
def test_what_does_not_fit(make: Any, shapes: Any, text: str) -> None:
    def call() -> None:
        layer = make()
        if shapes is not None:
            is_one = isinstance(shapes[0], int)
            layer(draw(*shapes) if is_one else tuple(draw(*shape) for shape in shapes))

    with pytest.raises((LayerError, ValueError), match=text):
        call()


def test_a_state_of_another_batch() -> None:
    view = attends('predict')
    view.init(tl.ShapeDtype((2, 1, 4)))
    with pytest.raises(LayerError, match='the batch of the state: expected 3, got 2'):
        view.pure_fn(draw(3, 1, 4), view.weights, view.new_state(2), None)
