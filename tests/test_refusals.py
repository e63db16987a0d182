"""What analyses say of objects of another kind: the argument, what was given, what to give."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
from weighted_mean import mean_fit

import farseer_jax as fj
from farseer_jax import plots

RUNS = "expected Runs, such as `read_runs(path)` or `Runs.from_dataframe(table)`, got"
A_FIT = "expected a Fit, such as `fit(Farseer, runs)`, got"
KNOWN = "choose from 'identity', 'log', 'power', or make one by Transform("

fit = mean_fit()
runs: Any = fit.runs
law: Any = fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28)
table = {"N": [1.0]}

CALLS: dict[str, tuple[Callable[[], object], str]] = {
    "choose_forms": (lambda: fj.choose_forms(fit), f"runs: {RUNS} a Fit: give its .runs"),
    "its method": (
        lambda: fj.choose_forms(runs, method=fj.LeastSquares()),
        "method: expected a Piecewise, which finds A_N, B_N and G(N), got a LeastSquares",
    ),
    "its transforms": (
        lambda: fj.choose_forms(runs, transforms=[len]),
        f"transforms: expected transformations, got a builtin_function_or_method; {KNOWN}",
    ),
    "analyse_differences": (
        lambda: fj.analyse_differences(fit),
        f"runs: {RUNS} a Fit: give its .runs",
    ),
    "diagnose_residuals": (lambda: fj.diagnose_residuals(law), f"fit: {A_FIT} a Chinchilla"),
    "compare_choices": (lambda: fj.compare_choices(runs, 1e9, 1e10), f"fit: {A_FIT} Runs"),
    "compare_counts": (
        lambda: fj.compare_counts(table, held_out=1e9),
        f"runs: {RUNS} a dict",
    ),
    "compare_runs": (
        lambda: fj.compare_runs(runs, "b.csv"),
        "runs_b: expected Runs or a table, got the path 'b.csv'",
    ),
    "compare_fits": (lambda: fj.compare_fits(law, runs), "b: expected a Fit, a law such as"),
    "compare_methods": (
        lambda: fj.compare_methods(runs, fit, {}),
        f"held_out: {RUNS} a Fit: give its .runs",
    ),
    "its candidates": (
        lambda: fj.compare_methods(runs, runs, [fj.Farseer]),
        "candidates: expected a mapping of names to pairs of a law and a method, such as",
    ),
    "one candidate": (
        lambda: fj.compare_methods(runs, runs, {"mine": fj.Farseer}),
        "candidates: expected a pair of a law's class and a method for 'mine', such as",
    ),
    "extrapolate": (
        lambda: fj.extrapolate(fit),
        "runs: expected Runs or a table, got a Fit: give its .runs",
    ),
    "its targets": (
        lambda: fj.extrapolate(runs, targets=[(1e9, 1e10, 2.0)]),
        "targets: expected Runs, or a pandas, polars or pyarrow table in",
    ),
    "check_shape": (
        lambda: fj.check_shape(runs, (1e9, 1e10), (1e9, 1e10)),
        "law: expected a law or a fit, such as `fit(Farseer, runs)`, got Runs",
    ),
    "a figure of another result": (
        lambda: plots.plot_forecast(fit),
        "plot_forecast draws a Forecast, got a Fit; plot_fit draws it, or make a Forecast with `fo",
    ),
    "by its name": (
        lambda: plots.plot_line(line=fit),
        "plot_line draws a ComparedPoints, got a Fit; plot_fit draws it, or make a ComparedPo",
    ),
    "one of several": (
        lambda: plots.plot_allocation([fit]),
        "plot_allocation draws an Allocation, got a Fit; plot_fit draws it, or make an Alloca",
    ),
    "one of a mapping": (
        lambda: plots.plot_starts({"own": runs}),
        "plot_starts draws a StartReport or a Fit, got Runs: make one with `fit(Farseer, runs, ",
    ),
    "of two kinds": (
        lambda: plots.plot_comparison(runs),
        "plot_comparison draws a FitComparison or a RunComparison, got Runs: make one with `comp",
    ),
    "a part": (
        lambda: plots.plot_fit(SimpleNamespace(fit=fit)),
        "plot_fit draws a Fit or Fits, got a SimpleNamespace: give its .fit",
    ),
}


@pytest.mark.parametrize("call", CALLS)
def test_a_refusal_names_the_argument_and_what_to_give(call: str) -> None:
    make, sentence = CALLS[call]
    with pytest.raises(TypeError) as caught:
        make()
    assert str(caught.value).startswith(sentence)


def test_transformations_go_by_their_names() -> None:
    with pytest.raises(
        ValueError, match=r"transforms: .* got 'exp'; .* 'identity', 'log', 'power'"
    ):
        fj.choose_forms(runs, transforms=["log", "exp"])
    with pytest.raises(ValueError, match="the name 'log' is given twice"):
        fj.choose_forms(runs, transforms=["log", fj.Transform.usual()[1]])
