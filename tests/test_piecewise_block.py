"""Blocks of refits against fits of one: the same digits by another way."""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from farseer_jax import Farseer, Outcome, Piecewise, Refined, Runs, example_law, fit_batch, simulate
from farseer_jax.methods.method import Solved
from farseer_jax.methods.piecewise import error_moments as _error_moments
from farseer_jax.methods.piecewise.kernel import law_of, solve_jit
from farseer_jax.methods.piecewise.layout import gather_padded
from farseer_jax.methods.piecewise.stage1 import difference, estimate_sizes, gather
from farseer_jax.methods.piecewise.stage2 import candidate_lines
from farseer_jax.solvers.linear_regression import line_points
from farseer_jax.solvers.search.chebyshev_search import _Suited

NUM_SIZES, NUM_REFITS = 11, 32


@cache
def runs() -> Runs:
    N, D = np.meshgrid(
        2e8 * 2 ** np.arange(0, 5.5, 0.5), 1e9 * 2 ** np.arange(0, 7, 0.5), indexing="ij"
    )
    return simulate(example_law(), N.ravel(), D.ravel(), seed=3)


@cache
def stacks(kind: str) -> dict[str, np.ndarray]:
    num, rng = len(runs()), np.random.default_rng(1)
    if kind == "losses":
        return {"losses": runs().loss * np.exp(1e-3 * rng.standard_normal((NUM_REFITS, num)))}
    if kind == "dirichlet":
        return {"weights": rng.dirichlet(np.ones(num), NUM_REFITS) * num}
    weights = rng.multinomial(num, np.ones(num) / num, NUM_REFITS).astype(float)
    if kind == "emptied sizes":
        for i, row in enumerate(weights):
            row[np.isin(runs().N, np.unique(runs().N)[[i % NUM_SIZES, (2 * i) % NUM_SIZES]])] = 0
    return {"weights": weights}


def alone(stack: dict[str, np.ndarray], index: int) -> Solved:
    method = Piecewise()
    rows = {"losses": runs().loss, "weights": np.ones(len(runs()))}
    rows |= {name: values[index] for name, values in stack.items()}
    return method.fit_one(method.prepare(Farseer, runs()), rows["losses"], rows["weights"])


@pytest.mark.parametrize("kind", ["resamples", "dirichlet", "losses", "emptied sizes"])
def test_a_block_has_the_digits_of_single_fits(kind: str) -> None:
    batch = fit_batch(Farseer, runs(), **stacks(kind))
    N, D = np.append(runs().N, 3e10), np.append(runs().D, 1e12)
    predicted = batch.predict(N, D)
    num_usable = 0
    for i in range(NUM_REFITS):
        own = batch.law_at(i)
        assert isinstance(own, Farseer)
        try:
            expected = alone(stacks(kind), i)
        except ValueError:  # nothing left to fit: a door's refusal, a code in a batch
            assert batch.outcome(i) is Outcome.too_few_sizes
            continue
        assert batch.outcome(i) is expected.outcome
        num_usable += expected.outcome.usable
        with jax.enable_x64(True):
            np.testing.assert_allclose(predicted[i], np.asarray(expected.law(N, D)), rtol=1e-10)
        for name in ("A", "B", "U"):
            found, known = (getattr(law, name).exponent for law in (own, expected.law))
            assert float(found) == pytest.approx(float(known), abs=1e-9)
    assert num_usable > NUM_REFITS / 2


