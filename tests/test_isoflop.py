"""Approach 2: its parabolas and power laws against plain NumPy, and its bias against the truth."""

import json

import jax
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from test_piecewise import compilations

import farseer_jax as fj
from farseer_jax.methods.isoflop.budgets import assign_budgets
from farseer_jax.methods.isoflop.kernel import fit_parabolas, solve

E = 1.69
LAWS = {
    "0.31 0.31": fj.Chinchilla(E, 400.0, 400.0, 0.31, 0.31),
    "0.34 0.28": fj.Chinchilla(E, 406.4, 410.7, 0.34, 0.28),
    "0.47 0.14": fj.Chinchilla(E, 7000.0, 30.0, 0.47, 0.14),
}
BUDGETS = np.geomspace(1e18, 1e21, 7)
BEYOND = 100 * BUDGETS[-1]


@pytest.fixture(scope="session")
def epoch(shared_data):
    import pandas as pd

    return fj.Runs.from_dataframe(pd.read_csv(shared_data / "chinchilla_epoch.csv"))


@pytest.fixture(scope="session")
def grid(shared_data):
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)


def optimum(law, compute):
    """Size of least loss along 6ND = C, from the law's parameters."""
    A, B, alpha, beta = (float(getattr(law, name)) for name in ("A", "B", "alpha", "beta"))
    return (alpha * A / (beta * B) * (compute / 6) ** beta) ** (1 / (alpha + beta))


def world(law, width, drift=(1.0, 1.0), noise=0.0):
    """77 runs: 11 sizes at each of 7 budgets, a factor of ``width`` to each side of the centre.

    The centre is the optimum, times a factor that goes from the first to the last of ``drift``.
    """
    centre = optimum(law, BUDGETS) * np.geomspace(*drift, len(BUDGETS))
    N = centre[:, None] * np.geomspace(1 / width, width, 11)
    D = BUDGETS[:, None] / 6 / N
    return fj.simulate(law, N.ravel(), D.ravel(), noise=noise, seed=1)


def true_exponents(law):
    alpha, beta = float(law.alpha), float(law.beta)
    return beta / (alpha + beta), alpha * beta / (alpha + beta)


# Plain NumPy


def plain(runs, compute, weights=None, min_runs=4):
    """E, A, B, α, β by `polyfit`; and the budgets' N_opt (NaN where left out)."""
    weights = np.ones(len(runs)) if weights is None else weights
    rows = []
    for C in np.unique(compute[np.isfinite(compute)]):
        own = (compute == C) & (weights > 0)
        x, w = np.log(runs.N[own]), weights[own]
        row = [np.log(C / 6), np.nan, np.nan, (w**2).sum() / w.sum() if own.any() else 0.0]
        if own.sum() >= min_runs:
            c2, c1, c0 = np.polyfit(x - x.mean(), runs.loss[own], 2, w=np.sqrt(w))
            vertex = -c1 / (2 * c2)
            if c2 > 0 and x.min() <= vertex + x.mean() <= x.max():
                row[1:3] = vertex + x.mean(), c0 + c1 * vertex + c2 * vertex**2
        rows.append(row)
    rows = np.array(rows)
    z, log_N, loss, w = rows[np.isfinite(rows[:, 1])].T
    a, log_G = np.polyfit(z, log_N, 1, w=np.sqrt(w))

    def line(gamma):
        x = np.exp(-gamma * (z - z.mean()))
        K, E = np.polyfit(x, loss, 1, w=np.sqrt(w))
        return E, K, w @ (E + K * x - loss) ** 2

    gamma = stationary(lambda gamma: line(gamma)[2], 0.005, 0.5)
    E, K, _ = line(gamma)
    K, alpha, beta = K * np.exp(gamma * z.mean()), gamma / a, gamma / (1 - a)
    A, B = a * K * np.exp(alpha * log_G), (1 - a) * K * np.exp(-beta * log_G)
    return np.array([E, A, B, alpha, beta]), np.exp(rows[:, 1])


