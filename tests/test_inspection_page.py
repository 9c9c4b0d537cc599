"""The page of `retrax inspect`: what a model did, right and safe, without a browser."""

import base64
import json
import re
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from small_models import ready

import retrax
from retrax import layers as tl
from retrax import models
from retrax.data import ByteVocabulary, CharVocabulary
from retrax.inspection import record, summary
from retrax.inspection.reading import read
from retrax.inspection.selectivity import responses
from retrax.inspection.web import Curve, build, fitting, page

pytestmark = pytest.mark.usefixtures('compiled_quickly')

TEXT = 'Grüße </script><script>alert("x")</script> & <b>so</b>\n' + 'f(x) = (a + b)\n' * 8
IDS = tl.ShapeDtype(('b', 't'), np.int32)


@pytest.fixture(scope='module')
def lm() -> tl.Serial:
    return ready(models.GRULM(256, 6, 2), np.zeros((1, 4), np.int32))


@pytest.fixture(scope='module')
def reading(lm: tl.Serial) -> Any:
    return read(lm, ByteVocabulary(), TEXT)


@pytest.fixture(scope='module')
def html(lm: tl.Serial, reading: Any) -> str:
    curves = [Curve('training', [(1, 5.0), (2, 3.0)]), Curve('held <out>', [(1, 4.0)], True)]
    return page(reading, 'a <run>', ['step 2', 'A & B'], summary(lm, IDS), curves)


def data_of(html: str) -> Any:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', html)
    assert found
    return json.loads(found[1])


def test_bits_are_those_that_score_finds(lm: tl.Serial, reading: Any) -> None:
    assert ''.join(reading.characters) == TEXT
    ids = ByteVocabulary().encode(TEXT)
    assert len(ids) == len(TEXT) + 2  # ü and ß are two ids each, and one character
    bits = retrax.score(lm, ids).log_probs[0] / -np.log(2)
    np.testing.assert_allclose(reading.bits[:2], bits[:2], rtol=1e-5)
    np.testing.assert_allclose(reading.bits[2], bits[2] + bits[3], rtol=1e-5)
    np.testing.assert_allclose(reading.bits.sum(), bits.sum(), rtol=1e-5)


def test_values_are_those_after_the_character_was_read(lm: tl.Serial, reading: Any) -> None:
    stepping = lm.as_mode('predict')
    ids = np.array([[0, *ByteVocabulary().encode(TEXT)]], np.int32)
    stepping(ids[:, :2])  # the start, and G
    np.testing.assert_allclose(
        reading.layers['GRU#2']['h'].value[0], stepping.state[3].value[0], atol=1e-6
    )
    stepping(ids[:, 2:5])  # r and both bytes of ü
    np.testing.assert_allclose(
        reading.layers['GRU#2']['h'].value[2], stepping.state[3].value[0], atol=1e-6
    )


def test_guesses_come_before_the_character(lm: tl.Serial, reading: Any) -> None:
    first = np.exp(np.asarray(lm.as_mode('eval')(np.array([[71]], np.int32)))[0, 0])
    assert len(reading.guesses[0]) == 3
    assert reading.guesses[0][0][1] == pytest.approx(first.max(), rel=1e-5)


def test_a_model_without_a_start_knows_nothing_of_the_first_character() -> None:
    vocabulary = CharVocabulary.fit('abc ')
    bare = tl.Serial(tl.Embedding(6, 4), tl.LSTM(5), tl.Dense(vocabulary.size))
    bare.init(IDS)
    found = read(bare, vocabulary, 'abca b')
    scores = np.asarray(bare.as_mode('eval')(vocabulary.encode('abca b')[None]), np.float64)[0]
    log_probs = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    expected = [-log_probs[i - 1, vocabulary.encode('abca b')[i]] / np.log(2) for i in range(1, 6)]
    np.testing.assert_allclose(found.bits[1:], expected, rtol=1e-4)
    assert found.bits[0] == 0
    assert found.guesses[0] == []
    assert list(found.layers['LSTM#1']) == ['i', 'f', 'o', 'j', 'c', 'h']


def test_a_model_without_recurrent_layers_shows_outputs() -> None:
    plain = ready(
        tl.Serial(tl.ShiftRight(), tl.Embedding(256, 4), tl.Dense(256)), np.zeros((1, 4), np.int32)
    )
    found = read(plain, ByteVocabulary(), 'abc')
    assert list(found.layers) == ['Embedding#1']
    table = np.asarray(plain.weights[1])
    np.testing.assert_array_equal(found.layers['Embedding#1']['output'].value, table[[97, 98, 99]])


