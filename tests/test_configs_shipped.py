"""The configs that come with retrax: each differs from another in one thing."""

from pathlib import Path

import numpy as np
import pytest

import retrax
from retrax import configs
from retrax.configs import differences
from retrax.configs.names import FOLDER

pytestmark = pytest.mark.usefixtures('compiled_quickly')

TEXT = 'the cat sat on the mat and the dog sat on the log. ' * 20
TRANSFORMER = ('d_model', 'd_ff', 'n_layers', 'n_heads', 'max_len', 'dropout')
DIFFERENCES = {
    'gru_pydocs_wide': {'GRULM.d_model'},
    'gru_pydocs_deep': {'GRULM.n_layers'},
    'gru_pydocs_sgd': {
        'train.optimizer',
        *('SGD.learning_rate', 'SGD.clip_norm'),
        *('Adam.learning_rate', 'Adam.b2', 'Adam.clip_norm'),
        *('CosineDecay.learning_rate', 'CosineDecay.steps', 'CosineDecay.warmup_steps'),
    },
    'gru_pydocs_characters': {'train.vocabulary', 'GRULM.vocab_size'},
    'gru_pydocs_bpe': {'train.vocabulary', 'train.vocabulary_size', 'GRULM.vocab_size'},
    'gru_pydocs_bf16': {'train.precision'},
    'gru_pydocs_composed': {
        *('train.model', 'GRULM.vocab_size', 'GRULM.d_model', 'GRULM.n_layers'),
        *('Serial.layers', 'Embedding.vocab_size', 'Embedding.d_feature'),
        *('GRU.n_units', 'Dense.n_units'),
    },
    'lstm_pydocs': {
        'Serial.layers',
        *('GRU.n_units', 'GRU.kernel_initializer'),
        *('LSTM.n_units', 'LSTM.kernel_initializer'),
    },
    'tagger_forwards': {'RNNTagger.bidirectional'},
    'transformer_classifier': {
        *('train.model', 'Serial.layers', 'CosineDecay.learning_rate'),
        *(f'TransformerEncoder.{name}' for name in ('vocab_size', 'n_classes', 'masked_mean')),
        *(f'TransformerEncoder.{name}' for name in TRANSFORMER),
        *('RNNClassifier.n_classes', 'RNNClassifier.d_model', 'RNNClassifier.dropout'),
        'GRUCell.kernel_initializer',
    },
    'transformerdecoder_pydocs': {
        'Serial.layers',
        *(f'TransformerLM.{name}' for name in ('vocab_size', *TRANSFORMER)),
        *(f'TransformerDecoder.{name}' for name in ('vocab_size', *TRANSFORMER)),
        'out/Dense.n_units',
    },
    'resnet_pictures': {
        *('PictureClassifier.network', 'WideResnet.n_blocks', 'WideResnet.n_output_classes'),
        *('Resnet.d_hidden', 'Resnet.n_blocks', 'Resnet.pool_size', 'Resnet.n_output_classes'),
        'BatchNorm.momentum',
    },
    'transformer_addition': {
        *('train.corpus', 'train.window', 'train.target_window', 'train.steps', 'train.eval_every'),
        *('Transformer.input_vocab_size', 'Transformer.d_model', 'Transformer.d_ff'),
        *('CosineDecay.learning_rate', 'CosineDecay.steps'),
    },
    'mlp_pictures': {
        *('PictureClassifier.network', 'WideResnet.n_blocks', 'WideResnet.n_output_classes'),
        'MLP.layer_widths',
    },
}
BASES = dict.fromkeys(DIFFERENCES, 'gru_pydocs') | {
    'lstm_pydocs': 'gru_pydocs_composed',
    'tagger_forwards': 'tagger',
    'resnet_pictures': 'wideresnet_pictures',
    'mlp_pictures': 'wideresnet_pictures',
    'transformer_addition': 'transformer_reverse',
    'transformer_classifier': 'text_classifier',
    'transformerdecoder_pydocs': 'transformerlm_pydocs',
}
OTHER_MODELS = {'lstmlm_pydocs': 'LSTMLM', 'rnnlm_pydocs': 'RNNLM'}
LABELS = {'text_classifier': 'RNNClassifier', 'transformer_classifier': 'TransformerEncoder'}
LABELS |= {'tagger': 'RNNTagger', 'tagger_forwards': 'RNNTagger'}
WINDOWS = {
    'transformerlm_pydocs': 'TransformerLM',
    'transformerdecoder_pydocs': 'TransformerDecoder',
}
PAIRS = {'seq2seq_dates': 'LSTMSeq2SeqAttn', 'transformer_reverse': 'Transformer'}
PAIRS |= {'transformer_addition': 'Transformer'}
PICTURES = ('wideresnet_pictures', 'resnet_pictures', 'mlp_pictures')
LANGUAGE = [
    name
    for name in ('gru_pydocs', *DIFFERENCES, *OTHER_MODELS)
    if name not in (*LABELS, *PICTURES, *PAIRS, *WINDOWS)
]


