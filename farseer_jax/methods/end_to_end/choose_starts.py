"""Starts as free parameters: from the settings, from the law, or drawn from its domains."""

import dataclasses
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.laws.separable import is_separable
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.settings import free_of
from farseer_jax.methods.end_to_end.traced_loss import check_loss, scaled_loss
from farseer_jax.methods.method import weights_of
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.random_starts import Domain, draw_starts

if TYPE_CHECKING:
    from farseer_jax.methods.end_to_end.multi_start import MultiStartMethod


def starts_of(method: "MultiStartMethod", layout: Layout, free: Free, num: int) -> np.ndarray:
    """Starts as free parameters, ``(start, free)``; the first ones do not depend on ``num``."""
    law = layout.law
    if method.starts is not None:
        return free.free(check_starts(law, method.starts, dict(method.bounds)))
    cube = np.random.default_rng(method.seed).random((num, len(law.parameter_names())))
    own = own_starts(law, layout.runs, cube)
    if own is not None:
        return free.free(check_starts(law, own, {}))
    whole = free_of(method, layout, totals=False)
    return free.free(_drawn(layout, whole, num, method.seed))


def _drawn(layout: Layout, free: Free, num: int, seed: int) -> np.ndarray:
    """Parameter vectors, ``(parameter, start)``, drawn on the scale of the parameters themselves.

    The loss may be linear in them, and not in their logarithms.
    """
    law, link, runs = layout.law, layout.link, layout.runs
    domains = list(law.domains().values())
    positive = np.isin(law.parameter_names(), law.log_parameters())
    leaders, basis = _tied(free)
    offset = np.where(positive & (free.basis == 0).all(1), np.exp(free.offset), free.offset)
    offset = np.where((free.basis != 0).any(1), 0.0, offset)
    own = [
        Domain(max(domains[k].lower, low), min(domains[k].upper, high), domains[k].start)
        for k, (low, high) in zip(leaders, _bounds(free, leaders, positive), strict=True)
    ]
    inputs = law.columns(runs)
    weights = weights_of(runs) * layout.run_share
    common: dict[str, Any] = {"offset": offset, "basis": basis}
    scaled = FitProblem(scaled_loss(law, link), inputs, link.forward(runs.loss), weights, **common)
    slope = link.slope(runs.loss)
    response = FitProblem(
        scaled_loss(law, Link("identity")), inputs, runs.loss, weights * slope**2, **common
    )
    with np.errstate(all="ignore"):
        drawn = draw_starts(scaled, own, num, response=response, seed=seed)[0]
    natural = drawn @ basis.T + offset
    return np.where(positive, np.log(np.maximum(natural, np.finfo(float).tiny)), natural).T


def _tied(free: Free) -> tuple[list[int], np.ndarray]:
    """The first of the law's parameters for each free one, and a basis of ones."""
    used = np.abs(free.basis) > 1e-9
    leaders = [int(np.flatnonzero(column)[0]) for column in used.T]
    return leaders, used.astype(float)


def _bounds(free: Free, leaders: list[int], positive: np.ndarray) -> list[tuple[float, float]]:
    """Bounds of the free parameters on the scale of the law's parameters."""
    ends = []
    for column, leader in enumerate(leaders):
        factor = free.basis[leader, column]
        low, high = factor * free.lower[column], factor * free.upper[column]
        ends.append((np.exp(low), np.exp(high)) if positive[leader] else (low, high))
    return ends


def check_law(law: type[Law], runs: Runs, starts: Law | None) -> None:
    """Refuse anything but a law that returns one real number per run.

    Raises:
        TypeError: ``law`` is not a law's class, or its loss is not real.
        ValueError: its starts or its losses have the wrong shape, or the runs lack an input.
    """
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {law!r}")
    if not law.parameter_names():
        raise ValueError(
            f"the law {law.name!r} has no parameters to fit: declare them as fields, such as "
            "E: Positive"
        )
    law.columns(runs)
    if starts is not None:
        check_starts(law, starts, {})
    elif (own := own_starts(law, runs, np.full((3, len(law.parameter_names())), 0.4))) is not None:
        check_starts(law, own, {})
    if not is_separable(law):
        check_loss(law)


def own_starts(law: type[Law], runs: Runs, cube: np.ndarray) -> Law | None:
    """The law's own starts; None where it has none and they are drawn from its domains."""
    try:
        return law.starts(runs, cube)
    except NotImplementedError:
        return None


def check_starts(law: type[Law], starts: Law, bounds: dict[str, tuple[float, float]]) -> np.ndarray:
    """The starts as parameter vectors, ``(parameter, start)``.

    Raises:
        TypeError: they are not of this law.
        ValueError: their leaves differ in shape, or lie outside the bounds.
    """
    if not isinstance(starts, law):
        raise TypeError(f"starts must be a `{law.__name__}` with leaves (start,), got {starts!r}")
    names = law.parameter_names()
    with jax.enable_x64(True), np.errstate(all="ignore"):
        leaves = jax.tree.map(lambda leaf: np.atleast_1d(np.asarray(leaf, np.float64)), starts)
        along = {field.name for field in law.fields() if field.along}
        shapes = {
            leaf.shape[:-1] if field.name in along else leaf.shape
            for field in dataclasses.fields(law)
            for leaf in jax.tree.leaves(getattr(leaves, field.name))
        }
        if len(shapes) != 1 or len(shape := shapes.pop()) != 1:
            raise ValueError(
                f"starts: every parameter of {law.__name__} needs the shape (start,), "
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
                f"bounds [{low:g}, {high:g}] ({outside.size} such starts): move them inside"
            )
    return vector
