"""How many calls of a compiled function to have under way at once."""

import os

import jax


def num_threads() -> int:
    """One a core on a CPU, where XLA runs a call on one core; elsewhere one fills the device."""
    return (os.cpu_count() or 1) if jax.default_backend() == "cpu" else 1
