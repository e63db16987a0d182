"""Suggested runs: the variance they are chosen by, the search, flags, refusals and the shell."""

import json
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import farseer, refused
from weighted_mean import mean_fit

import farseer_jax
import farseer_jax as fj
from farseer_jax.decisions import exchange_search as _search
from farseer_jax.decisions.candidate_runs import NONE, Points, as_points, continued_grid, costs_of
from farseer_jax.decisions.exchange_search import (
    Choice,
    affordable_subsets,
    best_subset,
    exchange_steps,
    in_order,
)
from farseer_jax.decisions.planned_fits import build_ensemble
from farseer_jax.decisions.prediction_targets import Targets, as_targets
from farseer_jax.decisions.prediction_variance import Ensemble, Spread
from farseer_jax.decisions.suggest_runs import suggest_runs
from farseer_jax.decisions.target_errors import Errors, weighed
from farseer_jax.laws.quantities import allocation, mapped
from farseer_jax.methods.derivatives import NoDerivativeError

plan = import_module("farseer_jax.decisions.planned_fits")

NOISE = 5e-4
TARGET = (2e10, 2e11)
COMPUTE = 1e22  # a target like the other: both share one compilation
SIZES = 2e8 * 2.0 ** np.arange(5)
NEW = 6.4e9
# one layout for all tests: a new size, and a repeat of a run
LADDER = [(NEW, 1e9 * 2.0**k) for k in range(1, 6)]
CANDIDATES = [*LADDER, (SIZES[-1], 32e9)]
ENOUGH = 6 * sum(N * D for N, D in CANDIDATES)


@pytest.fixture(scope="module")
def fit() -> fj.Fit:
    N, D = (x.ravel() for x in np.meshgrid(SIZES, 1e9 * 2.0 ** np.arange(6), indexing="ij"))
    return fj.fit(fj.Farseer, fj.simulate(fj.example_law(), N, D, seed=1))


@pytest.fixture(scope="module")
def ensemble(fit: fj.Fit) -> Ensemble:
    wanted = as_targets(TARGET, COMPUTE)
    return build_ensemble(fit, NONE, as_points(CANDIDATES, "candidates"), wanted, NOISE)


class Told:
    """An ensemble whose variances fall with the number of runs, those of D/N only with the last."""

    def __init__(self, wanted: Targets) -> None:
        self.wanted = wanted

    def check(self) -> None: ...

    def spread(self, chosen: np.ndarray) -> Spread:
        many = 1.0 + chosen.sum(axis=1, keepdims=True)
        last = chosen[:, -1:] * 1.0
        idle = np.zeros(len(chosen), dtype=bool)
        noise, ratio = 4e-6 / many, 0.04 / (1.0 + 15.0 * last)
        of_points, of_budgets = (slice(len(x)) for x in (self.wanted.N, self.wanted.compute))
        length = np.ones_like(many)
        return Spread(noise[:, of_points], length[:, of_points], ratio[:, of_budgets], idle)


def suggest(fit: fj.Fit, budget: float = ENOUGH, **settings: Any) -> fj.Suggestions:
    given = {"compute": COMPUTE, "misfit": None, "noise": NOISE, **settings}
    return fj.suggest_runs(fit, TARGET, CANDIDATES, budget, **given)


# Variance


MOST = np.array([[True, True, True, True, False, True]])


def log_of_refits(ensemble: Ensemble, moves: np.ndarray) -> np.ndarray:
    """``ln`` loss and ``ln`` D/N of refits of exactly the runs of MOST, searches and all."""
    keep = np.flatnonzero(ensemble.weights(MOST)[0])
    N, D = (values[keep] for values in ensemble.points)
    losses = ensemble.losses[keep]
    # repeats apart, or they would be copies
    runs = fj.Runs(N, D, losses * (1 + 1e-12 * np.arange(len(keep))))
    refits = fj.fit_batch(fj.Farseer, runs, losses=losses * np.exp(moves))
    assert refits.usable.all()
    ratio = mapped(allocation, refits.law, np.array([COMPUTE]))[:, 2, 0]
    return np.log([refits.predict(*TARGET), ratio])


