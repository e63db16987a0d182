"""A fit's text, predictions, tables and warnings; simulated runs; one refit of a batch."""

import dataclasses
import json
import re
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj

SIZES = np.geomspace(2e8, 6e9, 8)


@pytest.fixture(scope="module")
def result() -> fj.Fit:
    return fj.fit(fj.Farseer, fj.example_runs())


def grid_runs(sizes: Any = SIZES, *, noise: float = 0.0, law: fj.Law | None = None) -> fj.Runs:
    """Six D in steps of 2 for each size."""
    N, D = np.repeat(sizes, 6), np.tile(1e9 * 2.0 ** np.arange(6), len(sizes))
    return fj.simulate(law or fj.example_law(), N, D, noise=noise, seed=0)


# What is printed


def test_text_says_curves_then_errors_then_parameters(result: fj.Fit) -> None:
    text = str(result)
    landmarks = ["337 runs, 21 sizes from 201 M to 6.37 B, D from 1 B to 512 B", "U(N)  "]
    landmarks += ["mean relative error", "pairs of runs used", "Parameters of the paper", "a1 ="]
    positions = [text.index(landmark) for landmark in landmarks]
    assert positions == sorted(positions)
    assert "Warning" not in text


def header_line(lines: list[str]) -> int:
    return next(i for i, line in enumerate(lines) if line.split()[:3] == ["N", "U(N)", "B(N)"])


def test_text_shows_the_curves_of_the_law(result: fj.Fit) -> None:
    lines = str(result).splitlines()
    start = header_line(lines)
    rows = [line.split() for line in lines[start + 2 : lines.index("", start)]]
    assert len(rows) == 5
    sizes = np.unique(result.runs.N)
    law = result.law
    assert isinstance(law, fj.Farseer)
    for row, N in ((rows[0], sizes[0]), (rows[-1], sizes[-1])):
        shown = [float(number) for number in row[2:5]]
        np.testing.assert_allclose(shown, [law.U(N), law.B(N), law.A(N)], rtol=5e-5)


def test_text_is_aligned(result: fj.Fit) -> None:
    lines = str(result).splitlines()
    header = header_line(lines)
    table = [lines[header], *lines[header + 2 : header + 7]]
    ends = [[match.end() for match in re.finditer(r"\S+(?: \S+)*", line)] for line in table]
    assert len({tuple(row) for row in ends}) == 1, table
    errors = [line for line in lines if line.startswith(("mean rel", "largest rel", "median R²"))]
    assert len({re.search(r"\s{2,}(?=\S)", line).end() for line in errors}) == 1  # type: ignore[union-attr]
    parameters = [line for line in lines if "= exp(" in line]
    assert len(parameters) == 3
    second_cell = [re.search(r" (alpha|beta|gamma) += ", line).start() for line in parameters]  # type: ignore[union-attr]
    assert len(set(second_cell)) == 1, parameters
    assert all(line == line.rstrip() for line in lines)


def test_text_counts_what_was_left_out_and_put_together(result: fj.Fit) -> None:
    runs = result.runs
    again = fj.Runs(*(np.append(v, [v[0], v[5]]) for v in (runs.N, runs.D)), _twice(runs.loss))
    text = str(fj.fit(fj.Farseer, again))
    assert re.search(r"copied rows, counted once +1\n", text)
    assert re.search(r"repeated runs, averaged +1\n", text)
    assert re.search(r"left out: its ratio of D is not one step +2\n", text)


def _twice(loss: np.ndarray) -> np.ndarray:
    """The first run copied, the sixth repeated with another loss."""
    return np.append(loss, [loss[0], 1.001 * loss[5]])


def test_text_has_the_warnings_before_the_parameters() -> None:
    text = str(fj.fit(fj.Farseer, grid_runs(SIZES[:4])))
    assert text.index("Warning: only 4 sizes") < text.index("Parameters of the paper")


def test_repr_is_one_line(result: fj.Fit) -> None:
    assert repr(result) == (
        f"Fit(farseer, 337 runs, mean_relative_error={result.mean_relative_error:.3e}, "
        "outcome=success)"
    )


def test_a_fit_is_frozen(result: fj.Fit) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.outcome = fj.Outcome.success  # type: ignore[misc]