def test_taggers_and_classifiers() -> None:
    ids = np.ones((1, 4), np.int32)
    tagger = ready(models.RNNTagger(256, 3, 4), ids)
    found = read(tagger, ByteVocabulary(), 'üb', ('x', 'y', 'z'))
    p = np.exp(np.asarray(tagger.as_mode('eval')(ByteVocabulary().encode('üb')[None]), np.float64))[
        0, 1:
    ]
    np.testing.assert_allclose(found.bits, -(p * np.log2(p)).sum(-1), rtol=1e-4)
    assert [row[0][0] for row in found.guesses] == ['xyz'[i] for i in p.argmax(-1)]
    assert len(found.layers) == 2  # both directions
    html = page(found, 'run', [], summary(tagger, IDS), labels=('x', 'y', 'z'))
    assert [layer['label'] for layer in data_of(html)['layers']] == ['Recurrent#1', 'Recurrent#2']
    assert data_of(html)['bits_are'] == 'uncertainty'
    classifier = ready(models.RNNClassifier(256, 2, 4), ids)
    found = read(classifier, ByteVocabulary(), 'ab', ('bad', 'good'))
    assert found.bits is None
    assert sum(p for _, p in found.classes) == pytest.approx(1)
    html = page(found, 'run', [], summary(classifier, IDS), labels=('bad', 'good'))
    assert re.search(r'The model says: (good|bad) \d', html)
    assert data_of(html)['bits'] is None


def test_an_empty_text_is_refused(lm: tl.Serial) -> None:
    with pytest.raises(ValueError, match='expected a text to read, got an empty one'):
        read(lm, ByteVocabulary(), '')


class Elements(HTMLParser):
    """Which elements there are, and the text of one of them."""

    def __init__(self, html: str):
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text, self._in_text = '', False
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        self._in_text |= ('id', 'text') in attrs

    def handle_endtag(self, tag):
        self._in_text &= tag != 'pre'

    def handle_data(self, data):
        self.text += data * self._in_text


def test_what_users_wrote_is_only_text(html: str) -> None:
    found = Elements(html)
    assert found.text == TEXT
    assert found.tags.count('script') == 2
    assert 'b' not in found.tags
    assert '<title>a &lt;run&gt;' in html
    assert 'A &amp; B' in html
    assert data_of(html)['characters'] == list(TEXT)


def test_nothing_is_fetched(html: str) -> None:
    found = Elements(html)
    assert not {'link', 'img', 'iframe', 'object'}.intersection(found.tags)
    assert not [name for name, _ in found.attributes if name in ('src', 'href')]
    assert not re.search(r'https?://|url\(|@import|fetch\(|XMLHttp', html)
    assert "default-src 'none'" in html
    assert '{{' not in html


def test_the_numbers_are_within_half_a_step(reading: Any, html: str) -> None:
    data = data_of(html)
    assert [layer['path'] for layer in data['layers']] == ['GRU#1', 'GRU#2']
    for layer in data['layers']:
        named = reading.layers[layer['path']]
        assert [v['name'] for v in layer['values']] == list(named) == ['u', 'r', 'c', 'h']
        for v in layer['values']:
            raw = np.frombuffer(base64.b64decode(v['bytes']), np.uint8 if v['gate'] else np.int8)
            found = raw.reshape(-1, 6) * v['step']
            np.testing.assert_allclose(found, named[v['name']].value, atol=0.501 * v['step'])
    np.testing.assert_allclose(data['bits'], reading.bits, atol=0.006)


def test_a_long_text_is_cut_and_says_so(reading: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fitting(reading) == (reading, '')
    monkeypatch.setattr(build, 'MOST_BYTES', 48 * 20)
    short, note = fitting(reading)
    assert ''.join(short.characters) == TEXT[:20]
    assert len(short.bits) == len(short.guesses) == 20
    assert short.layers['GRU#1']['u'].value.shape == (20, 6)
    assert note.startswith('Only the first 20 characters are shown')


def test_the_curve_is_drawn(html: str) -> None:
    assert html.count('<path class=') == 1  # one point is no curve
    assert 'step 1' in html
    assert re.findall(r'text-anchor="end">(\d\.\d+)<', html) == ['2.9', '4.0', '5.0']
    assert 'held &lt;out&gt;' not in html


def test_units_and_what_they_respond_to() -> None:
    text = list('ab (cd) ef. ' * 9)
    inside = np.array([c in '(cd' for c in text], float)
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(3, len(text)))
    values = np.stack([noise[0], 2 - 3 * inside + 0.1 * noise[1], noise[2], np.ones(len(text))], 1)
    first, *others = responses(values, text)
    assert (first.unit, first.group) == (1, 'inside ( )')
    assert first.score == pytest.approx(np.corrcoef(values[:, 1], inside)[0, 1], rel=1e-6)
    assert others[-1].unit == 3
    assert others[-1].score == 0
    assert responses(values[:9], text[:9]) == []


def test_what_is_recorded_of_layers_without_h() -> None:
    layer = ready(tl.Serial(tl.Embedding(9, 4), tl.MinGRU(4)), np.zeros((1, 4), np.int32))
    found = record(layer, np.ones((1, 3), np.int32))
    np.testing.assert_array_equal(found.layers['MinGRU#1']['output'].value, found.outputs)
