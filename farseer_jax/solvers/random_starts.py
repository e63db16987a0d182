"""Random starts for any function: draws from domains, with linear parameters solved for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.objective_evaluation import Evaluator
from farseer_jax.solvers.small_systems import factorise, solve_factorised

_DRAWS_PER_START = 8
_STARTS_TOGETHER = 16  # starts per block; the draws of a block with the least objective are kept
_BLOCK = 65_536  # predictions per block
_LEAST_INFLUENCE = 1e-3  # of a parameter's relative change on predictions, over their spread
_SPREAD = 2.0  # of logarithms


@dataclass(frozen=True)
class Domain:
    """Where a parameter may lie, and where random starts are drawn.

    Attributes:
        lower: least value.
        upper: largest value.
        start: range of random starts within the bounds, such as an exponent's; None leaves it to
            the solver, which knows the runs.

    Example:
        >>> from farseer_jax import Domain
        >>> Domain(0.0, 2.0, start=(0.2, 0.6))
        Domain(lower=0.0, upper=2.0, start=(0.2, 0.6))
    """

    lower: float = -np.inf
    upper: float = np.inf
    start: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if not self.lower <= self.upper:
            raise ValueError(
                f"a domain's lower end must not be above its upper end, got {self.lower!r} and "
                f"{self.upper!r}"
            )

    @property
    def start_range(self) -> tuple[float, float] | None:
        """The part of ``start`` within the bounds; None where there is none."""
        if self.start is None:
            return None
        low, high = max(self.lower, self.start[0]), min(self.upper, self.start[1])
        return (low, high) if low < high else None


def draw_starts(
    problem: FitProblem,
    domains: Sequence[Domain],
    num_starts: int,
    *,
    response: FitProblem | None = None,
    seed: int = 0,
) -> np.ndarray:
    """Starts of every data set, ``(data_set, start, free)``; the first do not depend on the number.

    Eight times as many are drawn. Parameters that the prediction is linear in (found by tracing)
    are solved for within their bounds, and of every 128 draws the 16 with the least objective are
    kept.

    Args:
        problem: the objective.
        domains: domains of the free parameters, in order.
        num_starts: how many for each data set.
        response: least squares of the response itself, in which laws are linear more often than
            under a link, with weights that make small errors the same.
        seed: seed of the draws.
    """
    num_blocks = -(-num_starts // _STARTS_TOGETHER)
    inputs, partners = _log_centers(problem), _partner_scales(problem, domains)
    blocks = []
    for block in range(num_blocks):
        rng = np.random.default_rng([seed, block])
        draws = _draw(rng, domains, inputs, partners, _STARTS_TOGETHER * _DRAWS_PER_START)
        blocks.append(_cheapest(problem, response, domains, draws, _STARTS_TOGETHER))
    return np.concatenate(blocks, axis=1)[:, :num_starts]


def _log_centers(problem: FitProblem) -> np.ndarray:
    """Logarithms of the geometric means of the inputs that are positive throughout."""
    arrays = [np.asarray(problem.inputs[name]) for name in sorted(problem.function.used_inputs)]
    return np.array([np.log(array).mean() for array in arrays if (array > 0.0).all()])


def _partner_scales(problem: FitProblem, domains: Sequence[Domain]) -> list[np.ndarray]:
    """Logarithms of the sizes of each free parameter's partners in sums, products and quotients.

    The other parameters are 1 for that, those with a range of starts its middle.
    """
    owners: dict[int, list[int]] = {}
    typical = np.ones((1, problem.function.num_components))
    for place, domain in enumerate(domains):
        for component in problem.components_of(place):
            owners.setdefault(component, []).append(place)
            typical[0, component] = np.mean(domain.start) if domain.start else 1.0
    scales: list[list[float]] = [[] for _ in domains]
    for component, sign, values in problem.bound.partners(typical):
        sizes = np.abs(values[np.isfinite(values) & (values != 0.0)])
        if sizes.size:
            for place in owners.get(component, []):
                scales[place].append(sign * float(np.log(sizes).mean()))
    return [np.unique(found) for found in scales]


def _draw(
    rng: np.random.Generator,
    domains: Sequence[Domain],
    inputs: np.ndarray,
    partners: Sequence[np.ndarray],
    count: int,
) -> np.ndarray:
    """Draws of all free parameters, ``(draw, free)``."""
    columns = []
    for domain, own in zip(domains, partners, strict=True):
        scale, share = np.exp(_log_scale(rng, inputs, own, count)), rng.random(count)
        normal = rng.standard_normal(count)
        size = scale * np.exp(_SPREAD * normal)
        if domain.start_range is not None:
            low, high = domain.start_range
            column = low + (high - low) * share
        elif np.isfinite(domain.lower) and np.isfinite(domain.upper):
            column = domain.lower + (domain.upper - domain.lower) * share
        elif np.isfinite(domain.lower):
            column = domain.lower + size
        elif np.isfinite(domain.upper):
            column = domain.upper - size
        else:
            column = scale * normal  # not large: it may be the argument of an exponential
        columns.append(column)
    return np.column_stack(columns)


def _log_scale(
    rng: np.random.Generator, inputs: np.ndarray, partners: np.ndarray, count: int
) -> np.ndarray:
    """Logarithms of a parameter's scale: its partners', 1, an input's or one over that."""
    kind = rng.random(count)
    one = _one_of(rng, inputs, count)
    if not len(partners):
        return np.select([kind < 0.4, kind < 0.9], [0.0 * one, one], -one)
    partner = _one_of(rng, partners, count)
    return np.select([kind < 0.75, kind < 0.95, kind < 0.975], [partner, 0.0 * one, one], -one)


