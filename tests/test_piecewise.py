"""The piecewise method against Algorithm 2 in plain NumPy (reference.py), stage by stage."""

from functools import cache
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import compilations
from hypothesis import given, settings
from hypothesis import strategies as st
from reference import Reference, fit_reference, grid, refined, zoomed

from farseer_jax import (
    Farseer,
    Fit,
    Grid,
    Outcome,
    Piecewise,
    Refined,
    Runs,
    StretchedExponential,
    build_design,
    example_law,
    fit,
    read_runs,
    simulate,
)
from farseer_jax.methods.method import Solved

THOUSAND, TEN_THOUSAND = (-0.5 + np.arange(num) / num for num in (1000, 10_000))
# each method beside the same settings of the reference
METHODS: dict[str, tuple[Piecewise, dict[str, Any]]] = {
    "default": (Piecewise(), {"search": refined()}),
    "squared, dense": (Piecewise(search=Grid(-0.5, 0.5, 1000)), {"search": grid(THOUSAND)}),
    "relative, dense": (
        Piecewise(criterion="relative", search=Grid(-0.5, 0.5, 1000)),
        {"criterion": "relative", "search": grid(THOUSAND)},
    ),
    "relative, refined": (
        Piecewise(criterion="relative"),
        {"criterion": "relative", "search": zoomed()},
    ),
    "five rounds": (Piecewise(rounds=5), {"rounds": 5}),
    "joint minimum": (Piecewise(rounds="joint"), {"rounds": "joint"}),
    "released code": (
        Piecewise.released_code(),
        {
            "criterion": "relative",
            "search": grid(TEN_THOUSAND),
            "search_U": grid(THOUSAND),
            "ratio": (1.35, 1.45),
            "min_pairs": 5,
            "falling_B": True,
        },
    ),
}


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Runs:
    return read_runs(shared_data / "farseer_404.csv").select(min_N=2e8, max_N=5.36e9)


@pytest.fixture(scope="module")
def simulated(real: Runs) -> Runs:
    """The real grid, whose four copies become repeats of one (N, D)."""
    return simulate(example_law(), real.N, real.D, seed=7)


@pytest.fixture(scope="module")
def rough(real: Runs) -> Runs:
    """The real grid, with losses off any Farseer law from size to size: U by 5 %, A by 1 %.

    Settings that agree on smooth data differ here.
    """
    size, z = np.searchsorted(np.unique(real.N), real.N), np.log(real.N / 1e9)
    U = np.exp(-0.9 - 0.1 * z + 0.05 * np.sin(3.0 * size))
    B = np.exp(3 - 0.5 * z + 0.07 * z**2)
    A = np.exp(-1.3 - 0.1 * z - 0.01 * z**2 + 0.01 * np.cos(5.0 * size))
    return Runs(real.N, real.D, U + B * real.D**-A)


# Against the reference


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("data", ["real", "simulated", "rough"])
def test_every_stage_agrees_with_the_reference(
    data: str, name: str, request: pytest.FixtureRequest
) -> None:
    runs = request.getfixturevalue(data)
    method, settings = METHODS[name]
    found, expected = fit(Farseer, runs, method), fit_reference(*columns(runs), **settings)
    # a minimum that lies between two kinks is flat: values tell its place to √rounding only
    assert_same(found, expected, tolerance=1e-7 if name == "relative, refined" else 1e-8)


def columns(runs: Runs) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return runs.N, runs.D, runs.loss


