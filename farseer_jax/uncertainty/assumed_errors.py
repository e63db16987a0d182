"""What intervals assume of the runs' errors, in one line."""

from farseer_jax.uncertainty.resampling import Named, Scheme, Setting

_ANSWER = "an answer with correlated errors: farseer forecast"
BY_SIZE = f"those of a size may be correlated; {_ANSWER}"
BY_RUN = f"runs assumed independent; {_ANSWER}"


def assumed_errors(scheme: Scheme, setting: Setting) -> str:
    """What a scheme assumes of errors; empty for a scheme of one's own that does not say.

    A scheme by size (its attribute ``by_size``) says nothing of sizes with a single run each.
    """
    if getattr(scheme, "by_size", False):
        return BY_SIZE if setting.num_sizes < setting.num_units else BY_RUN
    return BY_RUN if isinstance(scheme, Named) else ""
