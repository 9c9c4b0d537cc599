"""From a model to text: prefill, generate, stream, filters, sampling, score.

Decoding knows models by what they offer (`as_mode`, `new_state`, `start_id`, `pure_fn`). It knows
no tokenizer, no particular layer and no data.
"""

from .generate import generate, stream
from .running import Stream, resume
from .sampling import sample
from .score import Score, score
from .snapshot import Snapshot

__all__ = ['Score', 'Snapshot', 'Stream', 'generate', 'resume', 'sample', 'score', 'stream']
