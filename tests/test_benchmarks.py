"""benchmarks/: what is compared, what is refused, and what is reported. Nothing here is timed."""

import os
import sys

import click
import numpy as np
import pytest
from click.testing import CliRunner

from retrax.benchmarks import (
    alternate,
    checks,
    costs,
    evidence,
    plots,
    reference,
    report,
    results,
    running,
    sets,
    speed,
    summary,
    tables,
    targets,
)
from retrax.benchmarks import seed_model as seed
from retrax.benchmarks.__main__ import main
from retrax.benchmarks.peers import LABELS, PEERS
from retrax.benchmarks.setting import Setting, new_tokens_for

SMALL = {'width': 8, 'vocab': 11, 'layers': 2, 'batch': 3, 'time': 5}
DECODED = {'width': 32, 'vocab': 64, 'layers': 2, 'batch': 16, 'time': 5}
CONVENTIONS = [
    seed.Convention(True),
    seed.Convention(False),
    seed.Convention(False, 'candidate'),
    seed.Convention(False, 'all'),
]


@pytest.mark.parametrize('convention', CONVENTIONS, ids=str)
def test_the_gradients_of_the_reference_are_the_numerical_ones(convention):
    ws = reference.start(Setting('train', **SMALL))
    x = seed.tokens(Setting('train', **SMALL))
    _, gradients = reference.loss_and_gradients(ws, x, convention)
    for array, gradient in zip(reference.flat(ws), gradients, strict=True):
        place = np.unravel_index(np.abs(gradient).argmax(), gradient.shape)
        found = []
        for step in (1e-5, -2e-5):
            array[place] += step
            found.append(reference.loss_and_gradients(ws, x, convention)[0])
        array[place] += 1e-5
        numerical = (found[0] - found[1]) / 2e-5
        if gradient.any():
            assert gradient[place] == pytest.approx(numerical, rel=1e-6)


def test_biases_beside_h_are_learned_where_the_convention_says_so():
    setting = Setting('train', **SMALL)
    ws, x, n = reference.start(setting), seed.tokens(setting), setting.width
    for convention, still in (
        (CONVENTIONS[1], 3 * n),
        (CONVENTIONS[2], 2 * n),
        (CONVENTIONS[3], 0),
    ):
        gradient = reference.loss_and_gradients(ws, x, convention)[1][3]
        assert not gradient[:still].any()
        assert gradient[still:].all()


def test_rows_repeat_so_the_loss_of_the_distinct_ones_is_that_of_the_batch():
    big, few = Setting('train', **SMALL | {'batch': 32}), Setting('train', **SMALL | {'batch': 8})
    assert np.array_equal(seed.tokens(big)[:8], seed.tokens(few))
    assert np.array_equal(seed.tokens(big)[24:], seed.tokens(few))
    ws = reference.start(big)
    losses = [
        reference.loss_and_gradients(ws, seed.tokens(s), CONVENTIONS[0])[0] for s in (big, few)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)


class Peer:
    """The reference as a peer, in this process; it can be made to be wrong."""

    def __init__(self, setting, convention, wrong=0.0):
        self._setting, self._convention, self._wrong = setting, convention, wrong
        self.runs, self.ended = 0, False

    def shown(self):
        shown = {'import_s': 0.0, 'ready_s': 0.0, 'convention': list(self._convention)}
        return shown | {'found': self._found()}

    def _found(self):
        setting, convention = self._setting, self._convention
        if setting.task == 'train':
            losses = reference.losses(setting, convention)
            return [losses[0], *(loss + self._wrong for loss in losses[1:])]
        context = seed.context(setting)
        if setting.task == 'forward':
            found = reference.log_probs(setting, context, convention)[:, evidence.places(setting)]
            return (found + self._wrong).tolist()
        made = np.zeros((setting.batch, 0), int)
        for _ in range(evidence.CHECKED_TOKENS):
            ids = np.concatenate([context, made], 1)
            scores = reference.log_probs(setting, ids, convention)[:, -1]
            best = (scores if not self._wrong else -scores).argmax(-1)
            made = np.concatenate([made, best[:, None]], 1)
        return made.tolist()

    def go(self):
        self.runs += 1
        return {'wall': 0.5, 'cpu': 1.0}

    def end(self):
        self.ended = True


