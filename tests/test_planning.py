"""Suggested runs: the variance they are chosen by, the search, the pool, refusals and the shell."""

import json
from itertools import combinations
from pathlib import Path
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np
import pytest
from commands import farseer, refused

import farseer_jax as fj
from farseer_jax.decisions import exchange_search as _search
from farseer_jax.decisions.exchange_search import (
    Choice,
    affordable_subsets,
    best_subset,
    in_order,
    next_runs,
)
from farseer_jax.decisions.planned_errors import Errors, weighed
from farseer_jax.decisions.posterior_variance import (
    MemberCovariance,
    PosteriorVariance,
    _with_runs,
    posterior_variance,
)
from farseer_jax.decisions.run_pool import continued_grid, trained_rows
from farseer_jax.forecasting.weak_priors import weak_priors
from farseer_jax.methods.correlated_errors import CorrelatedErrors

LAW = "N, P | E + (A/(N*(k*log(P) + 1)))**alpha"
NO_MISFIT = CorrelatedErrors(size=0.0, own_size=0.0, smooth=0.0, growth=0.0)
N, P = (x.ravel() for x in np.meshgrid(1e8 * 2.0 ** np.arange(6), [1.0, 2.0, 4.0, 8.0]))
TARGET = {"N": [6.4e9], "P": [8.0]}


def losses(N: np.ndarray, P: np.ndarray) -> np.ndarray:
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(N))
    return np.asarray(1.3 + (1.6e8 / (N * (0.35 * np.log(P) + 1.0))) ** 0.2) * np.exp(noise)


POOL = {"N": N, "P": P, "hours": N * P / 1e9}
TRAINED = {"N": N, "P": P, "loss": losses(N, P)}
FEW = {name: values[[0, 1, 4, 5, 9]] for name, values in TRAINED.items()}


def take(columns: dict[str, Any], rows: Any) -> dict[str, Any]:
    return {name: np.asarray(values)[rows] for name, values in columns.items()}


def suggest(runs: Any = FEW, budget: float = 5.0, **options: Any) -> fj.Suggestions:
    return fj.suggest_runs(runs, TARGET, POOL, budget, **{"law": LAW, "cost": "hours", **options})


# The variance


def dense_covariance(errors: CorrelatedErrors, at: dict[str, np.ndarray], lowest: float) -> Any:
    """The covariance of correlated errors as its documentation has it, in variances of noise."""
    z, y = np.log(at["N"]), np.log(at["P"])
    dz, dy = np.abs(z[:, None] - z), y[:, None] - y
    up = z - np.log(lowest)
    least = np.minimum(up[:, None], up)
    wiener = least**3 / 3 + np.abs(up[:, None] - up) * least**2 / 2
    new = np.isclose(z[:, None], z) & ~np.isin(at["N"].round(-3), FEW["N"].round(-3))
    return (
        errors.size**2 * np.exp(-dz / errors.size_length)
        + errors.own_size**2 * new
        + errors.smooth**2 * np.exp(-(dz**2 + dy**2) / (2 * errors.smooth_length**2))
        + errors.growth**2 * wiener * np.exp(-(dy**2) / 18.0)
    )


@pytest.fixture(scope="module")
def answer() -> fj.Forecast:
    runs = take(TRAINED, np.arange(len(N)) % 3 > 0)
    return fj.forecast(runs, law=LAW, usual=False)