def test_variance_is_that_of_central_differences_of_refits(ensemble: Ensemble) -> None:
    num, step = int(ensemble.weights(MOST).sum()), 3e-6
    found = log_of_refits(ensemble, step * np.concatenate([np.eye(num), -np.eye(num)]))
    derivatives = (found[:, :num] - found[:, num:]) / (2 * step)
    expected = NOISE**2 * np.sum(derivatives**2, axis=1)
    spread = ensemble.spread(MOST)
    np.testing.assert_allclose([spread.noise[0, 0], spread.ratio[0, 0]], expected, rtol=1e-5)


def test_standard_errors_are_the_spread_of_fits_to_simulated_runs(ensemble: Ensemble) -> None:
    num, noise, num_worlds = int(ensemble.weights(MOST).sum()), 1e-4, 1000
    draws = noise * np.random.default_rng(0).normal(size=(num_worlds, num))
    spread = ensemble.spread(MOST)
    errors = noise / NOISE * np.sqrt([spread.noise[0, 0], spread.ratio[0, 0]])
    found = log_of_refits(ensemble, draws).std(axis=1)
    # a standard deviation of 1,000 draws is known to 2.2 %
    np.testing.assert_allclose(found, errors, rtol=0.07)


def test_a_size_counts_from_its_pairs_on(ensemble: Ensemble) -> None:
    chosen = np.zeros((3, 6), dtype=bool)
    chosen[1, 2:5] = chosen[2, 1:5] = True  # two pairs, and three
    nothing, two, three = ensemble.spread(chosen).length[:, 0]
    near, far = (np.log(TARGET[0] / N) for N in (NEW, SIZES[-1]))
    beyond_D = np.log(TARGET[1] / 32e9)
    expected = [*[np.hypot(far, beyond_D)] * 2, np.hypot(near, beyond_D)]
    np.testing.assert_allclose([nothing, two, three], expected)


def test_misfit_adds_its_square(ensemble: Ensemble) -> None:
    spread = ensemble.spread(np.ones((1, 6), dtype=bool))
    assert spread.total(0.01) == pytest.approx(spread.noise + (0.01 * spread.length) ** 2)


# Search


def fake(costs: np.ndarray, points: Points, budget: float, max_runs: int = 99) -> Choice:
    """Information adds up, but a size gives nothing below three runs."""
    worth = np.random.default_rng(0).uniform(0.5, 2.0, len(costs)) * np.sqrt(points.N)
    groups = points.N == np.unique(points.N)[:, None]

    def variance(rows: np.ndarray) -> np.ndarray:
        mine = rows[:, None] & groups
        live = mine.sum(axis=2) >= 3
        return 1 / (1 + ((mine * worth).sum(axis=2) * live).sum(axis=1))

    return Choice(costs, budget, max_runs, exchange_steps(points), groups, variance, 8)


