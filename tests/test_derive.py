"""Columns computed by formulas: their values, what is missing, and what is refused."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from farseer_jax.expressions.assignment import parse_assignment
from farseer_jax.expressions.expression import parse
from farseer_jax.expressions.missing import missing_rows
from farseer_jax.expressions.names import name_text
from farseer_jax.tables.derive import derived

TABLE = {
    "N": np.array([1e8, 4e8, 8e8]),
    "tokens_per_param": np.array([20, 40, 10]),
    "config.model.size (M)": np.array([100, 400, 800]),
    "train/loss": np.array([3.5, 3.1, np.nan]),
    "C": np.array(["1e18", "2e18", ""], object),
    "arm": np.array(["a", "b", "a"], object),
    "moe": np.array([True, False, None], object),
}


def column(formula: str, table: Any = TABLE, **options: Any) -> np.ndarray:
    return derived(table, formula, **options).columns[parse_assignment(formula).name]


# Values


def test_a_column_is_computed_and_told() -> None:
    table, notes = derived(TABLE, ["D = tokens_per_param * N", "C = 6*N*D"])
    assert list(table) == [*TABLE, "D"]
    np.testing.assert_array_equal(table["D"], [2e9, 1.6e10, 8e9])
    np.testing.assert_array_equal(table["C"], 6 * TABLE["N"] * table["D"])
    assert table["D"].dtype == np.float64
    assert notes == ("D = tokens_per_param*N", "C = 6*N*D, which replaces the column 'C'")
    assert TABLE["C"].dtype == object  # the table given is not changed


def test_a_replaced_column_may_be_in_its_formula() -> None:
    mixed = {"N": np.array([100.0, 2e8, 300])}
    table, notes = derived(mixed, "N = where(N < 1e6, 1e6*N, N)")
    np.testing.assert_array_equal(table["N"], [1e8, 2e8, 3e8])
    assert notes == ("N = where(N < 1e6, 1e6*N, N), which replaces the column 'N'",)


def test_names_are_quoted() -> None:
    np.testing.assert_array_equal(column('N = 1e6 * "config.model.size (M)"'), TABLE["N"])
    np.testing.assert_array_equal(column('"eval/bits" = N/2'), TABLE["N"] / 2)
    assert derived(TABLE, '"a b"=`train/loss`*2').notes[0].startswith('"a b" = "train/loss"*2')


def test_a_number_fills_a_column() -> None:
    np.testing.assert_array_equal(column("seq_len = 2048"), [2048.0] * 3)


def test_text_true_and_false_are_numbers_in_formulas() -> None:
    np.testing.assert_array_equal(column("x = C/1e18"), [1.0, 2.0, np.nan])
    np.testing.assert_array_equal(column("x = where(moe == 1, 2, 1)"), [2.0, 1.0, np.nan])
    masked = {"N": np.ma.masked_array([1, 2], mask=[True, False])}
    np.testing.assert_array_equal(column("x = 2*N", masked), [np.nan, 4.0])


def test_large_integers_do_not_overflow() -> None:
    large = {"N": np.array([7 * 10**10]), "D": np.array([15 * 10**12])}
    np.testing.assert_array_equal(column("C = 6*N*D", large), [6.3e24])


def test_names_have_meanings_of_the_layer_above() -> None:
    table = {"n_params_M": np.array([100.0, 200.0])}
    assert column("D = 20*N", table, meanings={"N": [1e8, 2e8]}).tolist() == [2e9, 4e9]

    def meaning(name: str, columns: Any) -> Any:
        return columns["params"] if name == "N" and "params" in columns else None

    formulas = ["params = 1e6*n_params_M", "D = 20*N"]
    found = derived(table, formulas, meanings=meaning)
    assert found.columns["D"].tolist() == [2e9, 4e9]
    assert derived({"N": np.ones(1)}, "D = N", meanings={"N": [5.0]}).columns["D"] == 1.0
    with pytest.raises(ValueError, match=r"formula 'D = 20\*N': unknown name N"):
        derived(table, "D = 20*N", meanings=meaning)


# Random formulas have the values that NumPy gives

NAMES = ("a", "b", "train/loss", "log")
LEAVES = st.sampled_from([(name_text(name), f"v[{name!r}]") for name in NAMES])
LEAVES |= st.sampled_from(["2", "0.5", "1e3"]).map(lambda text: (text, f"f({text})"))
SHAPES = ["({}+{})", "({}-{})", "{}*{}", "{}/{}", "({})**2", "-({})", "({})**({})"]
SHAPES += ["min({},{})", "max({},{})", "sqrt({})", "exp({})"]
BRANCHES = ["where({}<{},{},{})", "where({} >= {},{},{})"]
FUNCTIONS = {
    **{"min": np.minimum, "max": np.maximum, "where": np.where, "sqrt": np.sqrt, "exp": np.exp},
    "f": np.float64,
}


def formulas(shapes: list[str]) -> st.SearchStrategy[tuple[str, str]]:
    def larger(inner: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[tuple[str, str]]:
        return st.sampled_from(shapes).flatmap(
            lambda shape: st.tuples(*[inner] * shape.count("{}")).map(
                lambda parts: tuple(shape.format(*texts) for texts in zip(*parts, strict=True))
            )
        )

    return st.recursive(LEAVES, larger, max_leaves=8)


COLUMNS = st.integers(1, 6).flatmap(
    lambda num: st.fixed_dictionaries(
        {name: st.lists(st.floats(-3, 3), min_size=num, max_size=num) for name in NAMES}
    )
)


@settings(max_examples=300)
@given(formulas(SHAPES + BRANCHES), COLUMNS)
def test_values_are_numpys(pair: tuple[str, str], lists: dict[str, list[float]]) -> None:
    values = {name: np.array(numbers) for name, numbers in lists.items()}
    rows = len(values["a"])
    with np.errstate(all="ignore"):
        expected = np.broadcast_to(eval(pair[1], FUNCTIONS, {"v": values}), (rows,))
    bad = np.flatnonzero(~np.isfinite(expected))
    try:
        found = column(f"x = {pair[0]}", values)
    except ValueError as error:
        assert bad.size
        assert f"row{'s' * (bad.size > 1)} {', '.join(map(str, bad))} " in str(error)  # noqa: PT017
    else:
        np.testing.assert_array_equal(found, expected)


@settings(max_examples=200)
@given(formulas(SHAPES), COLUMNS, st.data())
def test_missing_inputs_give_missing_results(
    pair: tuple[str, str], lists: dict[str, list[float]], data: st.DataObject
) -> None:
    values = {name: np.array(numbers) for name, numbers in lists.items()}
    expression = parse(pair[0])
    expected = np.zeros(len(values["a"]), bool)
    for name in expression.names:
        gaps = np.array(data.draw(st.lists(st.booleans(), min_size=expected.size)))[: expected.size]
        values[name] = np.where(gaps, np.nan, values[name])
        expected |= gaps
    assert (
        np.zeros_like(expected) | missing_rows(expression, values)
    ).tolist() == expected.tolist()


@given(formulas(SHAPES), formulas(SHAPES), COLUMNS)
def test_a_branch_that_is_not_taken_may_be_missing(
    first: tuple[str, str], second: tuple[str, str], lists: dict[str, list[float]]
) -> None:
    values = {name: np.array(numbers) for name, numbers in lists.items()}
    values["log"][:] = np.nan
    taken = values["a"] < values["b"]
    one, other = (
        np.zeros(taken.size, bool) | missing_rows(parse(text), values)
        for text in (first[0], second[0])
    )
    both = missing_rows(parse(f"where(a < b, {first[0]}, {second[0]})"), values)
    assert (np.zeros_like(taken) | both).tolist() == np.where(taken, one, other).tolist()


def test_a_missing_number_is_missing_whatever_numpy_makes_of_it() -> None:
    table = {"a": np.array([np.nan, 2.0]), "one": np.ones(2)}
    for formula in (
        "a**0",
        "one**a",
        "where(a < 1, 1, 2)",
        "min(a, one)",
        "where(not a < 1, 1, 2)",
    ):
        found, notes = derived(table, f"x = {formula}")
        assert np.isnan(found["x"]).tolist() == [True, False]
        assert notes[0].endswith("; missing in row 0, where a is missing")


# What is refused

REFUSED = {
    "tokens_per_param * N": "formula 'tokens_per_param .* N': the result has no name: write NAME =",
    "= 20*N": "a name is missing before the '=': write NAME = FORMULA",
    "D =": "the formula is empty",
    "D = 20N": "'20N' at column 5 of the formula",
    "D = 20^N": r"'\^' at column 7 of the formula: write \*\* for a power",
    "D = x = N": "'=' at column 7 of the formula: remove it and what is before it",
    "6*N = C": r"'6\*N' at column 1 of the formula: expected one name before the '='",
    "log = N": "name 'log' at column 1 of the formula: quote it, \"log\"",
    "D | D = N": "expected one name before the '='",
    "x = N | N*2": "a bar declares the inputs of a law",
    "x = sum(N)": r"sum\(…\) and indexes are for the mixtures of a law: add columns with \+",
    "D = token_per_param*N": r"unknown name token_per_param \(did you mean tokens_per_param\?\)",
    "D = Tokens_per_param*n": r"did you mean tokens_per_param\?\); .*unknown name n \(did you",
    "x = config.model.size": 'quote it, "config.model.size"',
    "x = 2*config.model.size (M)": r'needs quotes: write "config.model.size \(M\)"',
    "x = train/loss": r'the column name needs quotes: write "train/loss"; the columns are',
    "x = y*z": r"unknown name y; .*unknown name z; the columns are 'N', 'tokens_per_param', 'con",
    "x = 2*arm": r"column 'arm': rows 0, 1, 2 are not numbers \('a', 'b', 'a'\)",
    "x = N/(N - 4e8)": r"x = N/\(N - 4e8\): row 1 is infinite \(where N = 4e\+08\)",
    "x = log(N - 5e8)": r"rows 0, 1 are undefined \(first N = 1e\+08\)",
    "x = log(0)": "x = log\\(0\\): rows 0, 1, 2 are infinite; correct these rows or leave them out",
}


@pytest.mark.parametrize("formula", REFUSED)
def test_what_cannot_be_computed_is_refused(formula: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[formula]) as refused:
        derived(TABLE, formula)
    assert "\n" not in str(refused.value)


def test_all_problems_are_told_at_once() -> None:
    formulas = ["x = 2*y", "z = 3*arm", "w = x + z", "v = 1/(N - 1e8)", "u = yy"]
    with pytest.raises(ValueError, match="unknown name y;") as refused:
        derived(TABLE, formulas)
    told = str(refused.value)
    assert "formula 'u = yy': unknown name yy" in told
    assert told.count("the columns are") == 1
    assert "column 'arm': rows 0, 1, 2" in told
    assert "v = 1/(N - 1e8): row 0 is infinite" in told
    assert "w = " not in told  # which follows from the others
    with pytest.raises(ValueError, match=r"formula 'a b = 1'.*; formula 'c = 2\^3'"):
        derived(TABLE, ["a b = 1", "ok = 1", "c = 2^3"])


def test_rows_are_those_of_the_source() -> None:
    with pytest.raises(ValueError, match="row 17 is infinite"):
        derived(TABLE, "x = 1/(N - 4e8)", rows=np.array([3, 17, 20]))


def test_an_infinite_input_is_not_the_formulas_fault() -> None:
    assert column("x = 2*a", {"a": np.array([np.inf, 1.0])}).tolist() == [np.inf, 2.0]


def test_what_is_no_column_of_numbers_is_refused() -> None:
    dates = {"day": np.array(["2024-01-01"], "datetime64[D]"), "x": np.ones(1)}
    with pytest.raises(ValueError, match="column 'day': expected numbers, got datetime64"):
        derived(dates, "y = 2*day")
    with pytest.raises(ValueError, match="column 'N': expected one value for each of the 1 rows"):
        derived(dates, "y = 2*N", meanings={"N": [1.0, 2.0]})
    with pytest.raises(ValueError, match="the table has no columns"):
        derived({}, "y = 2")
    with pytest.raises(TypeError, match="expected a formula as text, got int"):
        derived(dates, [3])  # type: ignore[list-item]


@settings(max_examples=300)
@given(st.text() | st.text(alphabet='abN=+*/() ."`12|[]<'))
def test_any_text_is_computed_or_refused(text: str) -> None:
    try:
        assignment = parse_assignment(text)
    except ValueError as refused:
        assert "\n" not in str(refused)  # noqa: PT017
    else:
        assert parse_assignment(str(assignment)) == assignment


# Architecture rows of real tables, and the page


def test_the_formulas_of_the_page_are_read() -> None:
    page = (Path(__file__).parents[1] / "docs" / "tables.md").read_text(encoding="utf-8")
    section = page[page.index("## Derived columns") : page.index("## Logged runs")]
    rows = [line for line in section.splitlines() if line.startswith("| ")]
    formulas = [text for row in rows for text in re.findall(r"`(\w+ = [^`]+)`", row)]
    assert len(formulas) >= 12
    for formula in formulas:
        assert parse_assignment(formula).name in ("N", "D", "N_active")


def test_sizes_and_tokens_from_the_architecture_of_farseers_runs(shared_data: Path) -> None:
    frame = pd.read_csv(shared_data / "farseer_404.csv")
    table = {name: frame[name].to_numpy() for name in frame if name not in ("N", "D")}
    found, _ = derived(
        table,
        [
            "N = numl*(4*h**2 + 3*h*ffnh + 2*h)",
            "D = steps*batch_size_seqs*seq_len",
            "dense = 12*numl*h**2",
            "with_embedding = N + 131072*h",
        ],
    )
    np.testing.assert_array_equal(found["N"], frame["N"])
    np.testing.assert_allclose(found["D"], frame["D"], rtol=1e-5)
    assert np.mean(found["D"] == frame["D"]) > 0.5
    np.testing.assert_array_equal(found["with_embedding"], frame["N_with_embedding"])
    assert np.abs(found["dense"] / frame["N"] - 1).max() < 0.05


def test_sizes_and_tokens_from_the_architecture_of_the_ladder(shared_data: Path) -> None:
    frame = pd.read_csv(shared_data / "complexkda_ladder.csv")
    frame = frame[frame["arm"] == "attn"]
    table = {name: frame[name].to_numpy() for name in frame if name not in ("N", "D")}
    formulas = [
        "non_embedding = n_layer*(16*d_model**2 + 2*d_model) + d_model",
        "N = non_embedding + 50304*d_model",
        "D = 1e9*budget_BT",
        "N_of_flops = flops_6ND/(6*D)",
    ]
    found = derived(table, formulas).columns
    np.testing.assert_array_equal(found["N"], frame["N"])
    np.testing.assert_allclose(found["D"], frame["D"], rtol=1e-4)
    np.testing.assert_allclose(found["N_of_flops"], frame["N"], rtol=1e-4)