@pytest.mark.parametrize("chosen", [[], [3], [3, 7], [0, 3, 5, 7]])
def test_the_variance_is_that_of_the_dense_gaussian_process(
    answer: fj.Forecast, chosen: list[int]
) -> None:
    stack, errors = answer.stack, answer.errors
    posterior = stack.posteriors[0]
    fit, member = posterior.laplace, posterior.member
    new = {name: np.asarray(POOL[name])[np.arange(len(N)) % 3 == 0] * 1.001 for name in "NP"}
    target = {name: np.asarray(values) for name, values in TARGET.items()}
    alone = type(stack)([posterior], np.ones(1), np.ones(1))
    nothing = take(new, [])
    rows = np.isin(np.arange(8), chosen)[None]
    found = posterior_variance(alone, 1.0, new, nothing, target, nothing).of(rows)[0, 0]

    at = {
        name: np.concatenate([answer.runs.inputs[name], new[name][chosen], target[name]])
        for name in "NP"
    }
    errors_alone = CorrelatedErrors(**{**vars(errors), "own_size": 0.0})
    joint = dense_covariance(errors_alone, at, answer.runs.inputs["N"].min())
    own_target = errors.own_size**2  # its size has no run
    slopes = member.function.bind(at).value_and_gradient(member.parameters(fit.free[:1]))[1][0]
    slopes = member.basis.T @ slopes
    # flat priors: generalised least squares
    num = len(at["N"]) - 1
    weights = np.concatenate([fit.weights[0], np.ones(len(chosen))])
    inverse = np.linalg.inv(joint[:num, :num] + np.diag(1.0 / weights))
    information = slopes[:, :num] @ inverse @ slopes[:, :num].T
    left = slopes[:, -1] - slopes[:, :num] @ inverse @ joint[:num, -1]
    expected = (
        joint[-1, -1]
        - joint[-1, :num] @ inverse @ joint[:num, -1]
        + left @ np.linalg.solve(information, left)
        + own_target
    )
    # columns leave out a millionth of the largest variance
    assert found == pytest.approx(fit.noise[0] ** 2 * expected, rel=1e-3)


def test_the_misfit_is_in_the_criterion() -> None:
    # for the line alone, ends of the range tell most of its middle; with misfit, the middle does
    runs = {"x": np.array([-1.0, 1.0]), "loss": np.array([2.0, 1.5])}
    pool = {"x": np.array([-3.0, -1.0, 0.0, 1.0, 3.0]), "price": np.ones(5)}
    given: dict[str, Any] = {"law": "x | a + b*x", "kinds": {"x": "real"}, "real": "a,b"}
    given |= {"cost": "price", "link": "identity", "max_runs": 1}
    target = {"x": [0.1]}
    flexible = fj.suggest_runs(runs, target, pool, 1.0, **given)
    assert flexible.inputs["x"].tolist() == [0.0]
    slope = {"x": [30.0]}
    stiff = fj.suggest_runs(runs, slope, pool, 1.0, errors=NO_MISFIT, **given)
    assert stiff.inputs["x"].tolist() in ([3.0], [-3.0])


def test_weak_priors_know_floors_exponents_and_scales() -> None:
    law = fj.law(LAW)
    starts = np.array([law(E=1.0, A=1e8, k=0.3, alpha=0.2).to_vector()] * 3)
    mean, sd = weak_priors(law, None, {"N": N, "P": P}, TRAINED["loss"], starts)
    names = law.parameter_names()
    own = dict(zip(names, zip(mean.tolist(), sd.tolist(), strict=True), strict=True))
    least = TRAINED["loss"].min()
    assert own["E"] == pytest.approx((0.6 * least, 0.35 * least))
    assert own["alpha"] == pytest.approx((0.317, 0.257), abs=1e-3)  # log-uniform in (.05, 1)
    assert own["A"] == pytest.approx((np.log(1e8), 10.0))


def test_losses_and_ratios_weigh_the_same_in_units_of_now() -> None:
    now = Errors(*np.array([[0.01], [0.2]]))
    after = Errors(*np.array([[0.005], [0.15]]))
    assert weighed(after, now) == pytest.approx([0.5 * (0.5**2 + 0.75**2)])
    nothing = np.array([np.nan])
    assert weighed(after, now._replace(ratio=nothing)) == pytest.approx([0.005**2])
    assert weighed(after, now._replace(response=nothing)) == pytest.approx([0.15**2])


# The search


