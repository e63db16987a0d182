"""Settings that end-to-end methods share, and what they mean for given runs."""

from collections.abc import Mapping
from typing import Any, Protocol

import jax
import numpy as np

from farseer_jax.laws.evaluate import evaluate_runs, numpy_loss
from farseer_jax.laws.law import Law
from farseer_jax.laws.separable import is_separable
from farseer_jax.methods.end_to_end.derivatives import EndToEndRefit, build_refit
from farseer_jax.methods.end_to_end.free_parameters import Free, build_free
from farseer_jax.methods.end_to_end.layout import Layout, build_layout, distinct_rows
from farseer_jax.methods.end_to_end.problem import CONVERGED, NOT_FINITE, Optima
from farseer_jax.methods.end_to_end.start_report import StartReport
from farseer_jax.methods.method import Solved, SolvedBatch
from farseer_jax.methods.outcome import Outcome
from farseer_jax.objectives import Objective, as_objective, relative_error
from farseer_jax.runs.runs import Runs

_ROUNDING = 1e-13  # of an objective: optima closer than this are one


class Constraints(Protocol):
    """Fields of a method's frozen dataclass; see :class:`LeastSquares` for their meaning."""

    @property
    def objective(self) -> Objective | str:
        """What is minimised."""
        ...

    @property
    def fixed(self) -> Any:
        """Parameters held at values."""
        ...

    @property
    def tied(self) -> Any:
        """Groups of parameters that share a value."""
        ...

    @property
    def bounds(self) -> Any:
        """Bounds of parameters."""
        ...


class Settings(Constraints, Protocol):
    """The same, of methods that go out from starts."""

    @property
    def seed(self) -> int:
        """Of random starts."""
        ...

    @property
    def starts(self) -> Law | None:
        """Starts, or None for those of the law."""
        ...


def normalise(settings: Constraints) -> None:
    """Bring the shared fields into hashable form, in place, at construction.

    Raises:
        ValueError, TypeError: the objective is unknown.
    """
    put = object.__setattr__  # settings are frozen: compared and hashed
    put(settings, "objective", as_objective(settings.objective))
    put(settings, "fixed", tuple((n, float(v)) for n, v in dict(settings.fixed).items()))
    put(settings, "tied", tuple(tuple(group) for group in settings.tied))
    bounds = dict(settings.bounds).items()
    put(settings, "bounds", tuple((n, (float(low), float(high))) for n, (low, high) in bounds))


def check_counts(settings: Constraints, least: Mapping[str, int]) -> None:
    """Refuse counts that are no whole numbers, or below their least value.

    Raises:
        ValueError: which one.
    """
    for name, lowest in least.items():
        value = getattr(settings, name)
        if not isinstance(value, int) or value < lowest:
            raise ValueError(f"{name} must be a whole number from {lowest}, got {value!r}")


def shared_to_dict(settings: Settings) -> dict[str, Any]:
    """The shared fields, for JSON; starts of one's own are not kept."""
    return {**constraints_to_dict(settings), "seed": settings.seed}


def constraints_to_dict(settings: Constraints) -> dict[str, Any]:
    """Objective, fixed, tied and bounded parameters, for JSON."""
    return {
        "objective": as_objective(settings.objective).to_dict(),
        "fixed": dict(settings.fixed),
        "tied": [list(group) for group in settings.tied],
        "bounds": {n: [_or_none(v) for v in pair] for n, pair in settings.bounds},
    }


