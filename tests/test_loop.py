"""The Loop of Trax's words: its numbers, its lines, its files, and going on."""

import itertools
import re
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from test_golden import ARRAYS, ready_model
from tolerances import assert_close

from retrax import data, models, optimizers, training
from retrax import layers as tl
from retrax.checkpoints import CheckpointError
from retrax.interop.trax import training as trax_training

RECORDED = dict(np.load(Path(__file__).parent / 'golden' / 'training' / 'optimizers.npz'))
X, Y = np.arange(8, dtype=np.float32)[:, None], np.full((8, 1), np.pi, np.float32)
BATCHES = [(X, Y, np.ones_like(Y)), (X + 1, Y, np.ones_like(Y)), (X, -Y, np.ones_like(Y))]
LOSS, OPTIMIZER = tl.L2Loss(), optimizers.Adam(0.1)


def train_task(**more: Any) -> training.TrainTask:
    return training.TrainTask(BATCHES, LOSS, more.pop('optimizer', OPTIMIZER), **more)


def eval_task(**more: Any) -> training.EvalTask:
    return training.EvalTask(BATCHES, [LOSS], **more)


def loop(model: Any = None, tasks: Any = None, **more: Any) -> training.Loop:
    return training.Loop(model or tl.Serial(tl.Dense(1)), tasks or train_task(), **more)


def every(n: int):
    return lambda step: step % n == 0


def weights_of(made: training.Loop) -> dict:
    return {path: np.asarray(w) for path, w in made.model.named_weights().items()}


@pytest.mark.parametrize(
    'case', ['GRULM_small', 'GRULM_full', 'trax_models_GRULM', 'trax_models_RNNLM']
)
def test_ten_steps_are_those_of_trax(case: str) -> None:
    """Losses, norms and weights that Trax's own loop recorded; float32, ten steps."""
    model, x = ready_model(case), ARRAYS[f'{case}/x']
    batch = x, x, ARRAYS[f'{case}/loss_weights']
    task = training.TrainTask(
        itertools.repeat(batch), tl.CrossEntropyLoss(), optimizers.Adam(0.001)
    )
    made = loop(model, task, eval_at=every(1))
    made.run(10)

    def found(name: str) -> Any:
        return np.float32([value for _, value in made.history.get('train', f'training/{name}')])

    assert_close(found('loss'), RECORDED[f'{case}/adam_losses'])
    if case == 'GRULM_full':  # in its sums of millions of squares Trax's float32 lost 0.2 %
        norms = [ARRAYS[f'{case}/CrossEntropyLoss_grad{i}_l2'] for i in range(11)]
        assert_close(found('gradients_l2')[0], np.linalg.norm(norms))
    else:
        assert_close(found('gradients_l2'), RECORDED[f'{case}/adam_grad_l2'])
        before_each_step = RECORDED[f'{case}/adam_weights_l2']
        assert_close(found('weights_l2')[:-1], before_each_step[1:])
    for i, weights in enumerate(jax.tree.leaves(model.weights)):
        picked = weights.ravel()[RECORDED[f'{case}/adam10_w{i}_idx']]
        assert_close(picked, RECORDED[f'{case}/adam10_w{i}_val'])


def test_it_prints_the_lines_of_trax(capsys) -> None:
    made = loop(eval_tasks=[eval_task(metric_names=['error'], n_eval_batches=3)], eval_at=every(2))
    assert made.step == 0
    made.run(1)
    assert capsys.readouterr().out == ''
    made.run(3)
    lines = capsys.readouterr().out.splitlines()
    pattern = [
        r'',
        r'Step      2: Ran 1 train steps in \d+\.\d\d secs',
        r'Step      2: train L2Loss \|  \d+\.\d{8}',
        r'Step      2: eval   error \|  \d+\.\d{8}',
    ]
    pattern += [p.replace('2:', '4:').replace('Ran 1', 'Ran 2') for p in pattern]
    for line, expected in zip(lines, pattern, strict=True):
        assert re.fullmatch(expected, line), line
    (_, first), (_, second) = made.history.get('eval', 'metrics/error')
    assert f'{second: .8f}' in lines[-1]
    assert first != second
    made = loop()
    made.run(1)
    assert 'Step      1: Total number of trainable weights: 2' in capsys.readouterr().out


