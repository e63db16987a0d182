"""Every public result: JSON there and back, pandas, text and HTML, from one declaration.

A result joins by a function that makes one, decorated by ``result`` with columns of its table.
"""

import dataclasses
import html
import json
import pickle
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.results.digest import json_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Table
from farseer_jax.uncertainty.draws import Draws, join

MAKERS: dict[str, tuple[Callable[[], Any], set[str]]] = {}


def result(*columns: str) -> Callable[[Callable[[], Any]], Callable[[], Any]]:
    """Put what a function makes to the tests below; the columns are some of its table's."""

    def add(make: Callable[[], Any]) -> Callable[[], Any]:
        make = cache(make)
        MAKERS[make.__name__] = make, set(columns)
        return make

    return add


@result("N", "D", "loss", "predicted", "relative_error")
def farseer_fit() -> fj.Fit:
    return fj.fit(fj.Farseer, fj.example_runs())


@result("recipe", "N", "D", "task", "predicted", "lower", "upper", "share_first")
def accuracy_forecast() -> fj.AccuracyForecast:
    table = fj.example_tasks(recipe="both")
    return fj.forecast_accuracy(table, [(7e9, 2e12)], tasks="easy_acc,guess_acc", by="recipe")


@result("N", "D", "task", "task_loss", "predicted", "run_lower")
def chain() -> fj.Chain:
    loss = fj.fit("chinchilla", fj.example_tasks(), response="easy_bpb")
    accuracy = fj.fit(
        "logistic-accuracy",
        fj.example_tasks(),
        fj.LeastSquares(fixed={"ceiling": 1.0}),
        response="easy_acc",
        columns_of={"task_loss": "easy_bpb"},
    )
    return fj.chain(loss, then=accuracy, points=[(7e9, 2e12)])


@result("N", "D", "loss", "predicted", "relative_error")
def held_fit() -> fj.Fit:
    method = fj.MonotoneOver(fj.Piecewise(), N=(2e8, 1e13), D=(1e9, 1e15))
    return fj.fit(fj.Farseer, fj.example_runs(), method)


@cache
def mixtures() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    web = np.tile(rng.uniform(0.1, 0.9, 30), 2)
    N = np.tile(np.geomspace(1e8, 1e10, 30), 2)
    columns = {"N": N, "web": web, "code": 1.0 - web, "corpus": ["<b>"] * 30 + ["é"] * 30}
    for name, floor in (("loss_a", 2.0), ("loss_b", 2.2)):
        columns[name] = floor + 50.0 * N**-0.25 + 0.1 * web + 1e-3 * rng.standard_normal(60)
    return columns


@result("column", "role", "kind", "num_missing", "low")
def inspection() -> fj.TableInspection:
    table = dict(mixtures(), tokens_B=np.tile([20.0, None, 80.0], 20), note=["é <b>"] * 60)
    return fj.inspect_table(table, loss="loss_a")


@result("corpus", "response", "E", "C[web]", "mean_relative_error", "outcome")
def several_fits() -> fj.Fits:
    return fj.fit(
        "E + A/N**alpha + sum(C[w]*w)",
        mixtures(),
        columns_of={"w": ["web", "code"]},
        by="corpus",
        response=["loss_a", "loss_b"],
        method=fj.LeastSquares(num_starts=4, fixed={"E": 1.5}),
    )


@result("corpus", "N", "response", "predicted", "observed", "relative_error")
def prediction() -> fj.Prediction:
    one = several_fits()[0].evaluate(several_fits()[0].runs)
    other = several_fits()[1].evaluate(several_fits()[1].runs)
    unknown = dataclasses.replace(other, observed=None)
    return fj.Prediction.joined([one, other, unknown])


@result("N", "D", "predicted")
def plain_prediction() -> fj.Prediction:
    return fj.Prediction({"N": np.array([1e9, 2e9]), "D": np.array([1e11] * 2)}, np.ones(2))


@result("N", "noise", "dof")
def noise() -> fj.Noise:
    return fj.estimate_noise(fj.example_runs(noise=1e-3))


@result("curve", "N", "points", "last_loss", "schedule")
def curves() -> fj.Curves:
    return fj.example_curves()