def information(costs: np.ndarray, budget: float, max_runs: int = 99) -> Choice:
    """Runs of a Bayesian linear model, whose target they tell about in different ways."""
    rng = np.random.default_rng(0)
    rows, target = rng.standard_normal((len(costs), 3)), np.array([1.0, 0.5, -1.0])

    def variance(subsets: np.ndarray) -> np.ndarray:
        found = [np.linalg.inv(0.1 * np.eye(3) + rows[own].T @ rows[own]) for own in subsets]
        return np.array([target @ own @ target for own in found])

    return Choice(costs, budget, max_runs, variance)


@pytest.mark.parametrize("shared", [[], [1, 4], range(7)], ids=["none", "two", "all"])
def test_sets_that_share_runs_have_the_variances_of_each_alone(shared: list[int]) -> None:
    rng = np.random.default_rng(0)
    root, mean = rng.standard_normal((2, 9, 12)), rng.standard_normal((2, 9))
    members = [
        MemberCovariance(
            share, 0.5, m[:7], m[7:], r[:7] @ r[:7].T, r[:7] @ r[7:].T, (r[7:] ** 2).sum(1),
            np.zeros(2),
        )
        for share, r, m in zip((0.3, 0.7), root, mean, strict=True)
    ]  # fmt: skip
    sets = rng.random((20, 7)) < 0.4
    sets[:, shared] = True
    expected = 0.3 * mean[0, :7] + 0.7 * mean[1, :7]
    alone = [_with_runs(own, sets, expected) for own in members]
    middle = 0.3 * alone[0][0] + 0.7 * alone[1][0]
    variance = sum(
        own.share * (v + (m - middle) ** 2) for own, (m, v) in zip(members, alone, strict=True)
    )
    found = PosteriorVariance(members, np.zeros((7, 2), dtype=bool), 7).of(sets)
    np.testing.assert_allclose(found, variance, rtol=1e-11)


