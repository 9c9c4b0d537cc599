"""Runs that learn classes and tags: batches, figures, going on, and what is told of mistakes."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from test_cli import refused, retrax

from retrax import configs, data, models, training
from retrax import layers as tl
from retrax.training import Experiment, RunDirectory

ROWS = {
    'classes': [data.Row('ab'[i % 2], f'{"xy"[i % 2]} says {i}') for i in range(60)],
    'tags': [
        data.Row(''.join('0' if c.isdigit() else '-' for c in f'hé {i}'), f'hé {i}')
        for i in range(60)
    ],
}
CONFIG = """
train.model = @{model}()
train.task = '{task}'
train.corpus = '{corpus}'
train.batch_size = 8
train.window = 12
train.steps = 12
train.eval_every = 5
train.log_every = 4
train.optimizer = @Adam()
Adam.learning_rate = 0.05
{model}.d_model = 4
"""


@pytest.fixture(scope='module', params=['classes', 'tags'])
def home(request, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with labelled rows, a config and a run that has finished."""
    folder = tmp_path_factory.mktemp(request.param)
    (folder / 'rows.tsv').write_text(data.format_rows(ROWS[request.param]), encoding='utf-8')
    model = {'classes': 'RNNClassifier', 'tags': 'RNNTagger'}[request.param]
    text = CONFIG.format(model=model, task=request.param, corpus=folder / 'rows.tsv')
    (folder / 'mine.gin').write_text(text)
    result = retrax('train', folder / 'mine.gin', '--out', folder / 'run')
    assert result.exit_code == 0, result.output
    (folder / 'output.txt').write_text(result.output)
    return folder


def task_of(home: Path) -> str:
    return RunDirectory(home / 'run').facts()['task']


def test_a_run_tells_accuracy_beside_baselines(home: Path) -> None:
    output = (home / 'output.txt').read_text()
    result = RunDirectory(home / 'run').result()
    assert isinstance(result, training.LabelResult)
    assert f'Held out    {100 * result.accuracy:.2f}% right after 12 steps' in output
    for name, value in result.baselines.items():
        assert f'Baseline    {100 * value:.2f}% ({name})' in output
    assert 'A sample' not in output
    lines = RunDirectory(home / 'run').metrics()
    assert lines[-1]['heldout_accuracy'] == result.accuracy
    assert {'loss', 'accuracy', 'gradient_norm'} < set(lines[0])
    facts = json.loads((home / 'run/run.json').read_text())
    assert facts['labels'] == {'classes': ['a', 'b'], 'tags': ['-', '0']}[task_of(home)]


def test_accuracy_is_counted_by_hand(home: Path) -> None:
    loaded = configs.load_run(home / 'run')
    heldout = data.split_rows(ROWS[task_of(home)])[1]
    labels, right = loaded.metadata['labels'], []
    for row in heldout:
        ids = loaded.vocabulary.encode(row.text)[None, :12]
        found = np.asarray(loaded.model.as_mode('eval')(ids))[0].argmax(-1)
        if task_of(home) == 'classes':
            right.append(labels[found] == row.label)
        else:
            each = [tag for c, tag in zip(row.text, row.label, strict=True) for _ in c.encode()]
            right += [labels[i] == tag for i, tag in zip(found, each, strict=True)]
    accuracy = RunDirectory(home / 'run').result().accuracy
    assert accuracy == pytest.approx(np.mean(right), abs=1e-6)


def test_eval_runs_and_generate(home: Path, tmp_path: Path) -> None:
    accuracy = RunDirectory(home / 'run').result().accuracy
    unit = {'classes': 'rows', 'tags': 'tokens'}[task_of(home)]
    told = f'Accuracy    {100 * accuracy:.2f}% of {unit} right'
    assert told in retrax('eval', home / 'run').output
    again = tmp_path / 'again.tsv'
    again.write_text(data.format_rows(data.split_rows(ROWS[task_of(home)])[1]), encoding='utf-8')
    assert told in retrax('eval', home / 'run', '--data', again).output
    again.write_text('?\t!\n')
    message = refused('eval', home / 'run', '--data', again)
    assert "the rows have labels that the model does not know: ['?']" in message
    assert f'{accuracy:.3f}' in retrax('runs', home).output
    message = refused('generate', home / 'run')
    assert 'this run has no language model' in message
    assert f'retrax eval {home / "run"}' in message


