"""What the PyTorch peers have in common: the step with Adam, and the Python loop that samples."""

import torch
from torch import nn

from benchmarks import seed_model as seed


def train_step(model):
    """One step with Adam (fused); returns the first loss and a function that runs a step."""
    optimizer = torch.optim.Adam(model.parameters(), lr=seed.LEARNING_RATE, fused=True)
    x = torch.tensor(seed.tokens(), dtype=torch.long)

    def loss_of():
        logits = model(x)
        return nn.functional.cross_entropy(logits.reshape(-1, seed.VOCAB), x.reshape(-1))

    with torch.no_grad():
        first = float(loss_of())

    def run():
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of()
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return first, run


def decode(logits_of):
    """Samples in a Python loop; `logits_of(token, hs)` replaces the states in the list `hs`."""

    @torch.inference_mode()
    def run(n, temperature=1.0):
        torch.manual_seed(1)
        hs = [torch.zeros(1, seed.WIDTH) for _ in range(seed.LAYERS)]
        token, found = torch.zeros(1, dtype=torch.long), []
        for _ in range(n):
            logits = logits_of(token, hs)
            if temperature:
                token = torch.multinomial(torch.softmax(logits / temperature, -1), 1)[0]
            else:
                token = logits.argmax(-1)
            found.append(token)
        return torch.cat(found).numpy()

    return run(24, 0.0).tolist(), run