def test_metrics_are_means_over_the_eval_batches() -> None:
    model = tl.Serial(tl.Dense(1))
    worst = tl.Fn('Worst', lambda out, target: jnp.max(jnp.abs(out - target)))
    task = training.EvalTask(BATCHES, [LOSS, worst], n_eval_batches=3)
    made = loop(model, eval_tasks=task)
    made.run_evals()
    errors = [np.asarray(model(x)) - y for x, y, _ in BATCHES]
    ((_, found),) = made.history.get('eval', 'metrics/L2Loss')
    assert found == pytest.approx(np.mean([np.mean(e**2) for e in errors]), rel=1e-5)
    ((_, found),) = made.history.get('eval', 'metrics/Worst')
    assert found == pytest.approx(np.mean([np.abs(e).max() for e in errors]), rel=1e-5)


def test_the_learning_rate_is_that_of_the_schedule() -> None:
    """A rate of 0 moves nothing; the first step is 1."""
    asked: list[int] = []

    def schedule(step: int) -> float:
        asked.append(step)
        return 0.1 if step < 3 else 0.0

    for sgd in (optimizers.SGD(5.0), optax.inject_hyperparams(optax.sgd)(5.0)):
        asked.clear()
        task = train_task(optimizer=sgd, lr_schedule=schedule)
        made = loop(tasks=task, eval_at=every(1))
        before = weights_of(made)
        made.run(2)
        moved = weights_of(made)
        made.run(2)
        assert any(np.any(before[path] != moved[path]) for path in before)
        for path, array in weights_of(made).items():
            np.testing.assert_array_equal(array, moved[path])
        assert asked == [1, 2, 3, 4]
        rates = [rate for _, rate in made.history.get('train', 'training/learning_rate')]
        np.testing.assert_allclose(rates, [0.1, 0.1, 0, 0], rtol=1e-6)
    with pytest.raises(ValueError, match='needs an optimizer whose state has a learning rate'):
        loop(tasks=train_task(optimizer=optax.sgd(0.1), lr_schedule=schedule)).run(1)


def test_two_tasks_share_weights_and_keep_their_own_optimizers() -> None:
    """Alternating tasks with momentum, against the same in NumPy."""
    rates, mass = (0.02, 0.005), 0.9
    tasks = [
        training.TrainTask([BATCHES[i]], LOSS, optimizers.Momentum(rate, mass, 0.0, nesterov=False))
        for i, rate in enumerate(rates)
    ]
    model = tl.Dense(1, use_bias=False)
    made = loop(model, tasks, which_task=lambda step: step % 2)
    w, velocity = float(model.weights[0, 0]), [0.0, 0.0]
    made.run(6)
    for step in range(1, 7):
        task = step % 2
        x, y, _ = (np.asarray(a, np.float64) for a in BATCHES[task])
        gradient = np.mean(2 * (w * x - y) * x)
        velocity[task] = mass * velocity[task] + gradient
        w -= rates[task] * velocity[task]
    assert float(model.weights[0, 0]) == pytest.approx(w, rel=1e-5)


def test_models_of_several_inputs_and_outputs() -> None:
    """As in Trax a batch is a stack: the model takes its inputs, the loss takes what follows."""
    batch = X, 2 * X, Y, np.ones_like(Y)
    model = tl.Serial(tl.Parallel(tl.Dense(3), tl.Dense(2)))
    first, second = (tl.Serial(tl.Select([i], n_in=2), tl.L2Loss()) for i in (0, 1))
    wide = X, 2 * X, np.repeat(Y, 3, 1), np.ones((8, 3), np.float32)
    narrow = (*batch[:2], *(np.repeat(array, 2, 1) for array in batch[2:]))
    tasks = [
        training.TrainTask(itertools.repeat(wide), first, optimizers.SGD(0.01)),
        training.TrainTask(itertools.repeat(narrow), second, optimizers.SGD(0.01)),
    ]
    made = loop(model, tasks, eval_tasks=training.EvalTask([narrow], [second]), eval_at=every(10))
    made.run(20)
    (_, before), (_, after) = made.history.get('eval', 'metrics/Serial')
    assert after < before
    assert [out.shape for out in made.eval_model((X, X))] == [(8, 3), (8, 2)]