def shared_from_dict(content: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of both: all of a method's fields, without its name."""
    own = {key: value for key, value in content.items() if key != "name"}
    own["objective"] = Objective.from_dict(own["objective"])
    own["bounds"] = {
        name: (-np.inf if low is None else low, np.inf if high is None else high)
        for name, (low, high) in own["bounds"].items()
    }
    return own


def _or_none(value: float) -> float | None:
    return value if np.isfinite(value) else None


def lay_out(settings: Settings, law: type[Law], runs: Runs) -> Layout:
    """Lay the runs out, and refuse laws and settings that do not fit together."""
    check_law(law, runs, settings.starts)
    layout = build_layout(law, runs)
    free_of(settings, layout)
    return layout


def free_of(settings: Constraints, layout: Layout) -> Free:
    """The free parameters."""
    fixed, bounds = dict(settings.fixed), dict(settings.bounds)
    return build_free(layout.law, layout.center, fixed, settings.tied, bounds)


def law_of(layout: Layout, free: Free, numbers: np.ndarray) -> Law:
    """The law of free numbers ``(…, free)``, its leaves ``(…,)``, float64."""
    with jax.enable_x64(True):  # a law of one's own may take the vector to JAX
        law = layout.law.from_vector(free.vector(numbers), layout.center)  # type: ignore[arg-type]
        return jax.tree.map(lambda leaf: np.asarray(leaf, dtype=np.float64), law)


def refit_of(settings: Constraints, layout: Layout, law: Law, losses: np.ndarray) -> EndToEndRefit:
    """The fit that gave a law, as a function of losses and weights."""
    free = free_of(settings, layout)
    with jax.enable_x64(True):
        vector = np.asarray(law.to_vector(), np.float64)
    start = free.free(vector[:, None])[0]
    return build_refit(layout, free, layout.objective(settings.objective), start, losses)


def check_number(layout: Layout, weights: np.ndarray, free: Free) -> None:
    """Refuse fewer runs than free parameters.

    Raises:
        ValueError: how many are missing.
    """
    distinct = len(layout.runs) - layout.num_copies
    num, needed = min(int((weights > 0).sum()), distinct), free.basis.shape[1]
    if num < needed:
        raise ValueError(
            f"{num} {'run' if num == 1 else 'runs'} cannot determine the {needed} free "
            f"{'parameter' if needed == 1 else 'parameters'} of the law {layout.law.name!r}: add "
            "runs, or hold parameters (fixed=, tied=)"
        )


def outcomes_of(found: Optima, free: Free) -> np.ndarray:
    """Code of each member's :class:`Outcome`."""
    code = np.where(found.status == CONVERGED, Outcome.success.code, Outcome.not_converged.code)
    code = np.where(free.at_bound(found.free), Outcome.bound_active.code, code)
    return np.where(found.status == NOT_FINITE, Outcome.not_finite.code, code)


def solved(
    layout: Layout,
    law: Law,
    outcome: Outcome,
    losses: np.ndarray,
    weights: np.ndarray,
    report: Any,
) -> Solved:
    """One fit, with the errors of its distinct fitted runs."""
    fitted = np.flatnonzero(weights > 0)
    rows = distinct_rows(layout.law, layout.runs, losses)[:, fitted]
    index = fitted[np.unique(rows, axis=1, return_index=True)[1]]
    error = relative_error(evaluate_runs(law, layout.runs)[index], losses[index])
    return Solved(law, outcome, error, report)


def solved_batch(
    layout: Layout,
    free: Free,
    law: Law,
    outcome: np.ndarray,
    losses: np.ndarray,
    weights: np.ndarray,
) -> SolvedBatch:
    """Refits, with their errors; those of fewer runs than free parameters say so."""
    fitted = weights > 0
    few = fitted.sum(1) < free.basis.shape[1]
    outcome = np.where(few, Outcome.too_few_runs.code, outcome)
    error = relative_error(evaluate_runs(law, layout.runs), losses)
    mean = (error * fitted).sum(1) / np.maximum(fitted.sum(1), 1)
    return SolvedBatch(law=law, outcome=outcome, mean_relative_error=mean)


def best_of_starts(
    layout: Layout, free: Free, found: Optima, losses: np.ndarray, weights: np.ndarray
) -> Solved:
    """The best of the starts as the fit, and how all of them ended.

    Raises:
        ValueError: none met a finite number.
    """
    best = int(_best(found, 1)[0])
    if found.status[best] == NOT_FINITE:
        raise ValueError(
            f"the law {layout.law.name!r} gives no finite loss or derivative at any of "
            f"{len(found.value)} starts: check its `loss`, or give `starts=`"
        )
    report = StartReport(
        objective=float(found.value[best]),
        start_objective=found.value,
        start_outcome=found.status,
        start_steps=found.steps,
        num_copies=layout.num_copies,
    )
    law = law_of(layout, free, found.free[best])
    outcome = Outcome.from_code(int(outcomes_of(found, free)[best]))
    return solved(layout, law, outcome, losses, weights, report)


def best_of_each(
    layout: Layout, free: Free, found: Optima, losses: np.ndarray, weights: np.ndarray
) -> SolvedBatch:
    """The best of each refit's starts."""
    best = _best(found, len(losses))
    law = law_of(layout, free, found.free[best])
    return solved_batch(layout, free, law, outcomes_of(found, free)[best], losses, weights)


def best_point(found: Optima) -> np.ndarray:
    """Free numbers of the best start."""
    return found.free[_best(found, 1)[0]]


def _best(found: Optima, num_rows: int) -> np.ndarray:
    """The best start of each row; of those equal but for rounding, one that converged."""
    value = _finite_values(found).reshape(num_rows, -1)
    lowest = value.min(1, keepdims=True)
    equal = value <= lowest + _ROUNDING * np.abs(lowest)
    converged = equal & (found.status.reshape(num_rows, -1) == CONVERGED)
    chosen = np.where(converged.any(1), converged.argmax(1), value.argmin(1))
    return np.asarray(chosen + np.arange(num_rows) * value.shape[1])


def _finite_values(found: Optima) -> np.ndarray:
    return np.where(found.status == NOT_FINITE, np.inf, found.value)


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
