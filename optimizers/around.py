"""What goes around any optimizer: clipping, and one step from the gradients of several batches."""

import optax


def Clipped(optimizer: optax.GradientTransformation, norm: float) -> optax.GradientTransformation:
    """Returns an optimizer that sees gradients g scaled by min(1, norm / |g|).

    |g| is the norm of all arrays taken as one vector.

    Source: Pascanu et al. 2012, arXiv 1211.5063, algorithm 1.

    Raises:
      ValueError: the norm is not positive.
    """
    if norm <= 0:
        raise ValueError(f'Clipped: norm must be positive, got {norm}')
    return optax.chain(optax.clip_by_global_norm(norm), optimizer)


def Accumulated(
    optimizer: optax.GradientTransformation, batches: int
) -> optax.GradientTransformation:
    """Returns an optimizer that moves at every `batches`-th step, along their mean gradient.

        g = (g_1 + ... + g_k) / k

    with k = `batches` and g_i the gradient of batch i's loss, a mean weighted by its own weights.
    Where each batch has the same sum of weights, g is the gradient of all of them as one batch,
    which need not fit into memory. Else it is not: a token of a batch with a smaller sum, such as
    one with more padding, counts for more. Layers that couple rows, such as BatchNorm, see the
    small batches either way. A schedule counts the moves.

    Raises:
      ValueError: `batches` is below 1.
    """
    if batches < 1:
        raise ValueError(f'Accumulated: batches must be positive, got {batches}')
    return optax.MultiSteps(optimizer, batches).gradient_transformation()
