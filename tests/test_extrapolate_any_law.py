"""Extrapolations of laws over any inputs: errors of separate fits, and a choice that is blind."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

import farseer_jax as fj
from farseer_jax.diagnostics.candidates import as_candidates
from farseer_jax.diagnostics.choice_certainty import probability_lower
from farseer_jax.diagnostics.holdout_predictions import predict_holdouts
from farseer_jax.diagnostics.order_of_runs import values_along
from farseer_jax.fitting.fit_batch import fit_batch
from farseer_jax.fitting.refit_parts import refit_parts
from farseer_jax.fitting.several_laws import as_laws_and_parts
from farseer_jax.plots import plot_error_by_value, plot_extrapolation
from farseer_jax.runs.binding import Part, bind_runs
from farseer_jax.runs.read_table import read_table

STREAMS, PLAIN, PRODUCT = "E + (A/(N*(k*log(P)+1)))**a", "E + A/N**a", "E + A/N**a/P**b"
LAWS = [PLAIN, STREAMS, PRODUCT]
TRUE = {"pile": (1.29, 2e8), "stack": (0.69, 1e7)}
OPTIONS: Any = {"along": "6*N*P", "by": "corpus", "columns_of": {"P": "streams"}}


def streams(noise: float = 1e-3) -> dict[str, Any]:
    """Runs of two corpora by the law of parallel streams."""
    rng = np.random.default_rng(0)
    N, P = (x.ravel() for x in np.meshgrid(1e8 * 2.0 ** np.arange(6), [1.0, 2.0, 4.0, 8.0]))
    table: dict[str, Any] = {"N": np.tile(N, 2), "streams": np.tile(P, 2)}
    table["corpus"] = np.repeat(list(TRUE), len(N))
    loss = [E + (A / (N * (0.33 * np.log(P) + 1))) ** 0.2 for E, A in TRUE.values()]
    table["loss"] = np.concatenate(loss) * np.exp(noise * rng.standard_normal(2 * len(N)))
    return table


@pytest.fixture(scope="module")
def found() -> fj.Extrapolation:
    return fj.extrapolate(streams(), LAWS, **OPTIONS)


def squares(N: np.ndarray, P: np.ndarray, loss: np.ndarray) -> Any:
    """The law of parallel streams, fitted by SciPy: logs of E, A, k and a."""

    def log_loss(x: np.ndarray, N: np.ndarray, P: np.ndarray) -> np.ndarray:
        streams = np.log(N * (np.exp(x[2]) * np.log(P) + 1))
        return np.log(np.exp(x[0]) + np.exp(np.exp(x[3]) * (x[1] - streams)))

    tight: Any = {"xtol": 1e-15, "ftol": 1e-15, "gtol": 1e-15, "method": "lm", "max_nfev": 20000}
    found = [
        least_squares(
            lambda x: log_loss(x, N, P) - np.log(loss),
            [np.log(E), log_A, np.log(0.3), np.log(0.2)],
            **tight,
        )
        for E in (0.3, 0.6, 1.2)
        for log_A in (15.0, 19.0)
    ]
    best = min(found, key=lambda own: own.cost)
    return lambda N, P: np.exp(log_loss(best.x, N, P))


# Errors


def test_errors_are_those_of_separate_fits_by_scipy(found: fj.Extrapolation) -> None:
    """Pooled over corpora, and by corpus; R² as well."""
    table = streams()
    N, P, loss, corpus = (table[name] for name in ("N", "streams", "loss", "corpus"))
    cost, limit = 6 * N * P, found.limits[-1]
    held_out = cost >= found.values[found.held_out].min()
    predicted = np.empty_like(loss)
    for own in TRUE:
        mine = corpus == own
        law = squares(*(x[mine & (cost <= limit)] for x in (N, P, loss)))
        predicted[mine] = law(N[mine], P[mine])
    result = found[STREAMS]
    miss = (predicted / loss - 1)[held_out]
    assert result.held_out_error[-1] == pytest.approx(np.abs(miss).mean(), rel=1e-5)
    assert result.held_out_bias[-1] == pytest.approx(miss.mean(), rel=1e-4)
    left = (loss - predicted)[held_out]
    spread = loss[held_out] - loss[held_out].mean()
    r2 = 1 - np.sum(left**2) / np.sum(spread**2)
    assert result.held_out_r2[-1] == pytest.approx(r2, rel=1e-7)
    rows = found.by_part().to_dataframe().query("name == @STREAMS").set_index("corpus")
    for own in TRUE:
        mine = held_out & (corpus == own)
        error = np.abs(predicted[mine] / loss[mine] - 1).mean()
        assert rows.loc[own, "held_out_error"] == pytest.approx(error, rel=1e-5)
        assert rows.loc[own, "num_runs"] == mine.sum()


def test_one_batch_of_all_parts_is_as_good_as_each_alone() -> None:
    (law,), parts = as_laws_and_parts(
        [STREAMS], streams(), by="corpus", columns_of={"P": "streams"}
    )
    weights = [np.stack([p.runs.inputs["N"] <= limit for limit in (4e8, 2e9)]) * 1.0 for p in parts]
    together = refit_parts(law, parts, weights, fj.LeastSquares())
    for part, rows, own in zip(parts, weights, together, strict=True):
        alone = fit_batch(law, part.runs, weights=rows, few=True)
        np.testing.assert_allclose(own.mean_relative_error, alone.mean_relative_error, rtol=1e-6)
        np.testing.assert_allclose(own.law.E, alone.law.E, rtol=1e-5)
        assert own.outcome(0) is alone.outcome(0)


def test_too_few_runs_of_a_part_are_told_and_no_error() -> None:
    (law,), parts = as_laws_and_parts(
        [STREAMS], streams(), by="corpus", columns_of={"P": "streams"}
    )
    fitted = [part.runs.inputs["N"] <= np.array([[1e8], [1e9]]) for part in parts]
    fitted[0][0] &= parts[0].runs.inputs["P"] > 6.0  # one run
    fitted[1][0] = False
    candidates = [own._replace(law=law) for own in as_candidates([STREAMS])]
    (own,) = predict_holdouts(parts, candidates, fitted)
    for part in own.parts:
        assert part.outcomes[0] is fj.Outcome.too_few_runs
        assert np.isnan(part.predicted[0]).all()
        assert np.isfinite(part.predicted[1]).all()


def test_negative_losses_have_absolute_errors() -> None:
    table = streams(0.0)
    shifted = {**table, "loss": table["loss"] - 5.0}
    laws = {"streams": "(A/(N*(k*log(P)+1)))**a - E", "plain": "A/N**a - E"}
    got = fj.extrapolate(shifted, laws, link="identity", **OPTIONS)
    assert not got.is_relative
    assert got.best.name == "streams"
    miss = got["plain"].predicted[-1] - got.observed
    assert got["plain"].held_out_error[-1] == pytest.approx(np.abs(miss[got.held_out]).mean())
    text = str(got)
    assert "; mean absolute errors" in text
    assert f"{got['plain'].held_out_error[-1]:.4g}" in text
    assert "%" not in text.split("extrapolates best")[0]
    assert got.to_dict()["errors"] == "absolute"


def test_laws_may_name_one_column_differently() -> None:
    table = streams()
    laws = {"P": STREAMS, "streams": STREAMS.replace("P", "streams"), "N alone": PLAIN}
    got = fj.extrapolate(table, laws, **OPTIONS)
    assert {*got.parts[0].runs.inputs} == {"N", "P", "streams"}
    np.testing.assert_allclose(got["P"].predicted, got["streams"].predicted, rtol=1e-5)


def test_kinds_of_numbers_go_together() -> None:
    """The narrower kind: a count is positive, and a positive number real."""
    laws = [fj.law("E + A/(N*P)**a", kinds={"P": kind}) for kind in ("positive", "count", "real")]
    table = fj.read_table({**streams(), "P": streams()["streams"]}, where="corpus = 'pile'")
    _, parts = as_laws_and_parts(laws, table)
    assert parts[0].runs.kinds == {"N": "positive", "P": "count"}


def test_runs_without_a_response_are_left_out_and_told() -> None:
    table = {**streams(), "other": streams()["loss"] + 1.0}
    table["other"] = np.where(np.arange(48) == 3, np.nan, table["other"])
    got = fj.extrapolate(table, [PLAIN], along="N", by="corpus", response=["loss", "other"])
    assert len(got.parts) == 4
    assert len(got.values) == 95
    assert "warning: 1 run was left out, without a response" in str(got)


# The choice


def test_the_true_law_is_chosen_and_tested(found: fj.Extrapolation) -> None:
    assert found.best.name == STREAMS
    first, *others = found.leaderboard
    assert first.held_out_r2 > 0.9999
    assert [row.probability > 0.9 for row in others] == [True, True]
    assert found.undecided == ()
    text = str(found)
    assert f"R² {first.held_out_r2:.4f}, mean error {first.held_out_error:.3%}." in text
    assert f"by group and response: {STREAMS} on the held-out runs" in text


def test_the_choice_does_not_see_the_held_out_runs(found: fj.Extrapolation) -> None:
    table = streams()
    cost = 6 * table["N"] * table["streams"]
    far = cost >= found.values[found.held_out].min()
    table["loss"] = np.where(far, table["loss"] * 1.3, table["loss"])
    other = fj.extrapolate(table, LAWS, **OPTIONS)
    for own, same in zip(found.leaderboard, other.leaderboard, strict=True):
        assert own.name == same.name
        assert same.inner_error == pytest.approx(own.inner_error, rel=1e-4)
        assert same.probability == pytest.approx(own.probability, abs=0.02, nan_ok=True)
        assert same.held_out_error > 0.1


def test_two_names_of_one_law_are_undecided() -> None:
    laws = {"one": STREAMS, "same": STREAMS, "plain": PLAIN}
    got = fj.extrapolate(streams(), laws, **OPTIONS)
    assert set(got.undecided) == {"one", "same"}
    text = str(got)
    first, other = got.undecided
    close = f"{other} is too close to {first} (probability that {first} is better: 50%)"
    assert f"\nUndecided: {close}" in text
    assert "extrapolates best" not in text
    errors = f"{first} {got.leaderboard[0].held_out_error:.3%}"
    assert "which chose nothing, fitted to 6*N*P up to" in text
    assert errors in text.split("which chose nothing")[1]


def test_the_probability_of_a_paired_bootstrap() -> None:
    """Two cells: a draw has both with probability 1/2, and either one twice with 1/4."""
    held_out, cell = np.ones((1, 2), bool), np.arange(2)
    one, other = np.array([[1.0, 5.0]]), np.array([[2.0, 3.0]])  # sums 6 > 5
    share = 0.25  # the first cell twice
    got = probability_lower(one, other, held_out, cell)
    assert got == pytest.approx((2 * share + 0.5) / 3, abs=0.03)
    assert probability_lower(other, one, held_out, cell) == pytest.approx(1 - got, abs=0.03)
    assert probability_lower(one, 2 * one, held_out, np.zeros(2)) == 0.75  # one cell
    assert probability_lower(one, one, held_out, cell) == 0.5
    assert np.isnan(probability_lower(one * np.nan, one, held_out, cell))


def test_the_probability_is_right_as_often_as_it_says() -> None:
    """Cells with a common error: the claim that one is better holds at least as often."""
    rng = np.random.default_rng(0)
    claims, right = [], []
    for _ in range(300):
        gap = 0.3 * rng.standard_normal()
        common = rng.standard_normal((2, 12))
        one, other = (
            np.exp(g + 0.5 * own)[:, None] for g, own in zip((0, gap), common, strict=True)
        )
        cell = np.repeat(np.arange(12), 3)
        miss = [np.repeat(own, 3)[None] for own in (one, other)]
        got = probability_lower(*miss, np.ones((1, 36), bool), cell)
        claims.append(max(got, 1 - got))
        right.append((got > 0.5) == (gap > 0))
    sure = np.array(claims) > 0.9
    assert np.mean(np.array(right)[sure]) > 0.9


def test_a_forecast_by_a_law_of_ones_own_is_a_candidate() -> None:
    table = {name: values[:24] for name, values in streams().items() if name != "corpus"}
    method = fj.LeastSquares()
    laws: Any = {"law": (STREAMS, method), "forecast": (STREAMS, "forecast")}
    got = fj.extrapolate(table, laws, along="N", columns_of={"P": "streams"}, limits=[4e8, 8e8])
    result = got["forecast"]
    assert (result.law, result.method) == ("E + (A/(N*(k*log(P) + 1)))**a", "forecast")
    fitted = got.runs.select(mask=got.fitted[0])
    own = fj.forecast(fitted, law=STREAMS, usual=False)
    expected = own.predict(**{name: got.runs.inputs[name] for name in ("N", "P")})
    np.testing.assert_allclose(result.predicted[0], expected, rtol=1e-9)
    assert 0.0 <= result.inside[0] <= 1.0
    assert np.isnan(got["law"].inside).all()


def test_limits_leave_each_part_more_runs_than_parameters() -> None:
    table = streams()
    keep = (table["corpus"] == "pile") | (table["streams"] == 8) | (table["N"] > 1e9)
    few = {name: values[keep] for name, values in table.items()}
    got = fj.extrapolate(few, [STREAMS], along="N", by="corpus", columns_of={"P": "streams"})
    counts = [(got.fitted & (got.part == place)).sum(axis=1) for place in (0, 1)]
    assert np.min(counts) > 4
    assert np.isfinite(got[STREAMS].held_out_error).all()


def test_a_group_with_too_few_runs_is_left_out_and_told(found: fj.Extrapolation) -> None:
    table = streams()
    few = {"N": [1e8, 2e8, 3.2e9], "streams": [1.0] * 3, "loss": [3.0, 2.8, 2.0]}
    both = {n: np.concatenate([own, few.get(n, ["tiny"] * 3)]) for n, own in table.items()}
    got = fj.extrapolate(both, LAWS, **OPTIONS)
    assert got.best.name == found.best.name
    np.testing.assert_array_equal(got.best.inner_error, found.best.inner_error)
    assert [part.group["corpus"] for part in got.parts] == list(TRUE)
    assert got.warnings[0].startswith("corpus = tiny was left out of all errors: it has 3")
    assert "a candidate has 4 parameters; add runs to it" in str(got).replace("\n", " ")


# What orders the runs


def test_what_orders_the_runs() -> None:
    N, D, P = np.array([1e8, 4e8, 2e8]), np.array([2e9, 4e9, 8e9]), np.array([1.0, 2.0, 4.0])
    shares = {"web": [0.2, 0.5, 0.8], "code": [0.8, 0.5, 0.2]}
    extra = {"train_tokens": D, "seconds": [3, 1, 2], "arm": ["a", "b", "a"]}
    runs = fj.Runs(
        N, None, [3.6, 3.2, 3.0], extra, inputs={"P": P, "h": shares}, kinds={"h": "mixture"}
    )
    parts = [Part({}, "loss", runs, 0)]
    expected = {
        "P": P,
        "seconds": extra["seconds"],
        "web": shares["web"],
        "C": 6 * N * D,
        "6*N*D*(1 + 0.1*P)": 6 * N * D * (1 + 0.1 * P),
        "N*sum(h*h)": N * np.array([0.68, 0.5, 0.68]),
        "h": np.sqrt(2) * np.array([0.3, 0.0, 0.3]),
    }
    for along, values in expected.items():
        np.testing.assert_allclose(values_along(parts, along), values, rtol=1e-12, atol=1e-12)
    for along, message in (
        ("steps", "along: the runs have no column 'steps'; choose from N, P, web, code"),
        ("second", "did you mean 'seconds'"),
        ("N*Q", r"along: 'N\*Q' needs Q, and the runs have N, P, web, code"),
        ("arm", "along: column 'arm' is not numeric"),
        ("P - 1", "along: 'P - 1' is missing or not positive in row 0"),
    ):
        with pytest.raises(ValueError, match=message):
            values_along(parts, along)


def test_the_most_unusual_mixtures_are_held_out() -> None:
    rng = np.random.default_rng(1)
    shares = rng.dirichlet(np.ones(3), 40)
    losses = {
        f"loss_{i}": 1.0 + np.exp(shares @ rng.uniform(-2, 0.5, 3)) * (1 + 1e-3 * rng.random(40))
        for i in range(2)
    }
    table = {**{f"share_{k}": shares[:, k] for k in range(3)}, **losses}
    law = "c + k*exp(sum(t[h]*h))"
    got = fj.extrapolate(table, [law, "c + sum(a[h]*h**2)"], real="t", response="loss_*")
    distance = np.linalg.norm(shares - shares.mean(axis=0), axis=1)
    np.testing.assert_allclose(got.values, np.tile(distance, 2))
    assert got.along == "h"
    assert got.best.name == law
    assert got.leaderboard[0].held_out_r2 > 0.98


# What it prints and gives


def test_files_and_tables_of_several_parts(found: fj.Extrapolation) -> None:
    back = fj.Extrapolation.from_json(found.to_json())
    assert str(back) == str(found)
    assert [part.group for part in back.parts] == [{"corpus": "pile"}, {"corpus": "stack"}]
    content = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert len(content["parts"]) == 2 * len(LAWS)
    assert {"corpus", "response", "held_out_error", "held_out_r2"} <= content["parts"][0].keys()
    assert content["leaderboard"][0]["held_out_r2"] == found.leaderboard[0].held_out_r2
    assert {"inner_error", "held_out_r2"} <= {*found.to_dataframe().columns}
    with pytest.raises(ValueError, match="runs: expected one group and response, got 2 parts"):
        _ = found.runs


def test_targets_of_any_inputs() -> None:
    table = {name: values[:24] for name, values in streams(0.0).items() if name != "corpus"}
    target = {"N": [1e10], "streams": [16.0], "loss": [1.29 + (2e8 / (1e10 * 1.915)) ** 0.2]}
    columns = {"P": "streams"}
    got = fj.extrapolate(table, [STREAMS], along="N", columns_of=columns, targets=target)
    assert got[STREAMS].target_predicted[-1] == pytest.approx(target["loss"], rel=1e-3)
    outside = np.hypot(np.log(1e10 / 3.2e9), np.log(16.0 / 8.0))
    assert got.target_length() == pytest.approx([outside], rel=1e-6)
    assert "10 B   16" in str(got)
    known = {name: values[:1] for name, values in table.items()}
    with pytest.raises(ValueError, match="targets: 1 of 1 is among the runs, the first at N = 1e"):
        fj.extrapolate(table, [STREAMS], along="N", columns_of=columns, targets=known)


def test_figures_of_any_law(found: fj.Extrapolation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MPLBACKEND", "agg")
    from matplotlib import pyplot as plt

    axes = plot_extrapolation(found, "inner")
    assert axes.get_ylabel() == "error on the inner hold-outs, %"
    assert axes.get_xlabel() == "largest 6*N*P fitted"
    inner = 100 * found.results[0].inner_error
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), inner)
    shifted = {**streams(), "loss": streams()["loss"] - 5.0}
    negative = fj.extrapolate(shifted, ["A/N**a - E"], along="N", by="corpus", link="identity")
    axes = plot_error_by_value(negative)
    assert axes.get_ylabel() == "mean absolute error"
    values, errors = negative.error_by_value("A/N**a - E")
    np.testing.assert_allclose(axes.get_lines()[0].get_ydata(), errors)
    assert (values == np.unique(shifted["N"])).all()
    plt.close("all")


# Bad input


@pytest.mark.parametrize(
    ("laws", "options", "message"),
    [
        (["N, U | E + A/(N*U)**a", PLAIN], {}, r"the law N, U \| E \+ .* needs N and U: no column"),
        (
            [PLAIN],
            {"columns_of": {"P": "streams"}},
            "columns_of: none of the laws has the input 'P'",
        ),
        ([PLAIN], {"kinds": {"P": "real"}}, "kinds: none of the laws has the input 'P'"),
        ([PLAIN], {"along": "corpus"}, "along: column 'corpus' is not numeric"),
        ([PLAIN], {"by": "corpora"}, "no column 'corpora', named as a group"),
        ([PLAIN], {"held_out": 1e99}, "held_out: expected at most the largest N"),
    ],
)
def test_bad_settings(laws: Any, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.extrapolate(fj.read_table(streams(), as_is=True), laws, **options)


def test_other_bad_input() -> None:
    table = streams()
    with pytest.raises(ValueError, match="unknown law 'farser'; did you mean 'farseer'"):
        fj.extrapolate(table, ["farser"])
    with pytest.raises(ValueError, match="targets: expected one group and one response, got 2"):
        fj.extrapolate(table, [PLAIN], by="corpus", targets=table)
    two = [fj.law("x | E + sum(a[x]*x)", kinds={"x": "category"}), "x, N | E + b*x/N**c"]
    with pytest.raises(ValueError, match=r"has 'x' as category, and .* as positive"):
        fj.extrapolate({**table, "x": table["N"]}, two)
    runs = bind_runs(table, ["N"])[0].runs
    with pytest.raises(ValueError, match="columns_of applies to a table, but runs are Runs"):
        fj.extrapolate(runs, [PLAIN], columns_of={"N": "N"})


# Real runs


def test_parallel_streams_of_the_paper(shared_data: Path) -> None:
    table = read_table(shared_data / "named_inputs" / "parallel.csv")
    got = fj.extrapolate(table, LAWS, along="6*N*P", by="corpus")
    assert got.best.name == STREAMS
    assert got.leaderboard[0].held_out_r2 > 0.999
    assert got.leaderboard[-1].name == PLAIN


def test_fine_tuning_curves_in_one_batch(shared_data: Path) -> None:
    table = read_table(shared_data / "named_inputs" / "finetuning.csv")
    law, power = "E + B/(D_l + n**b)", "E + B/n**b"
    got = fj.extrapolate(table, [law, power], by="model,dataset", columns_of={"n": "examples"})
    assert len(got.parts) == 42
    assert got.best.name == law  # rectified
    assert got.leaderboard[0].held_out_r2 > 0.99
    assert got.leaderboard[1].probability > 0.9