def stationary(profile, lower, upper):
    """A minimum, then secant steps on its slope: values alone tell it to half the digits."""
    p, h = minimize_scalar(profile, bounds=(lower, upper), method="bounded").x, 1e-4
    for _ in range(4):
        low, mid, high = profile(p - h), profile(p), profile(p + h)
        p -= 0.5 * h * (high - low) / (high - 2 * mid + low)
    return p


def losses_of(law, runs):
    E, A, B, alpha, beta = law
    return E + A * runs.N**-alpha + B * runs.D**-beta


def test_parabolas_are_those_of_polyfit():
    rng = np.random.default_rng(0)
    x = np.sort(rng.uniform(18.0, 23.0, (6, 9)), axis=1)
    y = 2.5 + 0.03 * (x - 20.5) ** 2 + 0.01 * rng.standard_normal((6, 9))
    weights = rng.integers(0, 4, (6, 9)).astype(float)
    weights[5, 2:] = 0  # two runs: no parabola
    with jax.enable_x64(True):
        found = jax.tree.map(np.asarray, jax.jit(fit_parabolas)(x, y, weights))
    for i in range(5):
        c2, c1, c0 = np.polyfit(x[i] - 20, y[i], 2, w=np.sqrt(weights[i]))
        assert found.curvature[i] == pytest.approx(2 * c2, rel=1e-9)
        if c2 > 0:
            assert found.x_opt[i] == pytest.approx(20 - c1 / (2 * c2), rel=1e-10)
            assert found.loss_opt[i] == pytest.approx(c0 - c1**2 / (4 * c2), rel=1e-10)
    assert found.curvature[5] == 0.0
    assert found.x_opt[5] == 0.0


def test_agrees_with_plain_numpy(epoch):
    budgets = epoch.extra["isoflop_budget"]
    found = fj.fit(fj.Chinchilla, epoch, fj.IsoFLOP("isoflop_budget"))
    expected, N_opt = plain(epoch, budgets)
    assert np.allclose(found.predict(epoch.N, epoch.D), losses_of(expected, epoch), rtol=1e-8)
    assert np.allclose(found.diagnostics.N_opt, N_opt, rtol=1e-9, equal_nan=True)
    used = np.unique(budgets[np.isfinite(budgets)])[~np.isnan(N_opt)]
    assert np.allclose(found.diagnostics.compute[~np.isnan(N_opt)], used, rtol=1e-12)
    fitted = np.isin(budgets, used)
    error = np.abs(losses_of(expected, epoch) / epoch.loss - 1)[fitted]
    assert found.mean_relative_error == pytest.approx(error.mean(), abs=1e-9)
    assert len(found.relative_error) == fitted.sum() == 116


# Where Approach 2 is exact


@pytest.mark.parametrize("width", [2, 4, 16])
def test_exact_where_the_law_is_symmetric_and_centred(width):
    """α = β: the loss is even in ln N about the optimum, as a parabola is."""
    law = LAWS["0.31 0.31"]
    found = fj.fit(fj.Chinchilla, world(law, width), fj.IsoFLOP()).diagnostics
    assert (found.a, found.gamma) == pytest.approx(true_exponents(law), rel=1e-10)
    assert found.optimum(BEYOND)[0] == pytest.approx(optimum(law, BEYOND), rel=1e-9)
    assert np.allclose(found.N_opt, optimum(law, BUDGETS), rtol=1e-9)
    assert np.allclose(6 * found.N_opt * found.D_opt, BUDGETS)


@pytest.mark.parametrize("drift", [(1.0, 1.0), (2.0, 2.0)], ids=["centred", "off by 2"])
@pytest.mark.parametrize("name", LAWS)
def test_exponents_are_exact_where_all_budgets_look_alike(name, drift):
    """The excess loss is then one curve of ln N times C^−γ: only a factor of N_opt is biased."""
    law = LAWS[name]
    fit = fj.fit(fj.Chinchilla, world(law, 4, drift), fj.IsoFLOP())
    found = fit.diagnostics
    assert (found.a, found.gamma) == pytest.approx(true_exponents(law), rel=1e-10)
    assert float(fit.law.E) == pytest.approx(E, rel=1e-10)
    exponents = float(fit.law.alpha), float(fit.law.beta)
    assert exponents == pytest.approx((float(law.alpha), float(law.beta)), rel=1e-9)
    factor = found.N_opt / optimum(law, BUDGETS)
    assert np.allclose(factor, factor[0], rtol=1e-9)
    assert optimum(fit.law, BEYOND) == pytest.approx(found.optimum(BEYOND)[0], rel=1e-10)