@pytest.mark.parametrize('task', ['train', 'forward', 'decode'])
@pytest.mark.parametrize('convention', CONVENTIONS[:2], ids=['before', 'after'])
@pytest.mark.parametrize('together', [False, True])
def test_a_peer_with_wrong_outputs_is_refused_and_not_timed(task, convention, together):
    setting = Setting(task, **(DECODED if task == 'decode' else SMALL), new_tokens=2)
    peers = {
        'right': Peer(setting, convention),
        'wrong': Peer(setting, convention, wrong=1e-3),
        'other': Peer(setting, convention),
    }
    peers['other'].shown = lambda: (
        peers['right'].shown() | {'convention': [not convention.reset_before, 'none']}
    )
    rows = alternate.alternate(
        setting, peers, 3, 60, lambda peer, _: peers[peer], together=together
    )
    assert rows['right']['wall'] == [0.5] * 3
    for peer in ('wrong', 'other'):
        assert 'from the reference, not below 1e-05' in rows[peer]['refused']
        assert peers[peer].runs == 0
    assert all(peer.ended for peer in peers.values())


def test_what_is_not_a_number_or_of_another_shape_is_refused():
    setting = Setting('train', **SMALL)
    for found in ([float('nan')] * 3, [1.0], []):
        assert checks.error(setting, CONVENTIONS[0], found) == float('inf')


def test_equal_rows_that_get_other_tokens_are_refused():
    setting = Setting('decode', **DECODED, new_tokens=2)
    found = Peer(setting, CONVENTIONS[0])._found()
    assert checks.error(setting, CONVENTIONS[0], found) == 0
    assert checks.error(setting, CONVENTIONS[0], found[:8] + found[7::-1]) == float('inf')


def test_a_peer_that_is_not_installed_is_reported(monkeypatch):
    monkeypatch.delenv('TRAX_PYTHON', raising=False)
    setting = Setting('train', **SMALL)
    rows = alternate.alternate(setting, ['trax_gru'], 3, 60)
    assert rows == {'trax_gru': {'missing': 'needs an interpreter of its own, in $TRAX_PYTHON'}}
    assert tables.line(setting, rows, 'trax_gru')[2] == (
        'missing: needs an interpreter of its own, in $TRAX_PYTHON'
    )


def test_ratios_are_made_pair_by_pair():
    found = summary.ratio([2.0, 8.0, 6.0], [1.0, 2.0, 2.0])
    assert found == (2.5, 3.0, 3.5)
    assert summary.spread([4.0]) == (4.0, 4.0, 4.0)


def test_the_budget_ends_the_rounds():
    setting = Setting('train', **SMALL)
    peer = Peer(setting, CONVENTIONS[0])
    rows = alternate.alternate(setting, ['it'], 20, -1, lambda *_: peer)
    assert len(rows['it']['wall']) == 1
    assert tables.line(setting, rows, 'it')[1] == '1'


def test_an_unknown_peer_is_named():
    result = CliRunner().invoke(main, ['train', '--peers', 'abacus'])
    assert result.exit_code == 2
    assert 'no peer abacus for train; known: retrax_gru' in result.output


def test_a_row_gets_fewer_tokens_where_there_are_many():
    assert [new_tokens_for(b) for b in (1, 8, 32, 128, 1024)] == [256, 256, 256, 64, 32]


# Results and the report.


def small_results():
    """Results as one would find them: a race with all kinds of rows, one skipped, costs."""
    found = results.Results(MACHINE, [], {'import': {'layers': [1.2, 1.0], 'jax': [1.0, 1.0]}})
    row = {'convention': [True, 'none'], 'error': 1e-7, 'ready_s': 3.0, 'import_s': 0.5}
    rows = {
        'retrax_gru': row | {'wall': [0.2, 0.2, 0.4], 'cpu': [0.4] * 3},
        'torch_nn_gru': row | {'wall': [0.3, 0.2, 0.8], 'cpu': [0.6] * 3},
        'flax_linen': {'missing': 'flax is not installed'},
        'keras_gru': {'refused': 'is 3.0e-02 from the reference, not below 1e-05'},
    }
    found.add(targets.TRAIN, rows)
    smallest, *_, largest = (p.setting for p in sets.grid() if p.setting.task == 'train')
    found.add(smallest._replace(threads=8), rows)
    found.add(largest, {}, 'skipped: a run would take 67 s or more')
    return found


MACHINE = {
    'date': '2026-01-02',
    'name': 'abacus-2cores',
    'cpu': 'Abacus',
    'cpu_flags': [],
    'cores': 2,
    'threads': 2,
    'python': '3.11',
    'versions': {'jax': '0.10.2', 'flax': None},
}


