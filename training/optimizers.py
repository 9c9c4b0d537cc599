"""Optimizers and schedules by clear names: small functions that return optax transformations.

Any other optax transformation does as well.
"""

import optax

# A learning rate: a number, or a function from the step to a number.
Rate = float | optax.Schedule


def Adam(
    learning_rate: Rate = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    eps: float = 1e-8,
    clip_norm: float | None = None,
) -> optax.GradientTransformation:
    """Returns Adam.

        m = b1 m + (1 - b1) g,  v = b2 v + (1 - b2) g^2
        weights -= learning_rate * (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)

    Args:
      learning_rate: a number or a schedule.
      b1: how slowly the mean of gradients moves.
      b2: how slowly the mean of squared gradients moves.
      eps: keeps the quotient finite.
      clip_norm: gradients of a larger global norm are scaled down to it; None leaves them.

    Source: Kingma and Ba 2014, arXiv 1412.6980, algorithm 1; Pascanu et al. 2012, arXiv
    1211.5063, algorithm 1 (clipping).
    """
    _check_rate(learning_rate)
    return _clipped(optax.adam(learning_rate, b1, b2, eps), clip_norm)


def AdamW(
    learning_rate: Rate = 1e-3,
    b1: float = 0.9,
    b2: float = 0.999,
    weight_decay: float = 1e-2,
    clip_norm: float | None = None,
) -> optax.GradientTransformation:
    """Returns Adam with weight decay beside the gradient: learning_rate * weight_decay * weights.

    Source: Loshchilov and Hutter 2017, arXiv 1711.05101, algorithm 2. The decay is scaled by the
    learning rate, as in PyTorch; the paper scales it by the schedule alone.
    """
    _check_rate(learning_rate)
    return _clipped(optax.adamw(learning_rate, b1, b2, weight_decay=weight_decay), clip_norm)


def SGD(
    learning_rate: Rate = 0.1, momentum: float = 0.0, clip_norm: float | None = None
) -> optax.GradientTransformation:
    """Returns stochastic gradient descent: m = momentum m + g, weights -= learning_rate m."""
    _check_rate(learning_rate)
    return _clipped(optax.sgd(learning_rate, momentum or None), clip_norm)


def CosineDecay(
    learning_rate: float, steps: int, warmup_steps: int = 0, final: float = 0.0
) -> optax.Schedule:
    """Returns a learning rate that rises on a line, then falls along half a cosine.

    >>> [round(float(CosineDecay(1.0, 10, 2)(step)), 2) for step in (0, 1, 2, 6, 10)]
    [0.0, 0.5, 1.0, 0.5, 0.0]

    Args:
      learning_rate: the highest value.
      steps: all steps, those of the rise included.
      warmup_steps: the steps of the rise.
      final: the value at the end and after it.

    Raises:
      ValueError: the rise is as long as all steps, or longer, or the rate is negative.

    Source: Loshchilov and Hutter 2016, arXiv 1608.03983, equation 5, without restarts.
    """
    if not 0 <= warmup_steps < steps:
        raise ValueError(
            f'CosineDecay got steps={steps}, warmup_steps={warmup_steps}; the warm-up is a part of '
            'all steps, so it must be shorter'
        )
    _check_rate(learning_rate)
    start = 0.0 if warmup_steps else learning_rate
    return optax.warmup_cosine_decay_schedule(start, learning_rate, warmup_steps, steps, final)


def _check_rate(learning_rate):
    if isinstance(learning_rate, int | float) and learning_rate < 0:
        raise ValueError(f'learning_rate must not be negative, got {learning_rate}')


def _clipped(optimizer, clip_norm):
    if clip_norm is None:
        return optimizer
    if clip_norm <= 0:
        raise ValueError(f'clip_norm must be positive, or None for no clipping, got {clip_norm}')
    return optax.chain(optax.clip_by_global_norm(clip_norm), optimizer)