# Where it is biased, without noise: error of a, and of N_opt at 100 times the largest budget

CENTRED, DRIFTING = (1.0, 1.0), (1.0, 3.0)
BIAS = {
    ("0.31 0.31", 4, CENTRED): ("+0.0000", "+0.0%"),
    ("0.31 0.31", 16, CENTRED): ("+0.0000", "+0.0%"),
    ("0.34 0.28", 4, CENTRED): ("+0.0000", "+1.4%"),
    ("0.34 0.28", 16, CENTRED): ("+0.0000", "+5.6%"),
    ("0.47 0.14", 4, CENTRED): ("+0.0000", "+7.7%"),
    ("0.47 0.14", 16, CENTRED): ("+0.0000", "+33.8%"),
    ("0.31 0.31", 4, (3.0, 3.0)): ("+0.0000", "+3.4%"),
    ("0.34 0.28", 4, (3.0, 3.0)): ("+0.0000", "+1.2%"),
    ("0.47 0.14", 4, (3.0, 3.0)): ("+0.0000", "-9.4%"),
    ("0.31 0.31", 4, DRIFTING): ("+0.0046", "+4.6%"),
    ("0.31 0.31", 16, DRIFTING): ("+0.0016", "+1.1%"),
    ("0.34 0.28", 4, DRIFTING): ("-0.0006", "+0.5%"),
    ("0.34 0.28", 16, DRIFTING): ("-0.0038", "+0.9%"),
    ("0.47 0.14", 4, DRIFTING): ("-0.0253", "-17.4%"),
    ("0.47 0.14", 16, DRIFTING): ("-0.0202", "+8.9%"),
}


@pytest.mark.parametrize(("name", "width", "drift"), BIAS)
def test_bias_of_noise_free_worlds(name, width, drift):
    law = LAWS[name]
    runs = world(law, width, drift)
    a, _ = true_exponents(law)
    found = fj.fit(fj.Chinchilla, runs, fj.IsoFLOP()).diagnostics
    error = found.optimum(BEYOND)[0] / optimum(law, BEYOND) - 1
    rounded = f"{found.a - a:+.4f}".replace("-0.0000", "+0.0000"), f"{error:+.1%}"
    assert (rounded[0], rounded[1].replace("-0.0%", "+0.0%")) == BIAS[name, width, drift]
    end_to_end = fj.fit(fj.Chinchilla, runs, fj.LeastSquares("squared", num_starts=16)).law
    assert true_exponents(end_to_end)[0] == pytest.approx(a, abs=1e-9)
    assert optimum(end_to_end, BEYOND) == pytest.approx(optimum(law, BEYOND), rel=1e-7)


# Real runs


def test_hoffmanns_runs(epoch):
    """Approach 2 of the paper has a = 0.49 and b = 0.51."""
    found = fj.fit(fj.Chinchilla, epoch, fj.IsoFLOP("isoflop_budget")).diagnostics
    assert (found.a, found.b) == pytest.approx((0.4945, 0.5055), abs=5e-5)
    assert found.gamma == pytest.approx(0.1532, abs=5e-5)
    assert (found.num_budgets, len(found.note), found.num_left_out) == (8, 9, 116)
    without = epoch.select(mask=epoch.extra["besiroglu_outlier"] == 0)
    fit = fj.fit(fj.Chinchilla, without, fj.IsoFLOP("isoflop_budget"))
    assert fit.diagnostics.a == pytest.approx(0.5105, abs=5e-5)
    (lost,) = (warning for warning in fit.warnings if "were not used" in warning)
    assert lost.startswith("1 of 9 compute budgets were not used (1e+20: the minimum lies outside")
    N, D = fit.diagnostics.optimum(5.76e23)  # Gopher's compute; Chinchilla: 70 B, 1.4 T
    assert (f"{float(N):.2g}", f"{float(D):.2g}") == ("7.1e+10", "1.4e+12")