@pytest.mark.parametrize('name', DIFFERENCES)
def test_one_thing_differs(name: str) -> None:
    found = differences(configs.load(BASES[name]), configs.load(name))
    assert {difference.name for difference in found} == DIFFERENCES[name]
    text = (FOLDER / f'{name}.gin').read_text()
    assert f"include '{BASES[name]}.gin'" in text


@pytest.mark.parametrize('name', OTHER_MODELS)
def test_only_the_model_differs(name: str) -> None:
    found = {
        difference.name
        for difference in differences(configs.load('gru_pydocs'), configs.load(name))
    }
    model, cell = OTHER_MODELS[name], 'LSTM' if name == 'lstmlm_pydocs' else 'LSTMCell'
    assert 'train.model' in found
    assert {n.split('.')[0] for n in found} == {'train', 'GRULM', 'GRU', model, cell}
    assert not [n for n in found if n.startswith('train.') and n != 'train.model']


def test_the_cell_is_all_that_differs() -> None:
    """The models print alike but for the cell, and so do the lists that they are composed of."""
    gru, lstm = (configs.load(name) for name in ('gru_pydocs_composed', 'lstm_pydocs'))
    assert repr(lstm.experiment().model) == repr(gru.experiment().model).replace('GRU', 'LSTM')
    (layers,) = (d for d in differences(gru, lstm) if d.name == 'Serial.layers')
    assert layers.right == layers.left.replace('GRU', 'LSTM')


@pytest.mark.parametrize('name', LANGUAGE)
def test_a_small_one_trains(name: str, tmp_path: Path) -> None:
    if name == 'gru_pydocs_bpe':
        pytest.importorskip('tokenizers')
    corpus = tmp_path / 'corpus.txt'
    corpus.write_text(TEXT)
    small = [f"train.corpus = '{corpus}'", 'train.steps = 2', 'train.batch_size = 4']
    small += ['train.window = 8', 'train.eval_every = 2']
    if name == 'gru_pydocs_composed':
        small += ['Embedding.d_feature = 8', 'GRU.n_units = 8']
    elif name == 'lstm_pydocs':
        small += ['Embedding.d_feature = 8', 'LSTM.n_units = 8']
    else:
        model = OTHER_MODELS.get(name, 'GRULM')
        small.append(f'{model}.d_model = 8')
    if name == 'gru_pydocs_characters':
        small.append(f'GRULM.vocab_size = {len(set(TEXT)) + 2}')
    if name == 'gru_pydocs_bpe':
        small += ['train.vocabulary_size = 260', 'GRULM.vocab_size = 260']
    config = configs.load(name, small)
    result = retrax.training.train(config.experiment(), tmp_path / 'run', config.text)
    assert result.steps == 2
    assert np.isfinite(result.bits_per_character)


@pytest.mark.parametrize('name', [*LABELS, 'wideresnet_pictures'])
def test_the_labels_of_the_corpus_are_as_many_as_the_config_says(name: str) -> None:
    experiment = configs.load(name).experiment()
    material = experiment.material()
    retrax.training.run.check_sizes(experiment, material.n_outputs)
    assert material.training.n_cut == material.heldout.n_cut == 0
    assert min(experiment.what.baselines(material).values()) > 0.2


