"""Accuracies without a trend, averages with such tasks, few sizes, and arguments that are wrong."""

from typing import Any

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.accuracy.flat import flat_of
from farseer_jax.accuracy.recipe import APPROACHES
from farseer_jax.accuracy.step import StepRuns, StepSpec, fit_steps, rolling_sizes
from farseer_jax.accuracy.step_law import step_prior, with_ceiling
from farseer_jax.example import TASK_CHANCE

POINTS = [(7e9, 2e12)]
AVERAGE = "average of tasks"


@pytest.fixture(scope="module")
def base() -> dict[str, np.ndarray]:
    return {name: x for name, x in fj.example_tasks().items() if name != "recipe"}


def some(table: dict[str, np.ndarray], rows: slice) -> dict[str, np.ndarray]:
    return {name: x[rows] for name, x in table.items()}


class TestTruth:
    def test_a_task_at_chance_and_the_average_are_held(self) -> None:
        truth = {n: float(x[0]) for n, x in fj.example_tasks(7e9, 2e12, noise=0.0).items()
                 if n in TASK_CHANCE}  # fmt: skip
        truth[AVERAGE] = float(np.mean(list(truth.values())))
        for seed in (41, 42, 43):
            own = fj.forecast_accuracy(fj.example_tasks(seed=seed), POINTS, chance=TASK_CHANCE)
            rows = own.to_dataframe().set_index("task")
            for task in ("guess_acc", AVERAGE):
                assert rows.lower[task] < truth[task] < rows.upper[task]
            assert rows.upper["guess_acc"] < 0.6
            flat = [step for step in own.chains[0].of_task("guess_acc") if step.is_flat]
            assert [step.share > 0.5 for step in flat] == [True]
            assert not any(step.is_flat for step in own.chains[0].of_task("easy_acc"))
        assert str(fj.AccuracyForecast.from_json(own.to_json())) == str(own)


@pytest.mark.parametrize("approach", ["two-step", "single-step", "exponential"])
def test_the_flat_accuracy_is_that_of_least_squares(
    base: dict[str, np.ndarray], approach: str
) -> None:
    law, size = APPROACHES[approach].law, base["N"]
    names = {"task_loss": base["guess_bpb"], "N": base["N"], "D": base["D"]}
    inputs = {name: names[name] for name in law.inputs()}
    accuracy, weights = base["guess_acc"], np.ones(25)
    prior = step_prior(law, inputs, accuracy, 0.5)
    spec = StepSpec("guess", StepRuns(inputs, size, accuracy, weights), prior)
    (fitted,) = fit_steps(law, [spec], rolling_sizes(size, weights > 0.0))
    flat = flat_of(fitted)
    found, matrix = flat.posterior.laplace, flat.posterior.problem.linear
    own = found.weights[0]
    precision = np.linalg.inv(np.diag(1.0 / own) + np.asarray(matrix) @ np.asarray(matrix).T)
    pull = (found.noise[0] / prior.sd[0]) ** 2
    expected = (precision.sum(axis=0) @ accuracy + pull * 0.5) / (precision.sum() + pull)
    level = flat.step.law.loss(**{name: x[0] for name, x in inputs.items()})
    np.testing.assert_allclose(float(level), expected, rtol=1e-5)


def test_the_ceiling_of_an_average() -> None:
    law = APPROACHES["two-step"].law
    prior = step_prior(law, {"task_loss": np.linspace(0.5, 1.0, 9)}, np.linspace(0.3, 0.5, 9), 0.25)
    lower = with_ceiling(law, prior, 0.875, 0.05)
    assert (lower.mean[1], lower.sd[1]) == (0.875, 0.05)
    assert (lower.starts[:, 1] == 0.875).all()
    assert prior.mean[1] == 1.0
    assert with_ceiling(APPROACHES["exponential"].law, prior, 0.5, 0.0) is prior


