"""Stages of pipelines, in Trax's words: functions from an iterator over examples to another one.

    from retrax.data import stages

    batches = stages.Serial(
        lambda _: open('my_file.txt'),
        stages.Tokenize(vocab_type='char'),
        stages.FilterByLength(512, length_keys=[0]),
        stages.Shuffle(),
        lambda stream: ((x, x) for x in stream),
        stages.BucketByLength([64, 128, 512], [32, 16, 4]),
        stages.AddLossWeights(id_to_mask=0),
    )

What is drawn comes from seeds, so a pipeline gives the same each time that it is started over.
"""

from .batching import Batch, BucketByLength, UnBatch, batch, bucket_by_length, pad_to_max_dims
from .fields import AddLossWeights, AppendValue, CastTo, ConvertToUnicode, Dup, add_loss_weights
from .language import (
    MLM,
    ConcatenateToLMInput,
    PrefixLM,
    consume_noise_mask,
    generate_random_noise_mask,
    generate_sequential_chunks,
    random_spans_noise_mask,
)
from .lengths import FilterByLength, FilterEmptyExamples, PadToLength, TruncateToLength
from .ordering import Log, Prefetch, Shuffle, UniformlySeek, shuffle
from .pipeline import Parallel, Pipeline, Serial
from .problems import (
    Inputs,
    addition_input_stream,
    addition_inputs,
    make_inputs,
    sequence_copy_inputs,
    simple_sequence_copy_inputs,
    sine_inputs,
)
from .tokens import (
    SentencePieceTokenize,
    Tokenize,
    detokenize,
    sentencepiece_tokenize,
    tokenize,
    vocab_size,
)

__all__ = [
    'MLM',
    'AddLossWeights',
    'AppendValue',
    'Batch',
    'BucketByLength',
    'CastTo',
    'ConcatenateToLMInput',
    'ConvertToUnicode',
    'Dup',
    'FilterByLength',
    'FilterEmptyExamples',
    'Inputs',
    'Log',
    'PadToLength',
    'Parallel',
    'Pipeline',
    'Prefetch',
    'PrefixLM',
    'SentencePieceTokenize',
    'Serial',
    'Shuffle',
    'Tokenize',
    'TruncateToLength',
    'UnBatch',
    'UniformlySeek',
    'add_loss_weights',
    'addition_input_stream',
    'addition_inputs',
    'batch',
    'bucket_by_length',
    'consume_noise_mask',
    'detokenize',
    'generate_random_noise_mask',
    'generate_sequential_chunks',
    'make_inputs',
    'pad_to_max_dims',
    'random_spans_noise_mask',
    'sentencepiece_tokenize',
    'sequence_copy_inputs',
    'shuffle',
    'simple_sequence_copy_inputs',
    'sine_inputs',
    'tokenize',
    'vocab_size',
]