def assert_same(found: Fit | Solved, expected: Reference, tolerance: float = 1e-8) -> None:
    """To 8 digits, stage by stage, so that a failure names the first that differs."""
    diagnostics, law = found.diagnostics, found.law
    live = np.isin(diagnostics.N, expected.sizes)
    assert np.isnan(diagnostics.A[~live]).all()
    np.testing.assert_allclose(diagnostics.A[live], expected.A_N, rtol=1e-8)
    np.testing.assert_allclose(diagnostics.B[live], expected.B_N, rtol=1e-8)

    alpha, beta, error = np.array(expected.rounds).T
    np.testing.assert_allclose(diagnostics.round_alpha, alpha, rtol=0, atol=tolerance)
    np.testing.assert_allclose(diagnostics.round_beta, beta, rtol=0, atol=tolerance)
    np.testing.assert_allclose(diagnostics.round_error, error, rtol=1e-8)

    np.testing.assert_allclose(diagnostics.G, expected.G, rtol=1e-8)
    assert float(law.U.exponent) == pytest.approx(expected.U.p, abs=tolerance)
    N, D = (axis.ravel() for axis in np.meshgrid(np.geomspace(1e8, 3e10, 7), [1e9, 3e10, 1e12]))
    with jax.enable_x64(True):
        np.testing.assert_allclose(law(N, D), expected.predict(N, D), rtol=tolerance)
        for name in ("A", "B", "U"):
            own, known = getattr(law, name)(N), getattr(expected, name)(N)
            np.testing.assert_allclose(own, known, rtol=tolerance)


def test_joint_minimum_is_below_every_cell_of_a_grid(real: Runs) -> None:
    found = fit(Farseer, real, METHODS["joint minimum"][0]).diagnostics
    rounds = fit(Farseer, real).diagnostics
    assert found.round_error[-1] < rounds.round_error[-1]
    cells = np.linspace(-0.5, 0.5, 41)
    lowest = min(
        fit_reference(
            real.N, real.D, real.loss, rounds=1, search=fixed_exponents(alpha, cells)
        ).rounds[-1][2]
        for alpha in cells
    )
    assert found.round_error[-1] <= lowest


def fixed_exponents(alpha: float, cells: np.ndarray) -> Any:
    """A search that gives α when asked for α (the second of three), the best cell otherwise."""
    asked = []

    def search(profile: Any) -> float:
        asked.append(profile)
        return alpha if len(asked) == 2 else float(cells[np.argmin(profile(cells))])

    return search


def test_a_coefficient_that_rises_is_not_called_falling(real: Runs) -> None:
    """``falling_B`` leaves no candidate for it, and no success."""
    law = Farseer(
        U=StretchedExponential(-0.8, -0.12, 0.15, 1e9),
        B=StretchedExponential(3.0, 0.3, -0.1, 1e9),
        A=StretchedExponential(-1.3, 0.05, 0.05, 1e9),
    )
    runs = simulate(law, real.N, real.D, noise=0.0, seed=0)
    found = fit(Farseer, runs, METHODS["released code"][0])
    assert found.outcome is not Outcome.success
    assert found.warnings
    assert fit(Farseer, runs).outcome is Outcome.success


def test_rounds_never_raise_the_error(real: Runs) -> None:
    error = fit(Farseer, real, METHODS["five rounds"][0]).diagnostics.round_error
    assert len(error) == 6
    assert np.all(np.diff(error) <= 0)


def test_reported_scatter_and_errors_are_those_of_the_law(real: Runs) -> None:
    found = fit(Farseer, real)
    expected = fit_reference(*columns(real))
    rows = np.unique(np.stack([real.N, real.D, real.loss]), axis=1)
    O = rows[2] - expected.B(rows[0]) * rows[1] ** -expected.A(rows[0])  # noqa: E741
    scatter = [np.std(O[rows[0] == N]) for N in expected.G_sizes]
    np.testing.assert_allclose(found.diagnostics.residual_scatter, scatter, rtol=1e-8)
    error = np.abs(expected.predict(rows[0], rows[1]) / rows[2] - 1)
    assert found.mean_relative_error == pytest.approx(error.mean(), rel=1e-8)
    assert found.max_relative_error == pytest.approx(error.max(), rel=1e-8)


# Noise-free runs of a known law

