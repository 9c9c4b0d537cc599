"""Which names Trax 1.4.1 has in which module, and where retrax keeps them.

`LISTED` holds facts about Trax. A name in it that retrax does not have is told apart from a typing
error, and appears by itself on the day when retrax has it.
"""

_LAYERS = {
    'acceleration': 'Accelerate mean_or_pmean jit_forward reshape_by_device for_n_devices',
    'activation_fns': (
        'Relu ParametricRelu LeakyRelu Elu Selu Gelu FastGelu Sigmoid Tanh HardSigmoid HardTanh '
        'Softplus Exp Log Swish Glu ThresholdedLinearUnit'
    ),
    'assert_shape': 'assert_shape AssertFunction AssertShape',
    'attention': (
        'Attention AttentionQKV PureAttention DotProductAttention SplitIntoHeads MergeHeads '
        'ConfigurableAttention CausalAttention DotProductCausalAttention ShiftRight PaddingMask '
        'EncoderDecoderMask PositionalEncoding'
    ),
    'base': (
        'EMPTY_WEIGHTS EMPTY_STATE GET_WEIGHTS_FROM_CACHE GET_STATE_FROM_CACHE N_WEIGHTS_SHARDS '
        'Layer PureLayer Fn LayerError flatten_weights_and_state unflatten_weights_and_state '
        'np_to_file np_from_file to_list shard unshard_in_pmap unshard'
    ),
    'combinators': (
        'Serial Parallel Concatenate Split Scan Cond Chunk Branch Residual Select Drop Dup Swap '
        'SerialWithSideOutputs FlattenList Add SubtractTop Multiply Gate Cache BatchLeadingAxes '
        'Bidirectional inputs_from_stack outputs_onto_stack'
    ),
    'convolution': 'Conv CausalConv Conv1d CausalDepthwiseConv',
    'core': (
        'Dense Embedding Dropout Weights PrintShape SummaryImage SummaryScalar RandomUniform '
        'LocallyConnected1d Flatten LogSoftmax LogSumExp Softmax ToFloat Mean Min Max Sum '
        'ThresholdToBinary ArgMax Negate StopGradient one_hot log_softmax log_gaussian_pdf '
        'log_gaussian_diag_pdf multigaussian_loss logsoftmax_sample'
    ),
    'deconvolution': 'ConvTranspose',
    'initializers': (
        'InitializerFromFile RandomNormalInitializer RandomUniformInitializer ScaledInitializer '
        'GlorotNormalInitializer GlorotUniformInitializer LeCunNormalInitializer '
        'LeCunUniformInitializer KaimingNormalInitializer KaimingUniformInitializer '
        'OrthogonalInitializer AtariConvInit'
    ),
    'metrics': (
        'CategoryAccuracy WeightedCategoryAccuracy CategoryCrossEntropy '
        'WeightedCategoryCrossEntropy BinaryCrossEntropy MaskedSequenceAccuracy Accuracy '
        'SequenceAccuracy CrossEntropyLoss CrossEntropyLossWithLogSoftmax BinaryCrossEntropyLoss '
        'L2Loss SmoothL1Loss MacroAveragedFScore WeightedFScore WeightedSum CrossEntropySum '
        'BinaryCrossEntropySum'
    ),
    'normalization': 'BatchNorm LayerNorm FilterResponseNorm',
    'pooling': 'MaxPool SumPool AvgPool',
    'reversible': (
        'ReversibleLayer ReversibleConcatenatePair ReversibleSelect ReversibleSwap '
        'ReversibleReshape ReversiblePrintShape ReversibleSerial ReversibleHalfResidual'
    ),
    'research.efficient_attention': (
        'SelfAttention LSHSelfAttention PureLSHSelfAttention MixedLSHSelfAttention '
        'PureLSHSelfAttentionWrapper EncDecAttention LSHFF'
    ),
    'rnn': (
        'LSTMCell MakeZeroState LSTM GRUCell GRU ConvGRUCell GeneralGRUCell InnerSRUCell '
        'ScanSRUCell SRU'
    ),
}
# The other research layers of Trax; each file has a face of its own when retrax has one of them.
_RESEARCH = (
    'AxialPositionalEncoding '
    'SinCosPositionalEncoding FixedBasePositionalEncoding InfinitePositionalEncoding '
    'TimeBinPositionalEncoding RelativeAttentionWrapper RelativeAttentionLayer '
    'RelativeAttentionLMLayer RelativeAttention ShiftRightCls AveragePooling LinearPooling '
    'LinearUpsampling NaiveUpsampling NoUpsampling FeedForwardBlock AttentionResampling Rotate '
    'SplitLastAxis MergeLastTwoAxes LocallyConnectedDense ModularCausalAttention LocallyConvDense '
    'ConvCausalAttention LowRankDense EinsumDense RandomLayer LowRankCausalAttention FactoredDense '
    'MultiplicativeCausalAttention FavorAttention Favor CausalFavorAttention CausalFavor SparseFF '
    'BlockSparseFF SwitchSparseFF'
)
_MODELS = {
    'mlp': 'MLP',
    'resnet': 'Resnet50 WideResnet',
    'rnn': 'RNNLM GRULM LSTMSeq2SeqAttn',
    'transformer': 'TransformerEncoder TransformerDecoder TransformerLM Transformer',
}
_MORE_MODELS = (
    'AtariCnn AtariCnnBody FrameStackMLP BERT NeuralGPU Reformer ReformerLM ReformerShortenLM '
    'ReZeroTransformerLM ConfigurableTransformer ConfigurableTransformerLM '
    'ConfigurableTerraformer HourglassLM SkippingTransformerLM Policy PolicyAndValue Value Quality '
    'ResidualShuffleExchange'
)
_FASTMATH = (
    'Backend JAX_BACKEND NUMPY_BACKEND TF_BACKEND NumpyBackend RandomBackend abstract_eval '
    'avg_pool backend backend_name cond conv custom_grad custom_vjp dataset_as_numpy disable_jit '
    'dynamic_slice dynamic_slice_in_dim dynamic_update_slice dynamic_update_slice_in_dim erf expit '
    'fori_loop global_device_count grad index_add index_max index_min index_update is_backend jit '
    'local_device_count logsumexp lt map max_pool nested_map nested_map_multiarg nested_stack '
    'nested_zip pmap psum remat scan set_backend sigmoid sort_key_val stop_gradient sum_pool top_k '
    'tree_flatten tree_leaves tree_unflatten use_backend value_and_grad vjp vmap'
)
_TREES = (
    'nested_map nested_map_multiarg nested_stack nested_zip tree_flatten tree_leaves tree_unflatten'
)