def test_budgets_without_labels_are_found_by_their_gaps(epoch):
    labels = epoch.extra["isoflop_budget"]
    runs = epoch.select(mask=np.isfinite(labels))
    found = fj.fit(fj.Chinchilla, runs, fj.IsoFLOP()).diagnostics
    assert found.num_runs.tolist() == [9, 24, 17, 12, 13, 15, 14, 16, 9]
    assert np.allclose(found.compute / np.unique(labels[np.isfinite(labels)]), 1.0, atol=0.06)
    same = fj.fit(fj.Chinchilla, runs, fj.IsoFLOP("flops")).diagnostics
    assert np.allclose(same.N_opt, found.N_opt, rtol=1e-9, equal_nan=True)


def test_diagonals_of_a_grid_are_budgets(grid):
    by_gaps = fj.fit(fj.Chinchilla, grid, fj.IsoFLOP())
    by_width = fj.fit(fj.Chinchilla, grid, fj.IsoFLOP(width=0.35))
    assert by_gaps.predict(1e10, 1e12) == by_width.predict(1e10, 1e12)
    found = by_gaps.diagnostics
    assert len(found.compute) == 23
    assert np.allclose(np.diff(np.log(found.compute)), np.log(2) / 2, atol=0.015)
    assert found.num_copies == grid.num_copies == 4
    assert int(found.num_runs.sum()) == len(grid) - 4
    assert f"copied rows, counted once{' ' * 2}4" in str(by_gaps)


def test_wide_bins_join_budgets():
    runs = world(LAWS["0.34 0.28"], 4)
    decades = fj.fit(fj.Chinchilla, runs, fj.IsoFLOP(width=np.log(10))).diagnostics
    assert sorted(decades.num_runs.tolist()) == [11, 22, 22, 22]


# Weights and batches


def test_zero_weights_leave_out_and_batches_equal_fits():
    runs = world(LAWS["0.34 0.28"], 4, noise=1e-3)
    rng = np.random.default_rng(0)
    weights = np.stack(
        [
            np.ones(77),
            runs.flops > 2e18,
            rng.random(77) < 0.8,
            rng.multinomial(77, np.ones(77) / 77),
        ]
    ).astype(float)
    refits = fj.fit_batch(fj.Chinchilla, runs, weights=weights, method=fj.IsoFLOP())
    assert refits.usable.all()
    compute = np.repeat(BUDGETS, 11)
    for i, row in enumerate(weights):
        expected, _ = plain(runs, compute, row)
        assert np.allclose(refits.predict(runs.N, runs.D)[i], losses_of(expected, runs), rtol=1e-8)
    alone = fj.fit(fj.Chinchilla, runs.select(mask=weights[1] > 0), fj.IsoFLOP())
    assert np.allclose(refits.predict(1e10, 1e12)[1], alone.predict(1e10, 1e12), rtol=1e-10)
    assert refits.mean_relative_error[1] == pytest.approx(alone.mean_relative_error, rel=1e-9)


