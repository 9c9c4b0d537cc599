"""Texts, pairs and tokens in files: what is read, what is refused with its line, what is held."""

import contextlib
import datetime
import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrax import data, training

LINES = ['one\n', 'zwei höher\n', 'three']


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / 'b').mkdir()
    (tmp_path / '.hidden').write_text('no')
    (tmp_path / 'a.txt').write_bytes('\ufeffone\r\nzwei höher\rthree'.encode())
    (tmp_path / 'b' / 'c.txt.gz').write_bytes(gzip.compress(''.join(LINES).encode()))
    records = [{'text': 'x', 'n': 1}, {'text': 'y z', 'n': 2}]
    (tmp_path / 'd.jsonl').write_text('\n\n'.join(map(json.dumps, records)))
    return tmp_path


def test_lines_of_a_file_of_gzip_and_of_a_folder(folder: Path) -> None:
    for file in (folder / 'a.txt', folder / 'b' / 'c.txt.gz'):
        assert list(data.read_lines(file)) == LINES
    assert list(data.read_lines(folder, '*.txt*')) == LINES * 2
    assert [file.name for file in data.files_of(folder)] == ['a.txt', 'c.txt.gz', 'd.jsonl']
    assert list(data.read_jsonl(folder / 'd.jsonl', ['n', 'text'])) == [(1, 'x'), (2, 'y z')]


def test_a_corpus_may_be_any_of_them(folder: Path) -> None:
    assert data.load(folder / 'b' / 'c.txt.gz').text == ''.join(LINES) + '\n'
    assert data.load(folder / 'd.jsonl').text == 'x\n\ny z\n\n'
    assert data.load(folder).text == 2 * (''.join(LINES) + '\n') + 'x\n\ny z\n\n'
    rows = folder / 'rows.jsonl'
    rows.write_text('{"label": "a", "text": "x\\ty"}\n{"label": "b", "text": "z"}\n')
    assert data.parse_rows(data.load(rows).text) == [data.Row('a', 'x\ty'), data.Row('b', 'z')]


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('x.txt', b'fine\nh\xf6he', r'x\.txt, line 2: not UTF-8: byte 1 of the line is 0xf6'),
        ('x.gz', b'\x1f\x8b\x08\x00junk', r'x\.gz, after line 0: damaged gzip file'),
        (
            'x.gz',
            gzip.compress(b'text\n' * 99, mtime=0)[:-9],
            r'x\.gz, after line \d+: damaged gzip file',
        ),
    ],
)
def test_a_bad_file_is_named_with_the_line(tmp_path: Path, name, content, message) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message):
        list(data.read_lines(tmp_path / name))


@pytest.mark.parametrize(
    ('content', 'message'),
    [
        ('{"text": "x"}\n{"text"', r"x\.jsonl, line 2: expected JSON, got '{\"text\"'"),
        ('{"text": "x"}\n["y"]', r'x\.jsonl, line 2: expected a JSON object, got list'),
        ('{"label": "x"}', r"x\.jsonl, line 1: no field 'text'; it has \['label'\]"),
        ('{"label": 1, "text": "x"}', r'x\.jsonl, line 1: expected a label in one line, got 1'),
        ('{"label": "a", "text": "x\\ny"}', r'x\.jsonl, line 1: expected a text in one line'),
        ('{"text": "x"}\n{"text": null}', r'x\.jsonl, line 2: expected a text, got None'),
        ('{"text": ["x"]}', r"x\.jsonl, line 1: expected a text, got \['x'\]"),
        ('{"text": "x"}\n{"text": "\\ud83d"}', r'line 2: .* is half of a character'),
    ],
)
def test_a_bad_record_is_named_with_its_line(tmp_path: Path, content, message) -> None:
    (tmp_path / 'x.jsonl').write_text(content)
    with pytest.raises(ValueError, match=message):
        data.load(tmp_path / 'x.jsonl')


def test_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no file that is called '\*\.txt'"):
        data.files_of(tmp_path, '*.txt')
    with pytest.raises(FileNotFoundError, match='does not exist'):
        data.files_of(tmp_path / 'x')


# ----------------------------------------------------------------------------------------- pairs


def test_pairs_are_what_they_say() -> None:
    checks = {
        'copy': lambda source, target: source == target,
        'reverse': lambda source, target: source == ''.join(reversed(target)),
        'addition': lambda source, target: sum(map(int, source.split('+'))) == int(target),
    }
    for kind, is_right in checks.items():
        pairs = data.Pairs(kind, 50, longest=5)
        assert all(is_right(*pair) for pair in pairs)
        assert len(set(pairs)) > 25
        assert max(len(part) for pair in pairs for part in pair[0].split('+')) == 5


def test_dates_are_the_days_that_they_name() -> None:
    forms = [
        '%d %B %Y',
        '%B %d, %Y',
        '%d %b %Y',
        '%b %d %Y',
        '%d of %B, %Y',
        '%d.%m.%Y',
        '%A, %B %d %Y',
    ]
    used = set()
    for source, target in data.Pairs('dates', 200):
        plain = source
        for ending in ('st of', 'nd of', 'rd of', 'th of'):
            plain = plain.replace(ending, ' of')
        for form in forms:
            try:
                found = datetime.datetime.strptime(plain, form)
            except ValueError:
                continue
            assert found.date().isoformat() == target, source
            used.add(form)
            break
        else:
            raise AssertionError(source)
    assert len(used) >= 6