@pytest.mark.parametrize("budget", [6.0, 12.0, 30.0])
@pytest.mark.parametrize("max_runs", [3, 99])
def test_greedy_steps_and_exchanges_come_close_to_the_best_of_all(
    budget: float, max_runs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    choice = information(np.arange(1.0, 11.0), budget, max_runs)
    best, exhaustive = best_subset(choice)
    assert exhaustive
    monkeypatch.setattr(_search, "affordable_subsets", lambda *args: None)
    found, exhaustive = best_subset(choice)
    assert not exhaustive
    assert found.chosen @ choice.costs <= budget
    assert found.chosen.sum() <= max_runs
    assert best.variance <= found.variance <= 1.1 * best.variance


def test_affordable_subsets_are_all_of_them() -> None:
    costs = np.array([3.0, 1.0, 2.0, 5.0])
    every = np.array([[bool(i >> k & 1) for k in range(4)] for i in range(16)])
    expected = every[(every @ costs <= 6) & (every.sum(axis=1) <= 2)]
    found = affordable_subsets(costs, 6.0, 2)
    assert found is not None
    assert {tuple(row) for row in found.tolist()} == {tuple(row) for row in expected.tolist()}
    assert affordable_subsets(np.ones(20), 20.0, 20) is None


def test_the_next_run_falls_most_per_root_of_its_cost() -> None:
    choice = information(np.arange(1.0, 15.0), 200.0)
    alone = choice.variance(choice.each)
    (now,) = choice.variance(np.zeros((1, 14), dtype=bool))
    best = int(np.argmax(np.log(now / alone) / np.sqrt(choice.costs)))
    assert np.flatnonzero(next_runs(choice, 1).chosen).tolist() == [best]
    assert in_order(choice, np.ones(14, dtype=bool))[0] == best
    assert next_runs(choice, 3).chosen.sum() == 3


def test_where_few_sets_are_affordable_the_next_run_is_of_the_best_of_them() -> None:
    choice = information(np.arange(1.0, 11.0), 12.0)
    best, exhaustive = best_subset(choice)
    assert exhaustive
    first = next_runs(choice, 1).chosen
    assert first.sum() == 1
    assert best.chosen[first].all()


def test_the_suggested_set_is_the_best_of_all_sets() -> None:
    rows = [10, 12, 13, 15, 17]
    pool = take(POOL, rows)
    given: dict[str, Any] = {"law": LAW, "cost": "hours"}
    found = fj.suggest_runs(FEW, TARGET, pool, 8.0, **given)
    assert found.exhaustive
    for some in (list(own) for num in (1, 2, 3) for own in combinations(range(5), num)):
        if pool["hours"][some].sum() <= 8.0:
            one = fj.suggest_runs(FEW, TARGET, POOL, 8.0, in_progress=take(pool, some), **given)
            assert one.standard_error_now >= (1 - 1e-6) * found.standard_error_after[-1]


# One after another


def test_asking_again_is_all_there_is_to_the_loop() -> None:
    runs, left, order = None, 8.0, list[int]()
    for _ in range(4):
        found = suggest(runs, left, num_next=1)
        assert len(found) == 1
        assert found.cost[0] <= left
        order.append(int(found.row[0]))
        left -= found.spent
        runs = take(TRAINED, order)
        # the table of runs is the state: their order and the rows that they took do not matter
        again = suggest(take(TRAINED, order[::-1]), left, num_next=1)
        rest = np.setdiff1d(np.arange(len(N)), order)
        other = fj.suggest_runs(
            runs, TARGET, take(POOL, rest), left, law=LAW, cost="hours", num_next=1
        )
        assert other.inputs["N"].tolist() == again.inputs["N"].tolist()
        assert rest[other.row].tolist() == again.row.tolist()
    assert len(set(order)) == 4
    end = suggest(take(TRAINED, order), 0.05, num_next=1)
    assert len(end) == 0
    assert "cost more than 0.05" in str(end)
    now = suggest(take(TRAINED, order)).standard_error_now
    assert end.standard_error_now == pytest.approx(now, rel=1e-9)
    assert "were trained already" in str(suggest(TRAINED, num_next=1))
    errors = [suggest(take(TRAINED, order[:num])).standard_error_now for num in (1, 2, 4)]
    assert errors == sorted(errors, reverse=True)


def test_it_starts_without_runs(answer: fj.Forecast) -> None:
    found = suggest(None, 2.0)
    assert len(found) >= 2
    assert "no runs yet" in str(found)
    assert "weak priors" in str(found)
    (target,) = found.targets
    assert np.isnan([target.predicted, *target.before]).all()
    empty = {"N": [], "P": [], "loss": []}
    assert suggest(empty, 2.0).row.tolist() == found.row.tolist()
    usual = fj.suggest_runs(None, (1e10, 2e11), {"N": N, "D": 2e9 * P}, 1e19)
    assert usual.spent <= 1e19
    assert usual.standard_error_after[-1] < 0.2 * usual.standard_error_now
    one = fj.suggest_runs(
        {"N": [1e8], "D": [2e9], "loss": [4.0]}, (1e10, 2e11), {"N": N, "D": 2e9 * P}, 1e19
    )
    assert 1.0 < one.targets[0].predicted < 4.0


def test_few_runs_predict_by_priors_and_many_by_themselves() -> None:
    truth = 1.3 + (1.6e8 / (6.4e9 * (0.35 * np.log(8.0) + 1.0))) ** 0.2
    few, many = (suggest(runs).targets[0] for runs in (FEW, take(TRAINED, slice(0, 20))))
    for one, error in ((few, 0.1), (many, 0.01)):
        assert abs(one.predicted / truth - 1.0) < error
        assert one.before[0] < truth < one.before[1]


class PerCorpus(fj.Law):
    """A floor for each corpus."""

    name: ClassVar[str] = "per-corpus"
    E: Annotated[fj.Positive, fj.Along("corpus")]
    A: fj.Positive
    alpha: fj.Exponent

    def loss(self, N: Any, corpus: fj.Category) -> Any:
        return jnp.sum(corpus * self.E, axis=-1) + self.A / N**self.alpha


def test_labels_that_no_run_has_yet_are_known_from_the_pool() -> None:
    pool = {"N": np.tile(N[:6], 2), "corpus": np.repeat(["web", "code"], 6)}
    runs = {"N": [1e8, 2e8], "corpus": ["web", "web"], "loss": [3.1, 3.0]}
    found = fj.suggest_runs(
        runs, {"N": [1e10], "corpus": ["code"]}, pool, 2e9, law=PerCorpus, cost="N"
    )
    assert "code" in found.inputs["corpus"].tolist()
    assert str(found.targets[0]) == "N=10 B, corpus=code"
    assert str(fj.Suggestions.from_json(found.to_json())) == str(found)


def test_mixtures_and_losses_of_either_sign() -> None:
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(3), 20)
    table = {f"w_{i}": shares[:, i] for i in range(3)} | {"N": rng.choice(N, 20)}
    loss = -3.0 + 20.0 / table["N"] ** 0.2 + 0.3 * shares[:, 0] ** 2
    found = fj.suggest_runs(
        {**take(table, slice(0, 9)), "loss": loss[:9]},
        "largest",
        table,
        4e9,
        law="N, h | -F + A/N**a + sum(C[h]*h**2)",
        link="identity",
        cost="N",
        columns_of={"h": "w_*"},
    )
    assert set(found.inputs) == {"N", "w_0", "w_1", "w_2"}
    assert found.targets[0].predicted < 0.0
    assert "9 rows of the pool were trained already" in found.notes