SIZES = 2e8 * 2 ** np.arange(0, 5.5, 0.5)
NUM_D = 10
STEPS = {
    "√2": np.full(NUM_D - 1, np.sqrt(2)),
    "2": np.full(NUM_D - 1, 2.0),
    "unequal": np.array([2.0, 5 / 3, 1.5, 5 / 3, 2.0, 1.5, 2.0, 1.9, 1.6]),
    "growing": np.linspace(1.5, 2.7, NUM_D - 1),
}


def law_of(alpha: float, beta: float, gamma: float) -> Farseer:
    return Farseer(
        U=StretchedExponential(-0.8, -0.12, gamma, 1e9),
        B=StretchedExponential(4.9, -1.1, beta, 1e9),
        A=StretchedExponential(-1.18, -0.2, alpha, 1e9),
    )


def noise_free(
    law: Farseer, steps: str = "√2", sizes: np.ndarray = SIZES, noise: float = 0.0
) -> Runs:
    D = 1e9 * np.cumprod([1, *STEPS[steps]])
    N, D = (axis.ravel() for axis in np.meshgrid(sizes, D, indexing="ij"))
    return simulate(law, N, D, noise=noise, seed=0)


def assert_recovered(found: Fit, law: Farseer, exponents: tuple[float, ...] | None = None) -> None:
    """To 1e-6 of the loss inside the data, and eight times beyond them to 1e-5."""
    runs = found.runs
    N, D = np.meshgrid(
        np.geomspace(runs.N.min(), runs.N.max(), 9), np.geomspace(1e9, runs.D.max(), 9)
    )
    with jax.enable_x64(True):
        np.testing.assert_allclose(found.predict(N, D), law(N, D), rtol=1e-6)
        beyond = (8 * runs.N.max(), 8 * runs.D.max())
        np.testing.assert_allclose(found.predict(*beyond), law(*beyond), rtol=1e-5)
    if exponents is not None:
        fitted = [float(c.exponent) for c in (found.law.A, found.law.B, found.law.U)]
        assert fitted == pytest.approx(exponents, abs=1e-6)
    assert found.mean_relative_error < 1e-7


@pytest.mark.parametrize("steps", STEPS)
@pytest.mark.parametrize(
    "exponents",
    [
        (0.05, -0.16, 0.15),
        (0.0, -0.16, 0.15),
        (0.05, 0.0, 0.15),
        (0.05, -0.16, 0.0),
        (0.0, 0.0, 0.0),
        (-0.31, 0.27, -0.08),
    ],
)
def test_known_law_is_recovered(exponents: tuple[float, ...], steps: str) -> None:
    law = law_of(*exponents)
    found = fit(Farseer, noise_free(law, steps))
    assert found.outcome is Outcome.success
    assert_recovered(found, law, exponents)


@given(
    exponents=st.tuples(*[st.floats(-0.45, 0.45)] * 3),
    level=st.floats(-1.6, -0.8),
    slopes=st.tuples(st.floats(-0.4, 0.2), st.floats(-1.5, 0.5), st.floats(-0.2, -0.02)),
    steps=st.sampled_from(list(STEPS)),
)
@settings(max_examples=40)
def test_random_laws_are_recovered(
    exponents: tuple[float, ...], level: float, slopes: tuple[float, ...], steps: str
) -> None:
    law = Farseer(
        U=StretchedExponential(-0.8, slopes[2], exponents[2], 1e9),
        B=StretchedExponential(np.exp(level) * np.log(1e10) - 1, slopes[1], exponents[1], 1e9),
        A=StretchedExponential(level, slopes[0], exponents[0], 1e9),
    )
    assert_recovered(fit(Farseer, noise_free(law, steps)), law)


@pytest.mark.parametrize("steps", STEPS)
def test_unequal_steps_agree_with_the_reference(steps: str) -> None:
    runs = noise_free(example_law(), steps, noise=2e-3)
    typical = np.median(STEPS[steps])
    reference = fit_reference(*columns(runs), ratio=(typical**0.5, typical**1.5))
    assert_same(fit(Farseer, runs), reference)


