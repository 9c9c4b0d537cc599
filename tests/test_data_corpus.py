"""Corpora: the default one, files and their errors, and the split."""

import hashlib
import itertools
import re
import subprocess
import sys
import sysconfig

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retrax.data import Corpus, load, python_docs, read_text, spans, split
from retrax.data.documentation import docstrings, documentation, unique_paragraphs


def test_python_docs_is_megabytes_of_text():
    corpus = python_docs()
    assert corpus.name == 'python_docs'
    assert 1_500_000 < corpus.n_characters < 3_500_000
    assert '\0' not in corpus.text  # byte vocabularies refuse it
    # One sentence of the topics, and one of the standard library's docstrings.
    assert 'statement is used for conditional execution' in corpus.text
    assert 'Return a shallow copy of' in corpus.text
    assert load('python_docs') is corpus


def test_hash_is_that_of_the_utf8_bytes():
    assert Corpus('x', 'hé\n').sha256 == hashlib.sha256(b'h\xc3\xa9\n').hexdigest()
    assert repr(Corpus('x', 'hé\n')).startswith("Corpus(name='x', n_characters=3, sha256='")


def test_python_docs_is_the_same_in_another_process():
    program = 'from retrax.data import python_docs; print(python_docs().sha256)'
    done = subprocess.run(
        [sys.executable, '-c', program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == python_docs().sha256


def test_data_imports_neither_jax_nor_gin():
    program = (
        'import sys, retrax.data; '
        "print(sorted({'jax', 'gin', 'optax', 'flax'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, '-c', program], check=True, capture_output=True, text=True
    )
    assert done.stdout.strip() == '[]'


def test_no_heldout_paragraph_stands_in_the_training_text():
    text = python_docs().text
    train, _ = split(text)
    compared = 0
    for start, stop, heldout in spans(len(text)):
        # The first and the last one of a block may be cut by its border.
        for paragraph in text[start:stop].split('\n\n')[1:-1] if heldout else ():
            if len(paragraph) >= 80:
                compared += 1
                assert paragraph not in train
    assert compared > 200


def test_paragraphs_are_unique_up_to_white_space_and_containment():
    long = 'x' * 50 + '\n' + 'y' * 50
    texts = ['a b\n\n  a   b\n\nc', f'before {long} after\n\n{long}', 'c']
    assert unique_paragraphs(texts) == ['a b', 'c', f'before {long} after']
    # A short one that stands in another stays: 'c' stands everywhere.
    assert unique_paragraphs(['c', 'abc']) == ['c', 'abc']


def test_docstrings_are_not_fooled_by_quotes_elsewhere():
    source = (
        '# a comment with """ in it\n'
        'a = \'"""\'\n'
        "r'''First \\''' one.'''\n"
        'b = """not a docstring\n'
        '"""\n'
        '    """Second.\n\n      deeper\n    not\n    """\n'
    )
    assert list(docstrings(source)) == ["First \\''' one.", 'Second.\n\n  deeper\nnot']


def test_documentation_skips_tests_and_what_it_cannot_read(tmp_path, monkeypatch):
    (tmp_path / 'test').mkdir()
    (tmp_path / 'test' / 'a.py').write_text('"""A test."""')
    (tmp_path / 'b.py').write_text('"""Second file."""')
    (tmp_path / 'a.py').write_text('"""First file."""')
    (tmp_path / 'latin.py').write_bytes(b'"""na\xefve"""')
    (tmp_path / 'gone.py').symlink_to(tmp_path / 'nowhere.py')
    monkeypatch.setattr(sysconfig, 'get_path', lambda name: str(tmp_path))
    assert documentation().endswith('\n\nFirst file.\n\nSecond file.')
    assert 'A test.' not in documentation()


def test_documentation_says_when_there_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(sysconfig, 'get_path', lambda name: str(tmp_path))
    monkeypatch.setitem(sys.modules, 'pydoc_data.topics', None)  # makes its import fail
    with pytest.raises(RuntimeError, match=r'neither pydoc_data nor.*path of a UTF-8 text file'):
        documentation()


def test_read_text_normalises_line_ends_and_drops_the_mark(tmp_path):
    file = tmp_path / 'book.txt'
    file.write_bytes(b'\xef\xbb\xbfone\r\ntwo\rthr\xc3\xa9e\n')
    assert read_text(file) == Corpus('book.txt', 'one\ntwo\nthrée\n')
    assert load(str(file)) == load(file) == read_text(file)


@pytest.mark.parametrize(('content', 'what'), [(b'', 'is empty'), (b' \n\t', 'only white space')])
def test_read_text_refuses_nothing(tmp_path, content, what):
    file = tmp_path / 'nothing.txt'
    file.write_bytes(content)
    with pytest.raises(ValueError, match=rf'nothing\.txt.*{what}'):
        read_text(file)


def test_read_text_says_what_is_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.txt' does not exist.*'python_docs'"):
        load(tmp_path / 'gone.txt')
    with pytest.raises(IsADirectoryError, match=f'{re.escape(str(tmp_path))}.*is a directory'):
        read_text(tmp_path)


def test_read_text_names_the_byte_that_is_not_utf8(tmp_path):
    file = tmp_path / 'latin.txt'
    file.write_bytes('naïve'.encode('latin-1'))
    with pytest.raises(ValueError, match=r'latin\.txt.*not UTF-8: byte 2 is 0xef.*iconv'):
        read_text(file)


@given(
    st.integers(2, 400), st.integers(1, 50), st.integers(2, 21), st.randoms(use_true_random=False)
)
def test_split_covers_the_text_once_in_order(n, block, every, random):
    if n < every:
        n += every
    text = ''.join(random.choices('ab\n', k=n))
    cut = spans(n, block, every)
    train, heldout = split(text, block, every)
    assert ''.join(text[span.start : span.stop] for span in cut) == text
    assert all(a.stop == b.start for a, b in itertools.pairwise(cut))
    assert [i for i, span in enumerate(cut) if span.heldout] == [*range(every - 1, len(cut), every)]
    assert len(train) + len(heldout) == n
    assert train
    assert heldout


def test_split_by_default_holds_out_each_20th_block_of_20_000():
    text = ''.join(chr(ord('a') + i) * 20_000 for i in range(20)) + 'rest'
    train, heldout = split(text)
    assert heldout == 't' * 20_000
    assert train == text.replace('t' * 20_000, '')


def test_split_of_a_short_text_still_holds_something_out():
    train, heldout = split('0123456789' * 10)  # 20 blocks of 5
    assert heldout == '56789'
    assert train == '0123456789' * 9 + '01234'


def test_split_teaches():
    with pytest.raises(ValueError, match=r'each 20th block of a text of 19 characters'):
        split('x' * 19)
    with pytest.raises(ValueError, match=r'block=0, every=20'):
        split('x' * 100, block=0)
    with pytest.raises(ValueError, match=r'every=1 would leave no training text'):
        split('x' * 100, every=1)