# The pool, costs and targets


def test_a_pool_loses_one_row_for_each_run() -> None:
    pool = {"N": np.array([1e8, 1e8, 2e8]), "P": np.ones(3)}
    one = {"N": np.array([1e8]), "P": np.ones(1)}
    assert trained_rows(pool, one).tolist() == [True, False, False]
    twice = {"N": np.array([1e8, 1e8 * (1 + 1e-13)]), "P": np.ones(2)}
    assert trained_rows(pool, twice).tolist() == [True, True, False]
    assert not trained_rows(pool, None).any()


@pytest.mark.parametrize(
    "cost", ["hours", "N*P/1e9", lambda N, P: N * P / 1e9, np.asarray(POOL["hours"])]
)
def test_costs_come_in_many_forms(cost: Any) -> None:
    assert suggest(cost=cost).cost.tolist() == pytest.approx(suggest().cost.tolist())


def test_the_largest_of_the_pool_are_the_usual_targets() -> None:
    given: dict[str, Any] = {"law": LAW, "cost": "hours"}
    found = fj.suggest_runs(FEW, None, POOL, 5.0, **given)
    assert str(found) == str(fj.suggest_runs(FEW, "largest", POOL, 5.0, **given))
    costliest = np.sort(np.argsort(-POOL["hours"], kind="stable")[:2])
    assert [one.inputs["N"] for one in found.targets] == N[costliest].tolist()


def test_targets_that_the_budget_pays_for_are_told() -> None:
    inside = {name: values[[23]] for name, values in POOL.items()}
    given: dict[str, Any] = {"law": LAW, "cost": "hours"}
    found = fj.suggest_runs(FEW, inside, POOL, 30.0, **given)
    assert "1 target is within the budget" in found.notes[-1]
    assert found.row[0] == 23  # and its own run tells most of it
    dear = fj.suggest_runs(FEW, inside, POOL, 20.0, **given)
    assert "target" not in " ".join(dear.notes)


def test_runs_in_progress_count_as_runs() -> None:
    paid = take(POOL, [20, 23])
    found = suggest(in_progress=paid)
    assert found.standard_error_now < 0.7 * suggest().standard_error_now
    after = fj.suggest_runs(FEW, TARGET, paid, 1e3, law=LAW, cost="hours")
    assert sorted(after.row.tolist()) == [0, 1]
    assert found.standard_error_now == pytest.approx(after.standard_error_after[-1], rel=1e-9)


