"""Optimisers by name, and the check of your own."""

from functools import lru_cache
from typing import TYPE_CHECKING, Any

from farseer_jax.methods.restarts.lbfgs import lock_step_lbfgs

if TYPE_CHECKING:
    import optax


NAMES = ("lbfgs", "adam")
LEARNING_RATE = 0.05  # of Adam at its peak; free parameters are numbers of order 1
WARM_UP = 0.05  # share of the steps


def check_optimiser(optimiser: Any) -> None:
    """Refuse anything but a known name or an optimiser of optax.

    Raises:
        ValueError: the name is unknown.
        TypeError: it is neither a name nor an optimiser.
    """
    if isinstance(optimiser, str):
        if optimiser not in NAMES:
            raise ValueError(
                f"optimiser must be one of {NAMES} or an optimiser of optax, got {optimiser!r}"
            )
        return
    parts = (getattr(optimiser, name, None) for name in ("init", "update"))
    if isinstance(optimiser, type) or not all(map(callable, parts)):
        raise TypeError(
            f"optimiser must be one of {NAMES} or an optimiser of optax such as "
            f"`optax.adamw(1e-2)`, got {optimiser!r}"
        )


@lru_cache(maxsize=32)  # the same object: a second fit must not compile again
def build_optimiser(
    optimiser: Any, num_steps: int, tolerance: float
) -> "optax.GradientTransformation":
    """The optimiser of a name; your own is returned as it is."""
    if not isinstance(optimiser, str):
        return optimiser
    if optimiser == "lbfgs":
        return lock_step_lbfgs(tolerance)
    import optax

    warm_up = max(1, round(WARM_UP * num_steps))
    schedule = optax.warmup_cosine_decay_schedule(
        LEARNING_RATE / warm_up, LEARNING_RATE, warm_up, max(num_steps, warm_up + 1)
    )
    return optax.adam(schedule)