_DATA = (
    'AddLossWeights AppendValue Batch BertGlueEvalStream BertGlueTrainStream '
    'BertNextSentencePredictionInputs BucketByLength CastTo ConcatenateToLMInput ConvertToUnicode '
    'CorpusToRandomChunks CountAndSkip CreateAnnotatedDropInputs CreateAquaInputs '
    'CreateBertInputs CreateDropInputs CreateMathQAInputs Dup FilterByLength FilterEmptyExamples '
    'Log MLM PadToLength Parallel Prefetch PrefixLM SentencePieceTokenize Serial Shuffle '
    'T5GlueEvalStream T5GlueEvalStreamsParallel T5GlueEvalTasks T5GlueTrainStream '
    'T5GlueTrainStreamsParallel TFDS Tokenize TruncateToLength UnBatch UniformlySeek '
    'add_loss_weights addition_inputs batch bucket_by_length consume_noise_mask data_streams '
    'debug_pipeline generate_random_noise_mask generate_sequential_chunks random_spans_noise_mask '
    'detokenize sentencepiece_tokenize sequence_copy_inputs shuffle simple_sequence_copy_inputs '
    'sine_inputs tokenize vocab_size'
)
_DATA_INPUTS = (
    'Inputs addition_input_stream batcher count_and_skip data_counters load_data_counters '
    'make_inputs pad_to_max_dims save_data_counters'
)
_OPTIMIZERS = {
    'adafactor': 'Adafactor',
    'adam': 'Adam',
    'base': 'Optimizer SGD clip_grads l2_norm',
    'momentum': 'Momentum',
    'rms_prop': 'RMSProp',
    'sm3': 'MomentumType SM3',
}
_SCHEDULES = 'constant multifactor warmup warmup_and_rsqrt_decay'

