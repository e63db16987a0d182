"""The paper's Algorithm 2 in plain NumPy and SciPy, to check the kernels against.

Nothing here is shared with the package. Arrays over pairs are flat, ``(pair,)``; where a search
tries several exponents at once they are a last axis, ``(pair, candidate)``. Exponents may be
complex numbers: the derivative of an analytic function is then ``Im f(p + i·h) / h``, exact to
rounding, so that a smooth search ends where the derivative is 0 and not where the values are flat.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import brentq

SQRT2_STEPS = (2**0.25, 2**0.75)
Profile = Callable[[Any], Any]
Search = Callable[[Profile], float]


@dataclass(frozen=True)
class Curve:
    """``ln f(N) = level + slope · h(ln(N / pivot); p)`` with ``h(z; p) = expm1(p z) / p``."""

    level: float
    slope: float
    p: float
    pivot: float

    def __call__(self, N: Any) -> np.ndarray:
        z = np.log(np.asarray(N, dtype=float) / self.pivot)
        return np.exp(self.level + self.slope * box_cox(z, self.p))


@dataclass(frozen=True)
class Reference:
    """What the three stages give; ``rounds`` holds (α, β, ℓ_R) after the start and each round."""

    sizes: np.ndarray  # that have A_N and B_N
    A_N: np.ndarray
    B_N: np.ndarray
    rounds: list[tuple[float, float, float]]
    G_sizes: np.ndarray
    G: np.ndarray
    A: Curve
    B: Curve
    U: Curve

    def predict(self, N: Any, D: Any) -> np.ndarray:
        """Eq. 3."""
        return self.U(N) + self.B(N) * np.asarray(D, dtype=float) ** -self.A(N)


# Searches: from a function of an exponent to the exponent of its minimum


def grid(candidates: np.ndarray) -> Search:
    """The best of given candidates."""
    return lambda profile: float(candidates[np.argmin(profile(candidates))])


def refined(lower: float = -0.5, upper: float = 0.5) -> Search:
    """The stationary point in the best cell of a dense grid; a bound where there is none."""

    def search(profile: Profile) -> float:
        candidates = np.linspace(lower, upper, 1001)
        best = int(np.argmin(profile(candidates)))
        below, above = candidates[max(best - 1, 0)], candidates[min(best + 1, 1000)]

        return stationary(lambda p: derivative(profile, p), below, above)

    return search


def stationary(slope: Callable[[float], float], below: float, above: float) -> float:
    """Where a slope is 0 within a cell that holds a minimum; at a bound, the bound."""
    if slope(below) > 0:
        return float(below)
    if slope(above) < 0:
        return float(above)
    return float(brentq(slope, below, above, xtol=1e-15, rtol=1e-15))


def zoomed(lower: float = -0.5, upper: float = 0.5) -> Search:
    """The best of ever finer grids, each over the last one's best cell: for profiles with kinks."""

    def search(profile: Profile) -> float:
        below, above, num = lower, upper, 20_001
        while above - below > 1e-12:
            candidates = np.linspace(below, above, num)
            best = int(np.argmin(profile(candidates)))
            below, above = candidates[max(best - 1, 0)], candidates[min(best + 1, num - 1)]
            num = 2001
        return float(0.5 * (below + above))

    return search


def derivative(profile: Profile, p: float) -> float:
    """Of an analytic function, by a complex step: no digits cancel."""
    return float(profile(np.array([p + 1e-30j]))[0].imag / 1e-30)


# The parts of Algorithm 2


def box_cox(z: Any, p: Any) -> np.ndarray:
    """``h(z; p) = expm1(p z) / p``, which is z at p = 0."""
    z, p = np.broadcast_arrays(z, p)
    return np.where(p == 0, z, np.expm1(p * z) / np.where(p == 0, 1, p))


def line(x: np.ndarray, y: np.ndarray) -> tuple[Any, Any]:
    """Least-squares ``y = intercept + slope · x`` along the first axis, for each column of x."""
    y = y.reshape(-1, *(1,) * (x.ndim - 1))
    x_centred, y_centred = x - x.mean(axis=0), y - y.mean(axis=0)
    slope = (x_centred * y_centred).sum(axis=0) / (x_centred**2).sum(axis=0)
    return y.mean(axis=0) - slope * x.mean(axis=0), slope


