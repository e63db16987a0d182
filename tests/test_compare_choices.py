"""Choices made otherwise: each row is the refit that it names, and says so when there is none."""

import dataclasses
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from weighted_mean import WeightedMean, fit_of, law_of, mean_fit

import farseer_jax as fj
from farseer_jax.decisions import embedding_parameters as _embeddings
from farseer_jax.diagnostics import alternative_choices as plan
from farseer_jax.methods.method import SolvedBatch
from farseer_jax.objectives import as_objective
from farseer_jax.plots import plot_choices

POINT = (25.1e9, 5e11)
BY_WEIGHTS = ("size", "smallest", "D")


@pytest.fixture(autouse=True)
def _no_window(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("MPLBACKEND", "agg")
    yield
    from matplotlib import pyplot as plt

    plt.close("all")


def settings(method: Any, law: Any = fj.Farseer) -> dict[tuple[str, str], Any]:
    return {(s.group, s.choice): s.method for s in plan.other_settings(law, method)}


@pytest.fixture(scope="module")
def all_runs(shared_data: Any) -> fj.Runs:
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2e8)


@pytest.fixture(scope="module")
def far(all_runs: fj.Runs) -> fj.Runs:
    return all_runs.select(min_N=6e9)


@pytest.fixture(scope="module")
def fit(all_runs: fj.Runs) -> fj.Fit:
    return fj.fit(fj.Farseer, all_runs.select(max_N=5.36e9))


@pytest.fixture(scope="module")
def found(fit: fj.Fit, far: fj.Runs) -> fj.ChoiceComparison:
    embeddings = far.extra["N_with_embedding"] - far.N
    groups = ["count", "size", "smallest", "criterion", "pairs"]
    return fj.compare_choices(fit, far.N, far.D, groups=groups, target_embeddings=embeddings)


@pytest.fixture(scope="module")
def means() -> fj.ChoiceComparison:
    return fj.compare_choices(mean_fit(), *POINT, groups=BY_WEIGHTS)


class TestRealRuns:
    def test_as_fitted_is_the_fit(
        self, fit: fj.Fit, far: fj.Runs, found: fj.ChoiceComparison
    ) -> None:
        assert (found.reference.predicted == fit.predict(far.N, far.D)).all()
        assert (found.reference.change == 0).all()
        assert found.reference.mean_relative_error == fit.mean_relative_error

    def test_counting_embeddings_predicts_four_times_worse(
        self, far: fj.Runs, found: fj.ChoiceComparison
    ) -> None:
        (row,) = found["count"]
        assert row.note == ""  # the targets' own embeddings were given

        def error(row: fj.ChoiceResult) -> float:
            inputs = {"N": far.N, "D": far.D}
            return fj.Prediction(inputs, row.predicted, far.loss).mean_relative_error

        assert error(found.reference) == pytest.approx(5.28e-4, rel=0.02)
        assert error(row) == pytest.approx(2.39e-3, rel=0.02)

    def test_the_targets_embeddings_are_guessed_within_a_few_percent(
        self, fit: fj.Fit, far: fj.Runs, found: fj.ChoiceComparison
    ) -> None:
        column = "N_with_embedding"
        assert _embeddings.find_column(fit.runs) == column
        guess = _embeddings.recount(fit.runs, column, far.N, None)
        assert guess.N == pytest.approx(far.extra[column], rel=5e-3)
        assert "425 M, by a power law through the runs', N^0.33" in guess.note
        known = _embeddings.recount(fit.runs, column, fit.runs.N, None)
        np.testing.assert_allclose(known.N, fit.runs.extra[column], rtol=1e-14)
        assert known.note == ""

    def test_leaving_sizes_out_is_a_fit_without_them(
        self, fit: fj.Fit, far: fj.Runs, found: fj.ChoiceComparison
    ) -> None:
        runs, sizes = fit.runs, np.unique(fit.runs.N)
        assert len(found["size"]) == 20
        assert len(found["smallest"]) == 10
        for row, keep in (
            (found["size"][0], runs.N > sizes[0]),
            (found["size"][-1], runs.N < sizes[-1]),
            (found["smallest"][0], runs.N > sizes[0]),
        ):
            alone = fj.fit(fj.Farseer, runs.select(mask=keep))
            np.testing.assert_allclose(row.predicted, alone.predict(far.N, far.D), rtol=1e-9)
            assert row.mean_relative_error == pytest.approx(alone.mean_relative_error, rel=1e-9)
        assert found["size"][0].choice == "without 201 M"
        assert found["smallest"][-1].choice == "N from 1.13 B"

    def test_another_criterion_is_a_fit_with_it(
        self, fit: fj.Fit, far: fj.Runs, found: fj.ChoiceComparison
    ) -> None:
        relative, code = found["criterion"]
        for row, method in (
            (relative, fj.Piecewise(criterion="relative")),
            (code, fj.Piecewise.released_code()),
        ):
            alone = fj.fit(fj.Farseer, fit.runs, method)
            np.testing.assert_allclose(row.predicted, alone.predict(far.N, far.D), rtol=1e-9)
            change = alone.predict(far.N, far.D) / fit.predict(far.N, far.D) - 1
            np.testing.assert_allclose(row.change, change, atol=1e-12)

    def test_pairs_that_leave_out_no_size_change_nothing(self, found: fj.ChoiceComparison) -> None:
        assert [row.choice for row in found["pairs"]] == ["at least 2", "at least 5", "at least 8"]
        for row in found["pairs"]:
            assert (row.change == 0).all()
            assert "same sizes" in row.note


