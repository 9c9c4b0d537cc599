"""From a model to text: prefill, generate, stream, filters, sampling.

Decoding knows models by what they offer (`as_mode`, `new_state`, `start_id`, `pure_fn`). It knows
no tokenizer, no particular layer and no data.
"""

from .generate import generate, stream
from .sampling import sample
from .stream import Stream

__all__ = ['Stream', 'generate', 'sample', 'stream']
