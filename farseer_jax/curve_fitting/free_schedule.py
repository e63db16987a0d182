"""The best non-increasing schedule: rates at knots, linear between them, found by gradient."""

from dataclasses import dataclass, replace

import numpy as np

from farseer_jax.curve_fitting.schedule_objective import FinalLoss

_MOST_ITERATIONS = 1000
_CROWDING = 2.0  # knots are denser towards the end, where rates change most


@dataclass(frozen=True, eq=False)
class FreeSearch:
    """What a search of free schedules found.

    Attributes:
        rates: of the steps after the warmup, ``(step,)``.
        loss: the final loss.
        gap: the Karush–Kuhn–Tucker residual, in units of the loss: to first order, the most that
            any other non-increasing schedule with these knots could gain; a bound if the law is
            convex in the rates.
        converged: whether the search stopped at a minimum.
        num_iterations: of L-BFGS.
    """

    rates: np.ndarray
    loss: float
    gap: float
    converged: bool
    num_iterations: int

    def replaced(self, rates: np.ndarray, loss: float) -> "FreeSearch":
        """The same search with a better schedule."""
        return replace(self, rates=rates, loss=loss)


def best_free_schedule(
    objective: FinalLoss, start: np.ndarray, *, knots: int, lowest: float, ends_there: bool = False
) -> FreeSearch:
    """The non-increasing rates with the lowest final loss.

    The decreases between knots are shares of the peak minus the lowest rate: non-negative, with a
    sum of 1. Divided by their sum, they need no constraints other than bounds (L-BFGS-B).

    Args:
        objective: the final loss.
        start: rates of the steps after the warmup, ``(step,)``.
        knots: number of knots.
        lowest: the lowest rate allowed.
        ends_there: whether the last rate is the lowest one.
    """
    from scipy.optimize import minimize

    basis = _Knots(objective.num_free, knots, objective.peak, lowest)
    bounds: list[tuple[float, float | None]] = [(0.0, None)] * basis.num_falls
    if ends_there:
        bounds[-1] = (0.0, 0.0)

    def loss(falls: np.ndarray) -> tuple[float, np.ndarray]:
        total = falls.sum()
        value, slopes = objective(basis.rates(falls / total))
        own = basis.slopes(slopes)
        return value, (own - falls @ own / total) / total

    first = basis.falls(start)
    found = minimize(
        loss,
        first,
        jac=True,
        method="L-BFGS-B",
        bounds=bounds,
        options={"maxiter": _MOST_ITERATIONS, "maxfun": 2 * _MOST_ITERATIONS, "maxcor": 30,
                 "ftol": 1e-11, "gtol": 1e-9},
    )  # fmt: skip
    falls = found.x / found.x.sum()
    value, slopes = objective(basis.rates(falls))
    own = basis.slopes(slopes)
    gap = float(falls @ own - own[: len(own) - ends_there].min())
    return FreeSearch(basis.rates(falls), value, gap, bool(found.success), int(found.nit))


class _Knots:
    """Rates as decreases between knots, from the peak at the first step after the warmup."""

    def __init__(self, num: int, knots: int, peak: float, lowest: float) -> None:
        share = 1.0 - np.linspace(1.0, 0.0, min(knots, num)) ** _CROWDING
        at = np.unique(np.round(share * (num - 1)).astype(int))
        self.num, self.lowest, self.height, self.at = num, lowest, peak - lowest, at
        self.num_falls = len(at)  # the last is the remainder above the lowest rate
        place = np.clip(np.searchsorted(at, np.arange(num), side="right") - 1, 0, len(at) - 2)
        self.place = place
        self.weight = (np.arange(num) - at[place]) / (at[place + 1] - at[place])

    def rates(self, falls: np.ndarray) -> np.ndarray:
        """The rates, from decreases with a sum of 1."""
        left = self.height * np.cumsum(falls[::-1])[::-1] + self.lowest
        return np.interp(np.arange(self.num), self.at, left)

    def falls(self, rates: np.ndarray) -> np.ndarray:
        """The decreases between the knots of rates."""
        left = np.maximum(rates[self.at] - self.lowest, 0.0) / self.height
        own = np.maximum(-np.diff(left, append=0.0), 0.0)
        own[0] += max(1.0 - own.sum(), 0.0)
        return own / own.sum()

    def slopes(self, slopes: np.ndarray) -> np.ndarray:
        """Derivatives by the decreases, from derivatives by the rates."""
        of_knots = np.bincount(self.place, (1.0 - self.weight) * slopes, len(self.at))
        of_knots += np.bincount(self.place + 1, self.weight * slopes, len(self.at))
        return self.height * np.cumsum(of_knots)