HUBER = as_objective("huber")


@dataclasses.dataclass(frozen=True)
class Location(WeightedMean):
    """A method with an objective, by which E alone differs; costs nothing."""

    objective: Any = HUBER

    def fit_block(self, design: Any, losses: np.ndarray, weights: np.ndarray) -> SolvedBatch:
        codes = np.full(len(losses), fj.Outcome.success.code)
        found = np.array([self.of(row) for row in losses])
        return SolvedBatch(law_of(found), codes, np.zeros(len(losses)))

    def of(self, losses: np.ndarray) -> float:
        own = self.objective
        at = {"link": 0.0, "relative": 0.25, "absolute": 0.5}[own.residual]
        return float(np.quantile(losses, at + (0.2 if np.isinf(own.delta) else own.delta)))


class TestMethodsOfAllAtOnce:
    """Rows of groups that only fits of all parameters at once have."""

    def test_objectives_and_residuals_are_fits_with_them(self) -> None:
        runs, law = mean_fit().runs, fj.Chinchilla
        fit = fit_of(law_of(Location().of(runs.loss)), runs, Location())
        found = fj.compare_choices(fit, *POINT, groups=["objective", "residual"])
        methods = settings(Location(), law)
        assert len(found["objective"]) == len(found["residual"]) == 2
        predicted = [found.reference.predicted[0]]
        at_target = predicted[0] - Location().of(runs.loss)
        for row in found.rows[1:]:
            predicted.append(methods[row.group, row.choice].of(runs.loss) + at_target)
            assert row.predicted[0] == pytest.approx(predicted[-1], rel=1e-12)
            assert row.change[0] == pytest.approx(predicted[-1] / predicted[0] - 1, abs=1e-12)
        assert len({round(value, 9) for value in predicted}) == 5

    def test_other_methods_are_fits_by_them(self) -> None:
        runs = fj.example_runs()
        fit = fit_of(law_of(0.4), runs, Location())
        found = fj.compare_choices(fit, *POINT, groups=["method"])
        assert [row.choice for row in found["method"]] == ["piecewise", "Approach 2 (IsoFLOP)"]
        for row, method in zip(found["method"], (fj.Piecewise(), fj.IsoFLOP()), strict=True):
            assert row.usable
            alone = fj.fit(fj.Chinchilla, runs, method)
            assert row.predicted[0] == pytest.approx(float(alone.predict(*POINT)), rel=1e-12)
            assert row.mean_relative_error == pytest.approx(alone.mean_relative_error)