def test_errors_are_those_of_the_law(result: fj.Fit) -> None:
    runs = result.runs
    expected = np.abs(result.predict(runs.N, runs.D) / runs.loss - 1)
    np.testing.assert_allclose(np.sort(result.relative_error), np.sort(expected), rtol=1e-9)
    assert result.mean_relative_error == pytest.approx(expected.mean(), rel=1e-12)
    assert result.max_relative_error == pytest.approx(expected.max(), rel=1e-12)


# Predictions


def test_predict_broadcasts(result: fj.Fit) -> None:
    N, D = np.array([[1e9], [2e9]]), np.array([1e10, 2e10, 4e10])
    losses = result.predict(N, D)
    assert losses.shape == (2, 3)
    assert losses[1, 2] == result.predict(2e9, 4e10)
    assert result.predict([], []).shape == (0,)
    assert np.ndim(result.predict(1e9, 1e10)) == 0


def test_predict_follows_the_law_at_many_points(result: fj.Fit) -> None:
    law = result.law
    assert isinstance(law, fj.Farseer)
    N, D = np.geomspace(1e8, 1e12, 300)[:, None], np.geomspace(1e9, 1e14, 7)

    def curve(c: fj.StretchedExponential) -> np.ndarray:
        z, p = np.log(N / c.pivot), c.exponent
        return np.exp(c.level + c.slope * np.expm1(p * z) / p)

    expected = curve(law.U) + curve(law.B) * D ** -curve(law.A)
    np.testing.assert_allclose(result.predict(N, D), expected, rtol=1e-12)


def test_predict_takes_whole_numbers_beyond_int32_and_int64(result: fj.Fit) -> None:
    assert result.predict(25_100_000_000, 500_000_000_000) == result.predict(25.1e9, 5e11)
    assert result.predict(10**20, 10**22) == result.predict(1e20, 1e22)
    assert result.predict(np.int32([10**9]), np.int64([10**11]))[0] == result.predict(1e9, 1e11)


def test_predict_keeps_the_index_of_a_series(result: fj.Fit) -> None:
    N = pd.Series([1e9, 2e9, 4e9], index=["a", "b", "c"], name="size")
    for arguments in ((N, 1e10), (N, [1e10] * 3), (1e9, 10 * N), (N, 10 * N)):
        losses = result.predict(*arguments)
        assert isinstance(losses, pd.Series)
        assert losses.index.tolist() == ["a", "b", "c"]
        assert losses.name == "predicted"
        np.testing.assert_array_equal(losses, result.predict(*map(np.asarray, arguments)))


@pytest.mark.parametrize("bad", [0, -1e9, np.nan, np.inf])
def test_predict_refuses_values_that_are_not_positive_and_finite(
    result: fj.Fit, bad: float
) -> None:
    with pytest.raises(ValueError, match=r"^N: .* positive and finite; position 1 is not"):
        result.predict([1e9, bad], 1e10)
    with pytest.raises(ValueError, match=r"^D: .* positive and finite; position 2 is not"):
        result.predict(1e9, [1e10, 1e10, bad])


def test_to_dataframe_is_the_runs_with_predictions() -> None:
    runs = grid_runs(noise=1e-3)
    runs = fj.Runs(runs.N, runs.D, runs.loss, {"arm": [f"run {i}" for i in range(len(runs))]})
    result = fj.fit(fj.Farseer, runs)
    table = result.to_dataframe()
    assert table.columns.tolist() == ["N", "D", "loss", "arm", "predicted", "relative_error"]
    np.testing.assert_array_equal(table["predicted"], result.predict(runs.N, runs.D))
    np.testing.assert_array_equal(table["relative_error"], table["predicted"] / runs.loss - 1)
    assert (table["relative_error"] < 0).any()  # signed
    assert table["arm"].iloc[-1] == "run 47"


