"""A fingerprint of runs: equal for equal data, whatever file it came from."""

import hashlib

import numpy as np

from farseer_jax.runs.runs import Runs


def fingerprint(runs: Runs) -> str:
    """SHA-256 of the inputs, the response and the weights, in hexadecimal digits.

    The order of the rows counts, further columns do not.

    Args:
        runs: the runs.

    Example:
        >>> from farseer_jax import example_runs
        >>> fingerprint(example_runs()) == fingerprint(example_runs(seed=1))
        False
        >>> len(fingerprint(example_runs()))
        64
    """
    digest = hashlib.sha256()
    columns = {name: runs.inputs[name] for name in sorted(runs.inputs)}
    weights = {} if runs.weights is None else {"weights": runs.weights}
    for name, values in {**columns, "response": runs.loss, **weights}.items():
        own = np.asarray(values)
        is_number = own.dtype.kind in "fiu"
        data = (
            np.ascontiguousarray(own, dtype="<f8").tobytes()
            if is_number
            else "\0".join(map(str, own.tolist())).encode()
        )
        digest.update(f"{name}\0{own.shape}\0".encode() + data)
    return digest.hexdigest()