def distinct_runs(N: Any, D: Any, loss: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Copies count once, repeats of one (N, D) are averaged; sorted by N, then D."""
    N, D, loss = np.unique(np.stack([N, D, loss]).astype(float), axis=1)
    cells, cell = np.unique(np.stack([N, D]), axis=1, return_inverse=True)
    mean_loss = np.bincount(cell, loss) / np.bincount(cell)
    return cells[0], cells[1], mean_loss


@dataclass(frozen=True)
class Pairs:
    """Neighbouring D of one size, one step apart, with a loss that falls: lines 1–2."""

    size: np.ndarray  # index into ``Reference.sizes``
    D0: np.ndarray
    D1: np.ndarray
    R: np.ndarray


def stage_1_of_size(D0: np.ndarray, D1: np.ndarray, R: np.ndarray) -> tuple[float, float]:
    """A_N and B_N of ``R = B (D0^−A − D1^−A)`` by a log–log line: lines 3–5.

    With m the middle and l the length of a step in ln D, ``D0^−A − D1^−A`` is
    ``e^(−A m) · 2 sinh(A l / 2)``. So ``ln R − ln 2 sinh(A l / 2)`` is a line in m of slope −A.
    For even steps the second term is a constant and the line is the paper's.
    """
    middle, length = 0.5 * np.log(D0 * D1), np.log(D1 / D0)

    def line_at(A: float) -> tuple[float, float]:
        return line(middle, np.log(R) - np.log(2 * np.sinh(0.5 * A * length)))

    A = -line(middle, np.log(R / length))[1]  # the limit of small A l
    if not A > 0:
        return np.nan, np.nan
    A = brentq(lambda A: A + line_at(A)[1], 0.5 * A, 2 * A, xtol=1e-15, rtol=1e-15)
    return A, np.exp(line_at(A)[0])


def stage_1(
    N: np.ndarray, D: np.ndarray, loss: np.ndarray, ratio: tuple[float, float], min_pairs: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, Pairs]:
    """Sizes with enough pairs, their A_N and B_N, and their pairs."""
    found = []
    for size in np.unique(N):
        D_N, L_N = D[size == N], loss[size == N]
        R, step = L_N[:-1] - L_N[1:], D_N[1:] / D_N[:-1]
        use = (R > 0) & (step > ratio[0]) & (step < ratio[1])
        if use.sum() < min_pairs:
            continue
        pairs = (D_N[:-1][use], D_N[1:][use], R[use])
        A, B = stage_1_of_size(*pairs)
        if A > 0:
            found.append((size, A, B, pairs))
    sizes, A_N, B_N = np.array([row[:3] for row in found]).T
    index = np.concatenate([np.full(len(row[3][0]), i) for i, row in enumerate(found)])
    return sizes, A_N, B_N, Pairs(index, *np.concatenate([row[3] for row in found], axis=1))


def pair_error(A: np.ndarray, log_B: np.ndarray, pairs: Pairs, criterion: str) -> np.ndarray:
    """ℓ_R of values A and ln B per size, ``(size, candidate)``: lines 8–9."""
    A, log_B = np.broadcast_arrays(A, log_B)
    log_D0, log_D1, R = np.log(pairs.D0)[:, None], np.log(pairs.D1)[:, None], pairs.R[:, None]
    A, log_B = A[pairs.size], log_B[pairs.size]
    predicted = np.exp(log_B - A * log_D0) - np.exp(log_B - A * log_D1)
    if criterion == "squared":
        return ((predicted - R) ** 2).sum(axis=0)
    return np.abs(predicted / R - 1).mean(axis=0)


class Stage2:
    """ℓ_R as a function of α and of β; for each the line through ln A_N or ln B_N is re-fitted."""

    def __init__(
        self, z: np.ndarray, A_N: np.ndarray, B_N: np.ndarray, pairs: Pairs, criterion: str
    ) -> None:
        self.z, self.log_A_N, self.log_B_N = z, np.log(A_N), np.log(B_N)
        self.pairs, self.criterion = pairs, criterion

    def on_line(self, p: Any, log_values: np.ndarray) -> np.ndarray:
        h = box_cox(self.z[:, None], np.atleast_1d(p))
        level, slope = line(h, log_values)
        return level + slope * h

    def error(self, alpha: Any, beta: Any, falling_B: bool = False) -> np.ndarray:
        """ℓ_R; ``alpha=None`` takes the A_N of Stage 1 as they are."""
        log_A = self.log_A_N[:, None] if alpha is None else self.on_line(alpha, self.log_A_N)
        log_B = self.on_line(beta, self.log_B_N)
        errors = pair_error(np.exp(log_A), log_B, self.pairs, self.criterion)
        if falling_B:
            falls = (np.atleast_1d(beta) < 0) & (log_B[-1] < log_B[0])
            errors = np.where(falls, errors, np.inf)
        return errors

    def rounds(
        self, search: Search, num_rounds: int, falling_B: bool
    ) -> list[tuple[float, float, float]]:
        """β first (line 7, by ℓ_R), then rounds of α, β: lines 10–13."""
        beta = search(lambda p: self.error(None, p, falling_B))
        trace = [(np.nan, beta, self.error(None, beta)[0])]
        for _ in range(num_rounds):
            held = beta
            alpha = search(lambda p, held=held: self.error(p, held))
            beta = search(lambda p, alpha=alpha: self.error(alpha, p, falling_B))
            trace.append((alpha, beta, self.error(alpha, beta)[0]))
        return trace

    def joint(self, lower: float = -0.5, upper: float = 0.5) -> tuple[float, float, float]:
        """Minimum of ℓ_R over α and β: every cell of a square grid, then its best cell refined."""
        grid_1d = np.linspace(lower, upper, 201)
        table = np.array([self.error(alpha, grid_1d) for alpha in grid_1d])
        best = int(np.unravel_index(np.argmin(table), table.shape)[0])

        def best_beta(alpha: float) -> float:
            return refined(lower, upper)(lambda p: self.error(alpha, p))

        def slope(alpha: float) -> float:  # of the profile over α: β is stationary
            beta = best_beta(alpha)
            return derivative(lambda p: self.error(p, beta), alpha)

        low, high = grid_1d[max(best - 1, 0)], grid_1d[min(best + 1, 200)]
        alpha = stationary(slope, low, high)
        beta = best_beta(alpha)
        return alpha, beta, self.error(alpha, beta)[0]


def fit_reference(
    N: Any,
    D: Any,
    loss: Any,
    *,
    ratio: tuple[float, float] = SQRT2_STEPS,
    search: Search | None = None,
    search_U: Search | None = None,
    rounds: int | str = 2,
    criterion: str = "squared",
    min_pairs: int = 3,
    falling_B: bool = False,
) -> Reference:
    """All three stages. A run is held out by leaving it out of the arguments."""
    search = search or refined()
    N, D, loss = distinct_runs(N, D, loss)
    sizes, A_N, B_N, pairs = stage_1(N, D, loss, ratio, min_pairs)

    pivot = np.exp(np.log(sizes).mean())
    stage_2 = Stage2(np.log(sizes / pivot), A_N, B_N, pairs, criterion)
    if rounds == "joint":
        trace = [stage_2.joint()]
    else:
        trace = stage_2.rounds(search, int(rounds), falling_B)
    alpha, beta, _ = trace[-1]
    A = curve_through(sizes, np.log(A_N), alpha, pivot)
    B = curve_through(sizes, np.log(B_N), beta, pivot)

    # Stage 3, lines 15–18
    O = loss - B(N) * D ** -A(N)  # noqa: E741  the paper's name
    G_sizes = np.unique(N)
    G = np.array([O[size == N].mean() for size in G_sizes])
    z, log_G = np.log(G_sizes / pivot), np.log(G)

    def error_of_U(p: Any) -> np.ndarray:
        h = box_cox(z[:, None], np.atleast_1d(p))
        level, slope = line(h, log_G)
        deviation = level + slope * h - log_G[:, None]
        if criterion == "squared":
            return (deviation**2).sum(axis=0)
        return np.abs(np.exp(deviation) - 1).mean(axis=0)

    gamma = (search_U or search)(error_of_U)
    U = curve_through(G_sizes, log_G, gamma, pivot)
    return Reference(sizes, A_N, B_N, trace, G_sizes, G, A, B, U)


def curve_through(sizes: np.ndarray, log_values: np.ndarray, p: float, pivot: float) -> Curve:
    """The least-squares curve of exponent p."""
    level, slope = line(box_cox(np.log(sizes / pivot), p), log_values)
    return Curve(float(level), float(slope), p, pivot)
