"""Forecasts: recovery, a dense reference, MCMC, invariances, real runs, bad input."""

import json
from collections.abc import Callable
from pathlib import Path

import emcee
import numpy as np
import pandas as pd
import pytest
from scipy.special import stdtrit
from test_correlated_errors import dense_covariance

import farseer_jax as fj
from farseer_jax.forecasting.fit_stack import inputs_of, noise_of
from farseer_jax.forecasting.posterior import Posterior
from farseer_jax.forecasting.rolling_limits import rolling_limits
from farseer_jax.runs.coverage import distance_to_hull

TARGET = {"N": np.array([25.1e9]), "D": np.array([5e11])}


@pytest.fixture(scope="module")
def answer() -> fj.Forecast:
    return fj.forecast(fj.example_runs(), [(25.1e9, 5e11)])


@pytest.fixture(scope="module")
def paper_runs(shared_data: Path) -> fj.Runs:
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)


@pytest.fixture(scope="module")
def seven(shared_data: Path) -> fj.Runs:
    """The authors' runs beyond the grid."""
    return fj.read_runs(shared_data / "farseer_beyond_grid.csv")


# --- the answer ------------------------------------------------------------------------------


def test_the_true_loss_lies_in_the_interval(answer: fj.Forecast) -> None:
    low, high = answer.interval(25.1e9, 5e11)
    assert low < float(fj.example_law()(25.1e9, 5e11)) < high
    assert (high - low) / answer.predict(25.1e9, 5e11) < 0.03
    run_low, run_high = answer.interval(25.1e9, 5e11, new_run=True)
    assert run_low < low
    assert high < run_high
    wide = answer.interval(25.1e9, 5e11, level=0.99)
    assert wide[0] < low


def test_text_says_the_answer_first(answer: fj.Forecast) -> None:
    first, second, *_ = str(answer).splitlines()
    assert first == f"loss at N 25.1 B, D 500 B: {answer.predict(25.1e9, 5e11):.4f}"
    low, high = answer.interval(25.1e9, 5e11)
    assert second.startswith(f"90 % interval {low:.4f} to {high:.4f} ")


def test_variance_parts_add_up(answer: fj.Forecast) -> None:
    row = answer.to_dataframe().iloc[0]
    parts = [row[f"share_{name}"] for name in ("law", "misfit", "size", "noise")]
    assert sum(parts) == pytest.approx(1.0, abs=1e-12)
    assert min(parts) >= 0.0
    reach = stdtrit(answer.stack.degrees, 0.95) * np.sqrt(sum(answer.stack.moments(TARGET)[1:])[0])
    assert np.log(row["run_upper"] / row["predicted"]) == pytest.approx(reach, rel=1e-9)


def test_json_there_and_back(answer: fj.Forecast, tmp_path: Path) -> None:
    path = tmp_path / "forecast.json"
    text = answer.to_json(path)
    again = fj.Forecast.from_json(path)
    assert again.predict(4e10, 1e12) == pytest.approx(answer.predict(4e10, 1e12), rel=1e-12)
    assert str(again) == str(answer)
    assert json.loads(text)["warnings"] == list(answer.warnings)


def test_draws_have_the_moments_of_the_forecast(answer: fj.Forecast) -> None:
    at = {"N": np.array([25.1e9, 30e9, 1e9]), "D": np.array([5e11, 5e11, 5e10])}
    draws = np.log(answer.draws(**at, num=20_000, seed=1))
    moments = answer.stack.moments(at)
    t = answer.stack.degrees
    np.testing.assert_allclose(draws.std(0), np.sqrt(moments.variance * t / (t - 2.0)), rtol=0.04)
    np.testing.assert_allclose(draws.mean(0), moments.mean, atol=0.15 * draws.std(0).max())
    correlation = np.corrcoef(draws.T)
    assert correlation[0, 1] > 0.97  # near points go together
    assert abs(correlation[0, 2]) < 0.9
    runs = np.log(answer.draws(**at, num=20_000, seed=1, new_run=True))
    assert (runs.std(0) > draws.std(0)).all()


