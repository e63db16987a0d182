"""Runs and arguments that cannot be fitted: one error, that names what is wrong and the remedy.

What is wrong with a single table (text, NaN, missing columns …) is in test_runs and test_read.
"""

from typing import Any

import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj

SIZES = np.geomspace(2e8, 6e9, 8)
END_TO_END = "need an end-to-end fit (all parameters at once, by nonlinear least squares)"


def grid_runs(sizes: Any = SIZES, num_D: int = 6, *, step: float = 2.0) -> fj.Runs:
    N, D = np.repeat(sizes, num_D), np.tile(1e9 * step ** np.arange(num_D), len(sizes))
    return fj.simulate(fj.example_law(), N, D, noise=0, seed=0)


def turned(runs: fj.Runs, num_sizes: int) -> fj.Runs:
    """The losses of the first sizes in reverse: they rise with D."""
    loss = runs.loss.copy()
    for N in np.unique(runs.N)[:num_sizes]:
        loss[runs.N == N] = loss[runs.N == N][::-1]
    return fj.Runs(runs.N, runs.D, loss)


def refusal(runs: object, method: fj.Piecewise | None = None) -> str:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - callers look at the message
        fj.fit(fj.Farseer, runs, method)
    message = str(caught.value)
    assert "\n" not in message
    assert caught.value.__cause__ is None
    return message


def assert_says(message: str, *parts: str) -> None:
    for part in parts:
        assert part in message, f"{part!r} is not in {message!r}"


# Too few sizes or pairs


def test_one_size() -> None:
    message = refusal(grid_runs([1e9]))
    assert_says(message, "column 'N': ", "1 size (1e+09)", "at least 3 sizes", "Add runs of other")


def test_two_sizes() -> None:
    message = refusal(grid_runs([1e9, 2e9]))
    assert_says(message, "column 'N': ", "2 sizes (1e+09, 2e+09)", "at least 3 sizes", "max_N")


def test_a_single_run() -> None:
    assert_says(refusal(fj.Runs([1e9], [1e10], [0.6])), "column 'N': ", "1 size (1e+09)")


@pytest.mark.parametrize("num_D", [2, 3])
def test_sizes_with_too_few_pairs(num_D: int) -> None:
    message = refusal(grid_runs(num_D=num_D))
    assert_says(message, "column 'D': ", "only 0 of 8 sizes have 3 or more pairs", "min_pairs")
    assert_says(message, END_TO_END)


def test_two_pairs_are_enough_where_one_says_so() -> None:
    runs = grid_runs(num_D=3)
    result = fj.fit(fj.Farseer, runs, fj.Piecewise(min_pairs=2))
    assert result.mean_relative_error < 1e-6


def test_one_D_for_each_size() -> None:
    message = refusal(grid_runs(num_D=1))
    assert_says(message, "column 'D': no size has two different D (8 sizes)", END_TO_END)
    assert "less than 1 %" not in message


def test_no_two_runs_of_one_size() -> None:
    N, D = np.geomspace(1e8, 1e10, 40), np.geomspace(1e9, 1e11, 40)
    message = refusal(fj.simulate(fj.example_law(), N, D, seed=0))
    assert_says(message, "column 'D': no size has two different D (40 sizes)", END_TO_END)


def test_sizes_that_were_meant_to_be_one() -> None:
    N = np.repeat(SIZES, 6) * np.tile(1 + 1e-3 * np.arange(6), 8)
    runs = fj.Runs(N, grid_runs().D, grid_runs().loss)
    message = refusal(runs)
    assert_says(message, "Some sizes differ by less than 1 %", "give them the same N")


def test_a_ratio_that_no_pair_has() -> None:
    message = refusal(grid_runs(), fj.Piecewise(ratio=(40.0, 50.0)))
    assert_says(message, "column 'D': only 0 of 8 sizes", "ratio=(low, high)", END_TO_END)


# Losses that are no losses