@pytest.mark.parametrize("budget", [50.0, 90.0, 200.0])
@pytest.mark.parametrize("max_runs", [5, 99])
def test_greedy_steps_and_exchanges_come_close_to_the_best_of_all(
    budget: float, max_runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    N, D = (x.ravel() for x in np.meshgrid([1.0, 2.0, 4.0], [1.0, 2.0, 4.0, 8.0], indexing="ij"))
    choice = fake(6 * N * D, Points(N, D), budget, max_runs)
    best, exhaustive = best_subset(choice)
    assert exhaustive
    monkeypatch.setattr(_search, "affordable_subsets", lambda *args: None)
    found, exhaustive = best_subset(choice)
    assert not exhaustive
    assert choice.fits(found.chosen[None]).all()
    assert best.variance <= found.variance <= 1.05 * best.variance
    assert found.variance < 0.5  # single runs alone would never begin a size


def test_affordable_subsets_are_all_of_them() -> None:
    costs = np.array([3.0, 1.0, 2.0, 5.0])
    every = np.array([[bool(i >> k & 1) for k in range(4)] for i in range(16)])
    expected = every[(every @ costs <= 6) & (every.sum(axis=1) <= 2)]
    found = affordable_subsets(costs, 6.0, 2)
    assert found is not None
    assert not found[0].any()
    assert {*map(tuple, found)} == {*map(tuple, expected)}
    assert len(found) == len(expected)
    assert affordable_subsets(np.ones(13), 13.0, 13) is None
    assert affordable_subsets(np.ones(13), 2.0, 13) is not None


def test_moves_are_runs_and_ladders_of_one_size() -> None:
    moves = exchange_steps(Points(np.array([2.0, 1.0, 2.0, 2.0]), np.array([4.0, 1.0, 1.0, 2.0])))
    expected = [[0], [1], [2], [3], [2, 3], [0, 3], [0, 2, 3]]  # 2 → 3 → 0 is the ladder
    assert {tuple(np.flatnonzero(move)) for move in moves} == {*map(tuple, expected)}


def test_order_is_by_size_what_is_worth_most_first() -> None:
    points = Points(np.repeat([1.0, 2.0], 3), np.tile([1.0, 2.0, 4.0], 2))
    choice = fake(6 * points.N * points.D, points, 1e9)
    order = in_order(choice, np.ones(6, dtype=bool))
    assert sorted(order) == list(range(6))
    assert [*order[:3]] in ([0, 1, 2], [3, 4, 5])


# Suggestions


def test_suggestions_cost_no_more_than_the_budget_and_more_buys_no_less(fit: fj.Fit) -> None:
    cheapest = 6 * NEW * 2e9
    # all candidates stay affordable, and with them the layout
    found = [suggest(fit, ENOUGH, max_runs=n) for n in (1, 4, 6)]
    dear = max(6 * N * D for N, D in CANDIDATES)
    found += [suggest(fit, budget) for budget in (dear, dear + cheapest, ENOUGH)]
    for one in found:
        assert one.exhaustive
        assert one.spent <= one.budget
        assert one.spent == pytest.approx(float(np.sum(6 * one.N * one.D)))
        assert len(one) == len({*zip(one.N, one.D, strict=True)})
    ends = [[one.standard_error_now, *one.standard_error_after][-1] for one in found]
    assert ends[:3] == sorted(ends[:3], reverse=True)
    assert ends[3:] == sorted(ends[3:], reverse=True)
    assert ends[-1] < 0.5 * found[-1].standard_error_now


def test_what_suggestions_say_is_the_variance(fit: fj.Fit, ensemble: Ensemble) -> None:
    found = suggest(fit, misfit=0.002)
    steps = np.zeros((len(found) + 1, 6), dtype=bool)
    for row, point in enumerate(zip(found.N, found.D, strict=True), 1):
        steps[row:, CANDIDATES.index(point)] = True
    spread = ensemble.spread(steps)
    errors = np.sqrt(spread.total(0.002))[:, 0]
    np.testing.assert_allclose(found.standard_error_now, errors[0], rtol=1e-9)
    np.testing.assert_allclose(found.standard_error_after, errors[1:], rtol=1e-9)
    np.testing.assert_allclose(found.noise_error_after**2, spread.noise[-1, 0], rtol=1e-9)
    (target,) = found.targets
    assert target.predicted == fit.predict(*TARGET)
    half = np.log(np.divide(target.after, target.predicted))
    np.testing.assert_allclose(half, [-1.6449 * errors[-1], 1.6449 * errors[-1]], rtol=1e-3)
    ratios = np.sqrt(spread.ratio[:, 0])  # no misfit in it
    np.testing.assert_allclose(found.ratio_error_now, ratios[0], rtol=1e-9)
    np.testing.assert_allclose(found.ratio_error_after, ratios[1:], rtol=1e-9)
    (split,) = found.splits
    assert split.tokens_per_parameter == pytest.approx(float(split.D / split.N))
    assert 6 * split.N * split.D == pytest.approx(COMPUTE)
    half = np.log(np.divide(split.after, split.tokens_per_parameter))
    np.testing.assert_allclose(half, [-1.6449 * ratios[-1], 1.6449 * ratios[-1]], rtol=1e-3)


def test_what_is_made_small_is_what_is_asked_for(
    fit: fj.Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan, "build_ensemble", lambda *args: Told(args[3]))
    settings: dict[str, Any] = {"max_runs": 1, "misfit": 0.002, "noise": NOISE}
    given = (CANDIDATES, ENOUGH)
    losses = fj.suggest_runs(fit, TARGET, *given, **settings)
    assert losses.N.tolist() == [NEW]  # of equals the cheapest
    assert np.isnan([losses.ratio_error_now, *losses.ratio_error_after]).all()
    assert losses.standard_error_now == pytest.approx(np.sqrt(4e-6 + 0.002**2))
    assert (losses.splits, losses.to_dict()["ratio_error_now"]) == ((), None)
    for targets in (None, TARGET):
        found = fj.suggest_runs(fit, targets, *given, compute=COMPUTE, **settings)
        assert found.N.tolist() == [SIZES[-1]]
        assert (found.ratio_error_now, *found.ratio_error_after) == pytest.approx((0.2, 0.05))
        assert np.isnan(found.standard_error_now) == (targets is None)
    split = fj.suggest_runs(fit, None, *given, compute=COMPUTE, **settings)
    assert "standard error of D/N after" in str(split)
    assert "ln loss" not in str(split)
    assert list(split.to_dataframe())[4:] == ["ratio_error_after"]
    assert split.to_dict()["standard_error_now"] is None


def test_losses_and_ratios_weigh_the_same_in_units_of_now() -> None:
    now = Errors(*np.array([[0.01], [0.005], [0.2]]))
    after = Errors(*np.array([[0.005], [0.0], [0.15]]))
    assert weighed(after, now) == pytest.approx([0.5 * (0.5**2 + 0.75**2)])
    nothing = np.array([np.nan])
    assert weighed(after, now._replace(ratio=nothing)) == pytest.approx([0.005**2])
    assert weighed(after, now._replace(loss=nothing)) == pytest.approx([0.15**2])


def test_runs_in_progress_count_as_runs(fit: fj.Fit, ensemble: Ensemble) -> None:
    # the same union of runs, one part of it paid for
    found = fj.suggest_runs(
        fit,
        TARGET,
        CANDIDATES[4:],
        ENOUGH,
        compute=COMPUTE,
        in_progress=LADDER[:4],
        misfit=None,
        noise=NOISE,
    )
    paid = np.arange(6)[None] < 4
    assert found.standard_error_now**2 == pytest.approx(ensemble.spread(paid).noise[0, 0])


def test_costs_are_the_callers(fit: fj.Fit) -> None:
    found = suggest(fit, 3.0, cost=lambda N, D: np.ones_like(N))
    assert len(found) <= 3
    assert found.cost.tolist() == [1.0] * len(found)
    assert found.to_dict()["suggestions"][0]["flops"] == 6 * found.N[0] * found.D[0]


def test_suggestions_print_and_go_to_tables(fit: fj.Fit) -> None:
    found = suggest(fit)
    text = str(found)
    assert "standard error after" in text
    assert "20 B, 200 B" in text
    assert "far outside the runs by 2.59 e-folds" in text
    assert (
        "noise of the runs (0.050%); the law is assumed to be exact\nof ln D/N: the noise alone"
        in text
    )
    assert "tokens per parameter" in text
    assert "1e+22 FLOPs                  51.18" in text
    columns = ["N", "D", "flops", "cost", "standard_error_after", "ratio_error_after"]
    assert list(found.to_dataframe()) == columns
    again = fj.Suggestions.from_json(found.to_json())
    for name, value in vars(found).items():
        if isinstance(value, tuple):
            assert str(getattr(again, name)) == str(value)
        else:
            np.testing.assert_array_equal(getattr(again, name), value)
    assert str(again) == str(found)
    assert "to train next" in found._repr_html_()
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["standard_error_now"] == found.standard_error_now
    assert [row["N"] for row in content["suggestions"]] == found.N.tolist()
    assert str(replace(found, notes=("odd",))).endswith("\nnote: odd")


@pytest.mark.parametrize(
    ("point", "words"),
    [
        ((1e9, 1e10), "inside the runs"),
        ((4.8e9, 1e10), "outside the runs by 0.41 e-folds"),
        ((1e9, 1e9 / np.e**3), "far outside the runs by 3.00 e-folds"),
    ],
)
def test_targets_are_flagged(fit: fj.Fit, point: tuple[float, float], words: str) -> None:
    settings: dict[str, Any] = {"compute": COMPUTE, "misfit": None, "noise": NOISE}
    found = fj.suggest_runs(fit, point, CANDIDATES, ENOUGH, **settings)
    assert found.targets[0].flag == words


@pytest.mark.parametrize(
    ("compute", "words"),
    [
        (1e20, "inside the runs"),
        (1e22, "far outside the runs by 2.29 e-folds"),
        (1e24, "far outside the runs by 5.69 e-folds"),
    ],
)
def test_splits_are_flagged(fit: fj.Fit, compute: float, words: str) -> None:
    assert suggest(fit, compute=compute).splits[0].flag == words


# Candidates and costs


def test_points_come_in_many_forms() -> None:
    rows = [(1e9, 2e10), (2e9, 4e10)]
    N, D = np.array(rows).T
    for given in (
        rows, np.array(rows), (N, D), {"params": N, "tokens": D}, fj.Runs(N, D, [3.0, 2.9])
    ):  # fmt: skip
        found = as_points(given, "candidates")
        assert (found.N.tolist(), found.D.tolist()) == (N.tolist(), D.tolist())
    assert as_points(rows[0], "targets").N.tolist() == [1e9]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([], "candidates: expected at least one point"),
        ([1e9, 2e9, 3e9], "expected points as rows"),
        ("runs.csv", "expected points as rows"),
        ([(1e9, -1.0)], "candidates: column 'D': row 0 is not positive"),
        ((np.ones(2), np.ones(3)), "2 N and 3 D"),
        ({"N": [1e9]}, "no column was recognised as D"),
    ],
)
def test_what_is_no_point_is_refused(given: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        as_points(given, "candidates")


@pytest.mark.parametrize("cost", [0.0, [1.0, -1.0], lambda N, D: N * np.nan])
def test_costs_that_are_none_are_refused(cost: Any) -> None:
    points = Points(np.ones(2), np.ones(2))
    with pytest.raises(ValueError, match="not positive and finite"):
        costs_of(cost, points, is_grid=False)
    with pytest.raises(ValueError, match="one number for each of the 2"):
        costs_of([1.0, 2.0, 3.0], points, is_grid=False)
    with pytest.raises(ValueError, match="an array needs candidates="):
        costs_of([1.0, 2.0], points, is_grid=True)


def test_the_grid_is_continued_upwards_as_far_as_the_budget_pays(fit: fj.Fit) -> None:
    target = as_points(TARGET, "targets")
    found = continued_grid(fit.runs, target, 1e21)
    assert (6 * found.N * found.D <= 1e21 * (1 + 1e-9)).all()
    new = np.unique(found.N[found.N > SIZES[-1]])
    np.testing.assert_allclose(new, SIZES[-1] * 2.0 ** np.arange(1, len(new) + 1))
    assert new[-1] < TARGET[0] * 2
    mine = found.D[found.N == SIZES[0]]
    np.testing.assert_allclose(mine, [64e9, 128e9, 256e9])
    beyond = found.D[found.N == new[0]]
    np.testing.assert_allclose(beyond[:2], [1e9, 2e9])
    assert len(continued_grid(fit.runs, target, 1.0).N) == 0


# Refusals


def test_refusals_of_what_cannot_be_paid(fit: fj.Fit) -> None:
    with pytest.raises(
        ValueError, match=r"all 6 cost more than the budget of 1e\+18; the cheapest"
    ):
        suggest(fit, 1e18)
    with pytest.raises(ValueError, match="pays for no run that would continue"):
        fj.suggest_runs(fit, TARGET, None, 1e10)
    with pytest.raises(ValueError, match="budget: expected a positive number"):
        suggest(fit, 0.0)
    with pytest.raises(ValueError, match="max_runs: expected at least 1"):
        suggest(fit, max_runs=0)
    with pytest.raises(ValueError, match="noise: expected a positive number"):
        suggest(fit, noise=0.0)
    with pytest.raises(ValueError, match="misfit: expected"):
        suggest(fit, misfit="none")
    with pytest.raises(ValueError, match="would split that pair"):
        fj.suggest_runs(fit, TARGET, [(SIZES[0], 1.5e9)], ENOUGH)


def test_targets_that_are_none_are_refused(fit: fj.Fit) -> None:
    with pytest.raises(ValueError, match=r"targets: expected points .* got neither"):
        fj.suggest_runs(fit, None, CANDIDATES, ENOUGH)
    with pytest.raises(ValueError, match="compute: values must be positive and finite"):
        suggest(fit, compute=[1e22, -1.0])
    law = replace(fit.law, B=replace(fit.law.B, slope=np.asarray(-5.0)))
    with pytest.raises(ValueError, match=r"at 1e\+22 FLOPs the law has no interior optimum"):
        suggest(replace(fit, law=law))


def test_candidates_left_out_are_counted(fit: fj.Fit) -> None:
    more = [*CANDIDATES, (NEW, 1e13), (SIZES[0], 1.5e9)]
    settings: dict[str, Any] = {"compute": COMPUTE, "misfit": None, "noise": NOISE}
    found = fj.suggest_runs(fit, TARGET, more, ENOUGH, **settings)
    assert found.notes[0] == "1 candidate costs more than the budget and was left out"
    assert found.notes[1].startswith("1 of the candidates lie")
    assert found.N.tolist() == suggest(fit).N.tolist()


def test_fits_without_derivatives_are_refused(fit: fj.Fit) -> None:
    on_grid = replace(fit, method=fj.Piecewise(search=fj.Grid(-0.5, 0.5, 100)))
    with pytest.raises(NoDerivativeError, match="grid search"):
        suggest(on_grid)
    with pytest.raises(NoDerivativeError, match="has no derivatives"):
        suggest(mean_fit())


def test_an_exponent_at_its_edge_is_refused(fit: fj.Fit) -> None:
    curve = replace(fit.law.U, exponent=np.asarray(0.5))
    with pytest.raises(NoDerivativeError, match="γ ended at a bound"):
        suggest(replace(fit, law=replace(fit.law, U=curve)))


# The shell


def test_the_shell_hands_over_and_writes(
    fit: fj.Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(farseer_jax, "fit", lambda *args: fit)
    monkeypatch.chdir(tmp_path)
    rows = "\n".join(f"{N},{D}" for N, D in CANDIDATES)
    Path("can.csv").write_text(f"N,tokens\n{rows}\n")
    options = [
        "--target",
        "2e10,2e11",
        "--split",
        COMPUTE,
        "--budget",
        ENOUGH,
        "--candidates",
        "can.csv",
    ]
    options += ["--max-runs", 5, "--misfit", 0.002, "--noise", NOISE, "--json", "suggest.json"]
    result = farseer("suggest", "--example", *options)
    expected = suggest(fit, misfit=0.002, max_runs=5)
    warnings = "".join(f"\nwarning: {sentence}" for sentence in fit.warnings)
    assert (result.exit_code, result.stdout) == (0, f"{expected}{warnings}\n")
    content = json.loads(Path("suggest.json").read_text())
    assert content == {**expected.to_dict(), "warnings": list(fit.warnings)}
    assert {"N", "D", "flops", "standard_error_after"} <= set(content["suggestions"][0])


def test_options_reach_the_library(fit: fj.Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Any] = []

    def refuse(*args: Any, **kwargs: Any) -> None:
        seen.append((args, kwargs))
        raise KeyboardInterrupt

    monkeypatch.setattr(farseer_jax, "fit", lambda *args: fit)
    monkeypatch.setattr(farseer_jax, "forecast", lambda runs, usual: (len(runs), usual))
    monkeypatch.setattr(farseer_jax, "suggest_runs", refuse)
    command = ("suggest", "--example", "--budget", 1e20)
    assert farseer(*command, "--target", "2e10,2e11").exit_code
    assert farseer(*command, "--split", "1e22", "--level", "0.8", "--max-runs", "3").exit_code
    # with any option of a fit, the fit
    assert farseer(*command, "--split", "1e22", "--noise", NOISE).exit_code
    assert farseer(*command, "--split", "1e22", "--rounds", "3").exit_code
    settings = {"in_progress": None, "misfit": "hold-outs", "noise": None}
    asked = (337, False)  # the example's runs, without the usual laws
    split = {"compute": (1e22,), **settings}
    assert seen == [
        (
            (asked, [TARGET], None, 1e20),
            {"compute": None, "level": 0.9, "max_runs": None, **settings},
        ),
        ((asked, None, None, 1e20), {**split, "level": 0.8, "max_runs": 3}),
        ((fit, None, None, 1e20), {**split, "level": 0.9, "max_runs": None, "noise": NOISE}),
        ((fit, None, None, 1e20), {**split, "level": 0.9, "max_runs": None}),
    ]


def test_refusals_of_the_shell() -> None:
    refused(farseer("suggest", "--example", "--budget", 1e20), "'--target' or '--split'")
    refused(farseer("suggest", "--example", "--target", "1e9,1e10"), "Missing option '--budget'")
    refused(
        farseer("suggest", "--example", "--target", "1e9", "--budget", 1), "expected a point N,D"
    )


def test_suggest_runs_is_public() -> None:
    assert fj.suggest_runs is suggest_runs