@result("outcome", "mean_relative_error", "U.level", "A.exponent")
def batch_fit() -> fj.BatchFit:
    runs = fj.example_runs()
    sizes = np.unique(runs.N)[[1, 8, 12]]  # two sizes are too few: a refit without a law
    return fj.fit_batch(fj.Farseer, runs, weights=(runs.N <= sizes[:, None]).astype(float))


@result("N", "D", "estimate", "lower", "upper", "standard_error")
def bootstrap() -> fj.Bootstrap:
    return fj.bootstrap(farseer_fit(), 100, seed=3)


@result("file", "first_resample", "last_resample", "state")
def draws_check() -> fj.DrawsCheck:
    with tempfile.TemporaryDirectory() as folder:
        fj.bootstrap(farseer_fit(), 100, seed=3, out=f"{folder}/draws.parquet")
        return fj.check_draws(f"{folder}/draws.parquet")


@result("estimate", "lower", "upper")
def jackknife() -> fj.Bootstrap:
    return fj.bootstrap(farseer_fit(), scheme="jackknife-sizes")


@result("rate", "probability")
def calibration() -> fj.Calibration:
    return bootstrap().calibration


@result("N", "D", "estimate", "lower", "upper", "level", "kind")
def intervals() -> fj.Intervals:
    return bootstrap().interval([1e9, 25e9], 5e11)


@result("N", "D", "held_out", "relative_error N_total")
def count_comparison() -> fj.CountComparison:
    runs = fj.example_runs()
    total = runs.N + 4e5 * runs.N ** (1 / 3)
    return fj.compare_counts(fj.Runs(runs.N, runs.D, runs.loss, {"N_total": total}), held_out=6e9)


@result("N", "D", "predicted", "lower", "run_upper", "share_misfit", "beyond", "chinchilla")
def forecast() -> fj.Forecast:
    return fj.forecast(fj.example_runs().select(max_N=1e9), [(25.1e9, 5e11), (1e9, 1e12)])


@result("N", "D", "observed", "error", "inside")
def observed_forecast() -> fj.Forecast:
    runs = fj.example_runs()
    return fj.forecast(runs.select(max_N=1e9), runs.select(min_N=6e9), level=0.8)


@result("N", "web", "code", "predicted", "upper")
def forecast_by_a_law() -> fj.Forecast:
    table = {name: x for name, x in mixtures().items() if name not in ("corpus", "loss_b")}
    at = {"N": np.array([3e10]), "w": np.array([[0.5, 0.5]])}
    law = "E + A/N**alpha + sum(C[w]*w)"
    method = fj.LeastSquares(num_starts=4, fixed={"E": 1.5})
    return fj.forecast(
        table, at, law=law, columns_of={"w": ["web", "code"]}, response="loss_a", method=method
    )


@result("compute", "N", "D", "tokens_per_parameter", "loss", "N_lower", "loss_upper", "limited_by")
def allocation() -> fj.Allocation:
    """With budgets that have no optimum, limits, inference and intervals."""
    return fj.allocate(bootstrap(), [1e15, 1e20, 1e24], tokens_served=1e12, max_D=2e13)


@result("compute", "inside_data")
def allocation_of_a_law() -> fj.Allocation:
    return fj.allocate(fj.Farseer.published(), 1e22, flops=fj.TransformerFLOPs.paper())


@result("N", "D", "budget", "loss", "limited_by", "inside_data", "residual", "num_starts")
def optimum() -> fj.Optimum:
    """With a budget that nothing satisfies."""
    return fj.optimise(
        farseer_fit(), ["N", "D"], budget=[1e12, 1e21], at_least={"N": 1e6, "D": 1e9}
    )


@result("N", "web", "code", "loss", "web_lower", "loss_upper")
def optimal_mixture() -> fj.Optimum:
    law = fj.law("N, w | E + A/N**alpha + sum(C[w]*w**2)")
    table = {name: x for name, x in mixtures().items() if name not in ("corpus", "loss_b")}
    method = fj.LeastSquares(num_starts=4, fixed={"E": 1.5})
    made = fj.fit(law, table, columns_of={"w": ["web", "code"]}, response="loss_a", method=method)
    return fj.optimise(fj.bootstrap(made, 20), "w", given={"N": [1e8, 1e9]})