# The modules that there are: where each finds its names, first source first.
_LAYER_SOURCES = ('...layers', '.layers')
_DATA_SOURCES = ('.data', '...data.stages')
_MODEL_SOURCES = ('.models', '...models')
MODULES: dict[str, tuple[str, ...]] = {
    'trax': (),
    'trax.data': _DATA_SOURCES,
    'trax.data.inputs': _DATA_SOURCES,
    'trax.fastmath': ('.fastmath', '.backends', '.trees'),
    'trax.fastmath.numpy': ('.numpy', '.trees'),
    'trax.fastmath.ops': ('.fastmath', '.backends'),
    'trax.fastmath.random': ('.random',),
    'trax.layers': _LAYER_SOURCES,
    **{f'trax.layers.{name}': _LAYER_SOURCES for name in _LAYERS},
    'trax.layers.research': (),
    'trax.layers.test_utils': ('.layer_tests',),
    'trax.lr': ('.lr_schedules',),
    'trax.models': _MODEL_SOURCES,
    **{f'trax.models.{name}': _MODEL_SOURCES for name in _MODELS},
    'trax.optimizers': ('.optimizers',),
    **{f'trax.optimizers.{name}': ('.optimizers',) for name in _OPTIMIZERS},
    'trax.shapes': ('.shapes',),
    'trax.supervised': ('.training',),
    'trax.supervised.callbacks': ('.callbacks',),
    'trax.supervised.decoding': ('.decoding',),
    'trax.supervised.history': ('.history',),
    'trax.supervised.lr_schedules': ('.lr_schedules',),
    'trax.supervised.training': ('.training',),
    'trax.test_utils': ('.flags',),
}

LISTED: dict[str, tuple[str, ...]] = {
    name: tuple(text.split())
    for name, text in {
        'trax': 'AsKeras rl',
        'trax.data': f'{_DATA} {_DATA_INPUTS}',
        'trax.data.inputs': f'{_DATA} {_DATA_INPUTS}',
        'trax.fastmath': _FASTMATH,
        'trax.fastmath.numpy': _TREES,
        'trax.fastmath.ops': _FASTMATH,
        'trax.fastmath.random': 'get_prng split fold_in uniform randint normal bernoulli',
        'trax.layers': ' '.join([*_LAYERS.values(), _RESEARCH]),
        **{f'trax.layers.{name}': text for name, text in _LAYERS.items()},
        'trax.layers.research': (
            'efficient_attention position_encodings rel_attention resampling '
            'rotary_positional_embedding sparsity'
        ),
        'trax.layers.test_utils': (
            'test_eval_is_deterministic test_eval_equals_predict '
            'test_eval_equals_predict_configs test_eval_equals_predict_discrete MockTransformerLM'
        ),
        'trax.lr': _SCHEDULES,
        'trax.models': ' '.join([*_MODELS.values(), _MORE_MODELS]),
        **{f'trax.models.{name}': text for name, text in _MODELS.items()},
        'trax.shapes': (
            'ShapeDtype signature splice_signatures assert_shape_equals assert_same_shape'
        ),
        'trax.optimizers': ' '.join(
            ['ReversibleSerialTrainer Trainer opt_configure', *_OPTIMIZERS.values()]
        ),
        **{f'trax.optimizers.{name}': text for name, text in _OPTIMIZERS.items()},
        'trax.supervised': 'trainer_lib Trainer train EvalTask TrainTask',
        'trax.supervised.callbacks': 'SerializedModelEvaluation TrainingStepCallback',
        'trax.supervised.decoding': (
            'autoregressive_sample autoregressive_sample_stream beam_search'
        ),
        'trax.supervised.history': 'History',
        'trax.supervised.lr_schedules': _SCHEDULES,
        'trax.supervised.training': (
            'EvalTask Loop TrainTask init_host_and_devices pickle_to_file unpickle_from_file'
        ),
        'trax.test_utils': 'ensure_flag',
    }.items()
}
