"""Mistakes in configs, and what people are told: the table of a test and of a page.

python tests/config_mistakes.py > docs/config-mistakes.md
"""

import os
import re
import tempfile
import warnings
from pathlib import Path
from typing import NamedTuple

from retrax import configs
from retrax.configs import ConfigError

BASE = """
STEPS = 30
train.model = @GRULM()
train.steps = %STEPS
train.optimizer = @Adam()
GRULM.d_model = 8
Adam.learning_rate = @CosineDecay()
CosineDecay.learning_rate = 0.01
CosineDecay.steps = %STEPS
"""
COMPOSED = "include 'base.gin'\ntrain.model = @Serial()\nGRU.n_units = 8\nEmbedding.d_feature = 8\n"
# A model that fits, but for its layers.
SHAPED = (
    "include 'base.gin'\ntrain.model = @Serial()\nEmbedding.vocab_size = 256\n"
    'Embedding.d_feature = 8\nout/Dense.n_units = 256\n'
)


class Mistake(NamedTuple):
    """A config with a mistake, as mine.gin; base.gin lies beside it."""

    what: str
    text: str  # of mine.gin, after its include line; from 'include' on it is all of mine.gin
    told: str  # a part of the message
    bindings: tuple[str, ...] = ()  # of --gin
    files: tuple[tuple[str, str], ...] = ()  # more files: name and text
    why_no_line: str = ''  # where the message names the file alone


