"""The words of the language: `from retrax import layers as tl`.

This folder has the layers; the name `retrax.layers` also has the combinators, so that one
import is enough. Layers know neither each other, nor optimizers, devices or configuration.
"""

from .. import combinators as _combinators
from ..combinators import *  # noqa: F403 - the flat face has all combinators
from .accuracies import (
    Accuracy,
    CategoryAccuracy,
    MaskedSequenceAccuracy,
    SequenceAccuracy,
    WeightedCategoryAccuracy,
)
from .activations import (
    Elu,
    Exp,
    FastGelu,
    Gelu,
    Glu,
    HardSigmoid,
    HardTanh,
    LeakyRelu,
    Log,
    ParametricRelu,
    Relu,
    Selu,
    Sigmoid,
    Softplus,
    Swish,
    Tanh,
    ThresholdedLinearUnit,
)
from .assert_shape import AssertFunction, AssertShape, assert_shape
from .attention import Attention, AttentionQKV, DotProductAttention, PureAttention
from .batch_norm import BatchNorm, BatchNormState, BatchNormWeights
from .binary_losses import BinaryCrossEntropy, BinaryCrossEntropyLoss, BinaryCrossEntropySum
from .categories import log_softmax, logsoftmax_sample, one_hot
from .causal_attention import (
    CausalAttention,
    CausalAttentionState,
    ConfigurableAttention,
    DotProductCausalAttention,
)
from .causal_conv import CausalConv
from .causal_depthwise_conv import CausalDepthwiseConv
from .conv import Conv, Conv1d
from .conv_transpose import ConvTranspose
from .convolution import ConvWeights
from .dense import Dense, DenseWeights
from .distances import L2Loss, SmoothL1Loss
from .dropout import Dropout
from .elementwise import Negate, StopGradient, ThresholdToBinary, ToFloat
from .embedding import Embedding
from .f_scores import MacroAveragedFScore, WeightedFScore
from .filter_response_norm import FilterResponseNorm, FilterResponseNormWeights
from .flatten import Flatten
from .free_weights import Weights
from .gaussians import log_gaussian_diag_pdf, log_gaussian_pdf
from .general_gru import ConvGRUCell, GeneralGRUCell
from .gru import GRU, GRUCell, GRUWeights
from .heads import MergeHeads, SplitIntoHeads
from .initializers import (
    GlorotNormalInitializer,
    GlorotUniformInitializer,
    InitializerFromFile,
    KaimingNormalInitializer,
    KaimingUniformInitializer,
    LeCunNormalInitializer,
    LeCunUniformInitializer,
    OrthogonalInitializer,
    RandomNormalInitializer,
    RandomUniformInitializer,
    ScaledInitializer,
    ZerosInitializer,
)
from .layer_norm import LayerNorm, LayerNormWeights
from .layer_normalized import LayerNormalized
from .linear_cell import LinearCell
from .locally_connected import LocallyConnected1d, LocallyConnectedWeights
from .losses import (
    CategoryCrossEntropy,
    CrossEntropyLoss,
    CrossEntropyLossWithLogSoftmax,
    CrossEntropySum,
    WeightedCategoryCrossEntropy,
    WeightedSum,
)
from .lstm import LSTM, LSTMCell, LSTMWeights
from .masked_mean import MaskedMean, MaskedMeanState
from .masks import EncoderDecoderMask, PaddingMask
from .min_gru import MinGRU, MinGRUCell, MinGRUWeights
from .min_lstm import MinLSTM, MinLSTMCell, MinLSTMWeights
from .named import named, named_gate
from .peephole_lstm import PeepholeLSTMCell, PeepholeLSTMWeights
from .per_step_dense import PerStepDense
from .pooling import AvgPool, MaxPool, SumPool
from .positional_encoding import PositionalEncoding, PositionalEncodingWeights
from .print_shape import PrintShape, ReversiblePrintShape
from .random_uniform import RandomUniform
from .recurrent import Recurrent
from .recurrent_cell import Map, RecurrentCell
from .reductions import ArgMax, LogSumExp, Max, Mean, Min, Sum
from .rglru import RGLRU, RGLRUCell, RGLRUWeights
from .rnn import RNN, RNNCell, RNNWeights
from .rotary import Rotary
from .self_attention import SelfAttention, SelfAttentionState, SelfAttentionWeights
from .sequence_mask import SequenceMask
from .shift_right import ShiftRight
from .softmax import LogSoftmax, Softmax
from .sru import SRU, InnerSRUCell, ScanSRUCell, SRUCell, SRUWeights
from .summary_scalar import SummaryScalar
from .zero_state import MakeZeroState