def test_a_fit_stands_for_its_law_and_runs() -> None:
    runs = take(TRAINED, slice(0, 12))
    fit = fj.fit(LAW, runs)
    given: dict[str, Any] = {"cost": "hours"}
    by_fit = fj.suggest_runs(fit, TARGET, POOL, 5.0, **given)
    by_law = fj.suggest_runs(runs, TARGET, POOL, 5.0, law=LAW, **given)
    assert str(by_fit) == str(by_law)


def test_it_says_when_runs_hardly_help() -> None:
    many = take(TRAINED, slice(0, 20))
    little = fj.suggest_runs(
        many, {"N": [1e12], "P": [8.0]}, take(POOL, [20]), 1e3, law=LAW, cost="hours"
    )
    assert little.hardly_helps
    assert "hardly help" in str(little) or "no affordable run" in str(little)
    assert little.to_dict()["hardly_helps"]
    assert not suggest(budget=20.0).hardly_helps
    assert "hardly" not in str(suggest(budget=20.0))


def test_the_grid_is_continued_upwards_as_far_as_the_budget_pays() -> None:
    sizes, D = (
        x.ravel() for x in np.meshgrid(2e8 * 2.0 ** np.arange(5), 1e9 * 2.0 ** np.arange(6))
    )
    target = {"N": np.array([2e10]), "D": np.array([2e11])}
    found = continued_grid({"N": sizes, "D": D}, target, 1e21)
    assert (6 * found["N"] * found["D"] <= 1e21 * (1 + 1e-9)).all()
    new = np.unique(found["N"][found["N"] > 3.2e9])
    np.testing.assert_allclose(new, 3.2e9 * 2.0 ** np.arange(1, len(new) + 1))
    assert new[-1] < 4e10
    np.testing.assert_allclose(found["D"][found["N"] == 2e8], [64e9, 128e9, 256e9])
    np.testing.assert_allclose(found["D"][found["N"] == new[0]][:2], [1e9, 2e9])
    assert len(continued_grid({"N": sizes, "D": D}, target, 1.0)["N"]) == 0


def test_suggestions_print_and_go_to_tables() -> None:
    found = suggest(budget=20.0)
    text = str(found)
    assert text.startswith("Expression law, 5 runs: ")
    assert "N=6.4 B, P=8" in text
    assert "5 rows of the pool were trained already" in text
    frame = found.to_dataframe()
    assert list(frame) == ["N", "P", "row", "cost", "standard_error_after"]
    assert frame.N.tolist() == N[found.row].tolist()
    again = fj.Suggestions.from_json(found.to_json())
    assert str(again) == text
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert content["standard_error_now"] == found.standard_error_now
    assert [row["row"] for row in content["suggestions"]] == found.row.tolist()
    assert "to train next" in found._repr_html_()