@given(st.integers(0, 19), st.integers(0, 3))
def test_a_pair_is_a_function_of_its_place(place: int, seed: int) -> None:
    for kind in ('copy', 'dates'):
        pairs = data.Pairs(kind, 20, seed=seed)
        assert pairs[place] == list(pairs)[place] == data.Pairs(kind, 99, seed=seed)[place]
        assert list(pairs) != list(data.Pairs(kind, 20, seed=seed + 1))


def test_pairs_from_files_and_what_are_none(tmp_path: Path) -> None:
    (tmp_path / 'x.tsv').write_text('one\teins\ntwo\tzwei\n')
    (tmp_path / 'y.jsonl').write_text('{"source": "three", "target": "drei"}\n')
    assert list(data.read_pairs(tmp_path)) == [('one', 'eins'), ('two', 'zwei'), ('three', 'drei')]
    (tmp_path / 'x.tsv').write_text('one\teins\ntwo\n')
    with pytest.raises(ValueError, match=r"x\.tsv, line 2: expected SOURCE, .* got 'two'"):
        list(data.read_pairs(tmp_path))
    (tmp_path / 'y.jsonl').write_text('{"source": "three", "target": 3}\n')
    with pytest.raises(ValueError, match=r'y\.jsonl, line 1: expected a target in one line, got 3'):
        list(data.read_pairs(tmp_path / 'y.jsonl'))
    with pytest.raises(ValueError, match=r"one of \('copy', .*\), got 'sums'"):
        data.Pairs('sums', 3)
    with pytest.raises(ValueError, match='at least 1, got n_pairs=0'):
        data.Pairs('copy', 0)
    with pytest.raises(IndexError, match='places 0 to 2, got 3'):
        data.Pairs('copy', 3)[3]


# ---------------------------------------------------------------------------------------- tokens


@pytest.mark.parametrize('vocabulary', [data.ByteVocabulary(), data.CharVocabulary.fit('aeiou \n')])
def test_batches_of_a_token_file_are_those_of_the_text(tmp_path: Path, vocabulary) -> None:
    text = 'some text, and more of it\n' * 50
    tokens = data.TokenFile.write(tmp_path / 'tokens', text.splitlines(True), vocabulary)
    assert tokens.fingerprint == vocabulary.fingerprint
    assert len(tokens) == len(text)
    expected = data.ContiguousBatches(vocabulary.encode(text), 3, 7)
    batches = data.ContiguousBatches(data.TokenFile(tmp_path / 'tokens'), 3, 7)
    assert len(batches) == len(expected)
    for a, b in zip(batches, expected, strict=True):
        for x, y in zip(a[:4], b[:4], strict=True):
            np.testing.assert_array_equal(x, y)
    assert training.examples.is_contiguous(batches)


def test_writing_holds_a_million_characters_and_reading_a_window(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = 0

    def lines() -> Iterator[str]:
        nonlocal made
        for _ in range(40):
            made += 100_000
            yield 'x' * 100_000

    class Counting(data.ByteVocabulary):
        seen = 0

        def encode(self, text: str) -> np.ndarray:
            assert made - Counting.seen == len(text) <= 1_000_000
            Counting.seen += len(text)
            return super().encode(text)

    tokens = data.TokenFile.write(tmp_path / 'tokens', lines(), Counting())
    assert len(tokens) == Counting.seen == 4_000_000
    counts = []
    read = np.fromfile
    monkeypatch.setattr(np, 'fromfile', lambda *a, **k: counts.append(a[2]) or read(*a, **k))
    data.ContiguousBatches(tokens, 4, 16)[5]
    assert counts == [16] * 4


@pytest.mark.parametrize('n_done', range(3))
def test_a_token_file_is_never_ids_of_another_vocabulary(tmp_path, monkeypatch, n_done) -> None:
    """Written over another of as many ids, and killed before it was there."""
    file, letters = tmp_path / 'tokens', data.CharVocabulary.fit('some text')
    data.TokenFile.write(file, ['some text'], data.ByteVocabulary())
    done, replace = [], Path.replace

    def killed(self, target):
        if len(done) == n_done:
            raise KeyboardInterrupt
        done.append(target)
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, 'replace', killed)
        with contextlib.suppress(KeyboardInterrupt):
            data.TokenFile.write(file, ['text some'], letters)
    assert data.TokenFile.is_at(file) == (n_done == 2)
    assert data.TokenFile.write(file, ['text some'], letters).fingerprint == letters.fingerprint
    assert data.TokenFile(file).described['sha256'] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert sorted(each.name for each in tmp_path.iterdir()) == ['tokens', 'tokens.json']


def test_a_token_file_that_is_not_whole_says_so(tmp_path: Path) -> None:
    file = tmp_path / 'tokens'
    data.TokenFile.write(file, ['some text'], data.ByteVocabulary())
    file.write_bytes(file.read_bytes()[:-3])
    with pytest.raises(ValueError, match='expected 9 tokens of 2 bytes, but it has 15 bytes'):
        data.TokenFile(file)
    (tmp_path / 'tokens.json').write_text('{}')
    with pytest.raises(ValueError, match='expected a retrax tokens file'):
        data.TokenFile(file)
    with pytest.raises(FileNotFoundError):
        data.TokenFile(tmp_path / 'none')
