"""Runs simulated from a known law, and the built-in example on the paper's grid."""

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.stretched_exponential import StretchedExponential
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law
from farseer_jax.runs.runs import Runs
from farseer_jax.tables.columns import Columns

MEASURED_NOISE = 5e-4  # run-to-run standard deviation of ln loss on the paper's grid

# Paper, Table 4: size; smallest D in quarter octaves above 1e9; number of D in steps of √2.
_SIZES = (
    (201228288, 2, 17), (239005312, 1, 18), (284207616, 0, 18), (336994944, 1, 18),
    (397772800, 2, 17), (476931840, 1, 18), (568468736, 0, 18), (676012032, 1, 18),
    (798470400, 2, 18), (956354688, 1, 18), (1125938688, 0, 18), (1338278400, 1, 18),
    (1608122368, 2, 17), (1911894528, 1, 17), (2273495040, 2, 15), (2697992704, 3, 15),
    (3184435200, 4, 13), (3816352512, 5, 13), (4504118400, 4, 12), (5354047488, 7, 11),
    (6369572352, 4, 12),
)  # fmt: skip
# The two cells missing from the paper's grid: size, and step of D from its smallest.
_MISSING = {(2273495040, 4), (6369572352, 10)}


def paper_grid() -> tuple[np.ndarray, np.ndarray]:
    """N and D of the paper's 337 runs (Table 4), ``(run,)`` each.

    Example:
        >>> from farseer_jax import paper_grid
        >>> N, D = paper_grid()
        >>> len(N), float(D.min()), round(float(D.max() / 1e9))
        (337, 1000000000.0, 512)
    """
    cells = [
        (N, 1e9 * 2.0 ** (first / 4 + step / 2))
        for N, first, count in _SIZES
        for step in range(count)
        if (N, step) not in _MISSING
    ]
    N, D = np.array(cells, dtype=float).T
    return N, D


def example_law() -> Farseer:
    """The law behind :func:`example_runs`: invented, but similar to laws fitted to real runs.

    Example:
        >>> from farseer_jax import example_law
        >>> round(float(example_law()(25.1e9, 5e11)), 3)
        0.411
    """
    return Farseer(
        U=StretchedExponential(level=-0.8, slope=-0.12, exponent=0.15, pivot=1e9),
        B=StretchedExponential(level=4.9, slope=-1.1, exponent=-0.16, pivot=1e9),
        A=StretchedExponential(level=-1.18, slope=-0.2, exponent=0.05, pivot=1e9),
    )


def example_runs(*, noise: float = MEASURED_NOISE, seed: int = 0) -> Runs:
    """The paper's grid with losses simulated from :func:`example_law`; it contains no real run.

    Example:
        >>> from farseer_jax import example_runs
        >>> print(example_runs().select(min_N=5e9))
        runs  22
        N     2 sizes, 5.35e9 to 6.37e9
        D     2e9 to 1.08e11
        loss  0.466 to 0.613
    """
    return simulate(example_law(), *paper_grid(), noise=noise, seed=seed)


def simulate(
    law: Law,
    N: ArrayLike,
    D: ArrayLike,
    *,
    noise: ArrayLike = MEASURED_NOISE,
    seed: int,
) -> Runs:
    """Simulate the losses of runs from a law.

    Args:
        law: the true law.
        N: parameters, ``(run,)``.
        D: tokens, ``(run,)``.
        noise: run-to-run standard deviation of ``ln loss``, a number or ``(run,)``; 0 gives the
            law's own losses. The default, 0.05 %, is that of the paper's grid.
        seed: the same seed gives the same runs.

    Raises:
        ValueError: N or D is not positive and finite, or noise is negative.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import Farseer, simulate
        >>> N, D = np.repeat([1e9, 2e9, 4e9], 4), np.tile([1e10, 2e10, 4e10, 8e10], 3)
        >>> simulate(Farseer.published(), N, D, noise=0.0, seed=0).loss[:2].round(3)
        array([0.545, 0.527])
    """
    N, D = np.broadcast_arrays(np.atleast_1d(N), np.atleast_1d(D))
    spread = np.asarray(noise, dtype=float)
    if not np.all(np.isfinite(spread) & (spread >= 0)):
        raise ValueError(f"noise must be finite and not negative, got {noise!r}")
    if spread.shape not in ((), N.shape):
        raise ValueError(
            f"noise: expected one number, or one per run ({len(N)}), got shape {spread.shape}"
        )
    deviation = spread * np.random.default_rng(seed).standard_normal(N.shape)
    losses = evaluate(law, N, D) * np.exp(deviation)
    return Runs(N, D, losses, N_unit=1.0, D_unit=1.0)