def _one_of(rng: np.random.Generator, values: np.ndarray, count: int) -> np.ndarray:
    return values[rng.integers(len(values), size=count)] if len(values) else np.zeros(count)


def _cheapest(
    problem: FitProblem,
    response: FitProblem | None,
    domains: Sequence[Domain],
    draws: np.ndarray,
    count: int,
) -> np.ndarray:
    """The best draws of each data set, ``(data_set, start, free)``, the best first."""
    num_sets, num_draws = problem.num_data_sets, len(draws)
    rows = np.repeat(np.arange(num_sets), num_draws)
    points = np.tile(draws, (num_sets, 1))
    groups = [problem.components_of(k) for k in range(len(domains))]
    solvers = [p for p in (problem, response) if p is not None]
    linear = [p.function.linear_components(groups) for p in solvers]
    best = int(np.argmax([len(places) for places in linear]))
    value, block = np.empty(len(points)), max(1, _BLOCK // problem.bound.num_runs)
    for k in range(0, len(points), block):
        few, some = rows[k : k + block], points[k : k + block]
        with np.errstate(all="ignore"):
            if linear[best]:
                some = _with_linear_solved(solvers[best], domains, few, some, linear[best])
            own = Evaluator(problem, few).value(some)
            own = np.where(_all_matter(problem, domains, few, some), own, 2.0 * own + 1e300)
        points[k : k + block], value[k : k + block] = some, own
    value = np.where(np.isfinite(value), value, np.inf)
    order = np.argsort(value.reshape(num_sets, num_draws), axis=1, kind="stable")[:, :count]
    return np.take_along_axis(points.reshape(num_sets, num_draws, -1), order[:, :, None], axis=1)


def _all_matter(
    problem: FitProblem, domains: Sequence[Domain], rows: np.ndarray, points: np.ndarray
) -> np.ndarray:
    """Where no positive parameter is so large or so small that it hardly affects predictions.

    From such a point a search runs along a flat tail.
    """
    squares = replace(problem, delta=np.inf, quantile=0.5, residual_scale=None)
    found = Evaluator(squares, rows).evaluate(points, np.zeros(len(rows), dtype=bool))
    slopes = np.sqrt(np.diagonal(found.majoriser, axis1=1, axis2=2))
    mean = np.sum(problem.weights * problem.target, -1) / np.sum(problem.weights, -1)
    spread = np.sum(problem.weights * (problem.target - mean[:, None]) ** 2, axis=-1)
    spread = np.broadcast_to(np.sqrt(spread), problem.num_data_sets)[rows]
    positive = np.isfinite([domain.lower for domain in domains])
    matters = np.abs(points) * slopes > _LEAST_INFLUENCE * spread[:, None]
    return np.all(matters | ~positive, axis=1)


def _with_linear_solved(
    problem: FitProblem,
    domains: Sequence[Domain],
    rows: np.ndarray,
    points: np.ndarray,
    linear: tuple[int, ...],
) -> np.ndarray:
    """Points with their linear parameters replaced by the least squares within bounds."""
    squares = replace(problem, delta=np.inf, quantile=0.5, residual_scale=None)
    places = list(linear)
    lower = np.array([domains[k].lower for k in places])
    upper = np.array([domains[k].upper for k in places])
    origin = points.copy()
    origin[:, places] = np.clip(0.0, lower, upper)
    found = Evaluator(squares, rows).evaluate(origin, np.zeros(len(rows), dtype=bool))
    matrix = found.majoriser[:, places][:, :, places]
    step = _bounded_minimum(
        matrix, found.gradient[:, places], lower - origin[0, places], upper - origin[0, places]
    )
    solved = origin.copy()
    solved[:, places] += step
    # a coefficient of 0 takes all influence from its term's other parameters
    smallest = 1e-2 * np.sqrt(np.sum(squares.weights * squares.target**2, axis=-1))
    smallest = np.broadcast_to(smallest, problem.num_data_sets)[rows][:, None]
    smallest = smallest / np.sqrt(np.diagonal(matrix, axis1=1, axis2=2))
    positive = np.isfinite(lower)
    floor = np.where(positive & np.isfinite(smallest), lower + smallest, -np.inf)
    solved[:, places] = np.minimum(np.maximum(solved[:, places], floor), upper)
    good = np.isfinite(solved[:, places]).all(axis=1)
    return np.where(good[:, None], solved, points)


def _bounded_minimum(
    matrix: np.ndarray, gradient: np.ndarray, lower: np.ndarray, upper: np.ndarray
) -> np.ndarray:
    """Approximate minima of quadratics in a box: parameters that leave it are fixed at its edge."""
    size = matrix.shape[-1]
    diagonal = np.sqrt(np.diagonal(matrix, axis1=1, axis2=2))
    scale = np.where(diagonal > 0.0, 1.0 / diagonal, 1.0)
    matrix = matrix * scale[:, :, None] * scale[:, None, :] + 1e-12 * np.eye(size)
    gradient = gradient * scale
    low, high = lower / scale, upper / scale
    fixed = np.zeros(gradient.shape, dtype=bool)
    point = np.zeros_like(gradient)
    for _ in range(size + 1):
        inner = np.where(fixed[:, :, None] | fixed[:, None, :], 0.0, matrix)
        inner[:, range(size), range(size)] = np.where(
            fixed, 1.0, matrix[:, range(size), range(size)]
        )
        at_edge = np.where(fixed, point, 0.0)
        right = -gradient - np.matmul(matrix, at_edge[:, :, None])[:, :, 0]
        right = np.where(fixed, point, right)
        point = solve_factorised(factorise(inner), right)
        outside = (point < low) | (point > high)
        point = np.clip(point, low, high)
        fixed |= outside
    return point * scale
