"""Comparison of two tables of runs: as observed, and at points where nothing has been trained."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from farseer_jax.decisions.comparable_losses import refuse_names, refuse_units
from farseer_jax.decisions.compared_fits import checked_names
from farseer_jax.decisions.compared_points import ComparedPoints
from farseer_jax.decisions.difference_forecast import UNDECIDED, DifferenceForecast
from farseer_jax.decisions.matching_runs import Matched, match
from farseer_jax.decisions.recipe_difference import (
    DifferenceModel,
    PairedDifference,
    SeparateForecasts,
    fit_difference,
)
from farseer_jax.fitting.arguments import as_runs
from farseer_jax.forecasting.forecast import forecast
from farseer_jax.forecasting.points import PointsLike, as_points
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.results.numbers import level_text, or_null, quantity_text
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Table
from farseer_jax.runs.checks import check_level
from farseer_jax.runs.coverage import distance_to_hull
from farseer_jax.runs.runs import Runs

_ENOUGH_PAIRS, _ENOUGH_SHARE = 5, 0.5  # pairs, or share of the smaller table, for a fit of pairs
_NEXT = (1.0, 10.0, 100.0)  # times the compute of the largest pair: points unless given
_OUTLIER, _FEW, _MOST_SHOWN = 0.3, 8, 3


@dataclass(frozen=True, eq=False, repr=False)
class RunComparison(Result):
    """Two recipes, as observed at the same (N, D) and as predicted elsewhere. Prints as tables.

    Attributes:
        points: observed losses at the (N, D) that both tables have, sorted; may be none.
        asked: N and D where the difference is predicted, ``(point,)`` each.
        level: nominal coverage of the intervals.
        runs: the runs of A and of B.
        errors: amplitudes and lengths of the correlated errors.
        num_alone: points of A and of B that the other table lacks.
        largest_mismatch: largest relative difference of N or D within a pair of points.

    Example:
        >>> from farseer_jax import compare_runs, example_runs
        >>> found = compare_runs(example_runs(seed=1), example_runs(seed=2))
        >>> len(found.points.N), found.num_alone
        (337, (0, 0))
        >>> found.at([(25.1e9, 5e11)]).winner
        ('undecided',)
    """

    points: ComparedPoints
    asked: Mapping[str, np.ndarray]
    level: float
    runs: tuple[Runs, Runs]
    errors: CorrelatedErrors
    num_alone: tuple[int, int]
    largest_mismatch: float

    @property
    def names(self) -> tuple[str, str]:
        """Names of A and B."""
        return self.points.names

    @property
    def mean_difference(self) -> float:
        """Mean observed difference over the points; NaN without any."""
        return float(self.points.difference.mean()) if len(self.points.N) else float("nan")

    @property
    def num_wins(self) -> tuple[int, int]:
        """Number of points at which A is better, and at which B is."""
        observed = self.points.difference
        return int((observed < 0).sum()), int((observed > 0).sum())

    @cached_property
    def model(self) -> DifferenceModel:
        """What predicts: differences of pairs, or the forecasts of tables without pairs."""
        if _has_pairs(self.points, self.runs):
            log_ratio = np.log(self.points.loss_a) - np.log(self.points.loss_b)
            return fit_difference(self.points.N, self.points.D, log_ratio, self.errors)
        a, b = (forecast(own, errors=self.errors, usual=False) for own in self.runs)
        return SeparateForecasts(a, b)

    @cached_property
    def forecast(self) -> DifferenceForecast:
        """The difference where it was asked for."""
        return self.at(self.asked)

    @property
    def paired(self) -> bool:
        """Whether it rests on paired runs, not on two separate forecasts."""
        return isinstance(self.model, PairedDifference)

    @property
    def noise(self) -> float:
        """Noise of one difference of ln loss, as estimated; NaN without pairs."""
        return self.model.noise if isinstance(self.model, PairedDifference) else float("nan")

    def at(self, points: PointsLike, *, level: float | None = None) -> DifferenceForecast:
        """The difference at points.

        Args:
            points: pairs ``(N, D)``, or a mapping of N and D to arrays.
            level: nominal coverage of the intervals; as before unless given.

        Raises:
            ValueError: a point is not positive, or the level is not in (0, 1).
        """
        level = self.level if level is None else level
        check_level(level)
        inputs = as_points(points, Chinchilla)[0]
        found, known = self.model.at(inputs, level), _known(self.points, self.runs)
        own, at = (np.log(np.stack(pair, axis=1)) for pair in (known, (inputs["N"], inputs["D"])))
        return DifferenceForecast(
            names=self.names,
            N=inputs["N"],
            D=inputs["D"],
            difference=np.expm1(found.mean),
            lower=np.expm1(found.lower),
            upper=np.expm1(found.upper),
            probability=found.probability,
            level=level,
            beyond=distance_to_hull(own, at),
        )

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Reasons to doubt the comparison, worst first."""
        return tuple(_warnings(self))

    def table(self) -> Table:
        """One row per point of the forecast."""
        return self.forecast.table()

    def to_dict(self) -> dict[str, Any]:
        """``forecast``, ``points`` and summaries, for JSON."""
        return {
            "names": list(self.names),
            "forecast": self.forecast.table().records(),
            "level": self.level,
            "paired": self.paired,
            "points": self.points.table().records(),
            "num_wins": list(self.num_wins),
            "num_alone": list(self.num_alone),
            **{
                name: or_null(getattr(self, name))
                for name in ("mean_difference", "largest_mismatch", "noise")
            },
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The observed winner, the forecast, what it rests on, and the points."""
        rests_on = warned("\n".join(_rests_on(self)), self.warnings)
        observed = ("\n".join(_observed(self)),) if len(self.points.N) else ()
        points = self.points.text_parts() if len(self.points.N) else ()
        return *observed, *self.forecast.text_parts(), rests_on, *points

    def __repr__(self) -> str:
        return (
            f"RunComparison({self.names[0]} against {self.names[1]}, {len(self.points.N)} points)"
        )


def compare_runs(
    runs_a: object,
    runs_b: object,
    points: PointsLike | None = None,
    *,
    names: tuple[str, str] = ("A", "B"),
    level: float = 0.9,
    tolerance: float = 0.02,
    errors: CorrelatedErrors | None = None,
    comparable: bool = False,
) -> RunComparison:
    """Compare two recipes: which has the lower loss at a point, by how much, and how likely.

    The difference of runs at the same (N, D) is predicted, not that of two fitted laws: what both
    recipes have in common, such as the misfit of a law, cancels. It is linear in ln N and ln D,
    plus an effect per size and a smooth misfit (:class:`CorrelatedErrors`), plus noise. Where the
    tables have too few points in common, the difference is that of two forecasts
    (:func:`forecast`), whose errors are taken as independent of each other. Compute multipliers
    and curves of equal loss need a law for each recipe: see :func:`compare_fits`.

    Args:
        runs_a: runs of A, or a table as for :func:`fit`.
        runs_b: runs of B, best at the same points (N, D).
        points: where to compare: pairs ``(N, D)``, or a mapping of N and D to arrays; the largest
            pair, and ten and a hundred times its compute, unless given.
        names: names of A and B in reports.
        level: nominal coverage of the intervals.
        tolerance: relative difference of N and of D within which two runs are at the same point,
            because architectures have slightly different N. Losses are not corrected for it.
        errors: amplitudes and lengths of the correlated errors, in multiples of the noise of a
            difference.
        comparable: compare even where the losses have different names (columns), or differ so much
            that they seem to be in different units.

    Raises:
        TypeError: neither runs nor a table.
        ValueError: the losses do not seem comparable, a point is not positive, ``level`` or
            ``tolerance`` is out of range, or ``names`` are not two different names.

    Example:
        >>> from farseer_jax import Runs, compare_runs, example_runs
        >>> runs = example_runs()
        >>> better = Runs(runs.N, runs.D, 0.99 * runs.loss)
        >>> found = compare_runs(better, runs, [(25.1e9, 5e11)], names=("new", "old"))
        >>> found.num_wins, f"{found.mean_difference:.2%}", found.forecast.winner
        ((337, 0), '-1.00%', ('new',))
    """
    check_level(level)
    names = checked_names(names)
    runs = as_runs(runs_a, "runs_a"), as_runs(runs_b, "runs_b")
    for own, name in zip(runs, names, strict=True):
        if own.link.name != "log":
            raise ValueError(
                f"the recipes are compared by the ratio of positive losses (link='log'), but the "
                f"runs of {name} have the link {own.link.name!r}"
            )
    found = match(*runs, tolerance)
    if not comparable:
        refuse_names(names, runs)
        if len(found.N):
            refuse_units(names, found.loss_a, found.loss_b)
    observed = _observed_points(names, found)
    comparison = RunComparison(
        points=observed,
        asked=(
            _next_points(_known(observed, runs))
            if points is None
            else as_points(points, Chinchilla)[0]
        ),
        level=level,
        runs=runs,
        errors=CorrelatedErrors() if errors is None else errors,
        num_alone=found.num_alone,
        largest_mismatch=found.largest_mismatch,
    )
    _ = comparison.forecast  # what cannot be fitted is refused now
    return comparison


def _observed_points(names: tuple[str, str], found: Matched) -> ComparedPoints:
    return ComparedPoints(
        names=names,
        N=found.N,
        D=found.D,
        loss_a=found.loss_a,
        loss_b=found.loss_b,
        inside=np.ones(len(found.N), dtype=bool),
    )


def _has_pairs(points: ComparedPoints, runs: tuple[Runs, Runs]) -> bool:
    """Whether there are enough pairs to rest on."""
    num, smaller = len(points.N), min(map(len, runs))
    return num >= min(_ENOUGH_PAIRS, max(1.0, _ENOUGH_SHARE * smaller))


def _known(points: ComparedPoints, runs: tuple[Runs, Runs]) -> tuple[np.ndarray, np.ndarray]:
    """N and D that the comparison rests on: of the pairs, or of both tables."""
    if _has_pairs(points, runs):
        return points.N, points.D
    a, b = runs
    return np.concatenate([a.N, b.N]), np.concatenate([a.D, b.D])


def _next_points(known: tuple[np.ndarray, np.ndarray]) -> dict[str, np.ndarray]:
    """The largest known point, and larger ones with the same D/N."""
    N, D = known
    largest = int(np.argmax(N * D))
    factor = np.sqrt(_NEXT)
    return {"N": N[largest] * factor, "D": D[largest] * factor}


def _observed(found: RunComparison) -> list[str]:
    """The observed winner, in lines."""
    a, b = found.names
    wins, losses = found.num_wins
    lines = [
        f"Observed at {len(found.points.N)} points of both: {a} is better at {wins}, {b} at "
        f"{losses}; mean difference {found.mean_difference:+.3%}"
    ]
    if any(found.num_alone):
        lines.append(
            f"{found.num_alone[0]} points of {a} and {found.num_alone[1]} of {b} have no partner"
        )
    if found.largest_mismatch > 0:
        lines.append(
            f"N or D of partners differ by up to {found.largest_mismatch:.2%}; the losses are "
            "not corrected for it"
        )
    return lines


def _rests_on(found: RunComparison) -> list[str]:
    """What the forecast rests on, in lines."""
    a, b = found.names
    legend = f"Difference: (loss {a} − loss {b}) / loss {b}; negative: {a} is better"
    model = found.model
    if not isinstance(model, PairedDifference):
        return [
            legend,
            f"By separate forecasts from {len(found.runs[0])} and {len(found.runs[1])} runs",
        ]
    lines = [
        legend,
        f"By the differences of {len(found.points.N)} pairs of runs; noise of one difference "
        f"{model.noise:.2%}",
    ]
    record = model.record
    if len(record.miss):
        inside = np.abs(record.error) <= model.reach * model.stack.widening[0] * record.sd
        lines.append(
            f"Larger pairs predicted from the smaller: {len(record.miss)} times, missed by "
            f"{float(np.sqrt(np.mean(record.miss**2))):.2%} rms, {inside.mean():.0%} of "
            f"{len(inside)} pairs in their {level_text(0.9)} interval"
        )
    return lines


def _warnings(found: RunComparison) -> Iterator[str]:
    a, b = found.names
    model = found.model
    undecided = [i for i, winner in enumerate(found.forecast.winner) if winner == UNDECIDED]
    if not isinstance(model, PairedDifference):
        yield (
            f"{a} and {b} have {len(found.points.N) or 'no'} points (N, D) in common, so that this "
            "is the difference of two forecasts, whose errors are taken as independent: train "
            "both at the same N and D"
        )
    elif len(found.points.N) < _FEW:
        yield f"{len(found.points.N)} pairs of runs are few: train both at more common N and D"
    if isinstance(model, PairedDifference):
        yield from _outliers(found.points, model)
    if undecided:
        i = undecided[0]
        yield (
            f"The runs do not decide the winner at N = {quantity_text(found.forecast.N[i])}, "
            f"D = {quantity_text(found.forecast.D[i])}"
            f"{f' and {len(undecided) - 1} more points' if len(undecided) > 1 else ''}: train "
            "pairs of runs nearer to it"
        )


def _outliers(points: ComparedPoints, model: PairedDifference) -> Iterator[str]:
    order = np.argsort(model.weights, kind="stable")
    bad = order[: int((model.weights < _OUTLIER).sum())]
    if len(bad):
        listed = "; ".join(
            f"N {quantity_text(points.N[i])}, D {quantity_text(points.D[i])} "
            f"({points.difference[i]:+.2%})"
            for i in bad[:_MOST_SHOWN]
        )
        more = f" and {len(bad) - _MOST_SHOWN} more" if len(bad) > _MOST_SHOWN else ""
        lies = (
            "pair lies far from the others and has little weight"
            if len(bad) == 1
            else ("pairs lie far from the others and have little weight")
        )
        yield f"{len(bad)} {lies}: {listed}{more}"
