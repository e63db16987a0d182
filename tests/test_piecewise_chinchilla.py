"""The piecewise method for Chinchilla, against plain NumPy and SciPy written here."""

import re
from functools import cache

import jax
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from test_piecewise import compilations

import farseer_jax as fj

LAW = fj.Chinchilla(E=1.69, A=406.4, B=410.7, alpha=0.34, beta=0.28)
SQUARED, RELATIVE = fj.Piecewise(), fj.Piecewise("relative")
SIZES = 2e8 * 2 ** np.arange(0, 5.5, 0.5)


@pytest.fixture(scope="module")
def real(shared_data):
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)


@cache
def small_runs():
    """66 noisy runs: 11 sizes, 6 D in steps of 2."""
    return small_grid(LAW, noise=5e-4)


def small_grid(law, noise=0.0):
    N, D = (axis.ravel() for axis in np.meshgrid(SIZES, 1e9 * 2.0 ** np.arange(6), indexing="ij"))
    return fj.simulate(law, N, D, noise=noise, seed=3)


def numbers(law):
    return np.array([float(getattr(law, name)) for name in law.parameter_names()])


def solve(losses=None, weights=None, runs=None, method=SQUARED):
    runs = small_runs() if runs is None else runs
    losses = runs.loss if losses is None else losses
    weights = np.ones(len(runs)) if weights is None else weights
    return method.fit_one(method.prepare(fj.Chinchilla, runs), losses, weights)


# Plain NumPy: the same stages, a run held out by leaving it out


def minimum(profile, lower, upper, smooth):
    """The best of 2,000 candidates, then of its neighbourhood."""
    below, above = lower, upper
    for _ in range(1 if smooth else 9):
        grid = np.linspace(below, above, 2001)
        best = int(np.argmin([profile(p) for p in grid]))
        below, above = grid[max(best - 1, 0)], grid[min(best + 1, 2000)]
    if not smooth:
        return 0.5 * (below + above)
    found = minimize_scalar(profile, bounds=(below, above), method="bounded", options={"xatol": 0})
    # the derivative is 0 there: two secant steps on differences that lose no digits to flatness
    p, h = found.x, 1e-4
    for _ in range(2):
        low, mid, high = profile(p - h), profile(p), profile(p + h)
        p -= 0.5 * h * (high - low) / (high - 2 * mid + low)
    return p


def plain(N, D, loss, criterion="squared", step=2**0.5, lower=0.01, upper=1.0):
    """E, A, B, α, β and ℓ_R; sizes with fewer than 3 pairs take part in Stage 3 only."""
    N, D, loss = np.unique(np.stack([N, D, loss]), axis=1)
    same = (np.diff(N) == 0) & (np.abs(np.log(D[1:] / D[:-1]) / np.log(step) - 1) < 0.5)
    D0, D1, R = D[:-1][same], D[1:][same], (loss[:-1] - loss[1:])[same]
    of_size = N[:-1][same]
    keep = (R > 0) & (((R > 0) * (of_size == of_size[:, None])).sum(axis=1) >= 3)
    D0, D1, R = D0[keep], D1[keep], R[keep]
    smooth = criterion == "squared"

    def error(predicted, observed):
        return (predicted - observed) ** 2 if smooth else np.abs(predicted / observed - 1)

    def steps(beta):
        return D0**-beta - D1**-beta

    def coefficient(beta):
        S = steps(beta)
        return (S @ R) / (S @ S)

    def data_error(beta):
        errors = error(coefficient(beta) * steps(beta), R)
        return errors.sum() if smooth else errors.mean()

    beta = minimum(data_error, lower, upper, smooth)
    B = coefficient(beta)
    sizes = np.unique(N)
    G = np.array([(loss - B * D**-beta)[size == N].mean() for size in sizes])

    def size_term(alpha):
        return np.linalg.lstsq(
            np.stack([np.ones_like(G), (sizes / 1e9) ** -alpha], axis=1), G, rcond=None
        )[0]

    def size_error(alpha):
        E, A = size_term(alpha)
        return error(E + A * (sizes / 1e9) ** -alpha, G).sum()

    alpha = minimum(size_error, lower, upper, smooth)
    E, A = size_term(alpha)
    return np.array([E, A * 1e9**alpha, B, alpha, beta]), data_error(beta)


