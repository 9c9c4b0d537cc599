"""What generate costs, in counts that do not depend on the machine."""

import importlib
from collections.abc import Iterator

import jax
import numpy as np
import pytest
from decoding_oracle import VOCAB, gru_lm, with_weights

from retrax import layers as tl
from retrax.decoding import generate, stream
from retrax.decoding.filters import Filters
from retrax.decoding.steps import CHUNK, Cursor, Page, Settings, Steps, build, planned
from retrax.models import GRULM

COMPILED = '/jax/core/compile/backend_compile_duration'
KEY = jax.random.PRNGKey(0)
ONE_ROW = np.zeros(1, np.uint32), np.zeros(1, np.int32)  # its number, and how many were read


@pytest.fixture
def model() -> tl.Layer:
    return with_weights(gru_lm())


@pytest.fixture
def compilations() -> Iterator[list[str]]:
    found: list[str] = []

    def listen(event, seconds, **details):
        if event == COMPILED:
            found.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield found
    jax.monitoring.unregister_event_duration_listener(listen)


@pytest.fixture
def calls(monkeypatch) -> dict[str, int]:
    """Counts dispatches of the compiled functions and reads of their results."""
    counts = {'read': 0, 'write': 0, 'get': 0}

    def counted(name, function):
        def call(*args):
            counts[name] += 1
            return function(*args)

        return call

    def counted_build(*args):
        steps = build(*args)
        counted_as = {'read': 'read', 'write': 'write', 'write_over': 'write'}
        return steps._replace(**{n: counted(c, getattr(steps, n)) for n, c in counted_as.items()})

    module = importlib.import_module('retrax.decoding.steps')
    monkeypatch.setattr(module, 'build', counted_build)
    monkeypatch.setattr(jax, 'device_get', counted('get', jax.device_get))
    return counts


def test_one_dispatch_and_one_read_for_a_chunk(model, calls) -> None:
    generate(model, max_new_tokens=3 * CHUNK + 1)
    assert calls == {'read': 0, 'write': 4, 'get': 4}


def test_one_dispatch_for_a_piece_of_the_prompt(model, calls) -> None:
    generate(model, prompt=[1] * (512 + 5), max_new_tokens=1)  # start id and prompt but the last
    assert calls == {'read': 3, 'write': 1, 'get': 1}  # 512 + 4 + 1


def test_with_eos_no_more_reads(model, calls) -> None:
    never = with_weights(gru_lm(), seed=3)
    n = generate(never, max_new_tokens=5 * CHUNK, temperature=0)
    unused = (set(range(VOCAB)) - set(n[0])).pop()
    calls.update(read=0, write=0, get=0)
    generate(never, max_new_tokens=5 * CHUNK, temperature=0, eos_id=unused)
    assert calls == {'read': 0, 'write': 5, 'get': 5}


def test_eos_in_the_first_chunk_stops_after_the_one_in_flight(model, calls) -> None:
    first = int(generate(model, max_new_tokens=1, temperature=0)[0, 0])
    calls.update(read=0, write=0, get=0)
    generate(model, max_new_tokens=50 * CHUNK, temperature=0, eos_id=first)
    assert calls == {'read': 0, 'write': 2, 'get': 1}


def test_no_tokens_cost_nothing(model, calls) -> None:
    assert generate(model, max_new_tokens=0, batch_size=2).shape == (2, 0)
    assert calls['write'] == 0


def test_nothing_compiles_twice(model, compilations) -> None:
    other_weights = jax.tree.map(lambda w: w + 0, model.weights)
    generate(model, prompt=[1, 2, 3, 4], max_new_tokens=CHUNK + 5, seed=0)
    assert compilations
    compilations.clear()
    generate(model, prompt=[9, 8, 7, 6], max_new_tokens=90, seed=5, temperature=0.3, eos_id=2)
    generate(model.as_mode('eval'), prompt=[[1, 1, 1, 1]], max_new_tokens=1, temperature=0)
    model.weights = other_weights
    generate(model, prompt=[1, 2, 3, 4], max_new_tokens=33)
    assert not compilations


def test_a_set_of_filters_is_compiled_once_for_all_values(model, compilations) -> None:
    generate(model, max_new_tokens=5, top_p=0.5, batch_size=2)
    compilations.clear()
    generate(model, max_new_tokens=9, top_p=[0.9, 0.1], temperature=2, batch_size=2)
    assert not compilations
    generate(model, max_new_tokens=5, top_p=0.9, min_p=0.1, batch_size=2)
    assert len(compilations) == 1


def test_without_filters_nothing_is_sorted(model) -> None:
    steps, arguments = compiled_write(model)
    settings = arguments[3]
    filters = Filters(top_k=jax.device_put(np.ones(1, np.int32)))
    filtered = (*arguments[:3], settings._replace(filters=filters), *arguments[4:])
    assert 'stablehlo.sort' not in steps.write.lower(*arguments).as_text()
    assert 'stablehlo.sort' in steps.write.lower(*filtered).as_text()


def test_scores_are_normalised_only_where_it_matters(model) -> None:
    steps, (weights, state, cursor, settings, page, n) = compiled_write(model)

    def n_powers(cursor=cursor, settings=settings, page=page):
        text = steps.write.lower(weights, state, cursor, settings, page, n).as_text()
        return text.count('stablehlo.exponential')  # those of gates are always there

    seen = jax.device_put(np.zeros((1, VOCAB), bool))
    penalty = Filters(repetition_penalty=jax.device_put(np.ones(1, np.float32)))
    log_probs = jax.device_put(np.zeros((CHUNK, 1), np.float32))
    gates = n_powers()
    assert n_powers(page=page._replace(log_probs=log_probs)) == gates + 1
    assert n_powers(cursor._replace(seen=seen), settings._replace(filters=penalty)) == gates + 1