def test_prediction_of_runs(result: fj.Fit) -> None:
    runs = result.runs.select(min_N=6e9)
    prediction = result.evaluate(runs)
    np.testing.assert_array_equal(prediction.predicted, result.predict(runs.N, runs.D))
    expected = np.mean(np.abs(prediction.predicted / runs.loss - 1))
    assert prediction.mean_relative_error == pytest.approx(expected, rel=1e-12)
    table = prediction.to_dataframe()
    assert table.columns.tolist() == ["N", "D", "predicted", "observed", "relative_error"]
    assert table["relative_error"].abs().mean() == pytest.approx(expected, rel=1e-12)
    residuals = prediction.predicted - runs.loss
    spread = runs.loss - runs.loss.mean()
    metrics = {
        "r2": 1 - np.sum(residuals**2) / np.sum(spread**2),
        "mean_absolute_error": np.mean(np.abs(residuals)),
        "mean_relative_error": expected,
    }
    content = prediction.to_dict()
    assert content["metrics"] == pytest.approx(metrics, rel=1e-12)
    assert content["metrics_by"] == [{"group": {}, "response": "loss", **content["metrics"]}]
    assert content["predictions"][0] == {
        "N": runs.N[0], "D": runs.D[0], "group": {}, "response": "loss",
        "predicted": prediction.predicted[0], "observed": runs.loss[0],
    }  # fmt: skip
    assert str(prediction).endswith(f"mean relative error  {expected:.3e}")
    assert len(str(prediction).splitlines()) == 2 + len(runs) + 1 + len(metrics)


def test_prediction_counts_copies_once(result: fj.Fit) -> None:
    runs = result.runs.select(min_N=6e9)
    worst = int(np.argmax(np.abs(result.evaluate(runs).to_dataframe()["relative_error"])))
    rows = np.append(np.arange(len(runs)), [worst] * 50)
    copied = fj.Runs(runs.N[rows], runs.D[rows], runs.loss[rows])
    once, again = result.evaluate(runs), result.evaluate(copied)
    assert again.mean_relative_error == pytest.approx(once.mean_relative_error, rel=1e-12)
    repeated = fj.Runs(
        runs.N[rows], runs.D[rows], np.append(runs.loss, [2.0 + 0.01 * k for k in range(50)])
    )
    assert result.evaluate(repeated).mean_relative_error > 0.1  # repeats are no copies


def test_prediction_without_observed_losses() -> None:
    inputs = {"N": np.array([1e9]), "D": np.array([1e11])}
    prediction = fj.Prediction(inputs, np.array([0.5]))
    nothing = dict.fromkeys(("r2", "mean_absolute_error", "mean_relative_error"))
    assert all(np.isnan(getattr(prediction, name)) for name in nothing)
    row = {"N": 1e9, "D": 1e11, "group": {}, "response": "loss", "predicted": 0.5}
    assert prediction.to_dict() == {
        "predictions": [{**row, "observed": None}],
        "metrics": nothing,
        "metrics_by": [{"group": {}, "response": "loss", **nothing}],
        "warnings": [],
    }
    assert "observed" not in str(prediction)
    assert prediction.to_dataframe().columns.tolist() == ["N", "D", "predicted"]


def test_metrics_where_a_loss_is_zero_or_all_are_equal() -> None:
    """What does not exist is NaN, and the others are there."""
    inputs = {"x": np.arange(3.0)}
    crossing = fj.Prediction(inputs, np.array([-1.0, 0.1, 1.2]), np.array([-1.0, 0.0, 1.0]))
    assert np.isnan(crossing.mean_relative_error)
    assert crossing.mean_absolute_error == pytest.approx(0.1, rel=1e-12)
    assert crossing.r2 == pytest.approx(1 - 0.05 / 2, rel=1e-12)
    flat = fj.Prediction(inputs, np.full(3, 2.2), np.full(3, 2.0))
    assert np.isnan(flat.r2)
    assert flat.mean_relative_error == pytest.approx(0.1, rel=1e-12)