MISTAKES = [
    # Names.
    Mistake('An unknown name', 'GRULN.n_layers = 3', "Did you mean 'GRULM'?"),
    Mistake('Upper and lower case', 'Gru.n_units = 3', "Did you mean 'GRU'?"),
    Mistake('An unknown parameter', 'GRULM.n_layer = 3', "Did you mean 'n_layers'?"),
    Mistake(
        'A parameter unlike all', 'train.checkpoint_every = 3', 'There is: batch_size, corpus,'
    ),
    Mistake('An unknown name in a value', 'train.model = @GRULN()', "Did you mean 'GRULM'?"),
    Mistake('A name that is made nowhere', 'Dropout.rate = 0.5', 'Nothing makes a Dropout.'),
    Mistake(
        'An unknown parameter with --gin', '', "Did you mean 'n_layers'?", ('GRULM.n_layer=3',)
    ),
    Mistake('The mode', "GRU.mode = 'eval'", 'The model owns its mode'),
    # Types.
    Mistake('A string for an int', "GRULM.d_model = '512'", 'without the quotes: 512'),
    Mistake('A bool for an int', 'GRULM.n_layers = True', 'expected an int, got True'),
    Mistake('A float for an int', 'GRULM.d_model = 512.0', 'got 512.0; write 512'),
    Mistake('A list for an int', 'GRULM.d_model = [512]', 'expected an int, got [512]'),
    Mistake('A string for a number', "GRU.forget_bias = '1.0'", 'without the quotes: 1.0'),
    Mistake('A number for a string', 'train.corpus = 7', 'expected a string, got 7'),
    Mistake('None for an int', 'train.window = None', 'expected an int, got None'),
    Mistake('A wrong type through a macro', "STEPS = '30'", 'with %STEPS from mine.gin:2: STEPS'),
    Mistake('A name instead of a call', 'train.model = @GRULM', 'Write a call: @GRULM()'),
    Mistake(
        'An initializer that is not called',
        'GRU.kernel_initializer = @ZerosInitializer',
        'Write a call: @ZerosInitializer()',
    ),
    Mistake('A layer as the optimizer', 'train.optimizer = @LogSoftmax()', 'expected an optimizer'),
    Mistake('An optimizer as the model', 'train.model = @SGD()', 'expected a layer'),
    Mistake('No layer in a list', COMPOSED + "Serial.layers = [@GRU(), 'GRU']", 'item 1: expected'),
    Mistake('One layer instead of a list', COMPOSED + 'Serial.layers = @GRU()', 'expected a list'),
    # Values.
    Mistake('A size of 0', 'GRULM.d_model = 0', 'must be a positive int, got 0'),
    Mistake('A negative size', 'GRULM.n_layers = -1', 'must be a positive int, got -1'),
    Mistake('No steps', 'train.steps = 0', 'expected a positive int, got 0'),
    Mistake(
        'A word that is no choice', "train.vocabulary = 'words'", "('bytes', 'characters', 'bpe'"
    ),
    Mistake(
        'An impossible rate',
        COMPOSED + 'Serial.layers = [@Dropout()]\nDropout.rate = 2.0',
        'rate must be at least 0 and less than 1, got 2.0',
    ),
    Mistake('A negative learning rate', 'Adam.learning_rate = -1.0', 'must not be negative'),
    Mistake(
        'Values that contradict each other',
        'CosineDecay.warmup_steps = 99',
        'the warm-up is a part of all steps',
    ),
    Mistake(
        'A wrong fan',
        "GRU.kernel_initializer = @ScaledInitializer()\nScaledInitializer.mode = 'in'",
        "mode must be 'fan_in'",
    ),
    # What is bound, and what uses it.
    Mistake('A duplicate', 'GRULM.n_layers = 3\nGRULM.n_layers = 4', 'bound twice in this file'),
    Mistake(
        'Includes that contradict each other',
        "include 'a.gin'\ninclude 'b.gin'",
        'Neither file includes the other',
        (),
        (('a.gin', BASE), ('b.gin', 'train.steps = 9')),
    ),
    Mistake(
        'An include below what it replaces',
        "train.seed = 3\ninclude 'a.gin'",
        'put it before the line',
        (),
        (('a.gin', 'train.seed = 1'),),
    ),
    Mistake('A macro that nothing uses', 'STEP = 9', "Did you mean 'STEPS'?"),
    Mistake('A macro without a value', 'train.seed = %SEED', 'Add a line: SEED = ...'),
    Mistake('A macro of itself', 'STEPS = %STEPS', 'This is made of itself'),
    Mistake(
        'A circle of macros',
        'WIDTH = %DEPTH\nDEPTH = %WIDTH\nGRULM.n_layers = %DEPTH',
        'These are made of each other',
    ),
    Mistake(
        'Layers that are made of each other',
        COMPOSED
        + 'Serial.layers = [@a/Serial()]\na/Serial.layers = [@b/Serial()]\n'
        + 'b/Serial.layers = [@GRU(), @a/Serial()]',
        'These are made of each other',
    ),
    Mistake('A scope in which nothing is made', 'deep/GRU.forget_bias = 1.0', 'look at the scopes'),
    Mistake('What code says itself', 'GRU.n_units = 5', 'says n_units itself, and code wins'),
    Mistake(
        'A function that only Python code calls',
        'LogSoftmax.axis = 1',
        'and not where Python code does',
    ),
    Mistake('An argument without a value', 'train.model = @Dense()', 'Dense.n_units has no value'),
    Mistake(
        'No model',
        "include 'a.gin'",
        'train.model has no value',
        (),
        (('a.gin', 'train.steps = 3'),),
        'what is missing stands on no line, and any line will do for it.',
    ),
    Mistake(
        'A layer that is made of itself',
        COMPOSED + 'Serial.layers = [@GRU(), @Serial()]',
        'This is made of itself',
    ),
    Mistake(
        'A singleton without a constructor',
        'train.model = @one/gin.singleton()',
        'Add a line: one/gin.singleton.constructor',
    ),
    # Shapes, and what is on the stack.
    Mistake(
        'A Dense before the Embedding',
        SHAPED + 'Dense.n_units = 8\nSerial.layers = [@Dense(), @Embedding(), @out/Dense()]',
        'ids: expected integers, got float32',
    ),
    Mistake(
        'No Embedding',
        "include 'base.gin'\ntrain.model = @Serial()\nSerial.layers = [@GRU()]\nGRU.n_units = 8",
        'Put an Embedding before it',
    ),
    Mistake(
        'One Embedding too many, by a macro',
        SHAPED + 'FIRST = @Embedding()\nSerial.layers = [%FIRST, %FIRST, @out/Dense()]',
        'layer Embedding_256_8 at Embedding#2 failed',
    ),
    Mistake(
        'A sum of two widths',
        SHAPED + 'Residual.layers = [@out/Dense()]\nSerial.layers = [@Embedding(), @Residual()]',
        'got (32, 64, 8), (32, 64, 256). A Dense can bring one to the width of the other.',
    ),
    Mistake(
        'A concatenation of two shapes',
        SHAPED
        + 'Branch.layers = [@Embedding(), None]\n'
        + 'Serial.layers = [@Branch(), @Concatenate(), @out/Dense()]',
        'expected shapes that differ at axis -1 only, got (32, 64, 8), (32, 64). Bring',
    ),
    Mistake(
        'Too little on the stack',
        SHAPED + 'Serial.layers = [@Embedding(), @Add(), @out/Dense()]',
        'expected 2 items on the stack, got 1. Dup, Select or Branch before it',
    ),
    Mistake(
        'A Parallel in the place of a Branch',
        SHAPED
        + 'Parallel.layers = [@Embedding(), @Embedding()]\n'
        + 'Serial.layers = [@Parallel(), @Add(), @out/Dense()]',
        'layer Parallel_in2_out2 at Parallel#1 failed',
    ),
    Mistake(
        'A Branch in a sum',
        SHAPED
        + 'Branch.layers = [@out/Dense(), @out/Dense()]\nResidual.layers = [@Branch()]\n'
        + 'Serial.layers = [@Embedding(), @Residual()]',
        'Branch gives 2 outputs; a sum takes one from each side',
    ),
    Mistake(
        'Something left on the stack',
        SHAPED + 'Serial.layers = [@Embedding(), @Dup(), @out/Dense()]',
        'Take the others from the stack, with Drop or Select.',
    ),
    Mistake(
        'A LogSoftmax of ids',
        "include 'base.gin'\ntrain.model = @Serial()\nSerial.layers = [@LogSoftmax()]",
        'A language model ends with Dense(vocab_size) and LogSoftmax()',
    ),
    Mistake(
        'A layer that does not fit, with --gin',
        SHAPED + 'Serial.layers = [@Embedding(), @out/Dense()]',
        'expected 2 items on the stack, got 1',
        ('Serial.layers = [@Embedding(), @Add(), @out/Dense()]',),
    ),
    # What the model is for.
    Mistake('Pairs for a model of one text', "train.task = 'pairs'", 'Serial takes 1 input'),
    Mistake(
        'One text for a model of two',
        "include 'base.gin'\ntrain.model = @LSTMSeq2SeqAttn()\nLSTMSeq2SeqAttn.d_model = 8",
        "That is for train.task = 'documents' or 'packed' or 'pairs'.",
    ),
    Mistake(
        'Pairs for a model that gives no target',
        "include 'base.gin'\ntrain.task = 'pairs'\ntrain.model = @Serial()\n"
        'Serial.layers = [@LSTMSeq2SeqAttn(), @Select()]\n'
        'Select.indices = [0]\nSelect.n_in = 2',
        'and the target (32, 64) below it, got float32[32,64,256]',
    ),
    Mistake(
        'Documents for a model that hears no resets', "train.task = 'documents'", 'resets=True'
    ),
    Mistake(
        'A target window where there is no target',
        'train.target_window = 8',
        "the task 'language' has one text",
    ),
    # Files and lines.
    Mistake('A missing include', "include 'bose.gin'", 'There is no such file'),
    Mistake('Configs that include each other', "include 'mine.gin'", 'mine.gin -> mine.gin'),
    Mistake(
        'A longer circle',
        "include 'a.gin'",
        'mine.gin -> a.gin -> mine.gin',
        (),
        (('a.gin', "include 'mine.gin'"),),
    ),
    Mistake('No value', 'GRULM.n_layers =', 'This is no binding'),
    Mistake('No binding', 'GRULM.n_layers', 'This is no binding'),
    Mistake('Two equal signs', 'GRULM.n_layers = = 3', 'This is no binding'),
    Mistake('A word without quotes', 'train.corpus = python_docs', 'Text needs quotes'),
    Mistake('The true of another language', 'Dense.use_bias = true', 'Did you mean True?'),
    Mistake('An open bracket', 'train.steps = (3', 'a bracket or a quote is not closed'),
    Mistake('An import', 'import os', 'If you trust this config: --allow-imports'),
    Mistake('The import line of a Trax config', 'import trax.layers', 'there without it'),
    Mistake('An import from retrax that fails', 'import retrax.nothing', 'This import failed'),
    Mistake("A switch of gin's", 'from __gin__ import dynamic_registration', "gin's own switches"),
    Mistake('A NUL character', 'train.seed = 3\0', 'it has a NUL character'),
    Mistake(
        'Ten megabytes',
        '# ' + 10_000_000 * 'x',
        'this file has 10.0 MB',
        why_no_line='the file is not read.',
    ),
]