def test_budgets_that_lose_their_optimum_drop_out():
    runs = world(LAWS["0.34 0.28"], 4, noise=1e-3)
    method = fj.IsoFLOP()
    design = method.prepare(fj.Chinchilla, runs)
    first, second = runs.flops < 2e18, (runs.flops > 2e18) & (runs.flops < 5e18)
    left = np.ones(77)
    left[np.flatnonzero(first)[3:]] = 0  # three runs
    left[np.flatnonzero(second)[5:]] = 0  # all below the optimum
    losses = runs.loss.copy()
    third = np.flatnonzero((runs.flops > 5e18) & (runs.flops < 2e19))
    losses[third] = 2 * losses[third].max() - losses[third]
    found = method.fit_one(design, losses, left)
    assert found.diagnostics.note == (
        "3 runs, 4 needed",
        "the minimum lies outside the sizes of its runs",
        "the parabola has no minimum",
        *[""] * 4,
    )
    assert np.isnan(found.diagnostics.loss_opt).tolist() == [True] * 3 + [False] * 4
    assert len(found.relative_error) == 44
    rest = fj.fit(fj.Chinchilla, runs.select(mask=runs.flops > 2e19), method)
    with jax.enable_x64(True):
        assert np.isclose(found.law(1e10, 1e12), rest.predict(1e10, 1e12), rtol=1e-9)
    assert "only 4 compute budgets determine" in rest.warnings[0]

    few = np.where(runs.flops < 1e19, 1.0, 0.0)
    with pytest.raises(ValueError, match=r"Fewer than three budgets.*1e\+19: 0 runs, 4 needed"):
        method.fit_one(design, runs.loss, few)
    rising = np.exp(0.05 * np.log(runs.flops)) + 0.05 * np.log(runs.N / optimum(RISING, 1e18)) ** 2
    with pytest.raises(ValueError, match=r"positive exponents\. N_opt grows as C\^"):
        method.fit_one(design, rising, np.ones(77))
    refits = fj.fit_batch(
        fj.Chinchilla, runs, losses=np.stack([runs.loss, rising, runs.loss]),
        weights=np.stack([few, np.ones(77), np.ones(77)]), method=method,
    )  # fmt: skip
    names = [refits.outcome(i).name for i in range(3)]
    assert names == ["too_few_budgets", "no_allocation", "success"]
    assert np.isfinite(refits.predict(1e10, 1e12)[2])


RISING = LAWS["0.34 0.28"]


def test_copies_count_once():
    runs = world(LAWS["0.34 0.28"], 4, noise=1e-3)
    twice = np.concatenate([np.arange(77), [5, 5, 40]])
    copied = fj.Runs(runs.N[twice], runs.D[twice], runs.loss[twice])
    fit, alone = (fj.fit(fj.Chinchilla, table, fj.IsoFLOP()) for table in (copied, runs))
    assert fit.diagnostics.num_copies == 3
    assert fit.predict(1e10, 1e12) == pytest.approx(alone.predict(1e10, 1e12), rel=1e-12)
    assert fit.mean_relative_error == pytest.approx(alone.mean_relative_error, rel=1e-10)


def test_second_call_does_not_compile():
    law = LAWS["0.34 0.28"]
    fj.fit(fj.Chinchilla, world(law, 4), fj.IsoFLOP())
    with compilations() as events:
        fj.fit(fj.Chinchilla, world(law, 8, noise=1e-3), fj.IsoFLOP())
        fj.fit(fj.Chinchilla, world(law, 4), fj.IsoFLOP(np.repeat(BUDGETS, 11)))
    assert not events


def test_gradient_by_the_losses_agrees_with_central_differences():
    runs = world(LAWS["0.34 0.28"], 4, noise=1e-3)
    method = fj.IsoFLOP()
    design = method.prepare(fj.Chinchilla, runs).budgets
    weights = np.ones(77)
    weights[[3, 30]] = 0

    def beyond(losses):
        return solve(design, losses, weights, 4, method.search).law(1e11, 1e12)

    def by_fit(losses):
        law = method.fit_one(method.prepare(fj.Chinchilla, runs), losses, weights).law
        with jax.enable_x64(True):
            return float(law(1e11, 1e12))

    # unoptimised: half the time to compile
    options = {"xla_backend_optimization_level": 0}
    with jax.enable_x64(True):
        gradient = np.asarray(jax.jit(jax.grad(beyond), compiler_options=options)(runs.loss))
    assert np.all(gradient[[3, 30]] == 0)
    for direction in np.random.default_rng(2).standard_normal((3, 77)):
        up, down = (by_fit(runs.loss + h * direction) for h in (1e-6, -1e-6))
        assert gradient @ direction == pytest.approx((up - down) / 2e-6, rel=1e-6)
    # a factor on all losses is a factor on the law
    assert gradient @ runs.loss == pytest.approx(by_fit(runs.loss), rel=1e-9)


# Settings, report, files


