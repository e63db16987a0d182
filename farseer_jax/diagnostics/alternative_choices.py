"""Alternative choices of an analyst: settings of methods, and runs that are left out."""

from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np

from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods.isoflop.method import IsoFLOP
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import Method
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.objectives import Objective, as_objective
from farseer_jax.results.numbers import quantity_text
from farseer_jax.runs.runs import Runs

GROUPS: dict[str, str] = {
    "count": "what N counts",
    "size": "one size left out",
    "smallest": "smallest sizes left out",
    "D": "values of D",
    "criterion": "criterion",
    "rounds": "rounds of Stage 2",
    "pairs": "pairs that a size needs",
    "objective": "objective",
    "residual": "residuals",
    "method": "method",
}
_ROUNDS: Any = {1: "1 round", 2: "2 rounds", 3: "3 rounds", "joint": "joint minimum"}
_MIN_PAIRS = (2, 3, 5, 8)
_DELTAS = {"squared": np.inf, "Huber, δ = 1e-3": 1e-3, "absolute": 0.0}
_RESIDUALS: Any = {"link": "ln loss", "relative": "loss, relative", "absolute": "loss itself"}


class Setting(NamedTuple):
    """Another method for the same runs, or for those that ``keep`` marks."""

    group: str
    choice: str
    method: Method
    keep: np.ndarray | None = None


class Weighting(NamedTuple):
    """The same method with other weights, ``(run,)``."""

    group: str
    choice: str
    weights: np.ndarray


def other_settings(law: type[Law], method: Method) -> list[Setting]:
    """All settings and methods that another analyst might have chosen for this law."""
    if isinstance(method, Piecewise):
        found = _of_piecewise(law, method)
    elif hasattr(method, "objective"):
        found = _of_objectives(method)
    else:
        found = []
    found += _other_methods(law, method)
    return [setting for setting in found if setting.method != method]


def _of_piecewise(law: type[Law], method: Piecewise) -> list[Setting]:
    criteria: Any = ("squared", "relative")
    found = [Setting("criterion", name, replace(method, criterion=name)) for name in criteria]
    if law is Farseer:  # the code searches from below 0, where Chinchilla has no exponents
        code = Piecewise.released_code()
        found.append(Setting("criterion", "the authors' released code", code))
        found += [Setting("rounds", name, replace(method, rounds=n)) for n, name in _ROUNDS.items()]
    return found + [
        Setting("pairs", f"at least {number}", replace(method, min_pairs=number))
        for number in _MIN_PAIRS
    ]


def _of_objectives(method: Any) -> list[Setting]:
    """For any method that minimises an :class:`Objective`."""
    own: Objective = as_objective(method.objective)
    found = []
    for name, delta in _DELTAS.items():
        other = replace(own, delta=delta, quantile=0.5)
        found.append(Setting("objective", name, replace(method, objective=other)))
    for residual, name in _RESIDUALS.items():
        other = replace(own, residual=residual)
        found.append(Setting("residual", name, replace(method, objective=other)))
    return found


def _other_methods(law: type[Law], method: Method) -> list[Setting]:
    """Other kinds of methods, without those that have the same optimum as the fit's own."""
    found = []
    if law in (Farseer, Chinchilla) and not isinstance(method, Piecewise):
        found.append(Setting("method", "piecewise", Piecewise()))
    if not hasattr(method, "objective"):
        found.append(Setting("method", "least squares", LeastSquares()))
        found.append(Setting("method", "all at once, Huber", LeastSquares("huber")))
    if law is Chinchilla and not isinstance(method, IsoFLOP):
        found.append(Setting("method", "Approach 2 (IsoFLOP)", IsoFLOP()))
    return found


def sizes_left_out(runs: Runs) -> list[Weighting]:
    """Each size left out in turn, and the smallest sizes left out, up to half of all."""
    sizes = np.unique(runs.N)
    found = [
        Weighting("size", f"without {quantity_text(N)}", np.where(runs.N == N, 0.0, 1.0))
        for N in sizes
    ]
    for least in sizes[1 : len(sizes) // 2 + 1]:
        keep = np.where(runs.N >= least, 1.0, 0.0)
        found.append(Weighting("smallest", f"N from {quantity_text(least)}", keep))
    return found


def values_of_D(runs: Runs, method: Method) -> tuple[list[Weighting], list[Setting]]:
    """The smallest D left out, and every second D alone.

    With weights of 0 the piecewise method would find no pairs on every second D. So these runs are
    selected as a grid with steps λ², and the method's ratio, if set, is squared.
    """
    place = places_along_D(runs)
    first = {"smallest": 1, "two smallest": 2}
    left_out = [
        Weighting("D", f"each size without its {name} D", np.where(_rank(runs) < num, 0.0, 1.0))
        for name, num in first.items()
    ]
    halves = {"every second D, from the 1st": place % 2 == 0}
    halves["every second D, from the 2nd"] = place % 2 == 1
    if not isinstance(method, Piecewise):
        more = [Weighting("D", name, np.where(keep, 1.0, 0.0)) for name, keep in halves.items()]
        return left_out + more, []
    coarse = replace(method, ratio=_squared(method.ratio))
    return left_out, [Setting("D", name, coarse, keep) for name, keep in halves.items()]


def _squared(ratio: Any) -> Any:
    if ratio is None:
        return None
    return tuple(bound**2 for bound in ratio) if isinstance(ratio, tuple) else ratio**2


def _rank(runs: Runs) -> np.ndarray:
    """Number of smaller D at the run's size, ``(run,)``."""
    rank = np.zeros(len(runs), dtype=int)
    for N in np.unique(runs.N):
        mine = runs.N == N
        rank[mine] = np.unique(runs.D[mine], return_inverse=True)[1]
    return rank


def places_along_D(runs: Runs) -> np.ndarray:
    """Steps from the smallest D of the run's size, ``(run,)``; a missing D counts as a step."""
    ladders = {N: np.log(np.unique(runs.D[runs.N == N])) for N in np.unique(runs.N)}
    steps = np.concatenate([np.diff(log_D) for log_D in ladders.values()])
    usual = float(np.median(steps)) if len(steps) else 1.0
    place = np.zeros(len(runs), dtype=int)
    for N, log_D in ladders.items():
        mine = runs.N == N
        counted = np.maximum(np.rint(np.diff(log_D) / usual), 1).astype(int)
        along = np.concatenate([[0], np.cumsum(counted)])
        place[mine] = along[np.searchsorted(log_D, np.log(runs.D[mine]))]
    return place
