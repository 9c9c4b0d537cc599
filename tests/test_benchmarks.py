"""benchmarks/: what is compared, what is refused, and what is reported. Nothing here is timed."""

import numpy as np
import pytest
from click.testing import CliRunner

from retrax.benchmarks import alternate, checks, evidence, reference, summary, tables
from retrax.benchmarks import seed_model as seed
from retrax.benchmarks.__main__ import main
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
def test_a_peer_with_wrong_outputs_is_refused_and_not_timed(task, convention):
    setting = Setting(task, **(DECODED if task == 'decode' else SMALL), new_tokens=2)
    peers = {
        'right': Peer(setting, convention),
        'wrong': Peer(setting, convention, wrong=1e-3),
        'other': Peer(setting, convention),
    }
    peers['other'].shown = lambda: (
        peers['right'].shown() | {'convention': [not convention.reset_before, 'none']}
    )
    rows = alternate.alternate(setting, peers, 3, 60, lambda peer, _: peers[peer])
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