@pytest.mark.parametrize('name', LABELS)
def test_a_small_one_learns_labels(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / 'rows.tsv'
    is_tags = LABELS[name] == 'RNNTagger'
    corpus.write_text(''.join(f'{"ab" if is_tags else "ab"[i % 2]}\txy\n' for i in range(40)))
    small = [f"train.corpus = '{corpus}'", 'train.steps = 2', 'train.batch_size = 4']
    small += ['train.window = 8', 'train.eval_every = 2', f'{LABELS[name]}.d_model = 4']
    if is_tags:
        small.append('RNNTagger.n_tags = 2')
    config = configs.load(name, small)
    result = retrax.training.train(config.experiment(), tmp_path / 'run', config.text)
    assert result.steps == 2
    assert 0 <= result.accuracy <= 1


@pytest.mark.parametrize('name', WINDOWS)
def test_a_small_transformer_learns_windows_that_begin_anew(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / 'corpus.txt'
    corpus.write_text(TEXT)
    small = [f"train.corpus = '{corpus}'", 'train.steps = 2', 'train.batch_size = 4']
    small += ['train.window = 8', 'train.eval_every = 2']
    sizes = {'d_model': 8, 'd_ff': 8, 'n_layers': 1, 'n_heads': 2, 'max_len': 8}
    small += [f'{WINDOWS[name]}.{size} = {n}' for size, n in sizes.items()]
    config = configs.load(name, small)
    experiment = config.experiment()
    result = retrax.training.train(experiment, tmp_path / 'run', config.text)
    loaded, material = configs.load_run(tmp_path / 'run'), experiment.material()
    again = retrax.training.score(
        loaded.model, loaded.vocabulary, material.heldout_text, 'windows', 4, 8
    )
    assert np.isclose(result.bits_per_character, again.evaluation.bits_per_character, rtol=1e-6)


def test_the_transformer_is_as_large_as_the_wide_gru() -> None:
    wide, other = (
        configs.load(name).experiment() for name in ('gru_pydocs_wide', 'transformerlm_pydocs')
    )
    assert 0.95 < other.n_weights / wide.n_weights < 1.05
    assert (
        wide.batch_size * wide.window * wide.steps == other.batch_size * other.window * other.steps
    )


@pytest.mark.parametrize('name', PICTURES)
def test_a_small_one_learns_pictures(name: str, tmp_path: Path) -> None:
    corpus = tmp_path / 'pictures.tsv'
    corpus.write_text(retrax.data.pictures(40))
    small = [f"train.corpus = '{corpus}'", 'train.steps = 2', 'train.batch_size = 4']
    config = configs.load(name, [*small, 'train.eval_every = 2'])
    result = retrax.training.train(config.experiment(), tmp_path / 'run', config.text)
    assert result.steps == 2
    assert 0 <= result.accuracy <= 1


@pytest.mark.parametrize('name', PAIRS)
def test_what_the_config_says_fits_its_pairs(name: str) -> None:
    experiment = configs.load(name, [f'{PAIRS[name]}.d_model = 4']).experiment()
    material = experiment.material()
    retrax.training.run.check_sizes(experiment, material.n_outputs)
    assert experiment.what.notices(material) == []
    known = {pair.source for pair in material.training.pairs}
    assert not known & {pair.source for pair in material.heldout.pairs}


def test_the_composed_model_is_the_model() -> None:
    python, gin = (
        configs.load(name).experiment() for name in ('gru_pydocs', 'gru_pydocs_composed')
    )
    assert repr(python.model) == repr(gin.model)
    for experiment in (python, gin):
        experiment.model.init(experiment.signature)
    theirs = gin.model.named_weights()
    for path, array in python.model.named_weights().items():
        np.testing.assert_array_equal(array, theirs[path])


def test_the_characters_of_the_corpus_are_as_many_as_the_config_says() -> None:
    experiment = configs.load('gru_pydocs_characters').experiment()
    retrax.training.run.check_sizes(experiment, experiment.material().vocabulary.size)
