"""Measures of error, each defined once."""

import numpy as np


def relative_error(predicted: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """``|predicted / observed − 1|``, elementwise."""
    return np.abs(predicted / observed - 1.0)