__all__ = [
    'GRU',
    'LSTM',
    'RGLRU',
    'RNN',
    'SRU',
    'Accuracy',
    'ArgMax',
    'AssertFunction',
    'AssertShape',
    'Attention',
    'AttentionQKV',
    'AvgPool',
    'BatchNorm',
    'BatchNormState',
    'BatchNormWeights',
    'BinaryCrossEntropy',
    'BinaryCrossEntropyLoss',
    'BinaryCrossEntropySum',
    'CategoryAccuracy',
    'CategoryCrossEntropy',
    'CausalAttention',
    'CausalAttentionState',
    'CausalConv',
    'CausalDepthwiseConv',
    'ConfigurableAttention',
    'Conv',
    'Conv1d',
    'ConvGRUCell',
    'ConvTranspose',
    'ConvWeights',
    'CrossEntropyLoss',
    'CrossEntropyLossWithLogSoftmax',
    'CrossEntropySum',
    'Dense',
    'DenseWeights',
    'DotProductAttention',
    'DotProductCausalAttention',
    'Dropout',
    'Elu',
    'Embedding',
    'EncoderDecoderMask',
    'Exp',
    'FastGelu',
    'FilterResponseNorm',
    'FilterResponseNormWeights',
    'Flatten',
    'GRUCell',
    'GRUWeights',
    'Gelu',
    'GeneralGRUCell',
    'GlorotNormalInitializer',
    'GlorotUniformInitializer',
    'Glu',
    'HardSigmoid',
    'HardTanh',
    'InitializerFromFile',
    'InnerSRUCell',
    'KaimingNormalInitializer',
    'KaimingUniformInitializer',
    'L2Loss',
    'LSTMCell',
    'LSTMWeights',
    'LayerNorm',
    'LayerNormWeights',
    'LayerNormalized',
    'LeCunNormalInitializer',
    'LeCunUniformInitializer',
    'LeakyRelu',
    'LinearCell',
    'LocallyConnected1d',
    'LocallyConnectedWeights',
    'Log',
    'LogSoftmax',
    'LogSumExp',
    'MacroAveragedFScore',
    'MakeZeroState',
    'Map',
    'MaskedMean',
    'MaskedMeanState',
    'MaskedSequenceAccuracy',
    'Max',
    'MaxPool',
    'Mean',
    'MergeHeads',
    'Min',
    'MinGRU',
    'MinGRUCell',
    'MinGRUWeights',
    'MinLSTM',
    'MinLSTMCell',
    'MinLSTMWeights',
    'Negate',
    'OrthogonalInitializer',
    'PaddingMask',
    'ParametricRelu',
    'PeepholeLSTMCell',
    'PeepholeLSTMWeights',
    'PerStepDense',
    'PositionalEncoding',
    'PositionalEncodingWeights',
    'PrintShape',
    'PureAttention',
    'RGLRUCell',
    'RGLRUWeights',
    'RNNCell',
    'RNNWeights',
    'RandomNormalInitializer',
    'RandomUniform',
    'RandomUniformInitializer',
    'Recurrent',
    'RecurrentCell',
    'Relu',
    'ReversiblePrintShape',
    'Rotary',
    'SRUCell',
    'SRUWeights',
    'ScaledInitializer',
    'ScanSRUCell',
    'SelfAttention',
    'SelfAttentionState',
    'SelfAttentionWeights',
    'Selu',
    'SequenceAccuracy',
    'SequenceMask',
    'ShiftRight',
    'Sigmoid',
    'SmoothL1Loss',
    'Softmax',
    'Softplus',
    'SplitIntoHeads',
    'StopGradient',
    'Sum',
    'SumPool',
    'SummaryScalar',
    'Swish',
    'Tanh',
    'ThresholdToBinary',
    'ThresholdedLinearUnit',
    'ToFloat',
    'WeightedCategoryAccuracy',
    'WeightedCategoryCrossEntropy',
    'WeightedFScore',
    'WeightedSum',
    'Weights',
    'ZerosInitializer',
    'assert_shape',
    'log_gaussian_diag_pdf',
    'log_gaussian_pdf',
    'log_softmax',
    'logsoftmax_sample',
    'named',
    'named_gate',
    'one_hot',
]
__all__ += _combinators.__all__
