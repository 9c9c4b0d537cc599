"""Saying why a kernel with a backward pass of its own cannot be differentiated forwards."""

import functools
from collections.abc import Callable
from typing import Any


def reverse_mode_only(kernel: Callable[..., Any]) -> Callable[..., Any]:
    """Returns a kernel whose error in forward mode says what works instead."""

    @functools.wraps(kernel)
    def checked(*args, **kwargs):
        try:
            return kernel(*args, **kwargs)
        except TypeError as error:
            if 'forward-mode' not in str(error):
                raise
            raise TypeError(
                f'{kernel.__name__} has a backward pass of its own, so it has no forward-mode '
                'derivative (jvp, jacfwd, linearize). Use reverse mode: grad, vjp, jacrev, and for '
                "second derivatives jacrev(grad(f)); or implementation='reference', which has one."
            ) from error

    return checked
