"""The influence of each run on a number that a fit gives."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.fitting.fit_batch import BatchFit, fit_batch
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import fit_of
from farseer_jax.laws import quantities as _quantities
from farseer_jax.laws.compute_optimal import optimal_ratio
from farseer_jax.laws.evaluate import by_column, curves, evaluate, flat_points
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.link_functions import Link
from farseer_jax.runs.coverage import distance_beyond, flat_inputs
from farseer_jax.runs.noise import estimate_noise, shows_noise
from farseer_jax.runtime.memory import blocks
from farseer_jax.runtime.progress import stage
from farseer_jax.types import Array
from farseer_jax.uncertainty.fit_derivatives import respond
from farseer_jax.uncertainty.influence_result import Influence, difference_name
from farseer_jax.uncertainty.resampling import Setting
from farseer_jax.uncertainty.standard_errors import link_spread

CURVES = ("U", "B", "A")
_BLOCK = 128  # laws per call
QUANTITIES = ("loss", *CURVES, "tokens_per_parameter")


class _Question(NamedTuple):
    """A number of a law: a function and its arguments."""

    name: str
    at: Mapping[str, Any]
    function: Callable[..., Array]
    arguments: tuple[Any, ...]


def influence(
    fit: Fit,
    at: ArrayLike | Mapping[str, Any] | None = None,
    *,
    of: str | Callable[[Law], Any] = "loss",
    against: Fit | None = None,
    noise: float | None = None,
) -> Influence:
    """The influence of each run on a number that a fit gives.

    For each run: the change of the number if the run's loss increases by its noise (from the exact
    derivative of the fit, by implicit differentiation), and if the run is left out (from a refit
    with weight 0).

    Args:
        fit: the fit.
        at: the point: for a loss, the law's inputs by name, such as ``{"N": 1e9, "P": 4}``, or the
            pair ``(N, D)``; N for a curve; FLOPs for ``"tokens_per_parameter"``.
        of: ``"loss"``; the curve ``"U"``, ``"B"`` or ``"A"``; ``"tokens_per_parameter"``, the
            compute-optimal D/N; or a function of a law, made of JAX operations, that returns a
            number.
        against: another fit: the number is then ``ln(loss / its loss)`` (the difference on the
            link's scale), negative where this fit's recipe is better. The other fit's runs are not
            perturbed.
        noise: run-to-run standard deviation of ln loss (of the response on the link's scale); None
            estimates it from the runs (:func:`estimate_noise`), or from the residuals if the inputs
            are not N and D.

    Raises:
        NoDerivativeError: the fit has no derivative; the message says why and what to do.
        ValueError: ``at`` does not match ``of``, the noise cannot be estimated from the runs, or
            the number is not finite.
        TypeError: ``at`` lacks an input of the law.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit, influence
        >>> result = fit(Farseer, example_runs(noise=5e-4))
        >>> found = influence(result, at=(25.1e9, 5e11))
        >>> most = found.largest(1)[0]
        >>> f"{found.N[most]:.3g}", f"{100 * found.change_if_removed[most] / found.value:.2f} %"
        ('5.35e+09', '-0.25 %')
    """
    question = _question(fit_of(fit), at, of, against)
    spread = _noise(fit, noise)
    by_losses = respond(fit).by_losses
    values = _values(question, fit.law, _without_each(fit))
    value, removed = values[0], values[1:]
    if value.shape != ():
        raise ValueError(
            f"of: expected a function that returns a number, got an array of shape {value.shape}"
        )
    if not np.isfinite(value):
        raise ValueError(
            f"{question.name}: expected a finite number at this point, the law gives {float(value)}"
        )
    slopes = _quantities.along(question.function, fit.law, by_losses, *question.arguments)
    return Influence(
        quantity=question.name,
        at=question.at,
        value=float(value),
        inputs=flat_inputs(fit.runs, type(fit.law).inputs()),
        loss=fit.runs.loss,
        noise=spread,
        change_per_noise=slopes * link_spread(fit.runs.link, fit.runs.loss, 1.0) * spread,
        change_if_removed=removed - value,
        warnings=_warnings(fit, question.at, removed, spread if noise is None else None),
    )


def _without_each(fit: Fit) -> Law:
    """The laws refitted without each run, leaves ``(run, …)``; NaN if a refit failed."""
    num, laws = len(fit.runs), list[Law]()
    with stage("refitting without each run"):
        for some in blocks(num, 4 * 8.0 * num):
            kept = np.ones((some.stop - some.start, num))
            kept[np.arange(len(kept)), np.arange(some.start, some.stop)] = 0.0
            laws.append(
                _usable(fit_batch(type(fit.law), fit.runs, weights=kept, method=fit.method))
            )
    law: Law = jax.tree.map(lambda *leaves: np.concatenate(leaves), *laws)
    return law


def _usable(refits: BatchFit) -> Law:
    """The laws of refits, NaN where they failed."""

    def usable(leaf: np.ndarray) -> np.ndarray:
        return np.where(refits.usable.reshape(-1, *(1,) * (leaf.ndim - 1)), leaf, np.nan)

    law: Law = jax.tree.map(usable, refits.law)
    return law


def _values(question: _Question, law: Law, others: Law) -> np.ndarray:
    """The number for a law and for each of the others, in blocks of one shape (compiled once)."""
    laws = jax.tree.map(
        lambda one, more: np.concatenate([np.asarray(one)[None], more]), law, others
    )
    num = len(jax.tree.leaves(laws)[0])
    rows = np.minimum(np.arange(-(-num // _BLOCK) * _BLOCK), num - 1).reshape(-1, _BLOCK)
    blocks = [
        _quantities.mapped(
            question.function,
            jax.tree.map(lambda leaf, own=own: leaf[own], laws),
            *question.arguments,
        )
        for own in rows
    ]
    return np.concatenate(blocks)[:num]


def _question(fit: Fit, at: Any, of: str | Callable[[Law], Any], against: Fit | None) -> _Question:
    if against is not None:
        if of != "loss":
            raise ValueError("against: two fits can only be compared by their losses (of='loss')")
        points, named = _point(fit, at)
        link = fit.runs.link
        other = np.asarray(link.forward(evaluate(against.law, **points)))
        return _Question(difference_name(link), named, _difference(link), (points, other))
    if callable(of):
        if at is not None:
            raise ValueError("at: a function of a law takes no points; leave `at` out")
        return _Question("value", {}, of, ())
    if of == "loss":
        points, named = _point(fit, at)
        return _Question("loss", named, _loss, (points,))
    if of in CURVES:
        if not isinstance(fit.law, OneDataTerm):
            raise ValueError(f"of: the law {fit.law.name!r} has no curve {of}(N)")
        (N,) = _numbers(at, 1, "a size N, at=25.1e9")
        return _Question(f"{of}(N)", {"N": N}, _curve, _arrays(N, CURVES.index(of)))
    if of == "tokens_per_parameter":
        require_N_and_D("of='tokens_per_parameter'", type(fit.law))
        (compute,) = _numbers(at, 1, "a budget in FLOPs, at=1e22")
        return _Question(
            "tokens per parameter", {"compute": compute}, optimal_ratio, _arrays(compute)
        )
    raise ValueError(f"of must be one of {', '.join(QUANTITIES)} or a function, got {of!r}")


def _point(fit: Fit, at: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """One point, each input ``(1,)`` or ``(1, share)``; and its values by column.

    Raises:
        ValueError: not a single valid point.
        TypeError: an input is missing or unknown.
    """
    law = type(fit.law)
    names = tuple(law.inputs())
    if not isinstance(at, Mapping) and set(names) == {"N", "D"}:
        N, D = _numbers(at, 2, "a pair of N and D, at=(25.1e9, 5e11)")
        at = {"N": N, "D": D}
    if not isinstance(at, Mapping):
        shown = ", ".join(f"{name!r}: …" for name in names)
        raise ValueError(f"at: expected the law's inputs by name, at={{{shown}}}, got {at!r}")
    points, shape = flat_points(law, (), at)
    if int(np.prod(shape)) != 1:
        raise ValueError(f"at: expected one point, got {int(np.prod(shape))}")
    return points, {name: column.tolist()[0] for name, column in by_column(law, points).items()}


def _loss(law: Law, points: dict[str, Array]) -> Array:
    return _quantities.losses(law, points)[0]


@cache
def _difference(link: Link) -> Callable[..., Array]:
    """One function per link: JAX compiles by function."""

    def difference(law: Law, points: dict[str, Array], other: Array) -> Array:
        return jnp.asarray(link.forward(_quantities.losses(law, points)) - other)[0]

    return difference


def _curve(law: OneDataTerm, N: Array, which: Array) -> Array:
    return curves(law, N[None])[which.astype(int), 0]


def _arrays(*numbers: ArrayLike) -> tuple[np.ndarray, ...]:
    return tuple(np.asarray(number, dtype=np.float64) for number in numbers)


def _numbers(at: ArrayLike | None, count: int, what: str) -> tuple[float, ...]:
    try:
        values = np.atleast_1d(np.asarray(at, dtype=np.float64))
    except (TypeError, ValueError):
        values = np.array([])
    if values.shape != (count,) or not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"at: expected {what}, positive and finite, got {at!r}")
    return tuple(values.tolist())


def _noise(fit: Fit, noise: float | None) -> np.ndarray:
    """Standard deviation of each run on the link's scale, ``(run,)``."""
    runs = fit.runs
    if noise is None and not shows_noise(runs):
        setting = Setting.of(fit)
        return setting.noise[setting.unit]
    if noise is None:
        try:
            return estimate_noise(runs).of_runs(runs)
        except ValueError as error:
            raise ValueError(f"{error}; give the noise, such as noise=5e-4") from None
    if not 0 < noise < np.inf:
        raise ValueError(f"noise must be positive and finite, got {noise!r}")
    return np.full(len(runs), noise)


def _warnings(
    fit: Fit, at: Mapping[str, Any], removed: np.ndarray, own_noise: np.ndarray | None
) -> tuple[str, ...]:
    """Warnings; ``own_noise`` is the estimated noise of the runs, if none was given."""
    sentences = list(fit.warnings)
    if own_noise is not None and not shows_noise(fit.runs):
        sentences.append(
            "the run-to-run noise cannot be estimated from the runs alone: the residuals are used, "
            "which include the law's misfit; give the noise (noise=) if it is known"
        )
    point = {name: np.array([value]) for name, value in at.items()}
    length = float(distance_beyond(fit.runs, point).max(initial=0.0))
    if length > 0:
        far = "far " if length > np.log(10.0) else ""
        sentences.append(
            f"the point lies {far}beyond the runs, by {length:.2f} e-folds: the influence there "
            "follows from the law"
        )
    if num := int(np.count_nonzero(~np.isfinite(removed))):
        sentences.append(f"the number is not defined without {num} of the runs")
    return tuple(sentences)