class TestPlan:
    def test_of_the_piecewise_method(self) -> None:
        found = settings(fj.Piecewise())
        assert found[("criterion", "relative")] == fj.Piecewise(criterion="relative")
        assert found[("criterion", "the authors' released code")] == fj.Piecewise.released_code()
        rounds = [method.rounds for (group, _), method in found.items() if group == "rounds"]
        assert rounds == [1, 3, "joint"]
        assert found[("pairs", "at least 5")] == fj.Piecewise(min_pairs=5)
        assert found[("method", "least squares")] == fj.LeastSquares()
        assert ("criterion", "squared") not in found  # the fit's own

    def test_of_the_piecewise_method_for_chinchilla(self) -> None:
        groups = {group for group, _ in settings(fj.Piecewise(), fj.Chinchilla)}
        assert groups == {"criterion", "pairs", "method"}  # one search has no rounds

    @pytest.mark.parametrize(
        "method",
        [
            fj.LeastSquares("huber", num_starts=7),
            fj.Restarts(objective="huber", num_starts=7),
            fj.VariableProjection("huber", num_candidates=7),
        ],
        ids=lambda method: method.name,
    )
    def test_of_methods_that_fit_all_at_once(self, method: Any) -> None:
        found = settings(method, fj.Chinchilla)
        changed = {
            ("objective", "squared"): fj.Objective(),
            ("objective", "absolute"): fj.Objective(delta=0.0),
            ("residual", "loss, relative"): fj.Objective("relative", 1e-3),
            ("residual", "loss itself"): fj.Objective("absolute", 1e-3),
        }
        for key, objective in changed.items():  # and all else is as it was
            assert found.pop(key) == dataclasses.replace(method, objective=objective)
        others = {("method", "piecewise"): fj.Piecewise()}
        others[("method", "Approach 2 (IsoFLOP)")] = fj.IsoFLOP()
        assert found == others

    def test_laws_that_one_kind_of_method_fits(self) -> None:
        assert {group for group, _ in settings(fj.LeastSquares(), fj.Kaplan)} == {
            "objective",
            "residual",
        }

    def test_every_second_D_is_a_grid_with_steps_of_the_square(self) -> None:
        runs = fj.example_runs()
        _, coarser = plan.values_of_D(runs, fj.Piecewise(ratio=(1.35, 1.45)))
        assert len(coarser) == 2
        kept = np.sum([setting.keep for setting in coarser], axis=0)
        assert (kept == 1).all()
        for setting in coarser:
            assert setting.method == fj.Piecewise(ratio=(1.35**2, 1.45**2))
            design = fj.build_design(runs.select(mask=setting.keep))
            assert float(design.ratio) == pytest.approx(2.0, rel=1e-3)
            # but those beside the cells that the paper's grid lacks
            assert design.pair_ok.sum() >= design.neighbours.sum() - 2
        assert plan.values_of_D(runs, fj.Piecewise(ratio=1.4))[1][0].method.ratio == 1.4**2  # type: ignore[attr-defined]

    def test_a_missing_D_keeps_its_place(self) -> None:
        D = 1e9 * 2.0 ** np.array([0, 1, 3, 4, 0, 1, 2, 3])
        runs = fj.Runs(np.repeat([1e8, 2e8], 4), D, np.full(8, 3.0))
        assert plan.places_along_D(runs).tolist() == [0, 1, 3, 4, 0, 1, 2, 3]


