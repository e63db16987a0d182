"""Accuracies from tables: truth of made tables, draws, ranking, hold-outs, and bad input."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from commands import farseer
from scipy.special import ndtri

import farseer_jax as fj
from farseer_jax.accuracy.chain_draws import central_ends
from farseer_jax.accuracy.ranking import correlation_of, paired
from farseer_jax.accuracy.recipe import APPROACHES
from farseer_jax.accuracy.records import TaskRecord
from farseer_jax.accuracy.step import StepRuns, StepSpec, fit_steps, rolling_sizes
from farseer_jax.accuracy.step_law import step_prior
from farseer_jax.accuracy.task_columns import find_tasks, stem_of
from farseer_jax.cli.accuracy import APPROACHES as APPROACHES_OF_THE_SHELL
from farseer_jax.example import TASK_CHANCE

POINTS = [(7e9, 2e12), (1.3e10, 2e12)]
AT = tuple(np.array(own) for own in zip(*POINTS, strict=True))
CHANCE = 0.25
AVERAGE = "average of tasks"


# One loss to forecast, by one law: what takes the time of these tests.
QUICK: dict[str, Any] = {"law": "chinchilla"}
OF_EASY: dict[str, Any] = {"tasks": "easy_acc", "task_loss": "easy_bpb", **QUICK}


def made(**options: Any) -> dict[str, np.ndarray]:
    """The made table of one recipe; without a loss of all tasks, whose forecast takes its time."""
    own = fj.example_tasks(**options)
    return {name: x for name, x in own.items() if name not in ("recipe", "loss")}


@pytest.fixture(scope="module")
def table() -> fj.Columns:
    return fj.example_tasks(recipe="both")


@pytest.fixture(scope="module")
def found(table: fj.Columns) -> fj.AccuracyForecast:
    own = {name: x for name, x in table.items() if name != "loss"}
    tasks = "easy_acc,medium_acc,guess_acc"
    return fj.forecast_accuracy(own, POINTS, tasks=tasks, by="recipe", chance=TASK_CHANCE)


class TestTruth:
    def test_intervals_hold_the_truth_of_made_tables(self, found: fj.AccuracyForecast) -> None:
        inside, errors = [], []
        other = fj.forecast_accuracy(
            made(seed=3), POINTS, tasks="easy_acc,medium_acc", chance=CHANCE
        ).chains[0]
        for recipe, chain in (
            ("base", found.of("base")),
            ("filtered", found.of("filtered")),
            ("base", other),
        ):
            truth = fj.example_tasks(*AT, recipe=recipe, noise=0.0)
            frame = chain.to_dataframe()
            for task in ("easy_acc", "medium_acc"):
                rows = frame[frame.task == task]
                inside += [*((rows.lower <= truth[task]) & (truth[task] <= rows.upper))]
                errors += [*np.abs(rows.predicted - truth[task])]
        assert np.mean(inside) >= 0.8
        assert np.mean(errors) < 0.03

    def test_without_noise_the_truth_is_found(self) -> None:
        own = fj.forecast_accuracy(
            made(noise=0.0), POINTS, tasks="easy_acc,medium_acc", chance=CHANCE, **QUICK
        )
        truth = fj.example_tasks(*AT, noise=0.0)
        predicted = own.chains[0].predict(*AT)
        np.testing.assert_allclose(predicted[:, 0], truth["easy_acc"], atol=2e-3)
        np.testing.assert_allclose(predicted[:, 1], truth["medium_acc"], atol=4e-3)

    def test_a_task_of_the_batch_is_as_alone(self, table: fj.Columns) -> None:
        base = {name: x[:25] for name, x in table.items()}
        law, size = APPROACHES["two-step"].law, np.asarray(base["N"], float)
        rolling = rolling_sizes(size, np.ones(25, dtype=bool))

        def spec(task: str) -> StepSpec:
            inputs, accuracy = {"task_loss": base[f"{task}_bpb"]}, base[f"{task}_acc"]
            prior = step_prior(law, inputs, accuracy, 0.25)
            return StepSpec(task, StepRuns(inputs, size, accuracy, np.ones(25)), prior)

        together = fit_steps(law, [spec("easy"), spec("hard")], rolling)
        for own, task in zip(together, ("easy", "hard"), strict=True):
            (alone,) = fit_steps(law, [spec(task)], rolling)
            np.testing.assert_allclose(own.step.free, alone.step.free, rtol=1e-7)
            assert own.step.noise == pytest.approx(alone.step.noise, rel=1e-7)
            restored = own.step.posterior.laplace.covariance
            np.testing.assert_allclose(restored[0], own.posterior.laplace.covariance[0], rtol=1e-6)


class TestForecast:
    def test_it_has_a_row_for_each_recipe_point_and_task(self, found: fj.AccuracyForecast) -> None:
        frame = found.to_dataframe()
        assert len(frame) == 2 * 2 * 4
        assert list(frame.task[:4]) == [*found.tasks, AVERAGE]
        assert ((frame.lower <= frame.predicted) & (frame.predicted <= frame.upper)).all()
        assert (frame.run_lower <= frame.lower).all()
        assert (frame.upper <= frame.run_upper).all()
        assert (frame.task_loss_lower < frame.task_loss).all()
        assert (frame.task_loss < frame.task_loss_upper).all()
        assert set(frame.verdict[frame.task == "guess_acc"]) <= {"at chance", "not determined"}
        assert "1 other column of accuracies (hard_acc) not asked for" in str(found)
        shares = frame[[f"share_{name}" for name in ("first", "law", "misfit", "noise")]]
        np.testing.assert_allclose(shares.sum(axis=1), 1.0)

    def test_json_there_and_back(self, found: fj.AccuracyForecast) -> None:
        text = found.to_json()
        again = fj.AccuracyForecast.from_json(text)
        assert str(again) == str(found)
        content = json.loads(text)
        assert content["ranking"][0]["probability"] >= 0.5
        assert {own["task"] for own in content["predictability"]} == {*found.tasks, AVERAGE}

    def test_the_better_recipe_is_ranked_first(self, found: fj.AccuracyForecast) -> None:
        ranking = found.ranking
        assert ranking is not None
        np.testing.assert_allclose(ranking.probability.sum(axis=0), 1.0)
        best = ranking.labels.index("filtered")
        assert ranking.probability[best, 0, -1] > 0.8
        text = str(found.at(POINTS[:1]))
        assert "best on average at N 7 B, D 2 T: filtered; probabilities filtered" in text
        undecided = str(found.at(POINTS[:1], level=0.99))
        assert "undecided which recipe is best on average at N 7 B, D 2 T; probabi" in undecided
        even = np.full_like(ranking.probability, 0.5)
        even[0], even[1] = 0.6, 0.4
        assert list(ranking._replace(probability=even).order(0, -1)) == [0, 1]
        assert list(ranking.order(0, -1)) == [best, 1 - best]
        guess = ranking.tasks.index("guess_acc")
        assert ranking.probability[:, :, guess].max() < 0.9

    def test_other_points_and_levels(self, found: fj.AccuracyForecast) -> None:
        wide, narrow = (found.at([(7e9, 2e12)], level=level).to_dataframe() for level in (0.9, 0.5))
        assert (wide.upper - wide.lower > narrow.upper - narrow.lower).all()
        with pytest.raises(ValueError, match="level must lie between 0 and 1"):
            found.at([(7e9, 2e12)], level=2.0)

    def test_joint_draws(self, found: fj.AccuracyForecast) -> None:
        chain = found.of("base")
        drawn = chain.draws(*AT, num=400, seed=3)
        assert drawn.shape == (400, 2, 4)
        assert ((drawn >= 0.0) & (drawn <= 1.0)).all()
        easy = drawn[:, :, 0]
        assert np.corrcoef(easy.T)[0, 1] > 0.5  # of two sizes of one recipe
        np.testing.assert_array_equal(drawn, chain.draws(*AT, num=400, seed=3))
        low, high = chain.interval(*AT)
        assert ((low < chain.predict(*AT)) & (chain.predict(*AT) < high)).all()

    def test_which_tasks_are_predictable(self, found: fj.AccuracyForecast) -> None:
        verdicts = {own.task: own.verdict for own in found.predictability[:4]}
        assert verdicts["easy_acc"] == verdicts[AVERAGE] == "predictable"
        assert verdicts["guess_acc"] == "at chance"
        assert any(
            "guess_acc is at chance level in nearly all runs" in own for own in found.warnings
        )
        rows = found.approach_table().to_dataframe().set_index("approach")
        assert rows.error["two-step"] < rows.error["largest run repeated"]

    def test_approaches_are_combined_by_their_misses(self) -> None:
        own, single = (
            fj.forecast_accuracy(
                fj.example_tasks(),
                POINTS,
                tasks="easy_acc",
                chance=CHANCE,
                approaches=approaches,
                **QUICK,
            )
            for approaches in ("two-step,single-step", "single-step")
        )
        shares = [step.share for step in own.chains[0].of_task("easy_acc")]
        assert sum(shares) == pytest.approx(1.0)
        assert min(shares) > 0.0
        assert list(own.approach_table().columns[0].values) == [*APPROACHES, "largest run repeated"]
        record = own.record("easy_acc")
        assert record.approach == "combined"
        assert np.isnan(single.to_dataframe().task_loss).all()

    def test_one_loss_for_all_tasks_and_missing_accuracies(self, table: fj.Columns) -> None:
        base = {name: x[:25].copy() for name, x in table.items() if name != "recipe"}
        base["easy_acc"][3] = np.nan
        own = fj.forecast_accuracy(
            base, POINTS, tasks="easy_acc,hard_acc", task_loss="loss", **QUICK
        )
        assert own.chains[0].losses == ("loss",)
        assert own.chains[0].of_task("easy_acc")[0].weights[3] == 0.0
        assert own.chains[0].of_task("hard_acc")[0].weights[3] > 0.0


class TestDraws:
    def test_the_noise_of_a_run_is_added_exactly(self) -> None:
        drawn = 0.5 + 0.04 * ndtri((np.arange(4000) + 0.5) / 4000)[:, None, None]
        low, high = central_ends(drawn, np.array([[0.5]]), 0.9, np.full((4000, 1), 0.03))
        np.testing.assert_allclose([low, high], 0.5 + 0.05 * ndtri([0.05, 0.95])[:, None, None],
                                   atol=1e-4)  # fmt: skip

    def test_recipes_are_paired(self) -> None:
        drawn = np.random.default_rng(0).standard_normal((2, 4000, 1, 1))
        own = paired(drawn, 0.8, seed=1)
        np.testing.assert_array_equal(np.sort(own, axis=1), np.sort(drawn, axis=1))
        assert np.corrcoef(own[:, :, 0, 0])[0, 1] == pytest.approx(0.8, abs=0.03)
        np.testing.assert_array_equal(paired(drawn, 0.0, seed=1), drawn)

    def test_the_correlation_is_that_of_misses_at_the_same_runs(self) -> None:
        misses = np.array([0.02, -0.01, 0.03, 0.01])
        sizes = np.array([1e9, 2e9, 4e9, 8e9])

        def record(errors: np.ndarray, N: np.ndarray) -> TaskRecord:
            one = np.ones(4)
            return TaskRecord(
                "a", "two-step", np.arange(4), np.arange(4), one + errors, one, 0.01 * one, one,
                one, N, 20 * N,
            )  # fmt: skip

        alike, apart = record(misses, sizes), record(misses, 1.5 * sizes)
        assert correlation_of([[alike], [alike]]) == pytest.approx(4 / 6)  # of four hold-outs
        assert correlation_of([[alike], [record(-misses, sizes)]]) == 0.0
        assert correlation_of([[alike], [apart]]) == 0.0


class TestTables:
    def test_columns_by_their_names(self) -> None:
        names = ["N", "D", "loss", "hellaswag_acc_norm", "hellaswag_bpb", "acc/piqa", "lambada_acc"]
        found = find_tasks(names, None, None, "loss", None, {"acc/piqa": 1838})
        assert [own.loss for own in found] == ["hellaswag_bpb", "loss", "loss"]
        assert [own.chance for own in found] == [0.25, 0.5, 0.0]
        assert [own.num_questions for own in found] == [None, 1838, None]
        assert stem_of("space", ("acc",)) is None

    def test_the_noise_of_counting_is_shown(self) -> None:
        own = fj.forecast_accuracy(made(), **OF_EASY, questions=10_000, chance=0.25)
        counting = own.predictability[0].counting
        assert 0.003 < counting < 0.006
        assert "counting" in str(own.predictability_table())

    @pytest.mark.parametrize(
        ("change", "options", "message"),
        [
            (lambda t: t.update(easy_acc=100 * t["easy_acc"]), {}, "look like percentages"),
            (lambda t: t.update(easy_acc=t["easy_acc"] - 0.5), {}, "expected accuracies from 0 to"),
            (lambda t: t.update(easy_acc=np.full(25, np.nan)), {}, "accuracies of 5 runs or more"),
            (lambda t: None, {"tasks": "nosuch"}, "nosuch"),
            (lambda t: None, {"task_loss": "nosuch"}, "nosuch"),
            (lambda t: None, {"approaches": "three-step"}, "did you mean|unknown approach"),
            (lambda t: t.pop("loss"), {"approaches": "common-loss"}, "needs a loss of all tasks"),
            (lambda t: None, {"chance": {"x": 0.5}}, "chance: 'x' is not a task"),
            (lambda t: None, {"chance": 25}, "expected a number from 0 to below 1"),
            (lambda t: None, {"level": 90}, "level must lie between"),
            (lambda t: [t.pop(f"{n}_acc") for n in ("easy", "medium", "hard", "guess")], {},
             "no column has the name of an accuracy"),
            (lambda t: [t.pop("easy_bpb"), t.pop("loss")], {}, "the task 'easy_acc' has no loss"),
        ],
    )  # fmt: skip
    def test_mistakes(
        self, change: Callable[[Any], Any], options: dict[str, Any], message: str
    ) -> None:
        own = {n: x for n, x in fj.example_tasks().items() if n != "recipe"}
        change(own)
        with pytest.raises(ValueError, match=message):
            fj.forecast_accuracy(own, POINTS, **options)

    def test_doubtful_columns(self) -> None:
        own = {**made(), "loss": fj.example_tasks()["loss"]}
        turned = {**own, "easy_bpb": 1.0 / own["easy_bpb"]}
        worse = fj.forecast_accuracy(turned, tasks="easy_acc")
        assert "the accuracy on easy_acc increases with its loss" in worse.warnings[0]
        same = fj.forecast_accuracy({**own, "easy_acc": np.full(25, 0.5)}, **OF_EASY)
        assert "easy_acc is the same in all runs" in same.warnings[0]
        with pytest.raises(ValueError, match="the loss is the same in all runs"):
            fj.forecast_accuracy({**own, "easy_bpb": np.full(25, 0.5)}, tasks="easy_acc", **QUICK)

    def test_a_task_that_small_runs_answer_with_one_label(self) -> None:
        own = made()
        one_label = np.where(np.arange(25) % 3, 0.56, 0.378)
        found = fj.forecast_accuracy({**own, "boolq_acc": one_label}, **{**OF_EASY,
                                     "tasks": "boolq_acc"})  # fmt: skip
        assert found.columns[0].chance == 0.622
        assert found.predictability[0].verdict == "at chance"
        assert any("boolq_acc some runs always give the rarer" in own for own in found.warnings)
        assert any("on boolq_acc (62 %) is below chance" in own for own in found.warnings)

    def test_copies_count_once_and_runs_are_a_table(self) -> None:
        own = {n: x for n, x in fj.example_tasks().items() if n != "recipe"}
        options: dict[str, Any] = {**OF_EASY, "chance": CHANCE}
        twice = {name: np.concatenate([x, x]) for name, x in own.items()}
        extra = {name: x for name, x in own.items() if name not in ("N", "D", "loss")}
        runs = fj.Runs(own["N"], own["D"], own["loss"], extra)
        single, *others = (
            str(fj.forecast_accuracy(table, POINTS, **options)) for table in (own, twice, runs)
        )
        assert others == [single] * 2

    def test_per_cent(self) -> None:
        own = made()
        plain = fj.forecast_accuracy(own, POINTS, **OF_EASY)
        own["easy_acc"] = 100.0 * own["easy_acc"]
        again = fj.forecast_accuracy(own, POINTS, **OF_EASY, percent=True)
        np.testing.assert_allclose(
            again.chains[0].predict(*AT), plain.chains[0].predict(*AT), rtol=1e-8
        )

    def test_a_constant_accuracy_and_few_sizes(self) -> None:
        own = {n: x[:10] for n, x in made().items()}
        own["easy_acc"] = np.full(10, 0.25)
        found = fj.forecast_accuracy(
            own,
            POINTS,
            tasks="easy_acc,medium_acc",
            chance=0.25,
        )
        assert "easy_acc is the same in all runs" in found.warnings[0]
        assert any("the runs have 2 sizes" in sentence for sentence in found.warnings)
        assert {row.verdict for row in found.predictability} <= {"at chance", "not shown"}


@pytest.fixture(scope="module")
def fits() -> dict[str, fj.Fit]:
    method = fj.LeastSquares(fixed={"ceiling": 1.0})
    columns = {"task_loss": "easy_bpb"}
    return {
        task: fj.fit(
            "logistic-accuracy",
            fj.example_tasks(),
            method,
            response=f"{task}_acc",
            columns_of=columns,
        )
        for task in ("easy", "medium")
    }


@pytest.fixture(scope="module")
def loss() -> fj.Fit:
    return fj.fit("chinchilla", fj.example_tasks(), response="easy_bpb")


@pytest.fixture(scope="module")
def first() -> fj.Forecast:
    return fj.forecast(fj.example_tasks(), POINTS, response="easy_bpb", usual=False)


class TestChain:
    def test_several_tasks_and_their_average(self, first: fj.Forecast, fits: Any) -> None:
        both = fj.chain(first, then=fits)
        frame = both.to_dataframe()
        assert list(frame.task[:3]) == ["easy", "medium", AVERAGE]
        truth = fj.example_tasks(*AT, noise=0.0)["easy_acc"]
        predicted = both.predict(*AT)[:, 0]
        np.testing.assert_allclose(predicted, truth, atol=0.02)
        assert str(fj.Chain.from_json(both.to_json())) == str(both)
        plain = fits["easy"].law(task_loss=first.predict(*AT))
        np.testing.assert_allclose(predicted, plain, atol=0.01)

    def test_intervals_stay_within_floor_and_ceiling(self, first: fj.Forecast, fits: Any) -> None:
        own = fj.chain(first, then=fits["easy"])
        low, high = own.interval(1e8, 1e8, level=0.999, new_run=False)
        assert own.steps[0].bounds[0] <= low <= high <= 1.0
        run_low, run_high = own.interval(1e15, 1e18, level=0.999, new_run=True)
        assert 0.0 <= run_low <= run_high <= 1.0

    def test_a_fit_or_a_bootstrap_first(self, fits: Any, loss: fj.Fit) -> None:
        by_fit = fj.chain(loss, then=fits["easy"], points=POINTS)
        drawn = fj.bootstrap(loss, 8, seed=0)
        by_draws = fj.chain(drawn, then=fits["easy"], points=POINTS)
        np.testing.assert_allclose(by_draws.predict(*AT), by_fit.predict(*AT), atol=0.02)
        assert str(fj.Chain.from_json(by_draws.to_json())) == str(by_draws)
        with pytest.raises(ValueError, match="points: a bootstrap has no points of its own"):
            fj.chain(drawn, then=fits["easy"])

    def test_mistakes(self, first: fj.Forecast, fits: Any, loss: fj.Fit) -> None:
        with pytest.raises(TypeError, match="first: expected a Forecast, a Bootstrap or a Fit"):
            fj.chain(fits, then=fits)  # type: ignore[arg-type]
        with pytest.raises(TypeError, match="then: expected fits, got str"):
            fj.chain(first, then={"easy": "law"})  # type: ignore[dict-item]
        with pytest.raises(ValueError, match="needs one input that the first step predicts"):
            fj.chain(first, then=loss)
        own = fj.chain(first, then=fits["easy"])
        with pytest.raises(ValueError, match="task: expected one of easy_acc, got 'x'"):
            own.of_task("x")


class TestShell:
    def test_the_example(self, tmp_path: Any, monkeypatch: Any) -> None:
        monkeypatch.chdir(tmp_path)
        words = "accuracy --example --tasks easy_acc --law chinchilla --json a.json"
        done = farseer(*words.split())
        assert done.exit_code == 0, done.stderr
        saved = fj.AccuracyForecast.from_json("a.json")
        assert saved.labels == ("base", "filtered")

    def test_options_and_errors(self, tmp_path: Any, monkeypatch: Any) -> None:
        monkeypatch.chdir(tmp_path)
        own = fj.example_tasks()
        rows = [
            ",".join(own),
            *(",".join(map(str, row)) for row in zip(*own.values(), strict=True)),
        ]
        (tmp_path / "t.csv").write_text("\n".join(rows))
        words = "accuracy t.csv --at 7B,2T --tasks easy_acc --chance easy_acc=0.25 --level 0.8 "
        words += "--law chinchilla"
        done = farseer(*words.split(), "--questions", "easy_acc=10k")
        assert done.exit_code == 0, done.stderr
        assert "80 % interval" in done.stdout
        for words, message in (
            ("accuracy t.csv --percent --approaches four", "unknown approach 'four'"),
            ("accuracy", "name a file of runs, or add --example"),
            ("accuracy t.csv --example", "--example does not go with RUNS"),
            ("accuracy t.csv --law auto", "--law auto is for `farseer fit`"),
            ("accuracy t.csv --tasks N", "the task 'N' is an input or the loss"),
        ):
            done = farseer(*words.split())
            assert done.exit_code != 0
            assert message in done.stderr, done.stderr

    def test_the_approaches_are_those_of_the_library(self) -> None:
        assert tuple(APPROACHES) == APPROACHES_OF_THE_SHELL


def test_the_inspection_of_a_table_with_tasks_names_the_command() -> None:
    steps = fj.inspect_table(fj.example_tasks(recipe="both")).steps
    (own,) = [step for step in steps if step.command == "accuracy"]
    assert own.call == "fj.forecast_accuracy(table, by='recipe')"