def test_losses_that_rise_with_D() -> None:
    message = refusal(turned(grid_runs(), 8))
    assert_says(message, "column 'loss': ", "N=2e+08 (the loss does not fall in 5 of 5 steps of D)")
    assert_says(message, "and 3 more", "The loss must decrease as D grows", "lower is better")


def test_losses_that_stay_the_same() -> None:
    runs = grid_runs()
    message = refusal(fj.Runs(runs.N, runs.D, np.full(len(runs), 3.0)))
    assert_says(message, "column 'loss': ", "does not fall in 5 of 5 steps")


def test_losses_whose_steps_grow() -> None:
    runs = grid_runs()
    message = refusal(fj.Runs(runs.N, runs.D, 10 - 0.01 * runs.D**0.2))
    assert_says(message, "column 'loss': ", "N=2e+08 (the steps of the loss grow with D)")


def test_a_size_whose_loss_never_falls_is_dropped_and_reported() -> None:
    runs = grid_runs()
    result = fj.fit(fj.Farseer, turned(runs, 1))
    assert result.diagnostics.num_pairs.tolist() == [0, 5, 5, 5, 5, 5, 5, 5]
    assert np.isnan(result.diagnostics.A[0])
    assert result.diagnostics.left_out_N.tolist() == [SIZES[0]] * 5
    assert set(result.diagnostics.left_out_note) == {"the loss does not fall"}
    (warning,) = (w for w in result.warnings if w.startswith("1 of 8 sizes took no part"))
    assert "200 M: the loss does not fall in 5 of 5 steps of D" in warning
    assert not any(w.startswith("the loss does not fall with D") for w in result.warnings)
    # A(N) and B(N) come from the other sizes, as if the dropped one were not there
    assert isinstance(result.law, fj.Farseer)
    others = fj.fit(fj.Farseer, runs).law
    assert isinstance(others, fj.Farseer)
    np.testing.assert_allclose(result.law.A.exponent, others.A.exponent, atol=1e-6)


def test_too_few_sizes_are_left() -> None:
    message = refusal(turned(grid_runs(), 6))
    assert_says(message, "column 'loss': ", "Fewer than three sizes", "N=2e+08 (", "and 1 more")


# Arguments of the wrong kind


@pytest.mark.parametrize("runs", [[1, 2, 3], np.ones((4, 3)), None, 7])
def test_runs_that_are_no_table(runs: object) -> None:
    with pytest.raises(
        TypeError,
        match="expected Runs, or a pandas, polars or pyarrow table in memory, or a mapping of",
    ):
        fj.fit(fj.Farseer, runs)


def test_a_path_is_no_table() -> None:
    with pytest.raises(TypeError, match=r"'runs.csv': read it with read_runs\(path\)"):
        fj.fit(fj.Farseer, "runs.csv")


def test_a_table_without_losses() -> None:
    table = grid_runs().to_dataframe().rename(columns={"loss": "accuracy"})
    message = refusal(table)
    assert_says(message, "no column was recognised as the loss", "--loss column", "'accuracy'")


def test_tables_of_other_kinds_are_taken() -> None:
    runs = grid_runs()
    expected = fj.fit(fj.Farseer, runs).predict(1e9, 1e11)
    columns = {"n_params": runs.N, "tokens": runs.D, "val_loss": runs.loss}
    for table in (pd.DataFrame(columns), columns):
        assert fj.fit(fj.Farseer, table).predict(1e9, 1e11) == expected


class Flat(fj.Law):
    """A law that the piecewise method does not fit."""

    name = "flat"

    def loss(self, N: Any, D: Any) -> Any:
        return 1 + 0 * N * D


@pytest.mark.parametrize(
    "law", [fj.StretchedExponential, fj.example_law(), None, 3], ids=lambda _: ""
)
def test_what_is_no_law(law: Any) -> None:
    with pytest.raises(TypeError, match="law must be a law's class such as `Chinchilla`, or text"):
        fj.fit(law, grid_runs(), fj.Piecewise())