def test_the_same_seed_gives_the_same_draws(answer: fj.Forecast) -> None:
    first, second = (answer.draws(25.1e9, 5e11, num=50, seed=4) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (answer.draws(25.1e9, 5e11, num=50, seed=5) != first).all()


# --- digits ----------------------------------------------------------------------------------


def dense_prediction(posterior: Posterior, runs: fj.Runs) -> tuple[float, float]:
    """Mean and variance at the target with a dense covariance, at the posterior's own mode."""
    member, fit = posterior.member, posterior.laplace
    errors, kept = fj.CorrelatedErrors(), fit.weights[0] > 0.0
    N, D, w = runs.N[kept], runs.D[kept], fit.weights[0][kept]
    at_N, at_D = np.append(N, TARGET["N"]), np.append(D, TARGET["D"])
    covariance = dense_covariance(errors, at_N, at_D, at_N, at_D)
    K = covariance[:-1, :-1] + np.diag(1.0 / w)
    parameters = member.parameters(fit.free[0])
    bound = member.function.bind(member.inputs_of({"N": at_N, "D": at_D}))
    value, slopes = bound.value_and_gradient(parameters[None])
    value, J = value[0], member.basis.T @ slopes[0]
    r = np.log(runs.loss[kept]) - value[:-1]
    k = covariance[-1, :-1]
    solve = np.linalg.solve(K, np.column_stack([r, J[:, :-1].T, k]))
    mean = value[-1] + k @ solve[:, 0]
    g = J[:, -1] - k @ solve[:, 1:-1]
    prior = member.basis.T @ np.diag(fit.prior_precision[0]) @ member.basis
    information = J[:, :-1] @ solve[:, 1:-1] + prior
    left = covariance[-1, -1] + errors.own_size**2 - k @ solve[:, -1]  # a new size
    variance = fit.noise[0] ** 2 * (g @ np.linalg.solve(information, g) + left)
    return float(mean), float(variance)


def test_low_rank_agrees_with_a_dense_reference(answer: fj.Forecast) -> None:
    for posterior in answer.stack.posteriors[:3]:
        mean, variance = dense_prediction(posterior, answer.runs)
        found = posterior.moments(TARGET)
        assert found.mean[0] == pytest.approx(mean, abs=1e-5)
        assert found.variance[0] == pytest.approx(variance, rel=0.02)


def small_table(seed: int) -> fj.Runs:
    rng = np.random.default_rng(seed)
    law = fj.Coupled(E=1.7, A=7e3, B=6e4, alpha=0.5, beta=0.55, k=0.6)
    sizes, tokens = np.geomspace(1e8, 3e9, 6), np.geomspace(3e9, 2e11, 6)
    N, D = (x.ravel() for x in np.meshgrid(sizes, tokens))
    return fj.Runs(N, D, np.asarray(law(N, D)) * np.exp(1e-3 * rng.standard_normal(len(N))))


@pytest.mark.parametrize("seed", [0, 1])
def test_widths_agree_with_mcmc(seed: int) -> None:
    """Laplace's intervals against a sampler of the same posterior, for one member."""
    runs = small_table(seed)
    forecast = fj.forecast(runs, TARGET, usual=False)
    posterior = forecast.stack.posteriors[1]
    log_density, law_part = density(posterior, runs)
    start = np.append(posterior.laplace.free[0], np.log(posterior.laplace.noise[0]))
    rng = np.random.default_rng(seed)
    walkers = start + 1e-3 * rng.standard_normal((48, len(start)))
    sampler = emcee.EnsembleSampler(48, len(start), log_density, vectorize=True)
    sampler.random_state = np.random.RandomState(seed).get_state()
    sampler.run_mcmc(walkers, 4000)
    chain = sampler.get_chain(discard=1000, thin=10, flat=True)
    mean, sd = law_part(chain)
    drawn = mean + sd * rng.standard_normal(len(mean))
    found = posterior.moments(TARGET)
    reach = stdtrit(posterior.laplace.degrees[0], 0.95) * np.sqrt(found.variance[0])
    low, high = np.quantile(drawn, [0.05, 0.95])
    assert 2.0 * reach == pytest.approx(high - low, rel=0.05)
    assert found.mean[0] == pytest.approx(drawn.mean(), abs=0.1 * reach)


def density(
    posterior: Posterior, runs: fj.Runs
) -> tuple[
    Callable[[np.ndarray], np.ndarray], Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]
]:
    """The log density of free parameters and ln noise; mean and sd at the target given them."""
    member, fit, noise = posterior.member, posterior.laplace, noise_of(runs)
    bound = member.function.bind(member.inputs_of(inputs_of(runs, None)))
    at = member.function.bind(member.inputs_of(TARGET))
    assert posterior.columns is not None
    correlated = fit.correlated.take(np.array([0]))
    points, y = posterior.columns.at(TARGET), np.log(runs.loss)
    covariance = posterior.coefficients[2][0]
    spread = points.matrix[0] @ covariance @ points.matrix[0]
    spread += points.size_left[0] + points.smooth_left[0]
    sd, degrees = member.prior_sd, member.prior_degrees

    def weighted(parameters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        r = y - bound.value(parameters)
        return r, np.array([correlated.times(own[None])[0] for own in r])

    def log_density(x: np.ndarray) -> np.ndarray:
        parameters, log_n = member.parameters(x[:, :-1]), x[:, -1]
        with np.errstate(all="ignore"):
            r, Pr = weighted(parameters)
            pull = ((parameters - member.prior_mean) / sd) ** 2
        t = np.isfinite(degrees)
        prior = -0.5 * pull[:, ~t].sum(1)
        prior -= 0.5 * ((degrees[t] + 1.0) * np.log1p(pull[:, t] / degrees[t])).sum(1)
        q = (r * Pr).sum(1) + noise.strength * noise.guess**2
        value = -0.5 * q * np.exp(-2.0 * log_n) - (len(y) + noise.strength) * log_n + prior
        return np.where(np.isfinite(value), value, -np.inf)

    def law_part(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        parameters = member.parameters(x[:, :-1])
        u = weighted(parameters)[1] @ posterior.problem.linear.to_array()  # type: ignore[union-attr]
        return at.value(parameters)[:, 0] + u @ points.matrix[0], np.exp(x[:, -1]) * np.sqrt(spread)

    return log_density, law_part


# --- invariances -----------------------------------------------------------------------------


def half_width(forecast: fj.Forecast) -> float:
    row = forecast.to_dataframe().iloc[0]
    return float(np.log(row["upper"] / row["lower"]))


def test_order_units_and_copies_do_not_matter() -> None:
    runs = small_table(2)
    own = fj.forecast(runs, TARGET, usual=False)
    order = np.random.default_rng(0).permutation(len(runs))
    shuffled = fj.Runs(runs.N[order], runs.D[order], runs.loss[order])
    bits = fj.Runs(runs.N, runs.D, runs.loss / np.log(2.0))
    twice = fj.Runs(*(np.append(x, x[:5]) for x in (runs.N, runs.D, runs.loss)))
    # D stays in tokens: Farseer's law is another one in another unit of D
    thousand = fj.Runs(runs.N / 1e3, runs.D, runs.loss, N_unit=1.0)
    for other, factor, at in (
        (shuffled, 1.0, TARGET),
        (bits, np.log(2.0), TARGET),
        (twice, 1.0, TARGET),
        (thousand, 1.0, TARGET | {"N": TARGET["N"] / 1e3}),
    ):
        found = fj.forecast(other, at, usual=False)
        same = factor * found.to_dataframe()["predicted"][0]
        assert same == pytest.approx(own.to_dataframe()["predicted"][0], rel=1e-6)
        assert half_width(found) == pytest.approx(half_width(own), rel=1e-3)


def test_one_bad_run_hardly_moves_it() -> None:
    runs = small_table(3)
    own = fj.forecast(runs, TARGET, usual=False)
    loss = runs.loss.copy()
    loss[-1] *= 1.1
    bad = fj.forecast(fj.Runs(runs.N, runs.D, loss), TARGET, usual=False)
    move = np.log(bad.predict(**TARGET) / own.predict(**TARGET))[0]
    assert abs(move) < 0.5 * half_width(own)
    assert any("far from the others" in warning for warning in bad.warnings)
    assert not any("far from the others" in warning for warning in own.warnings)


def test_more_runs_do_not_make_it_worse() -> None:
    truth = fj.example_law()
    errors = []
    for num in (6, 12, 48):
        sizes, tokens = np.geomspace(2e8, 6e9, 8), np.geomspace(2e9, 4e11, num)
        N, D = (x.ravel() for x in np.meshgrid(sizes, tokens))
        noise = 5e-4 * np.random.default_rng(num).standard_normal(len(N))
        runs = fj.Runs(N, D, np.asarray(truth(N, D)) * np.exp(noise))
        found = fj.forecast(runs, TARGET, usual=False).predict(**TARGET)
        errors.append(abs(float(np.log(found / np.asarray(truth(**TARGET)))[0])))
    assert max(errors) < 0.01


def test_distance_is_from_the_hull() -> None:
    """(6.37 B, 500 B) is outside where that size ends at 90 B, though a smaller one has 500 B."""
    points = np.log([[1e9, 1e10], [1e9, 5e11], [6.37e9, 1e10], [6.37e9, 9e10]])
    at = np.log([[6.37e9, 5e11], [3e9, 5e10], [6.37e9, 5e10], [1e10, 5e10]])
    found = distance_to_hull(points, at)
    assert found[0] > 1.0
    assert found[1] == 0.0
    assert found[2] == 0.0
    assert found[3] == pytest.approx(np.log(1e10 / 6.37e9), rel=1e-3)


# --- real runs -------------------------------------------------------------------------------


def test_runs_beyond_the_grid(paper_runs: fj.Runs, seven: fj.Runs) -> None:
    frame = fj.forecast(paper_runs, seven, usual=False).to_dataframe()
    assert np.abs(frame["error"]).mean() < 1.5e-3
    assert frame["inside"].all()
    few = fj.forecast(paper_runs.select(max_N=3e9), seven, usual=False).to_dataframe()
    assert np.abs(few["error"]).mean() < 3e-3


def test_six_ranges_to_the_largest_size(paper_runs: fj.Runs) -> None:
    largest, errors = paper_runs.select(min_N=6e9), []
    for limit in (0.97e9, 1.4e9, 1.95e9, 2.71e9, 3.9e9, 5.45e9):
        found = fj.forecast(paper_runs.select(max_N=limit), largest, usual=False).to_dataframe()
        errors.append(np.abs(found["error"]).mean())
        low = np.log(found["run_lower"] / found["observed"])
        high = np.log(found["run_upper"] / found["observed"])
        assert low.mean() < 0.0 < high.mean()
    assert np.mean(errors) < 3.7e-3


def test_one_size_is_wide_and_says_so(paper_runs: fj.Runs) -> None:
    one = paper_runs.select(min_N=0.95e9, max_N=1e9)
    assert len(np.unique(one.N)) == 1
    found = fj.forecast(one, TARGET, usual=False)
    assert half_width(found) > 0.1
    assert found.warnings[0].startswith("all runs have one size")


# --- laws of one's own -----------------------------------------------------------------------


def test_a_law_over_other_inputs() -> None:
    rng = np.random.default_rng(0)
    N, P = (x.ravel() for x in np.meshgrid(np.geomspace(5e8, 5e9, 6), [1, 2, 4, 8]))
    loss = (1.0 + (3e6 / (N * (0.3 * np.log(P) + 1.0))) ** 0.2) * np.exp(
        1e-3 * rng.standard_normal(len(N))
    )
    table = pd.DataFrame({"N": N, "P": P, "loss": loss})
    found = fj.forecast(
        table, {"N": [1e10], "P": [8.0]}, law="E + (A/(N*(k*log(P)+1)))**alpha", usual=False
    )
    truth = 1.0 + (3e6 / (1e10 * (0.3 * np.log(8.0) + 1.0))) ** 0.2
    low, high = found.interval(1e10, 8.0)
    assert low < truth < high
    again = fj.Forecast.from_json(found.to_json())
    assert again.predict(1e10, 8.0) == pytest.approx(found.predict(1e10, 8.0), rel=1e-12)


def test_a_response_on_another_scale() -> None:
    rng = np.random.default_rng(1)
    N = np.repeat(np.geomspace(1e8, 1e10, 8), 3)
    score = 5.0 - 200.0 / N**0.3 + 0.01 * rng.standard_normal(len(N))
    table = {"N": N, "score": score}
    found = fj.forecast(
        table, {"N": [4e10]}, law="E - A/N**alpha", response="score", link="identity"
    )
    low, high = found.interval(4e10)
    assert low < 5.0 - 200.0 / 4e10**0.3 < high


# --- bad input -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"points": [(0.0, 1e11)]}, r"N: values must be positive and finite; position 0 is not"),
        ({"points": [(1e9, -1.0)]}, r"D: values must be positive and finite; position 0 is not"),
        ({"points": []}, r"points: expected rows of N, D, such as"),
        ({"points": [(1e9,)]}, r"points: expected rows of N, D, such as"),
        ({"points": {"N": [1e9]}}, r"points: expected the inputs N, D, got N"),
        ({"level": 1.0}, r"level must lie between 0 and 1, such as 0.9; got 1.0"),
        ({"level": 0.0}, r"level must lie between 0 and 1"),
    ],
)
def test_bad_arguments(arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.forecast(fj.example_runs(), **arguments)  # type: ignore[arg-type]


def test_bad_runs() -> None:
    one = fj.Runs([1e9, 1e9], [1e10, 1e10], [3.0, 3.01])
    with pytest.raises(
        ValueError, match=r"the runs \(2\) all have the same N and D, so they do not show"
    ):
        fj.forecast(one)
    accuracy = fj.Runs([1e9, 2e9], [1e10, 1e10], [0.3, 0.4], link="identity")
    with pytest.raises(ValueError, match="give a law of this response"):
        fj.forecast(accuracy)
    with pytest.raises(ValueError, match="loss"):
        fj.forecast({"N": [1e9, 2e9], "D": [1e10, 1e10], "loss": [-1.0, 2.0]})
    with pytest.raises(TypeError, match="expected"):
        fj.forecast(3)


def test_rolling_limits() -> None:
    found = rolling_limits(np.log(fj.example_runs().N))
    assert len(found.limit) == 5
    assert (np.diff(found.limit) < -np.log(1.3) + 1e-9).all()
    assert not (found.fitted & found.predicted).any()
    assert len(rolling_limits(np.zeros(20)).limit) == 0


def test_several_recipes_in_one_table_are_told(shared_data: Path) -> None:
    table = fj.read_runs(shared_data / "complexkda_ladder.csv")
    pooled = fj.forecast(table, TARGET, usual=False)
    assert pooled.warnings[0].startswith("90 points have several rows whose losses differ by up to")
    assert "by column 'arm' ('attn', " in pooled.warnings[0]
    arm = table.select(mask=np.asarray(table.extra["arm"]) == "attn")
    assert not any("several rows" in w for w in fj.forecast(arm, TARGET, usual=False).warnings)


TWO_SIZES = {  # of the cases that failed for people: the Jacobian has rank 4
    "N": [2e8] * 4 + [8e8] * 4,
    "D": [1e9, 4e9, 16e9, 64e9] * 2,
    "loss": [3.543, 3.142, 2.871, 2.686, 3.310, 2.912, 2.640, 2.457],
}


def test_a_law_that_the_runs_do_not_determine_is_refused() -> None:
    with pytest.raises(ValueError, match="the runs do not determine the parameters of the law"):
        fj.forecast(TWO_SIZES, [(7e9, 1e11)], law="E + A/N**a + B/D**b")
    wide = fj.forecast(TWO_SIZES, [(7e9, 1e11)], usual=False)  # with priors there is an answer
    assert wide.warnings[0].startswith("two sizes do not show how fast the loss falls with N")
    assert half_width(wide) > 0.05


@pytest.mark.parametrize("scale", [1e-9, 1e4])
def test_the_scale_of_weights_does_not_matter(scale: float) -> None:
    runs = small_table(4)
    table = {"N": runs.N, "D": runs.D, "loss": runs.loss, "w": np.linspace(1.0, 2.0, len(runs))}
    other = table | {"w": scale * table["w"]}
    own, scaled = (fj.forecast(t, TARGET, weights="w", usual=False) for t in (table, other))
    assert half_width(scaled) == pytest.approx(half_width(own), rel=1e-6)
    method = fj.LeastSquares(errors=fj.CorrelatedErrors())
    first, second = (fj.fit(fj.Chinchilla, t, method, weights="w") for t in (table, other))
    np.testing.assert_allclose(second.predict(**TARGET), first.predict(**TARGET), rtol=1e-6)


def test_a_data_frame_of_points_is_read_by_its_columns() -> None:
    frame = pd.DataFrame({"D": [5e11], "N": [1e10]})
    found = fj.forecast(small_table(5), frame, usual=False)
    assert found.points["N"][0] == 1e10
    assert found.points["D"][0] == 5e11


def test_a_law_without_a_value_at_a_point_is_refused() -> None:
    x = np.linspace(1.0, 2.0, 20)
    with pytest.raises(ValueError, match="has no finite value at position 0, where the link 'log'"):
        fj.forecast(
            {"x": x, "y": (5.0 - 2.0 * x) * (1.0 + 1e-3 * np.sin(40.0 * x))},
            {"x": [3.0]},
            law="a - b*x",
            response="y",
        )


def test_runs_of_weight_zero_do_not_count() -> None:
    runs = small_table(6)
    first = runs.N == runs.N.min()
    table = {"N": runs.N, "D": runs.D, "loss": runs.loss, "w": first.astype(float)}
    found = fj.forecast(table, TARGET, weights="w", usual=False)
    assert len(found.runs) == 6
    assert found.warnings[0].startswith("all runs have one size")


@pytest.mark.parametrize(("name", "value"), [("method", fj.Piecewise()), ("errors", "x")])
def test_settings_of_another_kind_are_refused(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"{name}: expected"):
        fj.forecast(fj.example_runs(), **{name: value})  # type: ignore[arg-type]