def test_prediction_of_groups_and_responses_in_long_form() -> None:
    """A row each; metrics of each group and response; copies only within one of these."""
    inputs = {"N": np.array([1e9, 2e9])}

    def part(corpus: str, response: str, offset: float) -> fj.Prediction:
        observed = np.array([2.0, 4.0])
        return fj.Prediction(inputs, observed + offset, observed, response, {"corpus": corpus})

    parts = [part("web", "a", 0.0), part("code", "a", 0.5), part("web", "b", 1.0)]
    joined = fj.Prediction.joined(parts)
    assert joined.N.tolist() == [1e9, 2e9] * 3
    assert joined.mean_absolute_error == pytest.approx(0.5, rel=1e-12)
    assert [(row["group"], row["response"]) for row in joined.metrics_by] == [
        ({"corpus": "web"}, "a"), ({"corpus": "code"}, "a"), ({"corpus": "web"}, "b"),
    ]  # fmt: skip
    for row, own in zip(joined.metrics_by, parts, strict=True):
        assert {name: row[name] for name in own.metrics} == own.metrics
    table = joined.to_dataframe()
    assert table.columns.tolist() == [
        "corpus", "N", "response", "predicted", "observed", "relative_error",
    ]  # fmt: skip
    assert table["corpus"].tolist() == ["web"] * 2 + ["code"] * 2 + ["web"] * 2
    assert joined.to_dict()["predictions"][3]["group"] == {"corpus": "code"}
    twice = fj.Prediction.joined([parts[0], parts[0], parts[1]])
    assert twice.mean_absolute_error == pytest.approx(0.25, rel=1e-12)


# Warnings


def test_no_warning_where_nothing_is_odd(result: fj.Fit) -> None:
    assert result.success
    assert result.warnings == ()


def test_warns_of_an_exponent_at_a_bound() -> None:
    narrow = fj.Piecewise(search=fj.Refined(0.2, 0.4))
    result = fj.fit(fj.Farseer, fj.example_runs(), narrow)
    assert result.outcome is fj.Outcome.exponent_at_edge
    assert result.outcome.usable
    assert not result.success
    assert any(
        w.startswith("β = 0.2 ended at a bound of its search [0.2, 0.4]") for w in result.warnings
    )


def test_warns_of_a_loss_that_rises_with_N() -> None:
    law = fj.example_law()
    rising = fj.StretchedExponential(level=-0.8, slope=0.12, exponent=0.0, pivot=1e9)
    runs = grid_runs(law=fj.Farseer(U=rising, B=law.B, A=law.A))
    warnings = fj.fit(fj.Farseer, runs).warnings
    assert len(warnings) == 1
    assert re.match(
        r"the fitted loss rises with N in \d+% of the range of the runs, first near "
        r"N = 200 M, D = ", warnings[0]
    )  # fmt: skip


def test_warns_of_few_sizes() -> None:
    assert fj.fit(fj.Farseer, grid_runs(SIZES[:6])).warnings == ()
    (warning,) = fj.fit(fj.Farseer, grid_runs(SIZES[:5])).warnings
    assert warning.startswith("only 5 sizes determine the three parameters of each curve")


def test_warns_of_sizes_that_took_no_part() -> None:
    runs = grid_runs()
    smallest = runs.N == runs.N.min()
    part = runs.select(mask=~smallest | (runs.D < 3e9))  # leaves it two D
    (warning,) = fj.fit(fj.Farseer, part).warnings
    assert warning.startswith("1 of 8 sizes took no part in A(N) and B(N) (200 M: ")


def test_warns_of_losses_that_do_not_fall_and_scatter() -> None:
    warnings = fj.fit(fj.Farseer, grid_runs(noise=0.05)).warnings
    assert any(re.match(r"the loss does not fall with D in \d+ of \d+ steps", w) for w in warnings)
    assert any("scatter about a power law in D (median R² 0." in w for w in warnings)


def test_warns_of_a_best_optimum_that_one_start_found() -> None:
    fit = fj.fit(fj.Chinchilla, fj.example_runs(), fj.LeastSquares(num_starts=8))
    assert isinstance(fit.diagnostics, fj.StartReport)
    assert not any("num_starts" in warning for warning in fit.warnings)
    ends = fit.diagnostics.objective * np.append(1.0, np.full(7, 1.01))
    found = dataclasses.replace(fit.diagnostics, start_objective=ends)
    (warning,) = [
        w for w in dataclasses.replace(fit, diagnostics=found).warnings if "num_starts" in w
    ]
    assert warning.startswith("one of 8 starts reached the best optimum")
    few = dataclasses.replace(
        found,
        start_objective=ends[:7],
        start_outcome=found.start_outcome[:7],
        start_steps=found.start_steps[:7],
    )
    few_warnings = dataclasses.replace(fit, diagnostics=few).warnings
    assert not any("num_starts" in warning for warning in few_warnings)