@pytest.mark.parametrize("law", [Flat, fj.Coupled, "coupled", "E + A/N**alpha"])
def test_a_law_that_the_method_does_not_fit(law: Any) -> None:
    with pytest.raises(
        TypeError, match="the piecewise method fits the law's class `Farseer` or `Chin"
    ):
        fj.fit(law, grid_runs(), fj.Piecewise())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"rounds": 0}, r'rounds must be at least 1, or "joint", got 0'),
        ({"rounds": "all"}, r'rounds must be at least 1, or "joint", got .all'),
        ({"criterion": "absolute"}, r"criterion must be one of .*squared.*relative.*absolute"),
        ({"min_pairs": 1}, r"min_pairs must be a whole number from 2, got 1"),
    ],
    ids=lambda value: str(value)[:20],
)
def test_settings_out_of_range(settings: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.Piecewise(**settings)


def test_a_range_of_ratios_ascends() -> None:
    message = refusal(grid_runs(), fj.Piecewise(ratio=(3.0, 2.0)))
    assert_says(message, "ratio: the range must be (low, high) with low < high, got (3.0, 2.0)")


def test_a_range_of_ratios_may_be_a_list() -> None:
    runs = grid_runs()
    as_list, as_tuple = (fj.Piecewise(ratio=bounds) for bounds in ([1.5, 3.0], (1.5, 3.0)))
    assert as_list == as_tuple
    assert (
        fj.fit(fj.Farseer, runs, as_list).to_json() == fj.fit(fj.Farseer, runs, as_tuple).to_json()
    )


@pytest.mark.parametrize("ratio", [0.5, 1.0, np.inf, np.nan])
def test_a_ratio_that_is_none(ratio: float) -> None:
    message = refusal(grid_runs(), fj.Piecewise(ratio=ratio))
    assert_says(message, "ratio must be finite and above 1, got")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: fj.Grid(0.5, -0.5), "bounds must be finite and ascending"),
        (lambda: fj.Grid(0.0, np.inf), "bounds must be finite and ascending"),
        (lambda: fj.Grid(-0.5, 0.5, 2), "num_candidates must be at least 3, got 2"),
        (lambda: fj.Grid.with_step(-0.5, 0.5, 0.0), "step must be positive"),
        (lambda: fj.Refined(0.5, 0.5), "bounds must be finite and ascending"),
        (lambda: fj.Refined(resolution=0.0), "resolution must be positive"),
    ],
    ids=["order", "infinite", "two", "step", "equal", "resolution"],
)
def test_a_search_that_cannot_be(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_parameters_that_are_not_the_nine() -> None:
    with pytest.raises(ValueError, match=r"needs exactly the parameters .*got \['a1'\]"):
        fj.Farseer.from_parameters({"a1": 1.0})


# Stacks of refits


@pytest.mark.parametrize(
    ("stacks", "message"),
    [
        ({}, "give losses, weights or both"),
        ({"losses": np.ones((2, 5))}, r"losses: expected shape \(batch, 48\), got \(2, 5\)"),
        ({"weights": -np.ones((2, 48))}, "weights: refit 0, run 0 is -1.0; .* not negative"),
        ({"losses": np.zeros((2, 48))}, "losses: refit 0, run 0 is 0.0; .* and positive"),
        ({"weights": np.full((1, 48), np.nan)}, "weights: refit 0, run 0 is nan; .* finite"),
        (
            {"losses": np.ones((2, 48)), "weights": np.ones((3, 48))},
            "losses and weights: expected as many rows of each \\(or one row\\), got 2 and 3",
        ),
    ],
    ids=["none", "shape", "negative", "zero", "nan", "lengths"],
)
def test_stacks_of_refits(stacks: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fj.fit_batch(fj.Farseer, grid_runs(), **stacks)
