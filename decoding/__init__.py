"""From a model to text: prefill, generate, sampling.

Decoding knows models by what they offer (`as_mode`, `new_state`, `start_id`, `pure_fn`). It knows
no tokenizer, no particular layer and no data.
"""

from .generate import generate
from .sampling import sample

__all__ = ['generate', 'sample']
