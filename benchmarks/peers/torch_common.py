"""What PyTorch peers have in common: the step with Adam, and the Python loop that samples.

bf16 is torch.autocast on the CPU: products of Linear and matmul in bfloat16; weights, softmax and
loss in float32.
"""

import torch
from torch import nn

from benchmarks import seed_model as seed


def autocast(setting):
    """The context that a setting's precision asks for."""
    return torch.autocast('cpu', torch.bfloat16, enabled=setting.precision == 'bf16')


def ids(array):
    """Ids as PyTorch takes them."""
    return torch.tensor(array, dtype=torch.long)


def train(setting, model):
    """One step with Adam (fused)."""
    optimizer = torch.optim.Adam(model.parameters(), lr=seed.LEARNING_RATE, fused=True)
    inputs, x = ids(seed.context(setting)), ids(seed.tokens(setting))

    def run():
        optimizer.zero_grad(set_to_none=True)
        with autocast(setting):
            logits = model(inputs)
            loss = nn.functional.cross_entropy(logits.reshape(-1, setting.vocab), x.reshape(-1))
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


def forward(setting, model):
    """An eval pass without gradients."""
    inputs = ids(seed.context(setting))

    def run():
        with torch.inference_mode(), autocast(setting):
            return torch.log_softmax(model(inputs).float(), -1)

    return run


def decode(setting, read, step):
    """A Python loop; `read(ids)` gives the state after ids, `step(token, state)` logits and state.

    `read` is given no ids where there is only the start id.
    """
    before = ids(seed.context(setting))

    @torch.inference_mode()
    def run(n, temperature):
        generator = torch.Generator().manual_seed(1)
        token, found = before[:, -1], []
        with autocast(setting):
            state = read(before[:, :-1])
            for _ in range(n):
                logits, state = step(token, state)
                token = _choose(logits.float(), temperature, generator)
                found.append(token)
        return torch.stack(found, 1).numpy()

    return run


def _choose(logits, temperature, generator):
    if temperature == 0:
        return logits.argmax(-1)
    probabilities = torch.softmax(logits / temperature, -1)
    return torch.multinomial(probabilities, 1, generator=generator)[:, 0]