@pytest.mark.parametrize("method", [SQUARED, RELATIVE], ids=["squared", "relative"])
def test_agrees_with_plain_numpy(real, method):
    runs = real.select(max_N=5.36e9)
    found = fj.fit(fj.Chinchilla, runs, method)
    expected, pair_error = plain(runs.N, runs.D, runs.loss, method.criterion)
    points = np.geomspace(1e8, 3e10, 7)[:, None], np.array([1e9, 3e10, 1e12])
    with jax.enable_x64(True):
        losses = np.asarray(fj.Chinchilla(*expected)(*points))
    assert np.allclose(found.predict(*points), losses, rtol=1e-8, atol=0)
    assert np.allclose(numbers(found.law)[3:], expected[3:], rtol=1e-7)
    assert found.diagnostics.round_error == pytest.approx([pair_error], rel=1e-9)
    assert found.diagnostics.round_beta == pytest.approx([expected[4]], rel=1e-7)
    assert np.isnan(found.diagnostics.round_alpha).tolist() == [True]


def test_lost_runs_pairs_and_sizes_agree_with_plain_numpy():
    runs = small_runs()
    losses = runs.loss.copy()
    losses[[8, 9]] = losses[[9, 8]]  # size 1: one pair that does not fall
    weights = np.ones(len(runs))
    weights[[0, 13, 14, 15, 40]] = 0  # size 2: one pair left
    found = solve(losses, weights)
    assert [bool(note) for note in found.diagnostics.size_note] == [i == 2 for i in range(11)]
    assert (
        found.diagnostics.left_out_note
        == ("the loss does not fall",) + ("its size has no A_N and B_N",) * 5
    )
    kept = weights > 0
    expected, _ = plain(runs.N[kept], runs.D[kept], losses[kept], step=2.0)
    with jax.enable_x64(True):
        predicted = np.asarray(found.law(runs.N, runs.D))
    assert np.allclose(predicted, plain_losses(expected, runs), rtol=1e-9)


def plain_losses(law, runs):
    E, A, B, alpha, beta = law
    return E + A * runs.N**-alpha + B * runs.D**-beta


@pytest.mark.parametrize("method", [SQUARED, RELATIVE], ids=["squared", "relative"])
def test_a_known_law_is_recovered_on_the_paper_grid(real, method):
    fitted = real.select(max_N=5.36e9)
    found = fj.fit(fj.Chinchilla, fj.simulate(LAW, fitted.N, fitted.D, noise=0.0, seed=0), method)
    assert found.outcome is fj.Outcome.success
    assert found.warnings == ()
    assert np.allclose(numbers(found.law), numbers(LAW), rtol=1e-9)
    points = np.array([1e8, 1e11])[:, None], np.array([1e9, 1e13])
    with jax.enable_x64(True):
        assert np.allclose(found.predict(*points), LAW(*points), rtol=1e-10)
    # and Stage 1 says for every size what the law has for all
    assert np.allclose(found.diagnostics.A, 0.28, rtol=1e-9)
    assert np.allclose(found.diagnostics.B, 410.7, rtol=1e-8)


def test_a_dense_grid_recovers_exponents_that_are_candidates():
    method = fj.Piecewise(search=fj.Grid(0.01, 1.01, 1000))
    found = fj.fit(fj.Chinchilla, small_grid(LAW), method)
    assert np.allclose(numbers(found.law), numbers(LAW), rtol=1e-9)


def test_errors_on_real_runs(real):
    """The paper's App. H: standard regression does slightly better for Chinchilla."""
    fitted, held_out = real.select(max_N=5.36e9), real.select(min_N=6e9)
    errors = {}
    for method in (SQUARED, RELATIVE, fj.LeastSquares("huber"), fj.LeastSquares()):
        found = fj.fit(fj.Chinchilla, fitted, method)
        name = getattr(method, "criterion", None) or method.describe(fj.Link())
        errors[name] = found.mean_relative_error, found.evaluate(held_out).mean_relative_error
    rounded = {name: tuple(f"{error:.3e}" for error in pair) for name, pair in errors.items()}
    assert rounded == {
        "squared": ("5.776e-03", "1.008e-02"),
        "relative": ("6.120e-03", "1.163e-02"),
        "Huber (δ = 0.001) of log residuals": ("5.678e-03", "9.611e-03"),
        "squared log residuals": ("5.787e-03", "1.086e-02"),
    }


