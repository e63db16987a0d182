"""Laws and starts that cannot be fitted: one message that says why and what to do."""

import jax
import numpy as np

from farseer_jax.laws.evaluate import numpy_loss
from farseer_jax.laws.law import Law
from farseer_jax.laws.separable import is_separable
from farseer_jax.runs.runs import Runs


def check_law(law: type[Law], runs: Runs, starts: Law | None) -> None:
    """Refuse what is no law, or returns anything but one real number per run.

    Raises:
        TypeError: it is no law's class, or its loss is not real.
        ValueError: its starts or its losses have the wrong shape, or the runs lack an input.
    """
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {law!r}")
    if not law.parameter_names():
        raise ValueError(
            f"the law {law.name} has no parameters, so that nothing can be fitted: declare them as "
            "fields, such as E: Positive"
        )
    law.columns(runs)
    if starts is not None:
        check_starts(law, starts, {})
    elif (own := own_starts(law, runs, np.full((3, len(law.parameter_names())), 0.4))) is not None:
        check_starts(law, own, {})
    if not is_separable(law):
        numpy_loss(law)


def own_starts(law: type[Law], runs: Runs, cube: np.ndarray) -> Law | None:
    """Starts of the law's own; None where it has none, and those of its domains serve."""
    try:
        return law.starts(runs, cube)
    except NotImplementedError:
        return None


def check_starts(law: type[Law], starts: Law, bounds: dict[str, tuple[float, float]]) -> np.ndarray:
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
        value = np.exp(row) if name in law.log_parameters() else row
        outside = np.flatnonzero(~((value >= low) & (value <= high)))
        if outside.size:
            raise ValueError(
                f"starts: {name!r} of start {outside[0]} is {value[outside[0]]:g}, outside its "
                f"bounds [{low:g}, {high:g}]; {outside.size} such starts: move them inside"
            )
    return vector