@cache
def two_recipes() -> tuple[fj.Bootstrap, fj.Bootstrap]:
    runs = fj.example_runs()
    other = fj.fit(fj.Farseer, fj.Runs(runs.N, runs.D, 0.995 * runs.loss))
    return bootstrap(), fj.bootstrap(other, 100, seed=3)


@result("N", "D", "loss_a", "loss_b", "difference", "inside", "probability")
def fit_comparison() -> fj.FitComparison:
    return fj.compare_fits(*two_recipes(), N=(1e9, 1e11), D=(1e10, 1e12), names=("a", "<b>"))


@result("N", "D", "loss_a", "loss_b", "difference", "inside", "probability")
def compared_points() -> fj.ComparedPoints:
    return fit_comparison().line(compute=1e22)


@result("compute", "optimal", "at_ratio", "optimal_lower", "at_ratio_upper", "inside")
def compute_multipliers() -> fj.ComputeMultipliers:
    return fit_comparison().multipliers


@result("N", "D", "difference", "lower", "upper", "probability", "winner", "beyond")
def run_comparison() -> fj.RunComparison:
    return fj.compare_runs(fj.example_runs(seed=1), fj.example_runs(seed=2).select(max_N=4e9))


@result("N", "D", "difference", "lower", "upper", "probability", "winner", "beyond")
def difference_forecast() -> fj.DifferenceForecast:
    return run_comparison().at([(1e9, 1e10), (1e10, 1e11)])


@result("name", "law", "method", "limit", "num_fitted", "held_out_error", "outcome", "note")
def extrapolation() -> fj.Extrapolation:
    """With a law that has no fit at the first limit, and targets."""
    targets = fj.Runs([25.1e9, 3e10], [5e11, 1e12], [0.41, 0.39])
    candidates = [fj.Farseer, fj.Chinchilla]
    return fj.extrapolate(fj.example_runs(), candidates, limits=[2.2e8, 4e9], targets=targets)


@result("law", "misfit", "error", "weight", "probability_best", "formula")
def law_choice() -> fj.LawChoice:
    """Of a mixture, with two responses and sizes in text."""
    rng = np.random.default_rng(0)
    web = np.tile(rng.uniform(0.1, 0.9, 10), 2)
    size = np.repeat(["70M", "410M"], 10)
    loss = 2.0 + 0.3 / (web + 0.02) ** 0.3 + 0.2 * (size == "70M")
    table = {"size": size, "share_web": web, "share_code": 1.0 - web, "loss_a": loss}
    return fj.choose_law({**table, "loss_b": 0.8 * loss})


@result("group", "choice", "N", "D", "predicted", "change", "mean_relative_error", "outcome")
def choice_comparison() -> fj.ChoiceComparison:
    return fj.compare_choices(farseer_fit(), [25.1e9, 1e10], 5e11, groups=["size", "method"])


@result("name", "law", "method", "fitted_error", "held_out_error", "num_starts", "seconds")
def method_comparison() -> fj.MethodComparison:
    runs = fj.example_runs()
    huber = fj.LeastSquares("huber", num_starts=4)
    candidates = {"ends": (fj.Chinchilla, huber), "pieces": (fj.Farseer, None)}
    return fj.compare_methods(runs.select(max_N=2e9), runs.select(min_N=4e9), candidates)


@result("row", "N", "D", "loss", "residual", "residual_without", "z_score", "z_limit", "offset")
def residual_diagnostics() -> fj.ResidualDiagnostics:
    return fj.diagnose_residuals(farseer_fit())


@result("group", "num_runs", "ratio", "p_value")
def whiteness() -> fj.Whiteness:
    return residual_diagnostics().against_D


@result("N", "D", "loss", "dL_dN", "by_ND")
def shape() -> fj.Shape:
    return fj.check_shape(farseer_fit(), N=(2e8, 1e13), D=(1e9, 1e15), num=17)


