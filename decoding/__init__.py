"""From a model to text: prefill, generate, stream, beam search, constraints, sampling, score.

Decoding knows models by what they offer (`as_mode`, `new_state`, `start_id`, `pure_fn`). It knows
no tokenizer, no particular layer and no data.
"""

from .automaton import Automaton
from .beam import Beams, beam_search
from .generate import generate, stream
from .patterns import regex
from .resuming import fork, resume
from .room import room
from .running import RowStreams, Stream
from .sampling import sample
from .score import Score, score
from .snapshot import Snapshot

__all__ = [
    'Automaton',
    'Beams',
    'RowStreams',
    'Score',
    'Snapshot',
    'Stream',
    'beam_search',
    'fork',
    'generate',
    'regex',
    'resume',
    'room',
    'sample',
    'score',
    'stream',
]