def test_one_exponent_is_not_what_the_runs_say(real):
    found = fj.fit(fj.Chinchilla, real.select(max_N=5.36e9), SQUARED)
    A_N = found.diagnostics.A
    assert (A_N[0], A_N[-1]) == pytest.approx((0.412, 0.212), abs=5e-4)
    assert any("the one exponent β misses the sizes' own exponents" in w for w in found.warnings)
    assert re.search(r"^median R² of Stage 1 +0\.9862$", str(found), re.MULTILINE)


# Weights


def test_zero_weights_leave_out_and_batches_equal_fits():
    runs = small_runs()
    masks = np.ones((3, len(runs)), bool)
    masks[1] = runs.N != SIZES[5]
    masks[2, np.random.default_rng(5).permutation(len(runs))[:9]] = False
    refits = fj.fit_batch(fj.Chinchilla, runs, weights=masks.astype(float), method=SQUARED)
    assert refits.usable.all()
    for i, mask in enumerate(masks):
        kept = runs.select(mask=mask)
        expected, _ = plain(kept.N, kept.D, kept.loss, step=2.0)
        assert np.allclose(refits.predict(runs.N, runs.D)[i], plain_losses(expected, runs), 1e-9)
        error = np.abs(plain_losses(expected, kept) / kept.loss - 1).mean()
        assert refits.mean_relative_error[i] == pytest.approx(error, abs=1e-9)
    alone = fj.fit(fj.Chinchilla, runs.select(mask=masks[1]), SQUARED)
    assert np.allclose(refits.predict(runs.N, runs.D)[1], alone.predict(runs.N, runs.D), 1e-10)


def test_equal_weights_of_any_size_change_nothing():
    runs = small_runs()
    weights = np.array([1.0, 2.0, 1e-3])[:, None] * np.ones(len(runs))
    refits = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=SQUARED)
    losses = refits.predict(runs.N, runs.D)
    assert np.allclose(losses, losses[0], rtol=1e-12)


def test_too_few_sizes_are_an_outcome():
    runs = small_runs()
    weights = np.where(runs.N <= SIZES[1], 1.0, 0.0)[None]
    refit = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=SQUARED)
    assert refit.outcome(0) is fj.Outcome.too_few_sizes
    with pytest.raises(ValueError, match="Fewer than three sizes"):
        solve(weights=weights[0])


def test_other_losses_weights_and_runs_do_not_compile_again():
    runs = small_runs()
    solve()
    with compilations() as events:
        solve(losses=1.01 * runs.loss, weights=np.random.default_rng(0).uniform(0.5, 2, len(runs)))
        fj.fit(fj.Chinchilla, fj.Runs(3 * runs.N, 1.5 * runs.D, runs.loss), SQUARED)
    assert not events


def test_derivatives_by_the_losses_agree_with_central_differences():
    runs = small_runs()
    design, weights = fj.build_design(runs), np.ones(len(runs))
    weights[[0, 13, 14, 40]] = 0

    def beyond(losses):
        found = SQUARED.solve(design, losses, weights, fj.Chinchilla).numbers
        return fj.Chinchilla(**found._asdict())(1e11, 1e12)

    def by_fit(losses):
        law = solve(losses, weights).law
        with jax.enable_x64(True):
            return float(law(1e11, 1e12))

    # unoptimised: half the time to compile
    options = {"xla_backend_optimization_level": 0}
    with jax.enable_x64(True):
        value, gradient = jax.jit(jax.value_and_grad(beyond), compiler_options=options)(runs.loss)
    gradient = np.asarray(gradient)
    assert np.all(gradient[[0, 13, 14, 40]] == 0)
    for direction in np.random.default_rng(2).standard_normal((3, len(runs))):
        up, down = (by_fit(runs.loss + h * direction) for h in (1e-6, -1e-6))
        assert gradient @ direction == pytest.approx((up - down) / 2e-6, rel=1e-6)
    # a factor on all losses is a factor on the law
    assert float(value) == pytest.approx(by_fit(runs.loss), rel=1e-12)
    assert gradient @ runs.loss == pytest.approx(float(value), rel=1e-10)