def test_prompts_of_all_lengths_compile_few_programs(model, compilations) -> None:
    generate(model, max_new_tokens=1)
    compilations.clear()
    for length in range(1, 32):
        generate(model, prompt=[1] * length, max_new_tokens=1)
    assert len(compilations) == 5  # 1, 2, 4, 8, 16


def test_the_host_sends_nothing_by_accident(model) -> None:
    generate(model, prompt=[1, 2], max_new_tokens=1, seed=KEY)
    generate(model, max_new_tokens=CHUNK, seed=KEY)
    with jax.transfer_guard('disallow'):
        generate(model, prompt=[3, 4], max_new_tokens=100, seed=KEY, eos_id=1)


def test_a_mixed_batch_takes_a_turn_for_each_length_of_a_piece(model, calls, compilations) -> None:
    lengths = [512 + 3, 0, 6, 9, 1]  # with the start id and without the last: 512 + 2 + 1, ...
    generate(model, [[1] * n for n in lengths], max_new_tokens=CHUNK)
    assert calls == {'read': 5, 'write': 1, 'get': 1}  # 512 + 8 + 4 + 2 + 1
    compilations.clear()
    generate(model, [[2] * n for n in reversed(lengths)], max_new_tokens=CHUNK, seed=1)
    assert not compilations


def test_a_prompt_is_read_once_for_many_texts(model, calls) -> None:
    generate(model, [1] * 7, max_new_tokens=1, n=16)
    assert calls == {'read': 3, 'write': 1, 'get': 1}


def test_a_long_prompt_takes_no_more_memory(model, compilations) -> None:
    generate(model, [1] * 1023, max_new_tokens=1)
    compilations.clear()
    generate(model, [1] * (1023 + 5 * 512), max_new_tokens=1)
    assert not compilations
    n_ids = 5000
    wide = with_weights(GRULM(n_ids, 8, 1))
    steps, (weights, state, *_) = compiled_write(wide)
    ids = np.zeros((1, 512), np.int32)
    lowered = steps.read.lower(weights, state, KEY, None, *jax.device_put((ids, *ONE_ROW)), None)
    scores = 4 * ids.size * n_ids
    # What the last layer gives is of no use in a prompt, and is not computed.
    assert lowered.compile().memory_analysis().temp_size_in_bytes < scores / 10


def compiled_write(model) -> tuple[Steps, tuple]:
    predict = model.as_mode('predict')
    found, state = planned(predict, 1), predict.new_state(1)
    weights = found.weights
    cursor = Cursor(np.zeros(1, np.int32), np.zeros(1, bool), np.zeros(1, np.int32))
    settings = Settings(KEY, np.zeros(1, np.uint32), np.ones(1, np.float32), np.int32(-1))
    steps = build(predict, found, weights, state, 1)
    page = Page(np.zeros((CHUNK, 1), np.int32))
    return steps, (weights, state, *jax.device_put((cursor, settings, page)), None)


def test_states_are_written_over_where_nobody_holds_them(model) -> None:
    steps, (weights, state, *others) = compiled_write(model)
    steps.write(weights, state, *others)  # a snapshot may be taken of where a chunk began
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((weights, state, others)))
    n_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(state))
    in_place = [
        write.lower(weights, state, *others).compile().memory_analysis().alias_size_in_bytes
        for write in (steps.write, steps.write_over)
    ]
    assert in_place == [0, n_bytes]
    state, *_ = steps.write_over(weights, state, *others)
    ids = np.zeros((1, 4), np.int32)
    steps.read(weights, state, KEY, None, *jax.device_put((ids, *ONE_ROW)), None)
    assert all(leaf.is_deleted() for leaf in jax.tree.leaves(state))
    assert not any(leaf.is_deleted() for leaf in jax.tree.leaves((weights, others)))


def test_generate_writes_over_and_a_stream_does_not(model, monkeypatch) -> None:
    used = []

    def noting_build(*args):
        steps = build(*args)
        names = ('write', 'write_over')
        noting = {name: lambda *_, name=name: used.append(name) or 1 / 0 for name in names}
        return steps._replace(**noting)

    monkeypatch.setattr('retrax.decoding.steps.build', noting_build)
    for begin in (generate, lambda model: next(stream(model))):
        with pytest.raises(ZeroDivisionError):
            begin(model)
    assert used == ['write_over', 'write']


def test_weights_are_arguments_of_the_program() -> None:
    model = with_weights(GRULM(VOCAB, 32, 1))
    steps, arguments = compiled_write(model)
    compiled = steps.write.lower(*arguments).compile()
    n_bytes = sum(leaf.nbytes for leaf in jax.tree.leaves(arguments[0]))
    assert compiled.memory_analysis().argument_size_in_bytes >= n_bytes
    constants = [line for line in compiled.as_text().splitlines() if ' constant({' in line]
    assert not [line for line in constants if 'f32[32,' in line or 'f32[64,' in line]


def test_views_share_the_programs(model) -> None:
    generate(model, max_new_tokens=1)
    count = len(model.programs)
    generate(model.as_mode('eval'), max_new_tokens=1)
    generate(model.as_mode('predict'), max_new_tokens=1)
    assert len(model.programs) == count
