"""From a model to text: prefill, generate, stream, beam search, constraints, sampling, score.

Decoding knows models by what they offer (`as_mode`, `new_state`, `start_id`, `pure_fn`). It knows
no tokenizer, no particular layer and no data.
"""

from .automaton import Automaton
from .beam import Beams, beam_search
from .generate import generate, stream
from .patterns import regex
from .running import Stream, resume
from .sampling import sample
from .score import Score, score
from .snapshot import Snapshot

__all__ = [
    'Automaton',
    'Beams',
    'Score',
    'Snapshot',
    'Stream',
    'beam_search',
    'generate',
    'regex',
    'resume',
    'sample',
    'score',
    'stream',
]