def test_json_keeps_every_digit(epoch):
    budgets = epoch.extra["isoflop_budget"]
    for method in (fj.IsoFLOP("isoflop_budget"), fj.IsoFLOP(budgets, min_runs=5)):
        fit = fj.fit(fj.Chinchilla, epoch, method)
        again = fj.Fit.from_json(fit.to_json())
        assert again.predict(1e9, 1e11) == fit.predict(1e9, 1e11)
        assert again.method == fit.method
        assert hash(again.method) == hash(fit.method)
        assert again.warnings == fit.warnings
        assert again.to_json() == fit.to_json()
    report = fj.IsoFLOPReport.from_dict(json.loads(json.dumps(fit.diagnostics.to_dict())))
    assert str(report) == str(fit.diagnostics)
    assert report.num_runs.dtype == int
    table = report.to_dataframe()
    assert list(table)[:2] == ["compute", "num_runs"]
    assert len(table) == 9


def test_a_report_prints():
    fit = fj.fit(fj.Chinchilla, world(LAWS["0.34 0.28"], 4), fj.IsoFLOP())
    assert repr(fit.diagnostics) == "IsoFLOPReport(7 of 7 budgets used, a=0.4516, b=0.5484)"
    lines = str(fit.diagnostics).splitlines()
    assert lines[0].split() == ["compute", "runs", "N_opt", "D_opt", "loss", "note"]
    assert lines[2].split()[:2] == ["1e+18", "11"]
    assert lines[-1].endswith("a = 0.4516 b = 0.5484 γ = 0.1535")
    assert "compute budgets used      7 of 7" in str(fit)
    assert fit.warnings == ()


def test_budgets_as_numbers_with_missing_ones():
    runs = world(LAWS["0.34 0.28"], 4)
    named = np.repeat([*BUDGETS[:6], np.nan], 11)
    fit = fj.fit(fj.Chinchilla, runs, fj.IsoFLOP(named))
    assert fit.diagnostics.num_left_out == 11
    assert len(fit.diagnostics.compute) == 6
    assert "runs without a budget" in str(fit)
    close = np.repeat([1.0, 1.05, 1.1], 4) * 1e20  # labels, however close
    assert np.unique(assign_budgets(close, None)).tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"width": 0.0}, ValueError, "width must be positive"),
        ({"min_runs": 2}, ValueError, "min_runs must be a whole number from 3"),
        (
            {"search": fj.Refined()},
            ValueError,
            "its bounds must be positive, as γ is, got lower=-0.5",
        ),
        ({"search": 3}, TypeError, "search must be a `Refined"),
        ({"budgets": 3}, TypeError, "a column's name, or one number per run"),
    ],
)
def test_settings_out_of_range(settings, error, message):
    with pytest.raises(error, match=message):
        fj.IsoFLOP(**settings)


def test_bad_input(epoch, grid):
    with pytest.raises(TypeError, match="fits the law's class `Chinchilla`, got Farseer"):
        fj.fit(fj.Farseer, grid, fj.IsoFLOP())
    with pytest.raises(ValueError, match=r"no column 'budget'; their other columns: .*'flops'"):
        fj.fit(fj.Chinchilla, epoch, fj.IsoFLOP("budget"))
    with pytest.raises(
        ValueError, match="column 'hex_color': expected numbers, the compute of each run"
    ):
        fj.fit(fj.Chinchilla, epoch, fj.IsoFLOP("hex_color"))
    with pytest.raises(ValueError, match="expected 245 numbers, one per run, got 2"):
        fj.fit(fj.Chinchilla, epoch, fj.IsoFLOP([1e20, 1e21]))
    with pytest.raises(ValueError, match="row 0 is -1; a budget must be positive"):
        fj.fit(fj.Chinchilla, epoch, fj.IsoFLOP(np.full(245, -1.0)))
    with pytest.raises(ValueError, match="no run has a budget"):
        fj.fit(fj.Chinchilla, epoch, fj.IsoFLOP(np.full(245, np.nan)))
    with pytest.raises(ValueError, match=r"not fall into budgets: .*Name a column.*width=0\.35"):
        fj.fit(fj.Chinchilla, epoch, fj.IsoFLOP())
    with pytest.raises(ValueError, match=r"only 0 of \d+ compute budgets have 30 or more runs"):
        fj.fit(fj.Chinchilla, grid, fj.IsoFLOP(min_runs=30))