@pytest.mark.parametrize("name", ["relative, refined", "joint minimum"])
def test_known_law_is_recovered_by_other_settings(name: str) -> None:
    law = law_of(0.05, -0.16, 0.0)
    assert_recovered(fit(Farseer, noise_free(law), METHODS[name][0]), law)


def test_dense_grid_recovers_a_law_whose_exponents_are_candidates() -> None:
    law = law_of(0.05, -0.161, 0.0)
    found = fit(Farseer, noise_free(law), METHODS["squared, dense"][0])
    assert_recovered(found, law, (0.05, -0.161, 0.0))


@pytest.mark.parametrize(("curve", "exponent"), [("A", 0.8), ("B", -0.7), ("U", 0.6)])
def test_exponent_beyond_the_search_is_reported(curve: str, exponent: float) -> None:
    true = {"A": 0.05, "B": -0.16, "U": 0.15, curve: exponent}
    runs = noise_free(law_of(true["A"], true["B"], true["U"]))
    found = fit(Farseer, runs)
    assert found.outcome is Outcome.exponent_at_edge
    at_bound = float(getattr(found.law, curve).exponent)
    assert at_bound == pytest.approx(np.sign(exponent) * 0.5, abs=1e-6)
    name = {"A": "α", "B": "β", "U": "γ"}[curve]
    assert any(name in warning and "bound of its search" in warning for warning in found.warnings)
    wide = fit(Farseer, runs, Piecewise(search=Refined(-1.0, 1.0)))
    assert wide.outcome is Outcome.success
    assert_recovered(wide, law_of(true["A"], true["B"], true["U"]))


@pytest.mark.parametrize("decades", [3, 4, 5, 7])
def test_sizes_over_many_decades(decades: int) -> None:
    """Recovered, or the search reports that it did not resolve its minimum."""
    law = law_of(0.05, -0.1, 0.05)
    found = fit(Farseer, noise_free(law, sizes=np.geomspace(1e6, 1e6 * 10**decades, len(SIZES))))
    if found.outcome is Outcome.success:
        assert_recovered(found, law)
    else:
        assert found.outcome is Outcome.exponent_unresolved
        assert decades > 4


# The kernel as a function of losses and weights


@cache
def small_runs() -> Runs:
    """66 noisy runs: 11 sizes, 6 D."""
    N, D = (axis.ravel() for axis in np.meshgrid(SIZES, 1e9 * 2.0 ** np.arange(6), indexing="ij"))
    return simulate(example_law(), N, D, seed=3)


def solve(losses: Any = None, weights: Any = None, runs: Runs | None = None) -> Solved:
    runs = small_runs() if runs is None else runs
    losses = runs.loss if losses is None else losses
    weights = np.ones(len(runs)) if weights is None else weights
    method = Piecewise()
    return method.fit_one(method.prepare(Farseer, runs), losses, weights)


def predicted(solved: Solved | Fit) -> np.ndarray:
    runs = small_runs()
    N, D = np.append(runs.N, [2e10, 1e11]), np.append(runs.D, [1e12, 3e11])
    with jax.enable_x64(True):
        return np.asarray(solved.law(N, D))


def test_other_losses_weights_and_designs_do_not_compile_again() -> None:
    runs = small_runs()
    with compilations() as events:
        jax.jit(lambda x: x + 1)(1.0)
    assert events, "the counter must count"
    solve()
    weights = np.random.default_rng(0).uniform(0.5, 2, len(runs))
    with compilations() as events:
        solve(losses=1.1 * runs.loss)
        solve(weights=weights)
        other = Runs(runs.N * 3, runs.D * 1.5, runs.loss)
        fit(Farseer, other)
    assert not events


