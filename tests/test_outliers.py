"""Runs that pull: found one by one and together, and nowhere in clean tables."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import farseer

import farseer_jax as fj
from farseer_jax.fitting.outliers import _limit, find_outliers
from farseer_jax.results.numbers import quantity_text

LAW = fj.Chinchilla(E=1.7, A=400.0, B=410.0, alpha=0.34, beta=0.28)
SIZES, TOKENS = np.geomspace(1e8, 3e9, 5), np.geomspace(2e9, 2e11, 6)
N, D = (x.ravel() for x in np.meshgrid(SIZES, TOKENS, indexing="ij"))
CORNERS, EDGES, CENTRE = (0, 5, 24, 29), (2, 12, 17, 26), (8, 14, 15, 21)


def spoiled(row: int, factor: float, seed: int = 1, **extra: Any) -> fj.Runs:
    """A grid of 5 sizes and 6 D at 0.1 % noise, with one loss too high."""
    loss = fj.simulate(LAW, N, D, noise=1e-3, seed=seed).loss.copy()
    loss[row] *= factor
    return fj.Runs(N, D, loss, extra)


def one_run_per_size(seed: int, num: int = 30) -> fj.Runs:
    generator = np.random.default_rng(7)
    sizes = np.geomspace(1e8, 3e9, num)
    tokens = np.exp(generator.uniform(np.log(2e9), np.log(2e11), num))
    return fj.simulate(LAW, sizes, tokens, noise=1e-3, seed=seed)


# A run among a grid


@pytest.mark.parametrize("factor", [1.1, 1.5, 4.0])
@pytest.mark.parametrize("row", [*CORNERS, *EDGES, *CENTRE])
def test_a_bad_run_is_found_wherever_it_is(row: int, factor: float) -> None:
    found = find_outliers(fj.Chinchilla, spoiled(row, factor))
    assert found.rows.tolist() == [row]
    assert -found.residual[row] == pytest.approx(np.log(factor), abs=0.01)


@pytest.mark.parametrize("objective", ["squared", "huber"])
@pytest.mark.parametrize("row", [0, 14, 29])
def test_it_is_found_from_any_fit(row: int, objective: str) -> None:
    fit = fj.fit(fj.Chinchilla, spoiled(row, 1.1), fj.LeastSquares(objective))
    assert fj.diagnose_residuals(fit).outliers.tolist() == [row]
    named = [text for text in fit.warnings if f"row {row} (" in text]
    assert len(named) == (objective == "squared")  # a robust fit is hardly pulled


def test_the_warning_names_the_run_its_effect_and_the_remedy() -> None:
    labels = np.array([f"run-{i}" for i in range(len(N))], dtype=object)
    runs = spoiled(14, 1.1, run_id=labels)
    fit = fj.fit(fj.Chinchilla, runs)
    first = fit.warnings[0]
    assert "of run_id 'run-14' (N = 548 M, D = 12.6 B) is 9.9% above" in first
    without = fj.fit(fj.Chinchilla, runs.select(drop="run-14"))
    after, before = (float(own.predict(N[29], D[29])) for own in (without, fit))
    assert f"is {after:.5f} instead of {before:.5f}" in first
    assert 'Use objective="huber", or leave it out, as in select(drop="run-14").' in first


def test_a_second_bad_run_does_not_hide_the_first() -> None:
    runs = spoiled(0, 1.1)
    loss = runs.loss * np.where(np.isin(np.arange(len(N)), (7, 21)), 1.1, 1.0)
    found = find_outliers(fj.Chinchilla, fj.Runs(N, D, loss))
    assert sorted(found.rows.tolist()) == [0, 7, 21]


def test_the_estimated_noise_is_not_inflated() -> None:
    clean = fj.estimate_noise(spoiled(0, 1.0)).pooled
    for row in (*CORNERS, *EDGES, *CENTRE):
        for factor in (1.1, 4.0):
            assert fj.estimate_noise(spoiled(row, factor)).pooled < 1.2 * clean


# A run that diverged


def test_a_diverged_run_is_blamed_where_a_method_refuses() -> None:
    grid = fj.simulate(LAW, *fj.paper_grid(), noise=1e-3, seed=0).select(max_N=1e9)
    loss = grid.loss.copy()
    loss[40] = 11.02
    runs = fj.Runs(grid.N, grid.D, loss)
    place = f"N = {quantity_text(runs.N[40])}"
    fit = fj.fit(fj.Chinchilla, runs)
    assert "the loss 11.02000 of row 40" in fit.warnings[0]
    assert place in fit.warnings[0]
    small = spoiled(14, 4.0)
    with pytest.raises(ValueError, match=r"the loss 10\.9\d* of row 14 .*leave it out \(drop=\)"):
        fj.fit(fj.Chinchilla, small, fj.Piecewise())


# Real runs


def test_epochs_five_outliers(shared_data: Path) -> None:
    runs = fj.read_runs(shared_data / "chinchilla_epoch.csv")
    marked = np.flatnonzero(np.asarray(runs.extra["besiroglu_outlier"]) == 1)
    fit = fj.fit(fj.Chinchilla, runs)
    found = fj.diagnose_residuals(fit).outliers
    assert len(marked) == 5
    assert set(marked) <= set(found.tolist())
    assert len(found) <= 7
    assert "run_id 'chinchilla_211'" in fit.warnings[0]
    assert 'Use objective="huber"' in fit.warnings[0]


@pytest.mark.parametrize("law", [fj.Farseer, fj.Chinchilla, fj.Coupled])
def test_the_papers_grid_has_two(law: type[fj.Law], shared_data: Path) -> None:
    runs = fj.read_runs(shared_data / "farseer_404.csv")
    rows = find_outliers(law, runs).rows
    assert sorted(runs.N[rows].tolist()) == [167299200.0, 201228288.0]
    assert runs.D[rows].max() < 2.1e9


# Nothing where nothing is


@pytest.mark.parametrize("make", [lambda seed: spoiled(0, 1.0, seed), one_run_per_size])
def test_clean_tables_have_none(make: Any) -> None:
    """Fewer than one table in twenty; 100 tables."""
    alarms = sum(len(find_outliers(fj.Chinchilla, make(seed)).rows) > 0 for seed in range(50))
    assert alarms <= 2


def test_one_run_per_size_shows_a_bad_run() -> None:
    runs = one_run_per_size(0)
    for row in (0, 11, 29):
        loss = runs.loss * np.where(np.arange(len(runs)) == row, 1.1, 1.0)
        assert find_outliers(fj.Chinchilla, fj.Runs(runs.N, runs.D, loss)).rows[0] == row


def test_few_runs_or_laws_without_N_are_no_error() -> None:
    few = find_outliers(fj.Chinchilla, spoiled(3, 4.0).select(max_N=2e8))
    assert few.rows.tolist() == []
    x = np.linspace(1.0, 3.0, 12)
    y = 2.0 + 3.0 * x
    y[5] = 40.0
    table = {"x": x, "loss": y}
    fit = fj.fit("a + b*x", table)
    assert fit.outliers.rows.tolist() == [5]
    assert "x = " in fit.warnings[0]


# Leaving runs out


def test_runs_are_dropped_by_label_or_row() -> None:
    labels = np.array([f"r{i}" for i in range(len(N))], dtype=object)
    runs = spoiled(14, 4.0, run_id=labels)
    assert len(runs.select(drop=["r14", 3])) == len(N) - 2
    with pytest.raises(ValueError, match="there is no run 'r99' in the column 'run_id'"):
        runs.select(drop="r99")
    with pytest.raises(ValueError, match="there is no run '30' in the rows 0 to 29"):
        spoiled(14, 4.0).select(drop=30)


def test_the_shell_drops_runs_and_names_them(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    labels = np.array([f"r{i}" for i in range(len(N))], dtype=object)
    spoiled(14, 1.1, run_id=labels).to_dataframe().to_csv(path, index=False)
    pulled = farseer("fit", path, "--law", "chinchilla")
    assert "or leave it out, as in --drop r14" in pulled.stdout
    assert "--objective huber" in pulled.stdout
    target = tmp_path / "fit.json"
    left = farseer("fit", path, "--law", "chinchilla", "--drop", "r14", "--json", target)
    assert left.stdout.startswith("left out: run_id 'r14'\n")
    assert json.loads(target.read_text())["dropped"] == ["run_id 'r14'"]
    assert len(fj.Fit.from_json(target).runs) == len(N) - 1
    assert "pulls the fit" not in left.stdout


def test_rows_keep_their_numbers_in_the_shell(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    both = [spoiled(14, 1.1), spoiled(7, 1.1)]
    table = [own.to_dataframe().assign(recipe=name) for own, name in zip(both, "ab", strict=True)]
    pd.concat(table).to_csv(path, index=False)
    asked = "fit", path, "--law", "chinchilla", "--by", "recipe"
    found = farseer(*asked).stdout
    assert "2 of 2 fits, such as recipe=a" in found
    assert "as in --drop 14." in found
    found = farseer(*asked, "--drop", "14").stdout
    assert found.startswith("left out: row 14\n")
    assert f"as in --drop {7 + len(N)}." in found
    found = farseer(*asked, "--drop", f"14,{7 + len(N)}").stdout
    assert "as in --drop" not in found


def test_runs_that_follow_a_law_exactly_are_none() -> None:
    with np.errstate(all="raise"):
        assert _limit(np.zeros(200), 190.0) > 3.0
