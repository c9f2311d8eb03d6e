"""Logistic regression, by which the recipes make probabilities of what networks say."""

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

_SMALL = 1e-4  # preference for small coefficients


def fit(
    features: NDArray[np.float64], true: NDArray[np.bool_], weights: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """The coefficients (F,) of the log-odds that something is true, with a slight preference for small ones.

    Args:
        features: (N, F), one of them 1 where there is to be a constant.
        true: (N,).
        weights: (N,), how much each counts; by default all count the same.
    """
    shares = np.ones(len(true)) if weights is None else weights
    shares = shares / shares.sum()

    def cost(coefficients: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        logits = features @ coefficients
        value = shares @ (np.logaddexp(0, logits) - true * logits) + _SMALL * coefficients @ coefficients
        return value, features.T @ (shares * (expit(logits) - true)) + 2 * _SMALL * coefficients

    return minimize(cost, np.zeros(features.shape[1]), jac=True).x
