"""From a model to text: prefill, generate, stream, filters, sampling, score.

Decoding knows models by what they offer (`as_mode`, `new_state`, `start_id`, `pure_fn`). It knows
no tokenizer, no particular layer and no data.
"""

from .beam import Beams, beam_search
from .generate import generate, stream
from .running import Stream, resume
from .sampling import sample
from .score import Score, score
from .snapshot import Snapshot

__all__ = [
    'Beams',
    'Score',
    'Snapshot',
    'Stream',
    'beam_search',
    'generate',
    'resume',
    'sample',
    'score',
    'stream',
]