def test_the_report_has_ratios_targets_and_what_was_not_measured():
    lines = report.report(small_results()).splitlines()
    for wanted in (
        '2026-01-02, Abacus, 2 cores, 2 threads;',
        'Python 3.11, jax 0.10.2.',
        '| training, float32: PyTorch nn.GRU | ≥ 1.05 | 1.50 (1.25 to 1.75) | met |',
        '| training, float32: Flax linen | ≥ 1.25 | | not measured |',
        '| `from retrax import layers`: `import jax` | ≤ 1.15 | 1.10 (1.05 to 1.15) | met |',
        '## Training, d 512, B 32, T 64, float32',
        '| **retrax** | before | 200.0 (200.0 to 300.0) | 10,240 |  | 400.0 | 3.0 | 3 |',
        'Flax linen: missing: flax is not installed.',
        'Keras 3 on JAX: refused: is 3.0e-02 from the reference, not below 1e-05.',
        '## Training over widths, lengths and batches, float32',
        '| 256 | 64 | 1 | 200.0 | 1.50 (1.25 to 1.75) | missing: flax is not installed |  | 3 |',
        '## Training over widths, lengths and batches, bf16',
        '| 1024 | 1024 | 128 | skipped: a run would take 67 s or more | | | | |',
    ):
        assert wanted in lines
    assert sum(line.startswith('## Training, d') for line in lines) == 1


def test_a_target_that_is_not_reached_is_missed():
    found = small_results()
    found.races[0]['rows']['retrax_gru']['wall'] = [0.4, 0.4, 0.8]
    assert (
        '| training, float32: PyTorch nn.GRU | ≥ 1.05 | 0.75 (0.62 to 0.88) | **missed** |'
        in report.report(found)
    )


def test_ratios_between_races_are_per_token():
    found = results.Results(MACHINE, [], {})
    for batch, seconds in ((1, 0.1), (8, 0.2)):
        row = {'wall': [seconds] * 3, 'cpu': [seconds] * 3}
        found.add(targets.decoding(batch), {'retrax_gru': row})
    (target,) = [t for t in targets.TARGETS if t.what == 'decoding, 8 rows: 1 row, per token']
    assert target.found(found).median == pytest.approx(4.0)


def test_a_race_replaces_an_older_one_of_its_setting_and_files_keep_all(tmp_path, monkeypatch):
    monkeypatch.setattr(results, 'FOLDER', tmp_path)
    found = small_results()
    found.add(targets.TRAIN, {'retrax_gru': {'missing': 'nothing'}})
    assert found.race(targets.TRAIN) == {'retrax_gru': {'missing': 'nothing'}}
    found.write()
    again = results.Results.read(results.fullest())
    assert again.__dict__ == found.__dict__


def test_processes_whose_cost_is_measured_write_bytecode(monkeypatch):
    monkeypatch.setenv('PYTHONDONTWRITEBYTECODE', '1')
    assert costs._process('-c', 'import sys; assert not sys.dont_write_bytecode')() > 0


def test_results_of_today_go_on_only_on_the_same_machine(tmp_path, monkeypatch):
    monkeypatch.setattr(results, 'FOLDER', tmp_path)
    assert results.Results.of_today(2).races == []
    found = results.Results.new(2)
    found.add(targets.TRAIN, {})
    found.write()
    assert results.Results.of_today(2).races == found.races
    with pytest.raises(click.ClickException, match=r"measured with {'threads': 2}, now .* 3}"):
        results.Results.of_today(3)


def test_the_committed_page_is_what_the_fullest_results_give():
    again, path = 'python -m benchmarks report', results.fullest()
    fullest = results.Results.read(path)
    assert report.PAGE.read_text() == report.report(fullest, results.others(path)), again
    assert speed.speed(fullest) in report.README.read_text(), again


def test_results_of_other_machines_stand_beside_the_fullest(tmp_path, monkeypatch):
    monkeypatch.setattr(results, 'FOLDER', tmp_path)
    full, newer = small_results(), results.Results(MACHINE | {'date': '2026-02-02'}, [], {})
    newer.machine['cpu_flags'] = ['avx2', 'avx512f']
    newer.add(targets.TRAIN, {p: {'wall': [1.0]} for p in ('retrax_gru', 'torch_nn_gru')})
    full.write()
    newer.write()
    assert results.fullest() == full.path
    (other,) = results.others(full.path)
    lines = report.report(full, [other]).splitlines()
    assert 'A: 2026-02-02, Abacus with AVX-512, without AMX, 2 cores, 2 threads.' in lines
    missed = '| training, float32: PyTorch nn.GRU | ≥ 1.05 | **1.00 (1.00 to 1.00)** |'
    assert lines.count(missed) == 1
    assert '| training, float32: Flax linen | ≥ 1.25 |  |' not in lines