class TestFewSizes:
    def test_one_size_has_wide_intervals(self, base: dict[str, np.ndarray]) -> None:
        own = fj.forecast_accuracy(
            some(base, slice(0, 5)), POINTS, tasks="easy_acc,medium_acc", chance=0.25
        )
        rows = own.to_dataframe()
        assert (rows.upper - rows.lower > 0.3).all()
        assert any("one size" in sentence for sentence in own.warnings)

    def test_a_recipe_for_each_size_is_ranked(self, base: dict[str, np.ndarray]) -> None:
        own = fj.forecast_accuracy(
            some(base, slice(0, 10)), POINTS, tasks="easy_acc", chance=0.25, by="N"
        )
        assert own.ranking is not None
        np.testing.assert_allclose(own.ranking.probability.sum(axis=0), 1.0)


class TestQuestions:
    def test_the_binomial_noise_is_the_least(self, base: dict[str, np.ndarray]) -> None:
        few, many, none = (
            fj.forecast_accuracy(
                base, POINTS, tasks="easy_acc", chance=0.25, questions=questions
            )
            for questions in (200, 10_000, None)
        )  # fmt: skip
        steps = [own.chains[0].steps[0] for own in (few, many, none)]
        noise = [step.widening * step.noise for step in steps]
        known = base["easy_acc"]
        assert noise[0] == pytest.approx(np.sqrt(np.mean(known * (1.0 - known)) / 200), rel=0.02)
        assert noise[0] > 2.0 * noise[1]
        largest = known.argmax()  # far from one half, with the least binomial noise
        assert steps[0].runs.weights[largest] == steps[0].runs.weights.max()
        assert (steps[2].runs.weights == 1.0).all()

    @pytest.mark.parametrize("value", [0, 1.5, True, "many", np.nan])
    def test_they_are_whole_numbers(self, base: dict[str, np.ndarray], value: Any) -> None:
        with pytest.raises(ValueError, match="questions of 'easy_acc': expected a whole number"):
            fj.forecast_accuracy(base, POINTS, tasks="easy_acc", questions=value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"approaches": None}, "approaches: expected names, such as 'two-step', got None"),
        ({"level": "a"}, "level must lie between 0 and 1, such as 0.9; got 'a'"),
        ({"chance": "a"}, "chance of 'easy_acc': expected a number from 0 to below 1, got 'a'"),
        ({"seed": "a"}, "seed: expected a whole number from 0, got 'a'"),
        ({"seed": -1}, "seed: expected a whole number from 0, got -1"),
        ({"by": "D"}, "by='D': the recipe 1900000000.0 has 1 run, and it takes 5 or more"),
        ({"percent": True}, "column 'easy_acc': expected accuracies in per cent, got none above 1"),
        ({"percent": True, "tasks": "easy_acc,hard_acc"}, "columns 'easy_acc', 'hard_acc': exp"),
    ],
)
def test_mistakes(base: dict[str, np.ndarray], options: dict[str, Any], message: str) -> None:
    with pytest.raises((TypeError, ValueError), match=message):
        fj.forecast_accuracy(base, POINTS, **{"tasks": "easy_acc", **options})


def test_a_loss_that_is_missing_in_all_runs(base: dict[str, np.ndarray]) -> None:
    table = {**base, "easy_bpb": np.full(25, np.nan)}
    with pytest.raises(ValueError, match="column 'easy_bpb': the loss is missing in all runs"):
        fj.forecast_accuracy(table, POINTS, tasks="easy_acc")


def test_per_cent_below_one_beside_others(base: dict[str, np.ndarray]) -> None:
    table = {**base, "easy_acc": 100.0 * base["easy_acc"], "gsm8k_acc": 0.5 * base["easy_acc"]}
    with pytest.raises(ValueError, match="column 'hard_acc': expected accuracies in per cent"):
        fj.forecast_accuracy(
            table, POINTS, tasks="easy_acc,hard_acc,gsm8k_acc", task_loss="loss", percent=True,
            chance={"hard_acc": 0.2},
        )  # fmt: skip


def test_a_chance_level_above_most_runs(base: dict[str, np.ndarray]) -> None:
    own = fj.forecast_accuracy(base, POINTS, tasks="easy_acc", chance=0.9)
    assert own.warnings[0].startswith("the chance level of easy_acc is taken as 0.9, and most runs")
    assert "at chance in nearly all" not in str(own)