def noisy() -> tl.Serial:
    return tl.Serial(tl.Dense(4), tl.BatchNorm(axis=0), tl.Dropout(0.5), tl.Dense(1))


def test_a_loop_that_is_made_again_goes_on(tmp_path: Path) -> None:
    """Bit for bit: weights, statistics, optimizers, keys, batches and history."""

    def made(folder: str) -> training.Loop:
        tasks = [train_task(), training.TrainTask(BATCHES[::-1], LOSS, optimizers.SM3(0.1))]
        places = {'output_dir': tmp_path / folder, 'checkpoint_at': every(3)}
        return loop(noisy(), tasks, eval_tasks=eval_task(), eval_at=every(2), **places)

    whole, parts = made('whole'), made('parts')
    whole.run(9)
    parts.run(4)
    assert weights_of(parts) != {}
    again = made('parts')
    assert again.step == 3
    assert (
        again.history.get('eval', 'metrics/L2Loss')
        == parts.history.get('eval', 'metrics/L2Loss')[:1]
    )
    again.run(6)
    assert again.step == 9
    for path, array in weights_of(whole).items():
        np.testing.assert_array_equal(array, weights_of(again)[path])
    jax.tree.map(np.testing.assert_array_equal, whole.model.state, again.model.state)
    names = ('metrics/L2Loss', 'training/loss', 'training/gradients_l2')
    for mode, name in itertools.product(('train', 'eval'), names):
        assert again.history.get(mode, name) == whole.history.get(mode, name)


def measured(made: training.Loop) -> dict:
    """The history, but for how fast it went."""
    found = made.history.to_dict()
    del found['train']['training/steps per second']
    return found


@pytest.mark.parametrize('kind', [training.Loop, trax_training.Loop])
def test_a_checkpoint_holds_what_was_measured_at_its_step(kind: Any, tmp_path: Path) -> None:
    """So where both are at one step, as by default, it goes on bit for bit too."""

    def made(folder: str) -> training.Loop:
        at = every(2)
        more = {'output_dir': tmp_path / folder, 'checkpoint_at': at, 'eval_at': at}
        return kind(noisy(), train_task(), eval_tasks=eval_task(), **more)

    whole, parts = made('whole'), made('parts')
    whole.run(4)
    parts.run(2)
    again = made('parts')
    assert again.step == 2
    again.run(2)
    assert [step for step, _ in whole.history.get('eval', 'metrics/L2Loss')] == [2, 4]
    assert measured(again) == measured(whole)
    for path, array in weights_of(whole).items():
        np.testing.assert_array_equal(array, weights_of(again)[path])
    jax.tree.map(np.testing.assert_array_equal, whole.model.state, again.model.state)


def test_it_finds_what_an_interrupted_save_set_aside(tmp_path: Path) -> None:
    made = loop(output_dir=tmp_path, eval_at=every(9))
    made.run(1)
    (tmp_path / 'model').rename(tmp_path / '.model.old')  # killed between two renames
    assert loop(output_dir=tmp_path).step == 1


def test_a_record_is_of_its_step_and_never_nan() -> None:
    values, saved = iter([float('nan'), 3.0, 5.0]), []
    made = loop(
        eval_tasks=eval_task(metric_names=['error']),
        eval_at=every(2),
        checkpoint_at=every(1),
        checkpoint_low_metric='error',
        checkpoint_high_metric='error',
    )
    made.run_evals = lambda: made.history.append('eval', 'metrics/error', made.step, next(values))
    made.save_checkpoint = lambda basename: saved.append((basename, made.step))
    made.run(7)
    records = [entry for entry in saved if entry[0] != 'model']
    assert records == [('lowest_error', 4), ('highest_error', 4), ('highest_error', 6)]
    assert [step for name, step in saved if name == 'model'] == list(range(1, 8))