def test_vmap_over_losses_and_over_weights_equals_the_loop() -> None:
    runs = small_runs()
    rng = np.random.default_rng(1)
    losses = runs.loss * np.exp(1e-3 * rng.standard_normal((5, len(runs))))
    weights = rng.uniform(0, 2, (5, len(runs)))
    weights[1, rng.permutation(len(runs))[:6]] = 0
    design, method = build_design(runs), Piecewise()
    ones = np.ones(len(runs))

    def curves(loss: jax.Array, weight: jax.Array) -> dict[str, Any]:
        solution = method.solve(design, loss, weight)
        data_term = solution.data_term
        return {"A": data_term.A, "B": data_term.B, "U": solution.size_term.U}

    with jax.enable_x64(True):
        mapped = jax.jit(
            lambda losses, weights: (
                jax.vmap(lambda loss: curves(loss, jnp.asarray(ones)))(losses),
                jax.vmap(lambda weight: curves(jnp.asarray(runs.loss), weight))(weights),
            )
        )(losses, weights)
    loops = [
        [method.fit_one(design, loss, ones) for loss in losses],
        [method.fit_one(design, runs.loss, weight) for weight in weights],
    ]
    for batch, loop in zip(mapped, loops, strict=True):
        for i, alone in enumerate(loop):
            for name in ("A", "B", "U"):
                own = getattr(alone.law, name)
                expected = [own.level, own.slope, own.exponent]
                np.testing.assert_allclose(
                    [leaf[i] for leaf in batch[name]], expected, rtol=1e-12, atol=1e-12
                )


def test_equal_weights_of_any_size_change_nothing() -> None:
    plain = solve()
    for weight in (2.0, 1e-3, 7.0):
        doubled = solve(weights=np.full(len(small_runs()), weight))
        np.testing.assert_allclose(predicted(doubled), predicted(plain), rtol=1e-12)
        np.testing.assert_allclose(doubled.diagnostics.A, plain.diagnostics.A, rtol=1e-12)


def held_out(mask: np.ndarray) -> None:
    """Zero weights against leaving the runs out, by the package and by the reference."""
    runs = small_runs()
    by_weights = solve(weights=mask.astype(float))
    kept = runs.select(mask=mask)
    by_selection = fit(Farseer, kept)
    np.testing.assert_allclose(predicted(by_weights), predicted(by_selection), rtol=1e-10)
    reference = fit_reference(*columns(kept), ratio=(2**0.5, 2**1.5))
    np.testing.assert_allclose(
        predicted(by_weights)[: len(runs)], reference.predict(runs.N, runs.D), rtol=1e-9
    )


def test_random_runs_held_out_by_zero_weights() -> None:
    mask = np.ones(66, bool)
    mask[np.random.default_rng(5).permutation(66)[:9]] = False
    held_out(mask)


@pytest.mark.parametrize("size", [0, 5, 10])
def test_whole_size_held_out_by_zero_weights(size: int) -> None:
    held_out(small_runs().N != SIZES[size])


def test_sizes_that_lose_too_many_pairs_drop_out() -> None:
    """They keep their place in Stage 3, where every run counts."""
    runs = small_runs()
    weights = np.ones(len(runs))
    for size, kept in ((SIZES[2], 3), (SIZES[4], 4), (SIZES[6], 1)):  # 2, 3 and no pairs
        weights[np.flatnonzero(runs.N == size)[kept:]] = 0
    found = solve(weights=weights)
    lost = np.isin(SIZES, SIZES[[2, 6]])
    assert np.isnan(found.diagnostics.A).tolist() == lost.tolist()
    assert found.diagnostics.num_pairs.tolist() == [5, 5, 2, 5, 3, 5, 0, 5, 5, 5, 5]
    assert [bool(note) for note in found.diagnostics.size_note] == lost.tolist()
    assert np.all(np.isfinite(predicted(found)))
    assert np.all(np.isfinite(found.diagnostics.G))
    kept = runs.select(mask=weights > 0)
    assert_same(found, fit_reference(*columns(kept), ratio=(2**0.5, 2**1.5)))