# Refusals


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"cost": "minutes"}, "cost: 'minutes' in 'minutes' is neither an input nor a column"),
        ({"cost": None}, "a run of the law expression over N, P has no default cost"),
        ({"cost": "6*N*"}, "cost: "),
        ({"cost": "hours - 1"}, "cost: rows .* are not positive and finite"),
        ({"cost": [1.0, 2.0]}, "one number for each of the 24 candidates"),
        ({"budget": 1e-3}, "budget: all 19 remaining runs of the pool cost more than 0.001"),
        ({"budget": 0.0}, "budget: expected a positive number"),
        ({"max_runs": 0}, "max_runs: expected a whole number, at least 1"),
        ({"max_runs": 1.5}, r"max_runs: expected a whole number, at least 1, got 1\.5"),
        ({"num_next": 0}, "num_next: expected a whole number, at least 1"),
        ({"runs": TRAINED}, "pool: all 24 rows were trained already"),
        ({"level": 1.5}, "level"),
        ({"compute": 1e22}, "suggest_runs with compute needs a law over N and D"),
        ({"in_progress": {"N": [1e9]}}, "in_progress: no column was recognised as P"),
    ],
)
def test_what_cannot_be_asked_is_refused(given: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        suggest(**given)


def test_pools_and_targets_without_an_input_are_refused() -> None:
    given: dict[str, Any] = {"law": LAW, "cost": "N"}
    with pytest.raises(ValueError, match=r"pool: .*P"):
        fj.suggest_runs(FEW, TARGET, {"N": N}, 1e9, **given)
    with pytest.raises(ValueError, match=r"targets: .*P"):
        fj.suggest_runs(FEW, {"N": [1e9]}, POOL, 1e9, **given)
    with pytest.raises(ValueError, match=r"pool: expected a table of the runs that could"):
        fj.suggest_runs(FEW, TARGET, None, 1e9, **given)
    with pytest.raises(ValueError, match="targets: expected points, a table or"):
        fj.suggest_runs(FEW, "biggest", POOL, 1e9, **given)
    with pytest.raises(ValueError, match="targets: expected at least one point"):
        fj.suggest_runs(FEW, [], POOL, 1e9, **given)
    with pytest.raises(ValueError, match="targets: expected rows of N, P"):
        fj.suggest_runs(FEW, [1e9, 2.0, 3.0], POOL, 1e9, **given)
    with pytest.raises(ValueError, match="column 'P': row 0 is not positive"):
        fj.suggest_runs(FEW, (1e9, -1.0), POOL, 1e9, **given)
    with pytest.raises(TypeError, match="expected a table of runs, a forecast, a fit or None"):
        fj.suggest_runs([1.0, 2.0], TARGET, POOL, 1e9, **given)


def test_limits_of_a_laws_inputs_hold_for_all_tables() -> None:
    law = fj.with_effective(fj.Chinchilla, D=fj.RepeatedTokens)
    good = {"N": [1e8, 2e8, 4e8], "D": [1e10, 2e10, 4e10], "U": [1e10, 1e10, 1e10]}
    runs = {"N": [1e8, 3e8], "D": [5e9, 2e10], "U": [5e9, 1e10], "loss": [3.4, 3.1]}
    assert len(fj.suggest_runs(runs, "largest", good, 1e21, law=law, num_next=1)) == 1
    beyond = [1e10, 1e11, 1e10]
    with pytest.raises(
        ValueError, match=r"pool: U .unique tokens. must not be above D .*; row 1 has U = 1e\+11"
    ):
        fj.suggest_runs(runs, "largest", good | {"U": beyond}, 1e21, law=law)
    with pytest.raises(
        ValueError, match=r"targets: U .unique tokens. must not be above D .*; row 1 has U = 1e\+11"
    ):
        fj.suggest_runs(runs, good | {"U": beyond}, good, 1e21, law=law)
    with pytest.raises(
        ValueError, match=r"runs: U .unique tokens. must not be above D .*; row 0 has U = 9e\+09"
    ):
        fj.suggest_runs(runs | {"U": [9e9, 1e10]}, "largest", good, 1e21, law=law)


def test_the_response_has_the_link_of_the_law() -> None:
    pool = {"N": [1e8, 2e8], "V": [3e4, 6e4], "characters": [4e10, 8e10]}
    found = fj.suggest_runs(
        None, "largest", pool, 1e22, law="vocabulary", cost="N*characters", num_next=1
    )
    assert found.link == "identity"


def test_what_a_forecast_knows_is_not_given_again(answer: fj.Forecast) -> None:
    found = fj.suggest_runs(answer, TARGET, POOL, 5.0, cost="hours")
    assert found.targets[0].predicted == answer.predict(6.4e9, 8.0)
    with pytest.raises(ValueError, match="are taken from the forecast"):
        fj.suggest_runs(answer, TARGET, POOL, 5.0, cost="hours", law=LAW)


# Real runs


def test_a_hundredth_of_the_papers_compute_predicts_the_runs_beyond_it(shared_data: Path) -> None:
    grid = fj.read_runs(shared_data / "farseer_404.csv")
    beyond = fj.read_runs(shared_data / "farseer_beyond_grid.csv")
    pool = {"N": grid.N, "D": grid.D}
    left, chosen = 0.01 * float(6.0 * (grid.N * grid.D).sum()), list[int]()
    for _ in range(12):
        runs = {**take(pool, chosen), "loss": grid.loss[chosen]} if chosen else None
        found = fj.suggest_runs(runs, beyond, pool, left, num_next=1)
        chosen += found.row.tolist()
        left -= found.spent
    runs = fj.Runs(*(values[chosen] for values in pool.values()), grid.loss[chosen])
    predicted = fj.forecast(runs, usual=False).predict(beyond.N, beyond.D)
    off = ((predicted - beyond.loss) ** 2).sum()
    assert 1.0 - off / ((beyond.loss - beyond.loss.mean()) ** 2).sum() > 0.65


# The shell


def test_the_shell_takes_a_pool_a_cost_and_a_law(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name, columns in (("runs", FEW), ("pool", POOL), ("target", TARGET)):
        rows = zip(*(np.asarray(values).tolist() for values in columns.values()), strict=True)
        text = "\n".join([",".join(columns), *(",".join(map(repr, row)) for row in rows)])
        Path(f"{name}.csv").write_text(f"{text}\n")
    options = ["--pool", "pool.csv", "--law", LAW, "--cost", "hours", "--budget", 5]
    result = farseer("suggest", "runs.csv", *options, "--target", "N=6.4e9,P=8", "--json", "s.json")
    assert result.exit_code == 0
    assert str(suggest()).splitlines()[2:] == result.stdout.splitlines()[2:]
    content = json.loads(Path("s.json").read_text())
    assert [row["row"] for row in content["suggestions"]] == suggest().row.tolist()
    by_table = farseer("suggest", "runs.csv", *options, "--on", "target.csv")
    assert by_table.stdout == result.stdout
    first = farseer("suggest", *options, "--target", "N=6.4e9,P=8", "--next", 1)
    assert "no runs yet: 1 run to train next" in first.stdout
    largest = farseer("suggest", "runs.csv", *options)
    assert largest.stdout.count("N=3.2 B") == 2


def test_refusals_of_the_shell(tmp_path: Path) -> None:
    example = ("suggest", "--example")
    refused(farseer(*example, "--budget", 1e20), "'--target', '--on' or '--split'")
    refused(farseer(*example, "--target", "1e9,1e10"), "Missing option '--budget'")
    refused(farseer(*example, "--target", "1e9", "--budget", 1), "expected a point N,D")
    refused(farseer("suggest", "--budget", 1, "--target", "1e9,1e10"), "Missing argument 'RUNS'")
    points = ("--target", "1e9,1e10", "--budget", 1e20)
    refused(farseer(*example, *points, "--cost", "N*D"), "--cost goes with --pool")
    refused(farseer(*example, *points, "--on", "x.csv"), "--target does not go with --on")
    refused(
        farseer(*example, *points, "--target", "N=1e9,P=2"),
        "One --target names N, D, another N, P",
    )


def test_suggest_runs_is_public() -> None:
    assert "suggest_runs" in dir(fj)


def test_no_run_of_the_grid_costs_more_than_the_costliest_target() -> None:
    answer = fj.forecast(fj.example_runs().select(max_N=5e8), usual=False)
    targets, doubled = [(2e9, 4e10), (1e9, 4e10)], "12*N*D"
    found = fj.suggest_runs(answer, targets, budget=1e23, max_runs=3)
    assert len(found)
    assert found.cost.max() <= 6.0 * 2e9 * 4e10 * (1.0 + 1e-6)
    other = fj.suggest_runs(answer, targets, budget=1e23, max_runs=3, cost=doubled)
    assert len(other)
    assert other.cost.max() <= 12.0 * 2e9 * 4e10 * (1.0 + 1e-6)
    with pytest.raises(ValueError, match=r"targets: the costliest costs .* or give pool="):
        fj.suggest_runs(answer, [(2e8, 1e8)], budget=1e23)
