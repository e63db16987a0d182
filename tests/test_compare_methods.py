"""Laws and methods side by side: what the table says is what the fits say."""

import json
from typing import Any

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.plots import plot_methods, plot_starts

CANDIDATES: dict[str, Any] = {
    "Farseer, piecewise": (fj.Farseer, None),
    "Farseer, end to end": (fj.Farseer, fj.LeastSquares(num_starts=32)),
    "Farseer, raw form": (fj.RawFarseer, fj.LeastSquares(num_starts=32, max_steps=50)),
    "Chinchilla, Huber": (fj.Chinchilla, fj.LeastSquares("huber", num_starts=32)),
}


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")


@pytest.fixture(scope="module")
def parts() -> tuple[fj.Runs, fj.Runs]:
    runs = fj.example_runs()
    return runs.select(max_N=5.5e9), runs.select(min_N=6e9)


@pytest.fixture(scope="module")
def found(parts: tuple[fj.Runs, fj.Runs]) -> fj.MethodComparison:
    return fj.compare_methods(*parts, CANDIDATES)


def test_errors_are_those_of_the_fits(
    parts: tuple[fj.Runs, fj.Runs], found: fj.MethodComparison
) -> None:
    runs, held_out = parts
    for name, (law, method) in CANDIDATES.items():
        alone = fj.fit(law, runs, method)
        row = found[name]
        assert row.fitted_error == alone.mean_relative_error
        errors = np.abs(np.asarray(alone.predict(held_out.N, held_out.D)) / held_out.loss - 1)
        assert row.held_out_error == pytest.approx(errors.mean(), rel=1e-10)
        assert row.seconds > 0


def test_starts_are_judged_by_the_best_of_their_family(found: fj.MethodComparison) -> None:
    """The raw form's starts are measured against the optimum that the centred form found."""
    centred, raw = found["Farseer, end to end"], found["Farseer, raw form"]
    assert centred.fit is not None
    assert raw.fit is not None
    best = min(centred.fit.diagnostics.objective, raw.fit.diagnostics.objective)
    ended = raw.fit.diagnostics.start_objective
    assert raw.at_best == np.mean(ended <= best * (1 + 1e-6)) < 0.1
    assert raw.within_1_percent == np.mean(ended <= best * 1.01)
    assert centred.at_best is not None
    assert centred.at_best > 0.9
    assert found["Farseer, piecewise"].at_best is None
    own = found["Chinchilla, Huber"]  # another objective: not measured against squares
    assert own.fit is not None
    assert own.at_best == own.fit.diagnostics.fraction_at_best()


def test_what_it_prints_and_gives(found: fj.MethodComparison) -> None:
    assert found.best.name == "Farseer, piecewise"
    text = str(found)
    assert text.startswith("Mean relative error on 326 fitted and 11 held-out runs")
    for row in found.rows:
        assert f"{row.held_out_error:.3%}" in text
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert [row["name"] for row in content["rows"]] == list(CANDIDATES)
    table = found.to_dataframe()
    assert table["fitted_error"].tolist() == [row.fitted_error for row in found.rows]
    with pytest.raises(KeyError, match="unknown candidate 'Kaplan'"):
        found["Kaplan"]


def test_copies_count_once(parts: tuple[fj.Runs, fj.Runs]) -> None:
    runs, held_out = parts
    twice = fj.Runs(*(np.append(v, v[:3]) for v in (runs.N, runs.D, runs.loss)))
    found = fj.compare_methods(twice, held_out, {"piecewise": (fj.Farseer, None)})
    assert (found.num_runs, found.num_held_out) == (326, 11)


def test_a_method_that_refuses_is_a_row_that_says_why(parts: tuple[fj.Runs, fj.Runs]) -> None:
    _, one_size = parts
    candidates: Any = {"piecewise": (fj.Farseer, None), "Kaplan": (fj.Kaplan, fj.LeastSquares())}
    found = fj.compare_methods(one_size, one_size, candidates)
    refused = found["piecewise"]
    assert refused.fit is None
    assert "the runs have 1 size" in refused.note
    assert refused.note in str(found)
    assert found.best.name == "Kaplan"
    assert json.loads(json.dumps(found.to_dict()))["rows"][0]["held_out_error"] is None
    assert len(plot_methods(found).get_yticks()) == 1


def test_no_candidates(parts: tuple[fj.Runs, fj.Runs]) -> None:
    with pytest.raises(ValueError, match="at least one"):
        fj.compare_methods(*parts, {})


def test_figures(found: fj.MethodComparison) -> None:
    from matplotlib import pyplot as plt

    axes = plot_methods(found)
    assert [label.get_text() for label in axes.get_yticklabels()] == list(CANDIDATES)
    drawn = axes.collections[1].get_offsets()
    np.testing.assert_allclose(drawn[:, 0], [row.fitted_error for row in found.rows])
    _, own = plt.subplots()
    reports = {
        name: found[name].fit.diagnostics  # type: ignore[union-attr]
        for name in ("Farseer, end to end", "Farseer, raw form")
    }
    assert plot_starts(reports, ax=own) is own
    line = own.get_lines()[0]
    at_best = line.get_ydata()[np.searchsorted(line.get_xdata(), 1e-6, side="right") - 1]
    assert at_best == found["Farseer, end to end"].at_best
    plt.close("all")