def test_which_checkpoints_are_saved(tmp_path: Path) -> None:
    values = iter([3.0, 2.0, 4.0, 1.0])
    made = loop(
        eval_tasks=eval_task(metric_names=['error']),
        output_dir=tmp_path,
        eval_at=every(1),
        checkpoint_at=every(1),
        permanent_checkpoint_at=every(3),
        checkpoint_low_metric='error',
        checkpoint_high_metric='error',
    )
    made.run_evals = lambda: made.history.append('eval', 'metrics/error', made.step, next(values))
    steps: dict[str, int] = {}
    for step in range(1, 5):
        made.run(1)
        for folder in tmp_path.iterdir():
            if folder.name in ('train', 'eval'):  # for TensorBoard
                continue
            found = loop()
            found.load_checkpoint(tmp_path, folder.name)
            if found.step == step:
                steps[folder.name] = step
    assert steps == {'model': 4, 'model_3': 3, 'lowest_error': 4, 'highest_error': 3}
    assert made.output_dir == tmp_path


def test_callbacks_see_the_model_of_their_step() -> None:
    seen: list[Any] = []

    class Watch(training.TrainingStepCallback):
        def call_at(self, step: int) -> bool:
            return step in (1, 3)

        def on_step_begin(self, step: int) -> None:
            seen.append(('begin', step, self._loop.step, weights_of(self._loop)))

        def on_step_end(self, step: int) -> None:
            seen.append(('end', step, self._loop.step, weights_of(self._loop)))

    loop(callbacks=[Watch]).run(4)
    assert [entry[:3] for entry in seen] == [
        *(('begin', 1, 0), ('end', 1, 1), ('begin', 3, 2), ('end', 3, 3))
    ]
    kernels = {entry[3]['Dense#1.w'].tobytes() for entry in seen}
    assert len(kernels) == 4


def test_an_eval_model_of_its_own_gets_weights_and_statistics() -> None:
    model, eval_model = noisy(), noisy()
    made = loop(model, eval_model=eval_model, eval_tasks=eval_task())
    made.run(5)
    for array, other in zip(
        jax.tree.leaves(model.weights), jax.tree.leaves(made.eval_model.weights), strict=True
    ):
        np.testing.assert_array_equal(array, other)
    np.testing.assert_array_equal(model.as_mode('eval')(X), eval_model.as_mode('eval')(X))


def test_contiguous_batches_carry_the_state() -> None:
    """The loss over windows with a rate of 0 is that of one long pass."""
    text = 'the cat sat on the mat and the dog sat on the log. ' * 2
    ids = data.ByteVocabulary().encode(text)[:64]
    model = models.GRULM(vocab_size=256, d_model=8, n_layers=1)
    batches = data.ContiguousBatches(ids, 2, 8)
    task = training.TrainTask(batches, tl.CrossEntropyLoss(), optimizers.SGD(0.0))
    made = loop(model, task, eval_at=every(4))
    made.run(8)
    rows = ids.reshape(2, 32)
    whole = float(tl.CrossEntropyLoss()((model(rows), rows, np.ones(rows.shape))))
    losses = [loss for _, loss in made.history.get('train', 'training/loss')]
    np.testing.assert_allclose(losses, [whole, whole], rtol=1e-5)


def test_contiguous_tasks_that_alternate_keep_their_states(tmp_path: Path) -> None:
    """Streams of other sizes; stopped where the second task is on, it goes on bit for bit."""
    ids = data.ByteVocabulary().encode('the cat sat on the mat and the dog sat on the log. ' * 2)

    def made(folder: str) -> training.Loop:
        tasks = [
            training.TrainTask(
                data.ContiguousBatches(ids[:96], n, 6), tl.CrossEntropyLoss(), optimizers.SGD(0.1)
            )
            for n in (2, 3)
        ]
        model = models.GRULM(vocab_size=256, d_model=4, n_layers=1)
        places = {'output_dir': tmp_path / folder, 'eval_at': every(3)}
        return loop(model, tasks, checkpoint_at=every(5), **places)

    whole, parts = made('whole'), made('parts')
    whole.run(9)
    parts.run(5)
    again = made('parts')
    assert again.step == 5
    again.run(4)
    for path, array in weights_of(whole).items():
        np.testing.assert_array_equal(array, weights_of(again)[path])
    losses = again.history.get('train', 'training/loss')
    assert losses == whole.history.get('train', 'training/loss')