@result("A", "B", "U", "relative_error", "held_out_error")
def form_choice() -> fj.FormChoice:
    return fj.choose_forms(fj.example_runs())


@result("difference", "against", "held_variable", "held", "num_pairs", "exponent", "r_squared")
def difference_analysis() -> fj.DifferenceAnalysis:
    return fj.analyse_differences(fj.example_runs())


@result("held", "num_pairs", "exponent", "coefficient", "r_squared")
def difference_view() -> fj.DifferenceView:
    return difference_analysis().best


@result("curve", "N", "last_step", "final_step", "running", "final_loss", "lower", "upper")
def curve_fit() -> fj.CurveFit:
    *complete, last = fj.example_curves()
    return fj.fit_curves(fj.Curves([*complete, last.truncated(14_400)]))


@result("schedule", "curve", "steps", "loss", "lower", "difference", "difference_upper")
def schedule_comparison() -> fj.ScheduleComparison:
    cosine = fj.Schedule.cosine(24_000, 3e-4, warmup=2_000)
    given = fj.Schedule(fj.Schedule.wsd(30_000, 3e-4, warmup=2_000).rates)
    return fj.compare_schedules(curve_fit(), [cosine, given], curves=["cosine", None])


@result("curve", "N", "step", "final_step", "D", "loss", "lower", "upper", "sd")
def annealed_losses() -> fj.AnnealedLosses:
    return fj.anneal_curves(curve_fit(), points=2, tokens_per_step=5e5)


@result("family", "loss", "lower", "upper", "minus_cosine", "minus_constant_upper", "schedule")
def optimal_schedule() -> fj.OptimalSchedule:
    return fj.optimise_schedule(curve_fit(), 2_000, family=["cosine", "free"], knots=8)


def assert_same(found: Any, expected: Any, where: str) -> None:
    """Equal in every field and every digit."""
    if isinstance(expected, np.ndarray):
        assert found.dtype == expected.dtype, where
        np.testing.assert_array_equal(found, expected, err_msg=where)
    elif isinstance(expected, fj.Law):
        assert type(found) is type(expected), where
        leaves = zip(jax.tree.leaves(found), jax.tree.leaves(expected), strict=True)
        for one, other in leaves:
            assert_same(np.asarray(one), np.asarray(other), where)
    elif isinstance(expected, fj.Runs):
        assert found == expected, where
    elif hasattr(expected, "batches"):  # draws, which come back in memory
        assert_same(join(list(found.batches())), join(list(expected.batches())), where)
    elif dataclasses.is_dataclass(expected):
        assert type(found) is type(expected), where
        for field in dataclasses.fields(expected):
            name = field.name
            assert_same(getattr(found, name), getattr(expected, name), f"{where}.{name}")
    elif isinstance(expected, Mapping):
        assert list(found) == list(expected), where
        for key, value in expected.items():
            assert_same(found[key], value, f"{where}[{key!r}]")
    elif isinstance(expected, Sequence) and not isinstance(expected, str):
        assert len(found) == len(expected), where
        for i, (one, other) in enumerate(zip(found, expected, strict=True)):
            assert_same(one, other, f"{where}[{i}]")
    else:
        nans = isinstance(expected, float) and np.isnan(expected)
        assert np.isnan(found) if nans else found == expected, where


@pytest.fixture(params=MAKERS)
def made(request: pytest.FixtureRequest) -> tuple[Result, set[str]]:
    make, columns = MAKERS[request.param]
    return make(), columns


def test_json_there_and_back(made: tuple[Result, set[str]], tmp_path: Any) -> None:
    own, _ = made
    path = tmp_path / "result.json"
    text = own.to_json(path)
    assert path.read_text(encoding="utf-8") == text
    indented = json.dumps(json.loads(text), indent=4)
    for source in (text, path, indented):
        assert_same(type(own).from_json(source), own, type(own).__name__)
    other_order = json.dumps(json.loads(text), sort_keys=True)
    type(own).from_json(other_order)
    again = type(own).from_json(text)
    assert str(again) == str(own)
    assert again.to_json() == text