def test_the_table_of_speeds_has_the_fastest_form_of_each_library() -> None:
    rows = {
        'retrax_gru': {'wall': [1.0, 2.0, 4.0]},
        'torch_nn_gru': {'wall': [5.0, 5.0, 5.0]},
        'torch_trax_gru': {'wall': [2.0, 3.0, 4.0]},  # 2, 1.5 and 1 times as long
        'keras_gru': {'why': 'has no such thing'},
    }
    found = results.Results.new(2)
    found.add(targets.TRAIN, rows)
    line = next(line for line in speed.speed(found).splitlines() if 'a step of training' in line)
    assert line == '| a step of training | 1.50 |  |  |  |  |'


def test_only_cells_whose_step_takes_too_long_are_skipped(monkeypatch):
    ran = []
    monkeypatch.setattr(running, 'alternate', lambda setting, *_, **__: ran.append(setting) or {})
    found, kept = small_results(), []
    found.add(targets.TRAIN_BF16, {'retrax_gru': {'wall': [0.1], 'cpu': [0.2]}})
    found.add(targets.FORWARD, {'retrax_gru': {'wall': [0.5], 'cpu': [0.2]}})
    planned = sets.grid()
    assert running.run(found, planned, 20, float('inf'), lambda: kept.append(1))
    train = sets.work(targets.TRAIN)
    rates = {
        ('train', 'float32'): 0.2 / train,
        ('train', 'bf16'): 0.1 / train,
        ('forward', 'float32'): 0.5 / (train / 3),
    }
    small = [
        p.setting
        for p in planned
        if rates.get((p.setting.task, p.setting.precision), 0) * sets.work(p.setting)
        <= sets.SLOWEST_RUN
    ]
    assert len(small) < len(planned)
    assert set(ran) <= set(small)
    assert all(found.skipped(p.setting) for p in planned if p.setting not in small)
    assert len(kept) == len(planned) - 1  # one was skipped before


def test_a_race_that_lacks_a_peer_is_run_again(monkeypatch):
    ran, found = [], results.Results(MACHINE, [], {})
    monkeypatch.setattr(running, 'alternate', lambda setting, *_, **__: ran.append(setting) or {})
    whole, lacking = sets.grid()[:2]
    found.add(whole.setting, {peer: {} for peer in whole.peers})
    found.add(lacking.setting, {peer: {} for peer in lacking.peers[1:]})
    assert running.run(found, [whole, lacking], 20, float('inf'), lambda: None)
    assert ran == [lacking.setting]


def test_a_run_whose_time_is_over_says_that_there_is_more():
    assert not running.run(small_results(), sets.grid(), 20, float('-inf'), lambda: None)


def test_a_peer_that_ends_while_it_is_timed_has_no_times_and_the_others_go_on():
    setting = Setting('train', **SMALL)
    peers = {name: Peer(setting, CONVENTIONS[0]) for name in ('right', 'ends')}
    peers['ends'].go = lambda: {'failed': 'ended with -9; its message is above'}
    rows = alternate.alternate(setting, peers, 3, 60, lambda peer, _: peers[peer])
    assert len(rows['right']['wall']) == 3
    assert tables.line(setting, rows, 'ends')[2] == 'failed: ended with -9; its message is above'


def test_every_peer_has_a_name_and_every_target_a_race_that_all_runs():
    assert {peer for peers in PEERS.values() for peer in peers} == set(LABELS)
    planned = {p.setting: p.peers for p in sets.committed()}
    for target in targets.TARGETS:
        if isinstance(target, targets.Race):
            for side in (target.theirs, target.ours):
                assert set(side.peers) & set(planned[side.setting])


def test_pictures_need_matplotlib(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, 'matplotlib', None)
    with pytest.raises(SystemExit, match=r'plots need matplotlib: pip install .*\[plots\]'):
        plots.draw(small_results(), tmp_path / 'it.png')


@pytest.mark.skipif(not os.environ.get('RETRAX_PEERS'), reason='where RETRAX_PEERS is set')
@pytest.mark.parametrize(
    ('task', 'precision', 'peers'),
    [
        (
            'train',
            'float32',
            'torch_nn_gru torch_trax_gru flax_linen flax_nnx equinox_gru keras_gru',
        ),
        ('decode', 'bf16', 'retrax_gru torch_gru_cell flax_linen_scan keras_gru memory_read'),
    ],
    ids=['train', 'decode'],
)
def test_peers_compute_the_seed_model(task, precision, peers):
    sizes = {'width': 32, 'batch': 8, 'time': 4, 'new_tokens': 3, 'precision': precision}
    rows = alternate.alternate(Setting(task, **sizes), peers.split(), 1, 60)
    assert {peer: row for peer, row in rows.items() if 'wall' not in row or 'refused' in row} == {}