def test_pairs_whose_loss_does_not_fall_are_left_out_and_counted() -> None:
    runs = small_runs()
    losses = runs.loss.copy()
    losses[[8, 9]] = losses[[9, 8]]  # size 1, slots 2 and 3
    found = solve(losses=losses)
    assert found.diagnostics.left_out_note == ("the loss does not fall",)
    assert found.diagnostics.left_out_N.tolist() == [SIZES[1]]
    assert found.diagnostics.left_out_D == pytest.approx([4e9], rel=1e-12)
    assert_same(found, fit_reference(runs.N, runs.D, losses, ratio=(2**0.5, 2**1.5)))


def test_a_weight_near_zero_is_near_leaving_the_run_out() -> None:
    """Weights act continuously, down to 0 itself."""

    def at(weight: float) -> np.ndarray:
        weights = np.ones(66)
        weights[20] = weight
        return predicted(solve(weights=weights))

    np.testing.assert_allclose(at(1e-9), at(0.0), rtol=1e-8)
    assert np.abs(at(0.5) / at(0.0) - 1).max() > 1e-7


@cache
def gradient_of_curves() -> Any:
    """Of the sum of the nine numbers of the three curves, by the losses."""
    method = Piecewise()

    def total(losses: Any, weights: Any, design: Any) -> Any:
        solution = method.solve(design, losses, weights)
        return sum(map(sum, (solution.data_term.A, solution.data_term.B, solution.size_term.U)))

    # unoptimised: half the time to compile
    options = {"xla_backend_optimization_level": 0}
    return jax.jit(jax.grad(total), compiler_options=options)


@pytest.mark.parametrize("dropped", [[], [0, 13, 14, 15, 16, 40]], ids=["all runs", "some dropped"])
def test_derivatives_by_the_losses_agree_with_central_differences(dropped: list[int]) -> None:
    """Some dropped: a size with two pairs left takes no part, and must not turn into NaN."""
    runs = small_runs()
    weights = np.ones(len(runs))
    weights[dropped] = 0
    with jax.enable_x64(True):
        gradient = np.asarray(gradient_of_curves()(runs.loss, weights, build_design(runs)))
    assert np.all(np.isfinite(gradient))
    assert np.all(gradient[dropped] == 0)

    def total(losses: np.ndarray) -> float:
        law = solve(losses=losses, weights=weights).law
        curves = (law.A, law.B, law.U)
        return sum(float(x) for c in curves for x in (c.level, c.slope, c.exponent))

    directions = np.random.default_rng(2).standard_normal((3, len(runs))) * runs.loss
    for direction in directions:
        by_hand = (total(runs.loss + 1e-7 * direction) - total(runs.loss - 1e-7 * direction)) / 2e-7
        assert gradient @ direction == pytest.approx(by_hand, rel=1e-6)
    # a factor on all losses shifts ln B and ln U, and nothing else
    assert gradient @ runs.loss == pytest.approx(2.0, rel=1e-9)


@pytest.mark.parametrize("x64", [False, True], ids=["x64 off", "x64 on"])
def test_float32_kernel(x64: bool) -> None:
    """The same predictions to 1e-5, in the precision of the losses, also after a float64 fit."""
    runs = small_runs()
    method, design = Piecewise(), build_design(runs)
    expected = predicted(solve())[: len(runs)]
    losses, weights = runs.loss.astype(np.float32), np.ones(len(runs), np.float32)
    with jax.enable_x64(x64):
        single = jax.jit(lambda *values: method.solve(design, *values))(losses, weights)
    curves = {"A": single.data_term.A, "B": single.data_term.B, "U": single.size_term.U}
    assert all(leaf.dtype == jnp.float32 for leaf in jax.tree.leaves(curves))
    pivot = np.exp(design.log_pivot)
    law = Farseer(
        **{k: StretchedExponential(*map(float, curve), pivot) for k, curve in curves.items()}
    )
    with jax.enable_x64(True):
        np.testing.assert_allclose(law(runs.N, runs.D), expected, rtol=1e-5)
