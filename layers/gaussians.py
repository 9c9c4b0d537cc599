"""Densities of normal distributions, as functions."""

from typing import Any

import jax
import jax.numpy as jnp


def log_gaussian_pdf(x: Any, mu: Any, sigma: Any) -> jax.Array:
    """Returns log N(x | mu, sigma) for a covariance matrix sigma.

        -1/2 (d log(2 pi) + log det sigma + (x - mu)' sigma^-1 (x - mu))

    Shapes: x (..., d), mu (..., d), sigma (..., d, d) -> (...).
    """
    difference = jnp.asarray(x) - mu
    _, log_det = jnp.linalg.slogdet(sigma)
    solved = jnp.linalg.solve(sigma, difference[..., None])[..., 0]
    d = difference.shape[-1]
    return -0.5 * (d * jnp.log(2 * jnp.pi) + log_det + jnp.sum(difference * solved, axis=-1))


def log_gaussian_diag_pdf(x: Any, mu: Any, diag_sigma: Any) -> jax.Array:
    """Returns log N(x | mu, diag(diag_sigma)), where diag_sigma are variances.

    Shapes: x (..., d), mu (..., d), diag_sigma (..., d) -> (...).

    Trax 1.4.1 computes (x - mu) (x - mu / diag_sigma) in the exponent, right for mu = 0 and
    variances of 1 only.
    """
    difference = jnp.asarray(x) - mu
    diag_sigma = jnp.asarray(diag_sigma)
    terms = jnp.log(2 * jnp.pi * diag_sigma) + difference**2 / diag_sigma
    return -0.5 * jnp.sum(terms, axis=-1)
