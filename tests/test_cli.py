"""The command: what it prints, what it exits with, and what users are told."""

import json
import re
import shutil
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from retrax import generate, load, training
from retrax.cli import main
from retrax.cli.text import printable

TEXT = 'the cat sat on the mat and the dog sat on the log. ' * 20
CONFIG = """
STEPS = 6
train.model = @GRULM()
train.corpus = '{corpus}'
train.batch_size = 4
train.window = 8
train.steps = %STEPS
train.eval_every = 3
train.log_every = 2
GRULM.d_model = 8
GRULM.n_layers = 1
"""


def retrax(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments: str | Path) -> str:
    """Runs a command that must end with 1 and one message; returns the message."""
    result = retrax(*arguments)
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert result.stderr.startswith('Error: ')
    assert 'Traceback' not in result.output
    return result.stderr


@pytest.fixture(scope='module')
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a config, a corpus, and a run that has finished."""
    folder = tmp_path_factory.mktemp('home')
    (folder / 'corpus.txt').write_text(TEXT)
    (folder / 'mine.gin').write_text(CONFIG.format(corpus=folder / 'corpus.txt'))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = retrax('train', 'mine.gin')
    assert result.exit_code == 0, result.output
    (folder / 'output.txt').write_text(result.output)
    return folder


@pytest.fixture
def run(home: Path, tmp_path: Path) -> Path:
    """A copy of the run, to be damaged."""
    shutil.copytree(home / 'runs/mine', tmp_path / 'run')
    return tmp_path / 'run'


def test_train_prints_how_it_goes(home: Path) -> None:
    output = (home / 'output.txt').read_text()
    for words in (
        'Device      CPU, ',
        'corpus.txt, 1,020 characters, sha256 ',
        '969 characters to learn from, 51 held out',
        '256 ids (bytes)',
        'step      2  loss 5.5',
        'tokens/s  ETA',
        'step      3  held out: ',
        'step      6  held out: ',
        'bits per character after 6 steps',
        'interpolated Witten-Bell, 3 characters of context',
        'Run         runs/mine',
        'A sample:',
    ):
        assert words in output


def test_a_second_train_says_that_it_is_finished(home: Path, monkeypatch) -> None:
    monkeypatch.chdir(home)
    result = retrax('train', 'mine.gin')
    assert result.exit_code == 0
    assert 'runs/mine is finished' in result.output
    assert 'bits per character after 6 steps' in result.output
    assert 'step      2' not in result.output


def test_another_config_in_the_same_run(home: Path, monkeypatch) -> None:
    monkeypatch.chdir(home)
    message = refused('train', 'mine.gin', '--steps', '7')
    assert 'made with another configuration' in message
    assert '-STEPS = 6\n  +STEPS = 7' in message


def test_generate(home: Path) -> None:
    result = retrax('generate', home / 'runs/mine', '--prompt', 'the ', '--length', '40')
    assert result.exit_code == 0
    assert result.output.startswith('the ')
    again = retrax('generate', home / 'runs/mine', '--prompt', 'the ', '--length', '40')
    other = retrax('generate', home / 'runs/mine', '--prompt', 'the ', '--length', '40', '--seed=1')
    assert again.output == result.output != other.output


def test_generate_streams_what_generate_makes(home: Path, tmp_path: Path) -> None:
    (tmp_path / 'prompt.txt').write_text('the ')
    options = ['--length', '70', '--top-k', '40', '--repetition-penalty', '1.1', '--seed', '3']
    result = retrax(
        'generate', home / 'runs/mine', '--prompt-file', tmp_path / 'prompt.txt', *options
    )
    assert result.exit_code == 0, result.output
    model, vocabulary = load(home / 'runs/mine')
    made = generate(
        model, vocabulary.encode('the '), 70, 0.8, seed=3, top_k=40, repetition_penalty=1.1
    )
    assert result.output == printable('the ' + vocabulary.decode(made[0])) + '\n'


def test_generate_many(home: Path) -> None:
    result = retrax('generate', home / 'runs/mine', '--length', '8', '--n', '5', '--min-p', '0.1')
    assert result.exit_code == 0, result.output
    assert 'log p / character' in result.output
    figures = [float(x) for x in re.findall(r'-\d\.\d{3}', result.output)]
    assert len(figures) == 5
    assert figures == sorted(figures, reverse=True)


def test_generate_texts_of_a_form(home: Path) -> None:
    pattern = r'(\d\d:){3,9}[a-e]'
    arguments = ['generate', home / 'runs/mine', '--prompt', 'at ', '--length', '20', '--regex']
    result = retrax(*arguments, pattern)
    assert result.exit_code == 0, result.output
    assert re.fullmatch(f'at {pattern}\n', result.output)
    result = retrax(*arguments, pattern, '--n', '4', '--json')
    texts = [json.loads(line)['text'] for line in result.output.splitlines()]
    assert len(set(texts)) == 4
    assert all(re.fullmatch(pattern, text) for text in texts)
    assert 'a ( without its ), at position 2' in refused(*arguments, 'ab(c')
    assert 'needs at least 30 ids more' in refused(*arguments, 'a{30}')


def test_generate_for_each_line_of_a_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / 'prompts.txt').write_bytes(
        '\ufeffthe cat\r\n\r\na dog\u2028sat\r\n'.encode()  # as an editor of Windows writes it
    )
    arguments = ['generate', home / 'runs/mine', '--prompts', tmp_path / 'prompts.txt']
    result = retrax(*arguments, '--length', '9', '--n', '2', '--json', '--deterministic')
    assert result.exit_code == 0, result.output
    rows = [json.loads(line) for line in result.output.rstrip('\n').split('\n')]
    model, vocabulary = load(home / 'runs/mine')
    prompts = [vocabulary.encode(text) for text in ('the cat', '\n', 'a dog\u2028sat')]
    tokens, log_probs = generate(model, prompts, 9, 0.8, n=2, return_log_probs=True)
    assert [row['text'] for row in rows] == [vocabulary.decode(line) for line in tokens]
    assert [row['prompt'] for row in rows] == ['the cat'] * 2 + [''] * 2 + ['a dog\u2028sat'] * 2
    assert [row['row'] for row in rows] == [*range(6)]
    for row, expected in zip(rows, log_probs.sum(axis=1), strict=True):
        assert row['log_prob'] == pytest.approx(expected, abs=1e-3)
        per_character = row['log_prob'] / len(row['text'])
        assert row['log_prob_per_character'] == pytest.approx(per_character)
    table = retrax(*arguments, '--length', '9')
    assert table.exit_code == 0, table.output
    places = [table.output.index(text) for text in ('the cat', 'a dog')]
    assert places == sorted(places)


def test_generate_without_some_characters_and_up_to_one(home: Path) -> None:
    arguments = ['generate', home / 'runs/mine', '--prompt', 'the ', '--length', '200']
    free = retrax(*arguments, '--temperature', '2').output
    assert set('ae') <= set(free)
    result = retrax(*arguments, '--temperature', '2', '--banned', 'ae')
    assert result.exit_code == 0, result.output
    assert not set('ae') & set(result.output.removeprefix('the '))
    ended = retrax(*arguments, '--temperature', '2', '--eos', 't')
    assert ended.output == 'the ' + free.removeprefix('the ').partition('t')[0] + '\n'
    as_json = json.loads(retrax(*arguments, '--temperature', '2', '--eos', 't', '--json').output)
    assert printable('the ' + as_json['text']) + '\n' == ended.output


def test_generate_refuses(home: Path, tmp_path: Path) -> None:
    run = home / 'runs/mine'
    assert "can write 'é' in parts, which other" in refused('generate', run, '--banned', 'é')
    assert 'top_p must be above 0' in refused('generate', run, '--top-p', '2')
    assert not retrax('generate', run, '--top-p', '2', '--prompt', 'the').stdout
    assert '--eos must be a text of one id' in refused('generate', run, '--eos', 'ab')
    assert 'cannot encode the NUL character' in refused('generate', run, '--banned', 'a\0')
    both = retrax('generate', run, '--prompt', 'a', '--prompt-file', home / 'mine.gin')
    assert both.exit_code == 2
    assert 'give one of --prompt' in both.stderr
    (tmp_path / 'nothing.txt').write_text('')
    nothing = retrax('generate', run, '--prompts', tmp_path / 'nothing.txt')
    assert nothing.exit_code == 2
    assert 'give a prompt on each line' in nothing.stderr


def test_samples_of_characters_need_no_line_break(home: Path, tmp_path: Path) -> None:
    bindings = ("train.vocabulary = 'characters'", f'GRULM.vocab_size = {len(set(TEXT)) + 2}')
    gin = [word for binding in bindings for word in ('--gin', binding)]
    result = retrax('train', home / 'mine.gin', *gin, '--out', tmp_path / 'run')
    assert result.exit_code == 0, result.output
    assert set(result.output.rpartition(':\n\n')[2].rstrip('\n')) <= set(TEXT) | {'\ufffd'}
    unknown = refused('generate', tmp_path / 'run', '--eos', '!')
    assert "--eos: the vocabulary of this run cannot write '!'" in unknown


def test_summary(home: Path) -> None:
    for what in (home / 'runs/mine', home / 'mine.gin', 'gru_pydocs'):
        result = retrax('summary', what)
        assert result.exit_code == 0, result.output
        assert 'GRU#1' in result.output


def test_inspect(home: Path, tmp_path: Path) -> None:
    text = tmp_path / 'my text.txt'
    text.write_text('the dog < the "cat" & <i>sat</i>\n' * 200, encoding='utf-8')
    out = tmp_path / 'page.html'
    result = retrax('inspect', home / 'runs/mine', '--text', text, '--out', out)
    assert result.exit_code == 0, result.output
    assert result.output.startswith('Only the first 5,000 of 6,600 characters of my text.txt were')
    assert result.output.endswith('MiB, open it in any browser.\n') or 'KiB' in result.output
    page = out.read_text(encoding='utf-8')
    assert '<h1>mine</h1>' in page
    assert 'step 6 · learned from corpus.txt · 5,000 characters of my text.txt' in page
    assert '<i>sat' not in page
    assert 'held out, per character' in page
    assert 'GRU#1<br>float32[b,t,8]' in page
    text.write_text('')
    assert 'expected a text to read, got an empty one' in refused(
        'inspect', home / 'runs/mine', '--text', text, '--out', out
    )


def test_ctrl_c_says_where_the_checkpoint_is(home: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(
        'retrax.cli.display.Display.log', lambda *_: signal.raise_signal(signal.SIGINT)
    )
    out = tmp_path / 'run'
    result = retrax('train', home / 'mine.gin', '--out', out)
    assert result.exit_code == 130
    assert 'Interrupted. The newest checkpoint is' in result.output
    assert 'checkpoints/step-00000002. The same command goes on from there.' in result.output
    monkeypatch.undo()
    result = retrax('train', home / 'mine.gin', '--out', out)
    assert result.exit_code == 0
    assert 'Going on from step 2.' in result.output
    for name in ('arrays.safetensors', 'checkpoint.json'):
        file = Path('checkpoints/step-00000006') / name
        assert (out / file).read_bytes() == (home / 'runs/mine' / file).read_bytes()


def test_a_loss_that_diverges(home: Path, tmp_path: Path) -> None:
    bindings = ['--gin', 'train.optimizer=@SGD()', '--gin', 'SGD.learning_rate=1e38']
    message = refused('train', home / 'mine.gin', *bindings, '--out', tmp_path / 'run')
    assert 'the squared norm of the update is infinite, the first of its values' in message
    assert 'smaller learning rate' in message


# ------------------------------------------------------------------------------------ bad input


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        (None, 'does not exist'),
        (b'', 'is empty: there is nothing to learn from'),
        (b'caf\xe9 au lait', 'is not UTF-8: byte 3 is 0xe9'),
        (b'five words and no more', 'cannot be trained on'),
        (b'nul \0 in it' * 100, 'cannot encode the NUL character at position 4'),
    ],
)
def test_bad_corpora(home: Path, tmp_path: Path, content: bytes | None, message: str) -> None:
    corpus = tmp_path / 'bad.txt'
    if content is not None:
        corpus.write_bytes(content)
    binding = f"train.corpus = '{corpus}'"
    out = tmp_path / 'run'
    text = refused(
        *('train', home / 'mine.gin', '--gin', binding, '--gin', 'train.batch_size=20'),
        *('--out', out),
    )
    assert message in text
    assert 'bad.txt' in text
    assert not out.exists()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['train', 'gru_pydoc'], "Did you mean 'gru_pydocs'?"),
        (['summary', 'nothing'], "There is no config 'nothing'. These come with retrax:"),
        (['train', 'gru_pydocs', '--gin', 'GRULM.n_layer=3'], "Did you mean 'n_layers'?"),
        (['train', 'gru_pydocs', '--gin', 'Dropout.rate=0.1'], 'Nothing used these bindings'),
        (['generate', 'nowhere'], "'retrax train' made, but it has no run.json"),
    ],
)
def test_mistakes(arguments: list[str], message: str, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert message in refused(*arguments)
    assert list(tmp_path.iterdir()) == []


def test_usage_errors_end_with_2() -> None:
    assert retrax('train').exit_code == 2
    assert retrax('generate', 'x', '--length', '0').exit_code == 2
    assert retrax('trian').exit_code == 2


def test_a_checkpoint_that_was_cut_or_changed(run: Path) -> None:
    file = run / 'checkpoints/step-00000006/arrays.safetensors'
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    assert 'arrays.safetensors: expected' in refused('generate', run)
    file.write_bytes(whole[:-5] + bytes([whole[-5] ^ 4]) + whole[-4:])
    assert 'its bytes changed since it was written' in refused('generate', run)


def test_a_checkpoint_of_another_model(run: Path) -> None:
    config = run / 'config.gin'
    config.write_text(config.read_text().replace('d_model = 8', 'd_model = 9'))
    assert 'saved from another model' in refused('generate', run)


def test_another_vocabulary(run: Path) -> None:
    from retrax.data import CharVocabulary

    described = json.dumps(CharVocabulary('abc').to_json())
    (run / 'vocabulary.json').write_text(described)
    assert 'so its ids mean something else' in refused('generate', run)


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = retrax('generate', tmp_path, '--debug')
    assert isinstance(result.exception, training.RunError)


def test_an_error_of_ours_is_not_hidden(home: Path, monkeypatch) -> None:
    """Only what a user can mend is told in one line; a bug shows where it is."""

    def broken(*_, **__):
        raise KeyError('a bug')

    monkeypatch.setattr('retrax.cli.generate.stream', broken)
    assert isinstance(retrax('generate', home / 'runs/mine').exception, KeyError)


def test_samples_cannot_move_the_cursor() -> None:
    assert printable('a\x1b[2Jb\tc\nd') == 'a\N{REPLACEMENT CHARACTER}[2Jb\tc\nd'