# Task: scale of its bits per byte, chance, steepness, midpoint, number of questions.
_TASKS = {
    "easy": (1.0, 0.25, 9.0, 0.80, 10_000),
    "medium": (1.3, 0.25, 6.0, 0.95, 2_000),
    "hard": (1.5, 0.2, 5.0, 0.85, 1_000),
    "guess": (1.2, 0.5, 6.0, -1.0, 1_000),
}
TASK_CHANCE = {f"{task}_acc": own[1] for task, own in _TASKS.items()}
_RECIPES = {"base": 1.0, "filtered": 0.96}  # factor of the losses
_LADDER = (1.9e8, 3.7e8, 7.6e8, 1.3e9, 3.2e9)
_RATIOS = (10.0, 20.0, 40.0, 100.0, 200.0)  # D/N


def example_tasks(
    N: ArrayLike | None = None,
    D: ArrayLike | None = None,
    *,
    recipe: str | None = None,
    noise: float = 2e-3,
    seed: int = 0,
) -> Columns:
    """A simulated table of accuracies on four tasks, with the bits per byte of each.

    Each task's bits per byte follow Chinchilla's law, and its accuracy is a logistic function of
    them, counted over a number of questions. One task, ``guess``, stays at chance.

    Args:
        N: parameters of the runs; five sizes with five numbers of tokens each unless given.
        D: tokens.
        recipe: one of the two recipes, ``"base"`` or ``"filtered"``; ``"base"`` unless given, or
            both, in a column ``recipe``, with ``"both"``.
        noise: standard deviation of ln bits per byte; 0 also leaves out the binomial noise.
        seed: the same seed gives the same table.

    Raises:
        ValueError: the recipe is unknown.

    Example:
        >>> from farseer_jax import example_tasks
        >>> table = example_tasks()
        >>> list(table)[:5], table.num_rows
        (['recipe', 'N', 'D', 'loss', 'easy_bpb'], 25)
    """
    recipe = "base" if recipe is None else recipe
    if recipe not in (*_RECIPES, "both"):
        raise ValueError(f"recipe: expected base, filtered or both, got {recipe!r}")
    if N is None or D is None:
        N = np.repeat(_LADDER, len(_RATIOS))
        D = N * np.tile(_RATIOS, len(_LADDER))
    N, D = np.broadcast_arrays(np.atleast_1d(np.asarray(N, float)), np.asarray(D, float))
    rng = np.random.default_rng(seed)
    names = tuple(_RECIPES) if recipe == "both" else (recipe,)
    parts = [_tasks_of(name, N, D, noise, rng) for name in names]
    return Columns({name: np.concatenate([own[name] for own in parts]) for name in parts[0]})


def _tasks_of(
    recipe: str, N: np.ndarray, D: np.ndarray, noise: float, rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """The table of one recipe."""
    factor = _RECIPES[recipe]
    table = {"recipe": np.full(len(N), recipe, dtype=object), "N": N, "D": D}
    shape = factor * (0.42 + 80.0 / N**0.28 + 130.0 / D**0.27)
    table["loss"] = 2.6 * shape * np.exp(noise * rng.standard_normal(len(N)))
    for task, (scale, chance, steepness, midpoint, questions) in _TASKS.items():
        bits = scale * shape * np.exp(noise * rng.standard_normal(len(N)))
        accuracy = chance + (1.0 - chance) / (1.0 + np.exp(steepness * (bits - midpoint)))
        counted = rng.binomial(questions, accuracy) / questions
        table |= {f"{task}_bpb": bits, f"{task}_acc": counted if noise else accuracy}
    return table