@pytest.mark.parametrize("name", ["not_converged", "bound_active"])
def test_warns_of_an_optimum_that_is_none(name: str) -> None:
    fit = fj.fit(fj.Chinchilla, fj.example_runs(), fj.LeastSquares(num_starts=2))
    outcome = fj.Outcome[name]
    assert outcome.usable
    assert dataclasses.replace(fit, outcome=outcome).warnings[0].startswith(outcome.message)


# Starts


def test_start_report_goes_to_strict_json_and_back() -> None:
    found = fj.StartReport(
        objective=np.inf,
        start_objective=np.array([np.inf, 2.0]),
        start_outcome=np.array([3, 1]),
        start_steps=np.array([1, 500]),
        num_copies=2,
    )
    again = fj.StartReport.from_dict(json.loads(json.dumps(found.to_dict(), allow_nan=False)))
    assert again.objective == np.inf
    assert again.num_copies == 2
    for name in ("start_objective", "start_outcome", "start_steps"):
        np.testing.assert_array_equal(getattr(again, name), getattr(found, name))
    assert again.to_dataframe()["outcome"].tolist() == ["not finite", "out of steps"]


def test_text_of_an_end_to_end_fit() -> None:
    fit = fj.fit(fj.Chinchilla, fj.example_runs(), fj.LeastSquares("huber", num_starts=4))
    text = str(fit)
    title = (
        "Chinchilla law  L(N, D) = E + A/N^α + B/D^β  fitted by least-squares, "
        "Huber (δ = 0.001) of log residuals\n"
    )
    assert text.startswith(title)
    landmarks = ["337 runs, 21 sizes", "L(N, 1 B)", "mean relative error", "objective, summed"]
    landmarks += ["starts converged", "starts at the best optimum", "Parameters", "alpha  "]
    positions = [text.index(landmark) for landmark in landmarks]
    assert positions == sorted(positions)
    assert re.search(rf"^E +{float(fit.law.E):.6g}$", text, re.MULTILINE)


# Methods and laws that are passed


class Own:
    """A method of the user's own, which leaves the work to another."""

    name = "own"

    def __init__(self) -> None:
        self.other = fj.LeastSquares(num_starts=2)

    def prepare(self, law: Any, runs: fj.Runs) -> Any:
        return self.other.prepare(law, runs)

    def fit_one(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> Any:
        return self.other.fit_one(design, losses, weights)._replace(diagnostics="its notes")

    def fit_block(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> Any:
        return self.other.fit_block(design, losses, weights)

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name}


def test_a_method_of_ones_own() -> None:
    runs = fj.example_runs()
    expected = fj.fit(fj.Chinchilla, runs, fj.LeastSquares(num_starts=2))
    fit = fj.fit(fj.Chinchilla, runs, Own())
    assert fit.predict(1e9, 1e11) == expected.predict(1e9, 1e11)
    assert str(fit).splitlines()[0].endswith("  fitted by own")
    assert fit.warnings == expected.warnings
    refits = fj.fit_batch(fj.Chinchilla, runs, weights=np.ones(len(runs)), method=Own())
    assert refits.usable.all()


def test_the_default_method_is_the_laws() -> None:
    runs = fj.example_runs()
    assert isinstance(fj.fit(fj.Farseer, runs).method, fj.Piecewise)
    assert fj.fit(fj.Chinchilla, runs).method == fj.LeastSquares()


@pytest.mark.parametrize("method", [None, Own()])
def test_a_law_in_place_of_its_class(method: Any) -> None:
    runs, law = fj.example_runs(), fj.example_law()
    message = "law must be a law's class such as `Chinchilla`, or text; got an instance: give `F"
    with pytest.raises(TypeError, match=message):
        fj.fit(law, runs, method)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=message):
        fj.fit_batch(law, runs, losses=runs.loss, method=method)  # type: ignore[arg-type]


