"""The compute-optimal split: a closed form, the paper's runs, and laws that have none."""

from functools import cache
from pathlib import Path

import jax
import numpy as np
import pytest
from compiling import compilations
from weighted_mean import WeightedMean, fit_of, mean_fit

from farseer_jax import Bootstrap, Chinchilla, Farseer, WildBootstrap, fit, read_runs
from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.laws.quantities import allocation, mapped, of_one
from farseer_jax.uncertainty.draws import MemoryDraws

BUDGETS = np.array([1e18, 1e20, 1e22])


@cache
def laws() -> Chinchilla:
    """50 of them, around those that were published."""
    rng = np.random.default_rng(0)
    E, A, B, alpha, beta = (
        value * np.exp(0.05 * rng.standard_normal(50)) for value in (1.69, 406.4, 410.7, 0.34, 0.28)
    )
    return Chinchilla(E, A, B, alpha, beta)


def closed_form(law: Chinchilla, compute: np.ndarray) -> np.ndarray:
    """N and D (Hoffmann et al. 2022, Eq. 4), ``(2, law, budget)``."""
    A, B, alpha, beta = (np.asarray(leaf)[:, None] for leaf in jax.tree.leaves(law)[1:])
    G = (alpha * A / (beta * B)) ** (1 / (alpha + beta))
    N = G * (compute / 6) ** (beta / (alpha + beta))
    return np.stack([N, compute / (6 * N)])


def bootstrap_of(law: Chinchilla) -> Bootstrap:
    """A bootstrap of given laws; the fit is the first of them."""
    num = len(law.E)
    batch = BatchFit(law, np.zeros(num, dtype=int), np.zeros(num))
    one = jax.tree.map(lambda leaf: leaf[0], law)
    return Bootstrap(
        fit_of(one, mean_fit().runs, WeightedMean()), WildBootstrap(), 0, MemoryDraws(batch)
    )


def test_chinchillas_closed_form() -> None:
    N, D, ratio = np.moveaxis(mapped(allocation, laws(), BUDGETS), 1, 0)
    expected = closed_form(laws(), BUDGETS)
    np.testing.assert_allclose([N, D], expected, rtol=1e-9)
    np.testing.assert_allclose(ratio, expected[1] / expected[0], rtol=1e-9)


def test_intervals_of_the_optimum() -> None:
    found = bootstrap_of(laws()).allocation(BUDGETS, 0.5)
    N, D = closed_form(laws(), BUDGETS)
    for name, expected in {"N": N, "D": D, "tokens per parameter": D / N}.items():
        intervals = found[name]
        np.testing.assert_array_equal(intervals.at["compute"], BUDGETS)
        np.testing.assert_allclose(intervals.estimate, expected[0], rtol=1e-9)
        lower, upper = np.quantile(expected, [0.25, 0.75], axis=0, method="weibull")
        np.testing.assert_allclose([intervals.lower, intervals.upper], [lower, upper], rtol=1e-9)


def test_a_law_without_an_interior_optimum_has_none() -> None:
    """Where data do not help, loss falls up to the largest N; such refits count as failed."""
    law = laws()
    B = np.where(np.arange(50) < 10, 1e-300, law.B)
    stack = Chinchilla(law.E, law.A, np.roll(B, 5), law.alpha, law.beta)
    found = bootstrap_of(stack).allocation(BUDGETS)["N"]
    assert found.num_failed == 10
    assert not found.trustworthy
    assert np.isfinite(found.lower).all()


def test_budgets_are_positive() -> None:
    with pytest.raises(ValueError, match=r"compute: values must be positive and finite, got -1"):
        bootstrap_of(laws()).allocation([1e21, -1.0])


def test_second_call_does_not_compile() -> None:
    found = bootstrap_of(laws())
    found.allocation(BUDGETS)
    with compilations() as events:
        found.allocation(10 * BUDGETS)
    assert events == []


def test_the_optimum_of_the_papers_runs(shared_data: Path) -> None:
    """From sizes above 2e8 and up to 6.4 B: about 24, 26, 42, 94 tokens per parameter."""
    runs = read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)
    law = fit(Farseer, runs).law
    ratio = of_one(allocation, law, np.array([1e20, 1e21, 1e22, 1e23]))[2]
    np.testing.assert_allclose(ratio, [24, 26, 42, 94], rtol=0.02)