def test_pickled_for_another_process(made: tuple[Result, set[str]]) -> None:
    own, _ = made
    text = str(own)  # what is computed for it may be kept, but not pickled
    again = pickle.loads(pickle.dumps(own))
    assert_same(again, own, type(own).__name__)
    assert str(again) == text


def test_json_tells_what_to_dict_does(made: tuple[Result, set[str]]) -> None:
    own, _ = made
    content = json.loads(own.to_json(), parse_constant=lambda name: pytest.fail(name))
    expected = json.loads(json.dumps(own.to_dict()))
    assert {key: content[key] for key in expected} == expected
    assert content["format"].startswith("farseer_jax.")


def test_pandas_has_the_columns(made: tuple[Result, set[str]]) -> None:
    own, columns = made
    table = own.to_dataframe()
    assert isinstance(table, pd.DataFrame)
    assert columns <= set(table.columns)
    assert len(table) == len(own.table()) > 0


def test_a_notebook_shows_the_text(made: tuple[Result, set[str]]) -> None:
    own, _ = made
    shown = own._repr_html_()
    for part in own.text_parts():
        if isinstance(part, Table):
            heading, rows = part.cells()
            every = [cell.strip() for row in (heading, *rows) for cell in row]  # not what aligns
            cells = {html.escape(cell, quote=False) for cell in every}
        else:
            cells = {html.escape(line) for line in part.splitlines()}
        assert all(cell in shown for cell in cells)
        assert str(part) in str(own)


def test_labels_are_escaped() -> None:
    shown = several_fits()._repr_html_()
    assert "&lt;b&gt;" in shown
    assert "<b>" not in shown


def test_a_result_of_another_kind_is_refused() -> None:
    with pytest.raises(ValueError, match=r'expected a JSON object with "format": "farseer_jax.No'):
        fj.Noise.from_json(calibration().to_json())


def test_a_damaged_result_is_refused() -> None:
    content = json.loads(calibration().to_json())
    del content["fields"]["rate"]
    with pytest.raises(ValueError, match=r"the JSON text is damaged .*; write it again"):
        fj.Calibration.from_json(json_text(content))


class Halves(fj.Law):
    """A law of the user's own."""

    E: fj.Positive
    A: fj.Positive

    def loss(self, N: Any, D: Any) -> Any:
        return self.E + self.A / jnp.sqrt(N) + 0.0 * D


def test_a_result_of_a_law_of_ones_own_is_read_by_its_class() -> None:
    runs = fj.example_runs()
    method = fj.LeastSquares(num_starts=2)
    found = fj.fit_batch(Halves, runs, weights=np.ones((2, len(runs))), method=method)
    text = found.to_json()
    assert_same(fj.BatchFit.from_json(text, law=Halves), found, "refits")
    assert_same(fj.BatchFit.from_json(text, law=(fj.Kaplan, Halves)), found, "refits")
    with pytest.raises(ValueError, match="the JSON text holds a fit of the law 'Halves'"):
        fj.BatchFit.from_json(text)


def test_draws_on_disk_come_back_in_memory(tmp_path: Any) -> None:
    on_disk = fj.bootstrap(farseer_fit(), 100, seed=3, out=tmp_path / "draws.parquet")
    again: fj.Bootstrap = fj.Bootstrap.from_json(on_disk.to_json())
    draws: Draws = again.draws
    assert_same(join(list(draws.batches())), join(list(bootstrap().draws.batches())), "draws")


def test_what_was_read_answers_as_what_was_written() -> None:
    again = fj.FitComparison.from_json(fit_comparison().to_json())
    assert_same(again.line(compute=1e22), compared_points(), "line")
    chosen = fj.FormChoice.from_json(form_choice().to_json()).law
    np.testing.assert_array_equal(chosen(25.1e9, 5e11), form_choice().law(25.1e9, 5e11))


def test_functions_of_ones_own_are_refused() -> None:
    own = fj.Transform("root", jnp.sqrt, jnp.square)
    found = fj.choose_forms(fj.example_runs(), transforms=["log", own])
    with pytest.raises(
        TypeError, match="JSON cannot store the functions of the transformation 'ro"
    ):
        found.to_json()
