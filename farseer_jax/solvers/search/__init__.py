"""One-dimensional searches of an exponent, each a few batched evaluations.

An objective maps a vector of candidates to a vector of values. Every search does a fixed amount of
work instead of iterating until it converges, so that searches map over batches of refits without
one waiting for another, and give the same digits in a batch of any size.
"""

from collections.abc import Mapping
from typing import Any

from farseer_jax.solvers.search.base import Look, Minimum, Objective, Search, Shape
from farseer_jax.solvers.search.chebyshev_search import Refined
from farseer_jax.solvers.search.grid_search import Grid
from farseer_jax.solvers.search.stationary import (
    ActiveSet,
    Errors,
    active_set,
    conditions,
    errors_at,
)

__all__ = [
    "ActiveSet",
    "Errors",
    "Grid",
    "Look",
    "Minimum",
    "Objective",
    "Refined",
    "Search",
    "Shape",
    "active_set",
    "conditions",
    "errors_at",
    "search_from_dict",
]


def search_from_dict(settings: Mapping[str, Any]) -> Search:
    """The inverse of a search's ``to_dict``."""
    kinds: dict[str, type[Grid] | type[Refined]] = {"grid": Grid, "refined": Refined}
    own = {key: value for key, value in settings.items() if key != "name"}
    return kinds[settings["name"]](**own)
