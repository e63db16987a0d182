"""Laws and starts that cannot be fitted: one message that says why and what to do."""

from functools import cache

import jax
import numpy as np

from farseer_jax.laws.law import AbstractLaw, Center
from farseer_jax.runs.runs import Runs


def check_law(law: type[AbstractLaw], runs: Runs, starts: AbstractLaw | None) -> None:
    """Refuse laws whose methods do not fit together.

    Raises:
        TypeError: it is no law's class.
        ValueError: its starts or its losses have the wrong shape.
    """
    if not (isinstance(law, type) and issubclass(law, AbstractLaw)):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {law!r}")
    if starts is not None:
        check_starts(law, starts, {})
    else:
        _check_own_starts(law, runs)
    _check_losses(law)


def _check_own_starts(law: type[AbstractLaw], runs: Runs) -> None:
    cube = np.full((3, len(law.parameter_names())), 0.4)
    try:
        built = law.starts(runs, cube)
    except NotImplementedError as error:
        raise ValueError(str(error)) from None
    check_starts(law, built, {})


@cache  # a law's class says it once
def _check_losses(law: type[AbstractLaw]) -> None:
    """Whether the law computes elementwise."""
    num = 3
    with jax.enable_x64(True), np.errstate(all="ignore"):
        center = Center(1e9, 1e10)
        vector = np.full((len(law.parameter_names()), num), 0.1)
        built = law.from_vector(jax.numpy.asarray(vector), center)
        N, D = np.geomspace(1e8, 1e9, 4)[:, None, None], np.geomspace(1e9, 1e10, 2)[:, None]
        shape = np.shape(built.log_loss(N, D))
    if shape != (4, 2, num):
        raise ValueError(
            f"the law {law.__name__}: `log_loss` of N (4, 1, 1), D (2, 1) and parameters ({num},) "
            f"has shape {shape}, expected (4, 2, {num}): compute elementwise, without sums or "
            "indexing; a law that ignores N or D adds 0 · N or 0 · D"
        )


def check_starts(
    law: type[AbstractLaw], starts: AbstractLaw, bounds: dict[str, tuple[float, float]]
) -> np.ndarray:
    """The starts as parameter vectors, ``(parameter, start)``.

    Raises:
        TypeError: they are another law's.
        ValueError: their leaves differ in shape, or lie outside the bounds.
    """
    if not isinstance(starts, law):
        raise TypeError(f"starts must be a `{law.__name__}` with leaves (start,), got {starts!r}")
    names = law.parameter_names()
    with jax.enable_x64(True), np.errstate(all="ignore"):
        leaves = jax.tree.map(lambda leaf: np.atleast_1d(np.asarray(leaf, np.float64)), starts)
        shapes = {leaf.shape for leaf in jax.tree.leaves(leaves)}
        if len(shapes) != 1 or len(shape := shapes.pop()) != 1:
            raise ValueError(
                f"the starts of {law.__name__}: every parameter needs the shape (start,), "
                f"got {sorted({np.shape(leaf) for leaf in jax.tree.leaves(starts)})}"
            )
        vector = np.asarray(leaves.to_vector())
    if vector.shape != (len(names), *shape):
        raise ValueError(
            f"the law {law.__name__}: `to_vector` has shape {vector.shape} for {len(names)} "
            f"parameters {names} and {shape[0]} starts"
        )
    for name, (low, high) in bounds.items():
        row = vector[names.index(name)]
        value = np.exp(row) if name in law.positive else row
        outside = np.flatnonzero(~((value >= low) & (value <= high)))
        if outside.size:
            raise ValueError(
                f"starts: {name!r} of start {outside[0]} is {value[outside[0]]:g}, outside its "
                f"bounds [{low:g}, {high:g}]; {outside.size} such starts: move them inside"
            )
    return vector