def test_members_that_the_nodes_do_not_resolve_are_computed_without_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Some of a block: they get the digits of a fit alone, and the others keep theirs."""
    stack = stacks("dirichlet")
    usual = fit_batch(Farseer, runs(), **stack)
    median = float(np.median(reach_of_candidates(stack["weights"])))
    monkeypatch.setattr(_error_moments, "_widest", lambda eps: median)
    other = Piecewise(search_U=Refined())  # the same settings, compiled with this limit
    narrow = fit_batch(Farseer, runs(), method=other, **stack)
    for name in ("A", "B", "U"):
        found, known = (getattr(batch.law, name).exponent for batch in (narrow, usual))
        np.testing.assert_allclose(found, known, rtol=0, atol=1e-9)
    N, D = runs().N, runs().D
    np.testing.assert_allclose(narrow.predict(N, D), usual.predict(N, D), rtol=1e-10)


def reach_of_candidates(weights: np.ndarray) -> np.ndarray:
    """Half the range of A over the candidates α, times the reach of ln D, of each refit."""
    design = Piecewise().prepare(Farseer, runs()).design
    z = np.log(design.N) - design.log_pivot
    with jax.enable_x64(True):
        look = Refined().look("smooth")
        assert look is not None
        losses = np.tile(runs().loss, (len(weights), 1))
        pairs = difference(design, gather(design, jnp.asarray(losses.T), jnp.asarray(weights.T)))
        sizes = estimate_sizes(pairs, 3)
        points = line_points(sizes.log_A, sizes.weight)
        log_A, _ = candidate_lines(jnp.asarray(z[:, None]), points, look.candidates)
        half = 0.5 * np.ptp(np.exp(log_A), axis=1)
    reach = np.abs(design.log_D - design.log_D.mean(axis=1, keepdims=True)).max(axis=1)
    widest: np.ndarray = (half * reach[:, None]).max(axis=0)
    return widest


def test_nodes_are_exact_to_rounding_up_to_their_limit() -> None:
    """exp(−2 A ln D), what the sums are made of, at the widest that the nodes are trusted with."""
    nodes = np.polynomial.chebyshev.chebpts1(_error_moments._NUM_NODES)
    width = _error_moments._widest(float(np.finfo(np.float64).eps))
    x = np.linspace(-1, 1, 101)
    series = _error_moments._to_series(_error_moments._NUM_NODES) @ np.exp(-2 * width * nodes)
    found = np.polynomial.chebyshev.chebval(x, series)
    highest = np.exp(2 * width)
    np.testing.assert_allclose(found, np.exp(-2 * width * x), rtol=0, atol=3e-15 * highest)
    worse = _error_moments._to_series(_error_moments._NUM_NODES) @ np.exp(-8 * width * nodes)
    assert np.abs(np.polynomial.chebyshev.chebval(x, worse) - np.exp(-8 * width * x)).max() > 1e-12


def wide_or_narrow(decades: float) -> Runs:
    N, D = np.meshgrid(2e8 * 10 ** np.linspace(0, decades, 6), 1e9 * 2.0 ** np.arange(6))
    return simulate(example_law(), N.ravel(), D.ravel(), seed=5)


@pytest.mark.parametrize("decades", [0.3, 1.5, 2.5, 4.0])
def test_nodes_that_suit_the_sizes_give_what_more_of_them_give(decades: float) -> None:
    """24, 32 and 40 nodes against 40: over four decades as many as ever, and resolved."""
    grid, method = wide_or_narrow(decades), Piecewise()
    weights = np.ones(len(grid))
    design = method.prepare(Farseer, grid)
    few = method.fit_one(design, grid.loss, weights)
    with jax.enable_x64(True):
        gathered = gather_padded(design.design, design.layout, grid.loss, weights)
        found = solve_jit(design.layout, gathered, options=method)
        law = law_of(design.design, jax.tree.map(np.asarray, found))
        expected = np.asarray(law(grid.N, grid.D))
        np.testing.assert_allclose(few.law(grid.N, grid.D), expected, rtol=1e-11)
    assert few.outcome.code == int(found.outcome)
    assert few.outcome is not Outcome.exponent_unresolved


def test_what_few_nodes_leave_unresolved_is_searched_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a block: those members alone, and they end as with the nodes that suit them."""
    stack = stacks("dirichlet")
    usual = fit_batch(Farseer, runs(), **stack)
    few = Piecewise(search=_Suited(density=16))
    plenty = Piecewise.suited_to(Piecewise(), Piecewise().prepare(Farseer, runs()))[0]
    monkeypatch.setattr(Piecewise, "suited_to", lambda *_: [few])
    once = fit_batch(Farseer, runs(), **stack)
    assert (once.outcome_code == Outcome.exponent_unresolved.code).any()
    monkeypatch.setattr(Piecewise, "suited_to", lambda *_: [few, plenty])
    again = fit_batch(Farseer, runs(), **stack)
    np.testing.assert_array_equal(again.outcome_code, usual.outcome_code)
    N, D = runs().N, runs().D
    np.testing.assert_allclose(again.predict(N, D), usual.predict(N, D), rtol=1e-10)