def test_going_on_changes_no_bit(home: Path, tmp_path: Path) -> None:
    class Stop(training.Reporter):
        def evaluated(self, step, evaluation, model) -> None:
            if step == 5:
                raise KeyboardInterrupt

    config = configs.load(str(home / 'mine.gin'))
    with pytest.raises(KeyboardInterrupt):
        training.train(config.experiment(), tmp_path / 'run', config.text, Stop())
    training.train(config.experiment(), tmp_path / 'run', config.text)
    one, two = (RunDirectory(folder / 'run') for folder in (home, tmp_path))
    for name in ('arrays.safetensors', 'checkpoint.json'):
        assert (one.newest / name).read_bytes() == (two.newest / name).read_bytes()
    assert one.metrics() == two.metrics()


@pytest.mark.parametrize(
    ('model', 'task', 'message'),
    [
        (models.RNNTagger(256, 2, 4), 'classes', r'\(batch, classes\), here \(32, classes\)'),
        (models.RNNClassifier(256, 2, 4), 'tags', r'\(batch, time, tags\), here \(32, 64, tags\)'),
        (models.RNNClassifier(256, 2, 4), 'language', 'A language model ends with'),
        (models.RNNClassifier(256, 2, 4), 'sentiment', "train.task: expected one of .'language'"),
    ],
)
def test_a_model_for_another_task(model: tl.Layer, task: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Experiment(model, task=task).output_signature()


def test_as_many_labels_as_the_model_has(tmp_path: Path) -> None:
    corpus = tmp_path / 'rows.tsv'
    corpus.write_text(data.format_rows(ROWS['classes']))
    told = Experiment(models.RNNClassifier(256, 3, 4), str(corpus), task='classes')
    with pytest.raises(ValueError, match='has 2 classes, so the model must give') as error:
        training.train(told, tmp_path / 'run')
    assert 'Set its n_classes to 2' in str(error.value)
    assert not (tmp_path / 'run').exists()


def test_notices_of_what_is_cut(tmp_path: Path) -> None:
    file = tmp_path / 'rows.tsv'
    file.write_text(data.format_rows(ROWS['classes']))
    told = Experiment(models.RNNClassifier(256, 2, 4), str(file), task='classes', window=8)
    parts = dict(zip(('training', 'held-out'), data.split_rows(ROWS['classes']), strict=True))
    n_cut = {what: sum(len(row.text) > 8 for row in rows) for what, rows in parts.items()}
    assert all(0 < n_cut[what] for what in parts)
    assert told.what.notices(told.material()) == [
        f'{n_cut[what]} of {len(rows)} {what} rows are longer than train.window, and what is '
        'beyond it is cut off.'
        for what, rows in parts.items()
    ]
    assert not told.what.notices(dataclasses.replace(told, window=9).material())


def test_evaluate_takes_metrics() -> None:
    model = tl.Serial(tl.Embedding(4, 2), tl.Dense(3), tl.LogSoftmax())
    model.init(tl.ShapeDtype((2, 3), np.int32))
    ids, targets = np.array([[1, 2, 3], [3, 2, 1]]), np.array([[0, 1, 2], [2, 2, 2]])
    weights = np.array([[1, 1, 0], [1, 1, 1]], np.float32)
    found = training.evaluate(model, [(ids, targets, weights)], metrics={'acc': tl.Accuracy()})
    right = np.asarray(model(ids)).argmax(-1) == targets
    assert found.metrics == {'acc': pytest.approx((right * weights).sum() / 5)}