class TestRows:
    def test_each_is_the_mean_of_the_runs_it_keeps(self, means: fj.ChoiceComparison) -> None:
        fit = mean_fit()
        runs, constant = fit.runs, fit.law
        place = np.tile(np.arange(5), 4)
        kept = [runs.N != N for N in np.unique(runs.N)]
        kept += [runs.N > 3e8, runs.N > 6e8, place > 0, place > 1, place % 2 == 0, place % 2 == 1]
        at_target = float(fit.predict(*POINT)) - float(constant.E)  # type: ignore[attr-defined]
        expected = [runs.loss[keep].mean() + at_target for keep in kept]
        assert [row.predicted[0] for row in means.rows[1:]] == pytest.approx(expected, rel=1e-12)
        assert [row.group for row in means.rows] == [
            "",
            *["size"] * 4,
            *["smallest"] * 2,
            *["D"] * 4,
        ]

    def test_what_fails_is_a_row_that_says_why(self) -> None:
        fit = mean_fit(min_sizes=3)
        found = fj.compare_choices(fit, *POINT, groups=[*BY_WEIGHTS, "count"])
        (count,) = found["count"]
        assert "no extra column" in count.note
        first, second = found["smallest"]
        assert first.usable
        assert (second.usable, second.outcome) == (False, fj.Outcome.too_few_sizes)
        assert second.note == fj.Outcome.too_few_sizes.message
        assert np.isnan(second.predicted).all()
        assert f"N from 800 M: {second.note}" in str(found)
        content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
        failed = [c["choice"] for c in content["choices"] if c["change"] == [None]]
        assert failed == ["N with embeddings", "N from 800 M"]
        assert len(plot_choices(found).get_yticks()) > 0
        nothing = fj.compare_choices(fit, *POINT, groups=["count"])
        assert nothing.largest is nothing.reference
        assert "No other choice changes a prediction." in str(nothing)
        assert plot_choices(nothing).get_yticklabels()[0].get_text() == "N with embeddings"

    def test_one_size_left_out_of_one_leaves_none(self) -> None:
        found = fj.compare_choices(mean_fit(num_sizes=1), *POINT, groups=["size"])
        assert [row.note for row in found["size"]] == ["no run is left"]

    @pytest.mark.parametrize(
        ("column", "values", "why"),
        [
            ("other", [3e8] * 20, "no column 'N_total'"),
            ("N_total", ["a"] * 20, "positive number"),
            ("N_total", [0.0] * 20, "positive number"),
            ("N_total", [5e8] * 20, "above N for every size, or below"),
        ],
    )
    def test_a_column_that_is_no_other_count(
        self, column: str, values: list[Any], why: str
    ) -> None:
        fit = mean_fit()
        runs = fj.Runs(fit.runs.N, fit.runs.D, fit.runs.loss, {column: values})
        fit = dataclasses.replace(fit, runs=runs)
        found = fj.compare_choices(fit, *POINT, groups=["count"], embeddings="N_total")
        assert why in found["count"][0].note

    def test_a_count_without_embeddings_serves_as_well(self) -> None:
        N = np.array([2e8, 4e8, 8e8])
        runs = fj.Runs(N, [1e9] * 3, [3.0, 2.9, 2.8], {"bare": N - 0.1 * N})
        found = _embeddings.recount(runs, "bare", np.array([4e8, 16e8]), None)
        assert found.N == pytest.approx([3.6e8, 14.4e8], rel=1e-12)
        with pytest.raises(ValueError, match="no parameters without embeddings"):
            _embeddings.recount(runs, "bare", np.array([4e8]), np.array([5e8]))

    def test_what_it_prints(self) -> None:
        fit = mean_fit(num_sizes=14)
        found = fj.compare_choices(fit, *POINT, groups=["size", "D"])
        text = str(found)
        order = sorted(found["size"], key=lambda row: -row.largest_change)
        assert found.largest is max(found.rows, key=lambda row: row.largest_change)
        assert "one size left out (14)" in text
        for row in order[:3]:
            assert f"  {row.choice} " in text
        assert f"  {order[3].choice} " not in text
        rest = [row.change[0] for row in order[3:]]
        assert "the other 11   " in text
        assert f"{min(rest):+.3%} to {max(rest):+.3%}" in text
        assert text.count("◀") == 2
        (marked,) = (line for line in text.splitlines() if "◀" in line and "without" in line)
        assert order[0].choice in marked
        assert found.noise is not None
        assert f"run-to-run noise of these runs ({found.noise.pooled:.3%})" in text
        low, high = found.range
        times = (high[0] - low[0]) / found.noise.pooled
        assert f"span {low[0]:+.2%} to {high[0]:+.2%}, {times:.1f} times" in text
        quiet = dataclasses.replace(found.noise, pooled=1e-3 * found.noise.pooled)
        assert f", {1e3 * times:,.0f} times" in str(dataclasses.replace(found, noise=quiet))

    def test_several_points(self) -> None:
        fit = mean_fit()
        N = [1e9, 2e9, 4e9, 8e9, 16e9]
        found = fj.compare_choices(fit, N, 1e11, groups=["size"])
        table = found.to_dataframe()
        assert len(table) == 5 * 5
        assert table["N"].tolist() == N * 5
        assert table["D"].eq(1e11).all()
        assert table["predicted"].tolist() == [v for row in found.rows for v in row.predicted]
        assert table["choice"].iloc[5:10].eq("without 200 M").all()
        text = str(found)
        assert "8 B, 100 B" in text
        assert "16 B, 100 B  " not in text
        assert "… and 1 more point" in text

    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({"groups": ["sizes"]}, "unknown group 'sizes'; choose from count, size"),
            ({"N": [1e9, 2e9], "D": [1e9, 2e9, 3e9]}, "broadcast"),
            ({"N": []}, "at least one point"),
            ({"N": -1e9}, "positive and finite"),
            ({"target_embeddings": 0.0}, "target_embeddings: expected positive"),
        ],
    )
    def test_misuse(self, wrong: dict[str, Any], message: str) -> None:
        given = {"N": 1e9, "D": 1e9, "groups": ["size"], **wrong}
        with pytest.raises(ValueError, match=message):
            fj.compare_choices(mean_fit(), **given)

    def test_a_group_without_rows(self, means: fj.ChoiceComparison) -> None:
        with pytest.raises(KeyError, match="unknown group 'rounds'"):
            means["rounds"]

    def test_figure(self, means: fj.ChoiceComparison) -> None:
        from matplotlib import pyplot as plt

        axes = plot_choices(means)
        drawn = np.concatenate([np.asarray(c.get_offsets())[:, 0] for c in axes.collections[1:]])  # type: ignore[attr-defined]
        changes = [100 * row.change[0] for row in means.rows[1:]]
        assert np.isin(np.round(changes, 9), np.round(drawn, 9)).all()
        labels = [label.get_text() for label in axes.get_yticklabels()]
        assert {row.choice for row in means.rows[1:]} <= set(labels)
        _, own = plt.subplots()
        assert plot_choices(means, ax=own) is own
        with pytest.raises(IndexError, match="point: expected 0 to 0, got 3"):
            plot_choices(means, point=3)
