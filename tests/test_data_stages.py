"""Stages and pipelines: what Trax gave for the same examples, seeds, starting over, errors."""

import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrax import data, training
from retrax import layers as tl
from retrax.data import stages
from retrax.interop.trax import install, uninstall
from retrax.interop.trax.data import data_counters
from retrax.training.examples import batches_from

GOLDEN = json.loads((Path(__file__).parent / 'golden' / 'data' / 'stages.json').read_text())
SUBWORD = json.loads((Path(__file__).parent / 'golden' / 'data' / 'subword.json').read_text())
LENGTHS = [3, 5, 2, 9, 4, 7, 1, 6, 8, 12, 3, 2]


def texts(lengths=LENGTHS) -> list[np.ndarray]:
    ends = np.cumsum(lengths)
    return [np.arange(end - n + 1, end + 1) for end, n in zip(ends, lengths, strict=True)]


def pairs(lengths=LENGTHS) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Texts, with the first halves of them times ten."""
    return ((x, x[: max(1, len(x) // 2)] * 10) for x in texts(lengths))


def sources() -> list:
    return [lambda k=k: itertools.count(k * 1000) for k in range(3)]


def masked() -> Iterator[tuple[np.ndarray, np.ndarray]]:
    return ((x, np.arange(len(x)) % 5 > 2) for x in texts(LENGTHS[:6]))


CASES = {
    'batch': lambda: stages.batch(pairs(), 5),
    'bucket': lambda: stages.bucket_by_length(pairs(), lambda e: len(e[0]), [3, 6], [2, 2, 3]),
    'bucket_strict': lambda: stages.BucketByLength([3, 8], [3, 2, 1], strict_pad_on_len=True)(
        pairs()
    ),
    'bucket_one_key': lambda: stages.BucketByLength([4, 20], [3, 2, 1], length_keys=[1])(pairs()),
    'filter': lambda: stages.FilterByLength(6, 3, length_keys=[0])(pairs()),
    'truncate': lambda: stages.TruncateToLength({0: (4,), 1: (2,)})(pairs()),
    'pad': lambda: stages.PadToLength({0: 6, 1: 4}, {0: 0, 1: -1})(pairs()),
    'append': lambda: stages.AppendValue({0: [1], 1: [2, 3]})(pairs(LENGTHS[:3])),
    'cast': lambda: stages.CastTo(np.int32)(pairs(LENGTHS[:3])),
    'dup': lambda: stages.Dup()(pairs(LENGTHS[:3])),
    'unbatch': lambda: stages.UnBatch()(stages.batch(pairs(), 4)),
    'weights': lambda: stages.AddLossWeights(id_to_mask=50)(stages.batch(pairs(), 4)),
    'weights_none': lambda: stages.AddLossWeights()(stages.batch(pairs(), 4)),
    'lm': lambda: stages.ConcatenateToLMInput(20)(pairs()),
    'prefix': lambda: stages.PrefixLM(2, 3)(texts()),
    'chunks': lambda: stages.generate_sequential_chunks(4)(texts()),
    'noise': lambda: stages.consume_noise_mask(100)(masked()),
    **{
        name: lambda name=name: itertools.islice(
            stages.Parallel(sources(), **json.loads(name.partition(' ')[2]))(), 60
        )
        for name in GOLDEN
        if name.startswith('parallel')
    },
}


def as_recorded(x):
    if isinstance(x, list | tuple):
        return [as_recorded(item) for item in x]
    if isinstance(x, np.ndarray):
        return {'shape': list(x.shape), 'values': x.reshape(-1).tolist()}
    return x.item() if isinstance(x, np.generic) else x


def without_dtypes(x):
    if isinstance(x, list):
        return [without_dtypes(item) for item in x]
    return {k: v for k, v in x.items() if k != 'dtype'} if isinstance(x, dict) else x


@pytest.mark.parametrize('name', CASES)
def test_a_stage_gives_what_it_gave_in_trax(name: str) -> None:
    assert as_recorded(list(CASES[name]())) == without_dtypes(GOLDEN[name])


def test_all_recorded_cases_are_compared() -> None:
    assert set(GOLDEN) - {'digits'} == set(CASES)


# -------------------------------------------------------------------------------- starting over


def pipeline(seed: int = 0) -> stages.Pipeline:
    return stages.Serial(
        lambda _: iter(texts(np.random.default_rng(3).integers(1, 9, 40).tolist())),
        [stages.FilterByLength(7, length_keys=[0]), stages.Shuffle(8, seed)],
        lambda stream: ((x, x) for x in stream),
        stages.BucketByLength([4, 8], [4, 2], keep_tail=True),
        stages.AddLossWeights(id_to_mask=0),
    )


@pytest.mark.parametrize('step', [0, 1, 7, 13, 30])
def test_a_pipeline_goes_on_at_any_batch(step: int) -> None:
    whole = list(itertools.islice(batches_from(pipeline()), 45))
    rest = list(itertools.islice(batches_from(pipeline(), step), 45 - step))
    for expected, batch in zip(whole[step:], rest, strict=True):
        for a, b in zip(expected, batch, strict=True):
            np.testing.assert_array_equal(a, b)


def test_each_example_comes_once() -> None:
    ids = [i for x, _, weights in pipeline() for i in x[weights > 0].tolist()]
    kept = [x for x in texts(np.random.default_rng(3).integers(1, 9, 40).tolist()) if len(x) < 8]
    assert sorted(ids) == sorted(np.concatenate(kept).tolist())
    other = [x.tolist() for x, _, _ in pipeline(seed=1)]
    assert other != [x.tolist() for x, _, _ in pipeline()]


def test_a_loop_that_was_killed_goes_on_with_the_batches_of_a_pipeline(tmp_path: Path) -> None:
    def loop(folder: str) -> training.Loop:
        model = tl.Serial(tl.Embedding(300, 2), tl.GRU(2), tl.Dense(300), tl.LogSoftmax())
        task = training.TrainTask(
            pipeline(), tl.CrossEntropyLoss(), training.Adam(0.1), n_steps_per_checkpoint=1
        )
        return training.Loop(model, task, output_dir=tmp_path / folder, eval_at=lambda _: False)

    straight = loop('straight')
    straight.run(5)
    loop('killed').run(3)
    again = loop('killed')
    assert again.step == 3
    again.run(2)
    expected, got = (np.asarray(run.model.weights[0]) for run in (straight, again))
    np.testing.assert_array_equal(got, expected)


def test_a_source_that_cannot_be_started_over_says_so() -> None:
    numbers = iter(range(9))
    once = stages.Serial(lambda _: numbers)
    assert next(iter(once)) == 0
    with pytest.raises(ValueError, match='its first stage gave the iterator that it gave before'):
        iter(once)
    assert list(itertools.islice(once(), 2)) == [1, 2]  # called, it goes on as in Trax


# ------------------------------------------------------------------------------- single stages


@given(st.integers(0, 60), st.integers(1, 20), st.integers(0, 3))
def test_shuffle_keeps_everything_and_looks_no_further_than_its_queue(n, size, seed) -> None:
    order = list(stages.shuffle(range(n), size, seed))
    assert sorted(order) == list(range(n))
    assert all(sample < place + size for place, sample in enumerate(order))
    assert order == list(stages.shuffle(range(n), size, seed))


@given(st.integers(2, 200), st.floats(0.05, 0.9), st.floats(1, 8), st.integers(0, 5))
def test_noise_is_as_much_as_was_asked_for(length, density, mean, seed) -> None:
    mask = stages.random_spans_noise_mask(length, density, mean, seed, seed + 1)
    assert mask.shape == (length,)
    assert not mask[0]
    assert mask[-1]
    assert mask.sum() == min(max(round(length * density), 1), length - 1)
    text = np.arange(1, length + 1)
    inputs, targets = next(iter(stages.consume_noise_mask(1000)([(text, mask)])))
    n_spans = int((mask[1:] & ~mask[:-1]).sum())
    assert (inputs > 900).sum() == (targets > 900).sum() == n_spans
    both = np.concatenate([inputs, targets])
    assert sorted(both[both < 900].tolist()) == text.tolist()


def test_mlm_draws_anew_for_each_text_and_the_same_each_time() -> None:
    stage = stages.MLM(vocab_size=1000, max_length=40, noise_density=0.3)
    first, again = (list(stage([np.arange(1, 81)] * 2)) for _ in range(2))
    assert len(first) == 4
    for (a, b), (c, d) in zip(first, again, strict=True):
        np.testing.assert_array_equal(a, c)
        np.testing.assert_array_equal(b, d)
    assert len({tuple((y % 40).tolist()) for _, y in first}) == 4


def test_stages_take_arrays_dicts_and_bytes() -> None:
    assert list(stages.ConvertToUnicode([0])([(b'h\xc3\xa9\xff', b'x')])) == [('hé', b'x')]
    (made,) = stages.Tokenize(['text'], 'char')([{'text': 'ab', 'label': 'ab'}])
    assert (made['text'].tolist(), made['label']) == ([97, 98], 'ab')
    (padded,) = stages.PadToLength({0: 4}, multiple=True)([np.arange(1, 7)])
    assert padded.tolist() == [1, 2, 3, 4, 5, 6, 0, 0]
    (longer,) = stages.AppendValue({0: [9]})([np.arange(2)])
    assert longer.tolist() == [0, 1, 9]
    full = stages.FilterEmptyExamples()([(np.zeros(0), 1), (np.zeros(1), 2)])
    assert [label for _, label in full] == [2]
    tail = list(stages.batch(((i,) for i in range(5)), 3, keep_tail=True))
    assert [x.tolist() for (x,) in tail] == [[0, 1, 2], [3, 4]]
    assert next(iter(stages.UniformlySeek('numbers', 2, 4, 20)(range(20)))) == 10


def test_log_prints_shapes_or_everything(capsys: pytest.CaptureFixture) -> None:
    list(stages.Log(2)([(np.zeros((2, 3), np.float32), 1)] * 3))
    list(stages.Log(only_shapes=False)(['a text']))
    shown = "('float32[2,3]', 'int64[]')"
    assert capsys.readouterr().out.splitlines() == [shown, shown, 'a text']


def test_prefetch_keeps_the_order_ends_and_passes_errors_on() -> None:
    assert list(stages.Prefetch(3)(range(20))) == list(range(20))

    def breaks() -> Iterator[int]:
        yield 1
        raise RuntimeError('the disk is gone')

    stream = stages.Prefetch()(breaks())
    assert next(stream) == 1
    with pytest.raises(RuntimeError, match='the disk is gone'):
        next(stream)

    class Missing:
        def __iter__(self) -> Iterator[int]:
            raise FileNotFoundError('no such data')

    with pytest.raises(FileNotFoundError, match='no such data'):
        next(stages.Prefetch()(Missing()))


def test_prefetch_makes_no_more_than_it_should_and_stops_when_left() -> None:
    made = []
    before = threading.active_count()
    stream = stages.Prefetch(2)(made.append(i) or i for i in itertools.count())
    assert [next(stream) for _ in range(3)] == [0, 1, 2]
    stream.close()
    for thread in threading.enumerate():
        if thread.daemon and thread is not threading.current_thread():
            thread.join(2)
    assert threading.active_count() <= before
    assert len(made) <= 3 + 2 + 1  # taken, in the queue, in the hand


@pytest.mark.parametrize(
    ('run', 'error', 'message'),
    [
        (lambda: stages.shuffle([1], 0), ValueError, 'queue_size of at least 1, got 0'),
        (lambda: stages.batch([1], 0), ValueError, 'batch_size of at least 1, got 0'),
        (lambda: stages.BucketByLength([2], [1])(pairs()), ValueError,
         'an example has length 3, the longest bucket is for 2'),
        (lambda: stages.ConcatenateToLMInput(4)(pairs()), ValueError,
         'have 5 and 2 ids, more than pad_to_length=4'),
        (lambda: stages.AddLossWeights(0)([(1,)]), ValueError, 'got 1 fields'),
        (lambda: stages.UnBatch()([(np.zeros(2), np.zeros(3))]), ValueError, r'have \[2, 3\] rows'),
        (lambda: stages.tokenize(['a'], vocab_type='words'), ValueError,
         "one of .'char', 'subword', 'sentencepiece'., got 'words'"),
        (lambda: stages.tokenize(['a']), ValueError, "'subword' needs a vocab_file"),
        (lambda: stages.tokenize(['a'], vocab_file='en.subword'), FileNotFoundError,
         r"'en\.subword' is not there .* retrax downloads none"),
    ],
)  # fmt: skip
def test_what_stages_refuse(run, error, message) -> None:
    with pytest.raises(error, match=message):
        list(run())


@pytest.mark.parametrize('counters', [[1], [0, 0], [2, -1]])
def test_parallel_refuses_counters_that_are_none(counters) -> None:
    with pytest.raises(ValueError, match='a counter from 0 up for each of 2 sources'):
        stages.Parallel(sources()[:2], counters)


def test_parallel_ends_with_its_shortest_source() -> None:
    assert list(stages.Parallel([lambda: 'ab', lambda: 'xyz'])()) == list('axby')


# ----------------------------------------------------------------------------------- vocabularies


def test_a_subword_vocabulary_gives_the_ids_of_trax(tmp_path: Path) -> None:
    file = tmp_path / 'tiny.subword'
    file.write_text(''.join(f"'{token}'\n" for token in SUBWORD['subtokens']), encoding='utf-8')
    vocabulary = data.SubwordVocabulary.read(file)
    cases = zip(SUBWORD['texts'], SUBWORD['ids'], SUBWORD['decoded'], strict=True)
    for text, ids, decoded in cases:
        assert vocabulary.encode(text).tolist() == ids
        assert vocabulary.decode(ids) == decoded
    for i, junk in enumerate(SUBWORD['junk']):
        assert vocabulary.decode(range(40 * i, 40 * i + 40)) == junk
    where = {'vocab_file': file.name, 'vocab_dir': str(tmp_path)}
    (ids,) = stages.tokenize(['the batch'], **where, n_reserved_ids=7)
    assert ids.tolist() == [i + 7 for i in SUBWORD['ids'][2]]
    assert stages.detokenize(ids, **where, n_reserved_ids=7) == 'the batch'
    assert stages.vocab_size(**where, n_reserved_ids=7) == vocabulary.size + 7


@given(st.text(st.characters(exclude_categories=['Cs'])))
def test_subwords_read_back_what_they_write(text: str) -> None:
    vocabulary = data.SubwordVocabulary(SUBWORD['subtokens'])
    assert vocabulary.decode(vocabulary.encode(text)) == text


# ----------------------------------------------------------------------- problems, and Trax's words


@pytest.mark.parametrize('encdec', [False, True])
def test_sums_are_right(encdec: bool) -> None:
    inputs = stages.addition_inputs(13, 32, 9, 5, 9, pad_to_multiple=8, encdec=encdec)
    for stream in (inputs.train_stream(1), inputs.eval_stream(1)):
        for x, y, weights in itertools.islice(stream, 3):
            for row, answer, counts in zip(x, y, weights, strict=True):
                question = row[counts == 0] if not encdec else row
                digits = ''.join('_0123456789+S'[i] for i in question).strip('S_')
                first, second = (int(part[::-1]) for part in digits.strip('_S').split('+'))
                given = ''.join('_0123456789'[i] for i in answer[counts == 1])
                assert first + second == int(given[::-1])


def test_copies_are_copies() -> None:
    for reverse in (False, True):
        inputs = stages.sequence_copy_inputs(9, 4, 6, 2, 5, reverse=reverse, pad_to_multiple=4)
        for x, y, weights in itertools.islice(inputs.train_stream(1), 5):
            np.testing.assert_array_equal(x, y)
            n = int(weights[0].sum())
            w = x[:, 1 : n + 1]
            np.testing.assert_array_equal(
                x[weights > 0].reshape(4, n), w[:, ::-1] if reverse else w
            )
            assert x[:, [0, n + 1]].max() == 0
            assert x.shape[1] % 4 == 0
    simple = stages.simple_sequence_copy_inputs(9, 4, 6, 2, 5)
    assert (simple.input_shape, simple.input_dtype) == ((32,), np.int32)
    assert stages.make_inputs([lambda _: iter([(np.ones((2, 3)),)])]).input_shape == (3,)
    with pytest.raises(ValueError, match='from the number of devices to a stream, got list'):
        stages.Inputs([1])  # type: ignore[arg-type]


def test_the_counters_of_trax_are_saved_with_a_loop(tmp_path: Path) -> None:
    install()
    try:
        from trax import data as trax_data
        from trax import layers, optimizers
        from trax.supervised import training as trainings

        data_counters.clear()
        stream = trax_data.Serial(
            lambda _: iter([(np.ones((2, 1)), np.ones((2, 1)))] * 9), trax_data.CountAndSkip('ones')
        )

        def loop() -> training.Loop:
            task = trainings.TrainTask(stream(), layers.L2Loss(), optimizers.Adam(0.1))
            return trainings.Loop(layers.Serial(layers.Dense(1)), [task], output_dir=tmp_path)

        loop().run(1)
        assert data_counters == {'ones': 2}  # a sample, and a step
        data_counters.clear()
        loop()
        assert data_counters == {'ones': 2}
        trax_data.inputs.save_data_counters(tmp_path)
    finally:
        uninstall()
        data_counters.clear()