@pytest.mark.parametrize("method", ["piecewise", fj.LeastSquares, 3])
def test_what_is_no_method(method: Any) -> None:
    with pytest.raises(TypeError, match=r"method must be one of `Piecewise\(…\)`, `LeastSquares"):
        fj.fit(fj.Farseer, fj.example_runs(), method)


def test_which_outcomes_are_usable() -> None:
    usable = {outcome.name for outcome in fj.Outcome if outcome.usable}
    doubts = {"exponent_at_edge", "exponent_unresolved", "not_converged", "bound_active"}
    assert usable == {"success", "undetermined"} | doubts
    codes = np.array([outcome.code for outcome in fj.Outcome])
    assert codes.tolist() == list(range(len(codes)))
    batch = fj.BatchFit(fj.example_law(), codes, np.zeros(len(codes)))
    assert batch.usable.tolist() == [outcome.usable for outcome in fj.Outcome]


# Simulated runs


def test_simulate_is_reproducible_by_seed() -> None:
    N, D = fj.paper_grid()
    law = fj.example_law()
    first, same, other = (fj.simulate(law, N, D, seed=seed) for seed in (3, 3, 4))
    assert first == same
    assert not np.any(first.loss == other.loss)
    assert fj.example_runs(seed=3) == first


def test_simulated_noise_has_the_size_asked_for() -> None:
    N, D = fj.paper_grid()
    law = fj.example_law()
    exact = fj.simulate(law, N, D, noise=0, seed=1).loss
    for noise in (5e-4, 0.02):
        deviation = np.log(fj.simulate(law, N, D, noise=noise, seed=1).loss / exact)
        assert np.std(deviation) == pytest.approx(noise, rel=0.15)  # 1/sqrt(2·337) is 4 %
        assert abs(np.mean(deviation)) < 4 * noise / np.sqrt(len(N))
    default = np.log(fj.simulate(law, N, D, seed=1).loss / exact)
    assert np.std(default) == pytest.approx(5e-4, rel=0.15)
    per_run = np.where(N > 1e9, 0.0, 0.01)
    mixed = fj.simulate(law, N, D, noise=per_run, seed=1).loss
    np.testing.assert_array_equal(mixed == exact, N > 1e9)


def test_simulation_without_noise_is_the_law() -> None:
    N, D = fj.paper_grid()
    runs = fj.simulate(fj.example_law(), N, D, noise=0, seed=1)
    with jax.enable_x64(True):
        expected = np.asarray(fj.example_law()(N, D))
    np.testing.assert_allclose(runs.loss, expected, rtol=4e-15)


@pytest.mark.parametrize("noise", [-1e-3, np.nan, np.inf])
def test_simulate_refuses_impossible_noise(noise: float) -> None:
    with pytest.raises(ValueError, match=r"^noise must be finite and not negative"):
        fj.simulate(fj.example_law(), [1e9], [1e10], noise=noise, seed=0)


# Batches


def test_law_at_is_the_law_of_one_refit(result: fj.Fit) -> None:
    runs = result.runs
    refits = fj.fit_batch(fj.Farseer, runs, losses=np.stack([runs.loss, 2 * runs.loss]))
    assert len(refits) == 2
    assert refits.usable.tolist() == [True, True]
    losses = refits.predict([1e9, 2e9], 1e11)
    assert losses.shape == (2, 2)
    np.testing.assert_allclose(losses[0], result.predict([1e9, 2e9], 1e11), rtol=1e-9)
    np.testing.assert_allclose(losses[1], 2 * losses[0], rtol=1e-9)
    with jax.enable_x64(True):
        second = np.asarray(refits.law_at(1)(np.array([1e9, 2e9]), 1e11))
    np.testing.assert_allclose(second, losses[1], rtol=1e-12)


def test_a_refit_without_runs_is_not_usable(result: fj.Fit) -> None:
    runs = result.runs
    weights = np.stack([np.ones(len(runs)), np.where(runs.N > 5e9, 1.0, 0.0)])
    refits = fj.fit_batch(fj.Farseer, runs, weights=weights)
    assert refits.usable.tolist() == [True, False]
    assert refits.outcome(1) is fj.Outcome.too_few_sizes
    assert repr(refits) == "BatchFit(farseer, 2 refits, 1 usable)"