def test_a_step_that_is_not_finite_stops_it(tmp_path: Path) -> None:
    bad = [*BATCHES, (np.full_like(X, np.nan), Y, np.ones_like(Y))]
    task = training.TrainTask(bad, LOSS, OPTIMIZER)
    made = loop(tasks=task, output_dir=tmp_path, checkpoint_at=every(2), eval_at=every(50))
    with pytest.raises(training.DivergedError, match=r'^step 4: input 1 of the batch is NaN'):
        made.run(10)
    assert all(np.all(np.isfinite(array)) for array in weights_of(made).values())
    assert loop(output_dir=tmp_path).step == 2


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match='at least one training task'):
        training.Loop(tl.Dense(1), [])
    with pytest.raises(ValueError, match=r'n_devices=8, but there are \d'):
        loop(n_devices=8)
    with pytest.raises(ValueError, match=r"save the lowest 'err': .* eval tasks are \['L2Loss'\]"):
        loop(eval_tasks=eval_task(), checkpoint_low_metric='err')
    with pytest.raises(ValueError, match=r"the highest 'L2Loss': more than one .* Name them apart"):
        loop(eval_tasks=[eval_task(), eval_task()], checkpoint_high_metric='L2Loss')
    with pytest.raises(ValueError, match=r"1 metrics have 2 names: \['a', 'b'\]"):
        eval_task(metric_names=['a', 'b'])
    with pytest.raises(ValueError, match=r'expected token ids .* got tuple of 4'):
        loop(tasks=training.TrainTask([(X, Y, Y, Y)], LOSS, OPTIMIZER))
    loop(output_dir=tmp_path).save_checkpoint('model')
    with pytest.raises(CheckpointError, match='saved from another model'):
        loop(tl.Serial(tl.Dense(1), tl.Dense(1)), output_dir=tmp_path)
    alone = loop()
    alone.save_checkpoint('model')  # no output_dir: no file
    alone.load_checkpoint()
    with pytest.raises(CheckpointError, match=r'typo.model: expected a checkpoint, .* nothing\.'):
        alone.load_checkpoint(tmp_path / 'typo')
    with pytest.raises(CheckpointError, match=r"\(filename='best'\): expected a directory too"):
        alone.load_checkpoint(filename='best')


def test_the_history_is_what_was_appended() -> None:
    history = training.LoopHistory()
    history.append('train', 'loss', 1, 0.1)
    history.append('test', 'error', 2, float('nan'))
    assert history.modes == ['test', 'train']
    assert history.metrics_for_mode('train') == ['loss']
    assert history.metrics_for_mode('no') == history.get('no', 'loss') == []
    again = training.LoopHistory.from_dict(history.to_dict())
    assert again.get('train', 'loss') == [(1, 0.1)]
    assert str(again) == str(history)


@pytest.mark.parametrize('value', [1.5, 3.0, -1.0])
def test_float_targets_that_are_no_classes_are_refused(value: float) -> None:
    x, y = np.ones((2, 4), np.float32), np.array([2.0, value], np.float32)
    task = training.TrainTask([(x, y)], tl.CrossEntropyLoss(), OPTIMIZER)
    model = tl.Serial(tl.Dense(3), tl.LogSoftmax())
    with pytest.raises(ValueError, match='the targets of a batch'):
        training.Loop(model, task).run(1)


def test_float_targets_that_are_no_classes_for_the_loss_are_learned() -> None:
    y = np.full((8, 3), 1.5, np.float32)
    made = loop(tl.Dense(3), training.TrainTask([(X, y)], LOSS, OPTIMIZER))
    made.run(1)
    assert made.step == 1


def test_ids_that_a_table_does_not_have_are_refused_in_training_and_evaluation() -> None:
    x, y = np.array([[1, 12]]), np.array([[1, 2]])
    model = tl.Serial(tl.Embedding(10, 8), tl.Dense(3), tl.LogSoftmax())
    task = training.TrainTask([(x, y)], tl.CrossEntropyLoss(), OPTIMIZER)
    expected = r'Embedding#1[\s\S]*from 0 to 9[\s\S]*12'
    with pytest.raises(tl.LayerError, match=expected):
        training.Loop(model, task).run(1)
    with pytest.raises(tl.LayerError, match=expected):
        training.evaluate(model, [(x, y)])
    with pytest.raises(ValueError, match='tells apart 3 categories'):
        training.evaluate(model, [(y, x)])
    assert training.evaluate(model, [(y, y)]).nats > 0
