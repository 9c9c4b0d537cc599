"""Runs that learn pairs of texts: figures, going on, what is written, what is told of mistakes."""

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from test_cli import refused, retrax

from retrax import configs, data, generate, models, training
from retrax import layers as tl
from retrax.interop.trax import decoding
from retrax.training import Experiment, RunDirectory

PAIRS = [data.Pair(f'{a}+{b}', str(a + b)) for a in range(9) for b in range(9)]
CONFIG = """
train.model = @Transformer()
train.task = 'pairs'
train.corpus = '{corpus}'
train.vocabulary = 'characters'
train.batch_size = 8
train.window = 3
train.target_window = 3
train.steps = 12
train.eval_every = 5
train.log_every = 4
train.optimizer = @Adam()
Adam.learning_rate = 0.02
Transformer.input_vocab_size = 14
Transformer.d_model = 8
Transformer.d_ff = 8
Transformer.n_heads = 2
Transformer.n_encoder_layers = 1
Transformer.n_decoder_layers = 1
"""


@pytest.fixture(scope='module')
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with pairs, a config and a run that has finished."""
    folder = tmp_path_factory.mktemp('home')
    (folder / 'pairs.tsv').write_text(data.format_pairs(PAIRS))
    (folder / 'mine.gin').write_text(CONFIG.format(corpus=folder / 'pairs.tsv'))
    result = retrax('train', folder / 'mine.gin', '--out', folder / 'run')
    assert result.exit_code == 0, result.output
    (folder / 'output.txt').write_text(result.output)
    return folder


def held_out() -> list[data.Pair]:
    return data.split_rows(PAIRS)[1]


def test_a_run_tells_perplexity_and_what_was_written_right(home: Path) -> None:
    output, result = (home / 'output.txt').read_text(), RunDirectory(home / 'run').result()
    assert isinstance(result, training.PairResult)
    for line in result.lines:
        assert line in output
    assert f'{100 * result.exact_match:.2f}% of the targets written right' in output
    assert '8 pairs, 3 tokens of a source and 3 of a target' in output
    assert f'{held_out()[0].source} \N{RIGHTWARDS ARROW} ' in output  # a live sample
    lines = RunDirectory(home / 'run').metrics()
    assert lines[-1]['heldout_perplexity'] == result.perplexity
    assert lines[-1]['heldout_exact_match'] == result.exact_match
    assert {'loss', 'accuracy', 'gradient_norm'} < set(lines[0])


def test_the_figures_are_counted_by_hand(home: Path) -> None:
    """Perplexity from a full pass for each pair; what is written by another decoder."""
    loaded = configs.load_run(home / 'run')
    vocabulary, view = loaded.vocabulary, loaded.model.as_mode('eval')
    nats, n_tokens, right = 0.0, 0, []
    for pair in held_out():
        source = vocabulary.encode(pair.source)[None]
        target = vocabulary.encode(pair.target + '\n')[None]
        scores = np.asarray(view((source, target))[0], np.float64)
        log_probs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
        nats -= np.take_along_axis(log_probs, target[..., None], -1).sum()
        n_tokens += target.size
        eos = int(vocabulary.encode('\n')[0])
        row = decoding.autoregressive_sample(
            loaded.model, source, 1, 0.0, eos_id=eos, max_length=3, eval_mode=True
        )[0]
        right.append(vocabulary.decode(row).partition('\n')[0] == pair.target)
    result = RunDirectory(home / 'run').result()
    assert result.perplexity == pytest.approx(math.exp(nats / n_tokens), rel=1e-5)
    assert result.exact_match == pytest.approx(np.mean(right))


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


def test_the_commands_about_a_run(home: Path, tmp_path: Path) -> None:
    run, result = home / 'run', RunDirectory(home / 'run').result()
    again = tmp_path / 'again.jsonl'
    lines = [json.dumps(pair._asdict()) for pair in held_out()]
    again.write_text('\n'.join(lines))
    for arguments in ((), ('--data', again)):
        output = retrax('eval', run, *arguments).output
        assert f'Perplexity  {result.perplexity:.4f} per token' in output
        assert f'Written     {100 * result.exact_match:.2f}% of the first 4 targets' in output
    assert f'{result.exact_match:.3f}' in retrax('runs', home).output
    assert result.figure in retrax('compare', run).output
    assert 'heldout_perplexity' in retrax('plot', run, '--metric', 'heldout_perplexity').output
    assert 'int32[b,t], int32[b,s]' in retrax('summary', run).output
    assert "the task 'pairs' has none" in refused('truncation', run)
    assert 'takes 2 inputs: two texts' in refused('inspect', run, '--text', home / 'mine.gin')


def test_generate_writes_the_target_of_a_source(home: Path, tmp_path: Path) -> None:
    loaded = configs.load_run(home / 'run')
    source = loaded.vocabulary.encode('3+4')
    row = generate(loaded.model, max_new_tokens=3, temperature=0, source=source)[0]
    written = data.text_of(loaded.vocabulary, row)
    assert retrax('generate', home / 'run', '--prompt', '3+4').output == f'{written}\n'
    (tmp_path / 'sources.txt').write_text('3+4\n1+8\n')
    arguments = ['generate', home / 'run', '--prompts', tmp_path / 'sources.txt']
    assert retrax(*arguments).output.startswith(f'3+4\t{written}\n1+8\t')
    arguments += ['--n', '2', '--temperature', '0.9', '--top-k', '5', '--seed', '3']
    output = retrax(*arguments, '--json').output
    source = [loaded.vocabulary.encode(text) for text in ('3+4', '1+8')]
    options = {'eos_id': data.end_id(loaded.vocabulary), 'top_k': 5, 'seed': 3, 'n': 2}
    rows = generate(loaded.model, None, 3, 0.9, source=source, **options)
    texts = [data.text_of(loaded.vocabulary, row) for row in rows]
    assert [json.loads(line)['text'] for line in output.splitlines()] == texts
    assert f'3+4 \N{RIGHTWARDS ARROW} {texts[0]}' in retrax(*arguments).output
    written = retrax('generate', home / 'run', '--prompt', '1+8', '--regex', '[0-9]{2}').output
    assert re.fullmatch(r'\d\d\n', written)
    assert 'give one, --prompt SOURCE' in refused('generate', home / 'run')


def test_longer_pairs_are_left_out_and_the_last_batch_is_filled() -> None:
    vocabulary = data.ByteVocabulary()
    batches = data.PairBatches([*PAIRS[:5], data.Pair('100+100', '200')], vocabulary, 2, 3, 3)
    assert (batches.n_left_out, len(batches), len(batches.pairs)) == (1, 3, 5)
    last = batches[2]
    assert last.weights.sum(axis=1).tolist() == [2, 0]
    np.testing.assert_array_equal(last.source[0], last.source[1])
    shuffled = data.PairBatches(PAIRS, vocabulary, 8, 3, 3, seed=1)
    for epoch in (0, 1):
        n = len(shuffled)
        taken = [shuffled[epoch * n + i] for i in range(n)]
        rows = [row for b in taken for row in b.source[b.weights[:, 0] > 0]]
        assert sorted(map(vocabulary.decode, rows)) == sorted(pair.source for pair in PAIRS)
    assert (shuffled[0].source != shuffled[len(shuffled)].source).any()


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('', 'is empty: there is nothing to learn from'),
        ('a\tb\n' * 19, 'expected at least 20 rows.*got 19'),
        ('a\tb\n' * 20 + 'none here\n', "line 21: expected SOURCE, a tab and TARGET, got 'none he"),
        ('a\t\n' * 20, 'line 1: expected SOURCE, a tab and TARGET'),
        ('a\tb\tfrom here\n' * 20, 'with 2 tabs; cut -f1,2 leaves out the other columns'),
        ('aaaaaa\tb\n' * 20, '4 tokens of a source and 3 of a target, .* the longest have 6 and 2'),
    ],
)
def test_what_is_no_text_of_pairs(tmp_path: Path, content: str, message: str) -> None:
    (tmp_path / 'pairs.tsv').write_text(content)
    told = Experiment(
        models.LSTMSeq2SeqAttn(256, 256, 4),
        str(tmp_path / 'pairs.tsv'),
        task='pairs',
        window=4,
        target_window=3,
    )
    with pytest.raises(ValueError, match=message):
        told.material()


def test_pairs_of_json_lines_name_their_mistakes(tmp_path: Path) -> None:
    file = tmp_path / 'x.jsonl'
    for content, message in (
        ('{"source": "a", "target": "b\\tc"}', r'x\.jsonl, line 1: expected a target in one line'),
        ('{"source": "a"}', r"x\.jsonl, line 1: no field 'target'"),
    ):
        file.write_text(content)
        with pytest.raises(ValueError, match=message):
            data.load(file)


def test_models_that_are_not_of_two_texts() -> None:
    lm, pairs = models.GRULM(256, 4), models.LSTMSeq2SeqAttn(256, 256, 4)
    with pytest.raises(
        ValueError, match=r"takes 1 input\. That is for train\.task = 'language' or"
    ):
        Experiment(lm, task='pairs').output_signature()
    with pytest.raises(ValueError, match=r"(?s)one text, .* takes 2 inputs\. .* or 'pairs'\."):
        Experiment(pairs).output_signature()
    alone = tl.Serial(pairs, tl.Select([0], n_in=2))
    with pytest.raises(ValueError, match=r'and the target \(32, 64\) below it, got .*Select'):
        Experiment(alone, task='pairs').output_signature()
    with pytest.raises(ValueError, match="pairs of texts, and the task 'language' has one text"):
        Experiment(lm, target_window=3)


def test_notices_of_what_is_left_out(tmp_path: Path) -> None:
    file = tmp_path / 'pairs.tsv'
    file.write_text('a\tb\n' * 30 + 'aaaaa\tb\n' * 10)
    told = Experiment(models.LSTMSeq2SeqAttn(256, 256, 4), str(file), task='pairs', window=4)
    material = told.material()
    assert told.what.notices(material) == [
        '9 of 38 training pairs are longer than train.window or train.target_window, and left out.',
        '1 of 2 held-out pairs are longer than train.window or train.target_window, and left out.',
    ]
