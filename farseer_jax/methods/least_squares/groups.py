"""Least squares for several tables in one batch, separately or with shared parameters."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.choose_starts import starts_of
from farseer_jax.methods.end_to_end.determination import joint_determinations
from farseer_jax.methods.end_to_end.free_parameters import Free
from farseer_jax.methods.end_to_end.identifiability import Optimum
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.optima import best_of_starts, best_point
from farseer_jax.methods.end_to_end.settings import check_number, free_of
from farseer_jax.methods.least_squares.any_law import (
    build_fit_problem,
    objective_and_link,
    solve_any_law,
)
from farseer_jax.methods.method import Solved
from farseer_jax.solvers.levenberg_marquardt import Settings, minimise
from farseer_jax.solvers.optima import Optima

if TYPE_CHECKING:
    from farseer_jax.methods.least_squares.method import LeastSquares


_NUM_SPREAD = 8  # joint starts spread around the groups' separate optima


def fit_each(
    method: "LeastSquares",
    layouts: Sequence[Layout],
    losses: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> list[Solved]:
    """Fit each table separately, in one batch."""
    found, frees = separate_optima(method, layouts, losses, weights)
    return [
        best_of_starts(layout, free, own, loss, weight)
        for layout, free, own, loss, weight in zip(
            layouts, frees, found, losses, weights, strict=True
        )
    ]


def fit_with_shared(
    method: "LeastSquares",
    layouts: Sequence[Layout],
    losses: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    shared: Sequence[str],
) -> list[Solved]:
    """Fit all tables together: the shared parameters are the same in each.

    Raises:
        ValueError: a shared parameter is unknown, fixed, or tied to one that is not shared; or
            there are fewer runs than free parameters.
    """
    check_shared(layouts[0].law, shared)
    separate, frees = separate_optima(method, layouts, losses, weights, enough=False)
    free = free_of(method, layouts[0], centred=False)  # so that each can be shared or not
    in_common = _in_common(method, layouts[0].law, free, shared)
    _check_joint_number(layouts, weights, in_common)
    vectors = [
        own_free.vector(best_point(own)) for own_free, own in zip(frees, separate, strict=True)
    ]
    best = free.free(np.stack(vectors, axis=1))
    starts = _joint_starts(best, in_common, method.seed, free)
    found = _solve_jointly(method, layouts, free, in_common, starts, losses, weights)
    optima = [
        Optimum.of(layout, free, best_point(own), loss, weight)
        for layout, own, loss, weight in zip(layouts, found, losses, weights, strict=True)
    ]
    judged = joint_determinations(optima, in_common)
    parts = zip(layouts, found, losses, weights, judged, strict=True)
    return [best_of_starts(part[0], free, *part[1:]) for part in parts]


def check_shared(law: type[Law], shared: Sequence[str]) -> None:
    """Refuse shared parameters that the law does not have.

    Raises:
        ValueError: a name is unknown.
    """
    names = [field.name for field in law.fields()]
    unknown = [name for name in shared if name not in (*names, *law.parameter_names())]
    if unknown:
        raise ValueError(
            f"shared: the law {law.name!r} has no parameter {unknown[0]!r}; it has "
            f"{', '.join(names)}"
        )


def separate_optima(
    method: "LeastSquares",
    layouts: Sequence[Layout],
    losses: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
    *,
    enough: bool = True,
) -> tuple[list[Optima], list[Free]]:
    """The optima of each table from its starts, and its free parameters; all in one batch."""
    frees = [free_of(method, layout) for layout in layouts]
    if enough:
        for layout, free, own in zip(layouts, frees, weights, strict=True):
            check_number(layout, own, free)
    starts = np.stack(
        [
            starts_of(method, layout, free, method.num_starts)
            for layout, free in zip(layouts, frees, strict=True)
        ]
    )
    rows = [loss[None] for loss in losses], [own[None] for own in weights]
    return solve_any_law(method, layouts, frees, starts, *rows), frees


def _in_common(
    method: "LeastSquares", law: type[Law], free: Free, shared: Sequence[str]
) -> np.ndarray:
    """Which free parameters are shared by all groups, ``(free,)``."""
    names = law.parameter_names()
    is_shared = np.array([n in shared or n.partition("[")[0] in shared for n in names])
    used = free.basis != 0.0
    mixed = used[is_shared].any(0) & used[~is_shared].any(0)
    if mixed.any():
        tied = [names[k] for k in np.flatnonzero(used[:, np.flatnonzero(mixed)[0]])]
        raise ValueError(
            f"shared: {' and '.join(tied)} are tied, but not all of them are shared: share all"
        )
    fixed = [name for name in shared if name in dict(method.fixed)]
    if fixed:
        raise ValueError(
            f"shared: the parameter {fixed[0]!r} is fixed, so it is the same in all groups anyway: "
            "remove it from shared= or from fixed="
        )
    common: np.ndarray = used[is_shared].any(0)
    return common


def _check_joint_number(
    layouts: Sequence[Layout], weights: Sequence[np.ndarray], in_common: np.ndarray
) -> None:
    num = sum(
        min(int((own > 0).sum()), len(layout.runs) - layout.num_copies)
        for layout, own in zip(layouts, weights, strict=True)
    )
    needed = int(in_common.sum()) + len(layouts) * int((~in_common).sum())
    if num < needed:
        raise ValueError(
            f"{num} runs in {len(layouts)} groups cannot determine the {needed} free parameters of "
            f"the law {layouts[0].law.name!r}: add runs, share more, or fix parameters (fixed=)"
        )


def _joint_starts(best: np.ndarray, in_common: np.ndarray, seed: int, free: Free) -> np.ndarray:
    """Starts ``(start, joint free)`` from the groups' separate optima.

    The shared parameters are those of each group, their median, and values spread around it.

    Args:
        best: each group's own optimum, ``(group, free)``.
        in_common: which free parameters are shared.
        seed: seed of the spread ones.
        free: bounds.
    """
    generator = np.random.default_rng(seed)
    shared = np.concatenate([np.median(best, 0)[None], best])[:, in_common]
    spread = generator.standard_normal((_NUM_SPREAD, shared.shape[1]))
    reach = np.maximum(best[:, in_common].std(0), 0.1)
    shared = np.concatenate([shared, shared[0] + reach * spread])
    shared = np.clip(shared, free.lower[in_common], free.upper[in_common])
    own = np.broadcast_to(best[:, ~in_common].ravel(), (len(shared), best[:, ~in_common].size))
    return np.concatenate([shared, own], axis=1)


def _solve_jointly(
    method: "LeastSquares",
    layouts: Sequence[Layout],
    free: Free,
    in_common: np.ndarray,
    starts: np.ndarray,
    losses: Sequence[np.ndarray],
    weights: Sequence[np.ndarray],
) -> list[Optima]:
    """Fit several tables together, with some free parameters shared.

    Args:
        method: the settings.
        layouts: one for each group.
        free: the free parameters of one group.
        in_common: which of these are shared, ``(free,)``.
        starts: shared parameters, then those of each group, ``(start, joint free)``.
        losses: ``(run,)`` for each group.
        weights: ``(run,)`` for each group.

    Returns:
        Each group's free parameters; value and status are those of the joint fit.
    """
    first, num_groups = layouts[0], len(layouts)
    objective, link = objective_and_link(method, first)
    joint = _joint_parameters(free, in_common, num_groups)
    own_weights = [w * layout.share[:, 0] for w, layout in zip(weights, layouts, strict=True)]
    settings = Settings(max_steps=method.max_steps, tolerance=method.tolerance)
    inputs = {
        name: np.concatenate([layout.inputs[name] for layout in layouts]) for name in first.inputs
    }
    problem = build_fit_problem(
        first,
        joint,
        objective,
        link,
        inputs,
        [link.forward(own) for own in losses],
        own_weights,
        parameter_of=np.arange(joint.basis.shape[0]).reshape(num_groups, -1).T,
        group=np.repeat(np.arange(num_groups), [len(layout.runs) for layout in layouts]),
        linear=_joint_columns([method.columns_of(layout) for layout in layouts]),
    )
    found = minimise(problem, starts, settings)
    points, value = found.free[0], found.value[0]
    shared, own = np.split(points, [int(in_common.sum())], axis=1)
    each = np.empty((num_groups, len(points), len(in_common)))
    each[..., in_common] = shared
    each[..., ~in_common] = np.moveaxis(own.reshape(len(points), num_groups, -1), 1, 0)
    return [Optima(one, value, found.status[0], found.steps[0]) for one in each]


def _joint_columns(columns: Sequence[np.ndarray | None]) -> np.ndarray | None:
    """Columns of correlated errors; those of different groups are independent."""
    from scipy.linalg import block_diag

    own = [matrix for matrix in columns if matrix is not None]
    return np.asarray(block_diag(*own)) if own else None


def _joint_parameters(free: Free, in_common: np.ndarray, num_groups: int) -> Free:
    """All groups' parameters, one group after another, from shared and own free parameters."""
    shared, own = free.basis[:, in_common], free.basis[:, ~in_common]
    basis = np.concatenate(
        [np.tile(shared, (num_groups, 1)), np.kron(np.eye(num_groups), own)], axis=1
    )

    def bounds(one: np.ndarray) -> np.ndarray:
        return np.concatenate([one[in_common], np.tile(one[~in_common], num_groups)])

    return Free(
        centering=np.eye(len(basis)),
        basis=basis,
        offset=np.tile(free.offset, num_groups),
        lower=bounds(free.lower),
        upper=bounds(free.upper),
        names=num_groups * free.names,
    )