def written(mistake: Mistake) -> str:
    """The text of mine.gin."""
    with_base = mistake.text.startswith(('include', 'train.seed = 3\ninclude'))
    return mistake.text if with_base else f"include 'base.gin'\n{mistake.text}\n"


def told(mistake: Mistake, folder: Path) -> str:
    """Loads the config as `retrax` would in that folder; returns what it says."""
    (folder / 'base.gin').write_text(BASE)
    (folder / 'mine.gin').write_text(written(mistake))
    for name, text in mistake.files:
        (folder / name).write_text(text + '\n')
    before = Path.cwd()
    os.chdir(folder)
    try:
        with warnings.catch_warnings(record=True) as warned:
            warnings.simplefilter('always')
            try:
                configs.load('mine.gin', mistake.bindings)
            except ConfigError as error:
                return str(error)
        return '\n'.join(str(warning.message) for warning in warned)
    finally:
        os.chdir(before)


def page() -> str:
    """The page docs/config-mistakes.md."""
    parts = [
        '# Mistakes in configs\n\nWhat `retrax` says to each, before any weight or file is made. '
        'The config is `mine.gin`,\nand beside it lies this `base.gin`:\n\n'
        f'```text\n{BASE.strip()}\n```\n\nThis page is generated: '
        '`python tests/config_mistakes.py > docs/config-mistakes.md`.\n'
    ]
    package = str(Path(configs.__file__).parent.parent)
    for mistake in MISTAKES:
        with tempfile.TemporaryDirectory() as folder:
            message = told(mistake, Path(folder))
        message = re.sub(r'\.py:\d+', '.py:N', message)
        message = message.replace(package, 'retrax').replace(f'{folder}{os.sep}', '')
        text = written(mistake)
        for name, more in mistake.files:
            shown = 'the text of base.gin' if more == BASE else more
            text += f'\n# {name}: {shown}'
        options = ''.join(f"\n# retrax train mine.gin --gin '{b}'" for b in mistake.bindings)
        shown = text.replace('\0', '(NUL)') if len(text) < 1000 else text[:40] + '...'
        parts.append(
            f'\n## {mistake.what}\n\n```text\n{shown.strip()}{options}\n```\n\n'
            f'```text\n{message}\n```\n'
            + (f'\nNo line is named: {mistake.why_no_line}\n' if mistake.why_no_line else '')
        )
    return ''.join(parts)


if __name__ == '__main__':
    print(page(), end='')