# What the closed forms may meet


def test_a_floor_below_zero_is_held_at_zero():
    """Without a floor, α is that of the best power law through the origin."""
    sizes, log_N = SIZES, np.log(SIZES / 1e9)
    bent = 2.0 * np.exp(-0.05 * log_N - 0.01 * log_N**2)  # falls faster than a power law
    N, D = small_runs().N, small_runs().D
    loss = np.interp(N, sizes, bent) + 400.0 * D**-0.28
    found = fj.fit(fj.Chinchilla, fj.Runs(N, D, loss), SQUARED)
    assert found.outcome is fj.Outcome.bound_active
    assert float(found.law.E) == 0.0
    assert any("E is fixed at 0" in warning for warning in found.warnings)
    expected = minimize_scalar(
        lambda p: np.sum((bent - (sizes**-p @ bent) / (sizes**-p @ sizes**-p) * sizes**-p) ** 2),
        bounds=(0.01, 1.0),
        method="bounded",
        options={"xatol": 1e-10},
    )
    assert float(found.law.alpha) == pytest.approx(expected.x, rel=1e-6)


def test_a_size_term_that_rises_is_held_at_its_mean():
    runs = small_runs()
    rising = fj.Runs(runs.N, runs.D, 1.0 + 0.1 * np.log(runs.N / 1e8) + 400.0 * runs.D**-0.28)
    found = fj.fit(fj.Chinchilla, rising, SQUARED)
    assert found.outcome is fj.Outcome.bound_active
    assert float(found.law.A) == 0.0
    assert np.isfinite(found.predict(1e10, 1e12))
    assert any("A is fixed at 0" in warning for warning in found.warnings)
    assert fj.Fit.from_json(found.to_json()).predict(1e10, 1e12) == found.predict(1e10, 1e12)


@pytest.mark.parametrize(("exponents", "letters"), [((0.34, 1.3), "β"), ((1.3, 0.28), "α")])
def test_an_exponent_beyond_its_range_is_told(exponents, letters):
    alpha, beta = exponents
    law = fj.Chinchilla(1.69, 0.3 * 1e9**alpha, 0.3 * 1e10**beta, alpha, beta)
    runs = small_grid(law)
    found = fj.fit(fj.Chinchilla, runs, SQUARED)
    assert found.outcome is fj.Outcome.exponent_at_edge
    assert any(f"{letters} = 1 ended at a bound" in warning for warning in found.warnings)
    wide = fj.fit(fj.Chinchilla, runs, fj.Piecewise(search=fj.Refined(0.01, 2.0)))
    assert np.allclose(numbers(wide.law), numbers(law), rtol=1e-8)


def test_search_of_ones_own_wins():
    assert [s.lower for s in SQUARED.searches(fj.Farseer)] == [-0.5, -0.5]
    assert SQUARED.searches(fj.Chinchilla) == (fj.Refined(0.01, 1.0),) * 2
    own = fj.Piecewise(search=fj.Grid(0.1, 0.5, 10), search_U=fj.Refined(0.2, 0.6))
    assert own.searches(fj.Chinchilla) == own.searches(fj.Farseer) == (own.search, own.search_U)
    with pytest.raises(
        ValueError, match=r"begins at -0\.5, and Chinchilla's exponents are positive"
    ):
        fj.fit(fj.Chinchilla, small_runs(), fj.Piecewise.released_code())


def test_json_keeps_every_digit():
    found = fj.fit(fj.Chinchilla, small_runs(), SQUARED)
    again = fj.Fit.from_json(found.to_json())
    assert again.predict(1e9, 1e11) == found.predict(1e9, 1e11)
    assert again.method == found.method == SQUARED
    assert np.array_equal(again.diagnostics.A, found.diagnostics.A)
    assert again.warnings == found.warnings
    assert again.to_json() == found.to_json()
