"""Numbers as people write them: single texts, columns, and the points of every command."""

import json
import math
import re
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from commands import command_named, farseer, refused
from hypothesis import example, given
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax.cli.shell import COMMANDS
from farseer_jax.laws.evaluate import flat_points
from farseer_jax.runs.checks import floats_of
from farseer_jax.tables.number_texts import number_of, numbers_of

SUFFIXES = {
    **{"": 0, "k": 3, "K": 3, " M": 6, "m": 6, "B": 9, "b": 9, "G": 9, "\u202fT": 12},
    **{" million": 6, "mn": 6, "bn": 9, " Billion": 9, "B tokens": 9, "M params": 6, " tokens": 0},
    **{"%": -2, " %": -2, "e9": 9, "E-3": -3, "×10^21": 21, " x 10**-2": -2, "·10²¹": 21},
    **{" PFLOPs": 15, "EFLOP": 18, " ZFLOPs": 21, "e21 FLOPs": 21},
}
WHOLE = st.integers(0, 10**15)
DIGITS = st.text("0123456789", max_size=6)
SIGNS = st.sampled_from(["", "-", "+", "\N{MINUS SIGN}"])


def grouped(whole: int, mark: str) -> str:
    return f"{whole:,}".replace(",", mark)


def exact(sign: str, whole: int, digits: str, shift: int = 0) -> float:
    """The float64 nearest to a decimal number."""
    sign = "-" if sign in ("-", "\N{MINUS SIGN}") else ""
    return float(Fraction(f"{sign}{whole}.{digits or 0}") * Fraction(10) ** shift)


class TestSingleTexts:
    @given(SIGNS, WHOLE, DIGITS, st.sampled_from([*SUFFIXES]))
    def test_every_suffix_is_read_exactly(
        self, sign: str, whole: int, digits: str, suffix: str
    ) -> None:
        text = f"{sign}{whole}{'.' if digits else ''}{digits}{suffix}"
        assert number_of(text) == exact(sign, whole, digits, SUFFIXES[suffix])

    @given(SIGNS, st.integers(10**6, 10**15), DIGITS, st.sampled_from([",", " ", "\u202f", "'"]))
    def test_groups_of_three_digits(self, sign: str, whole: int, digits: str, mark: str) -> None:
        text = f"{sign}{grouped(whole, mark)}{'.' if digits else ''}{digits}"
        assert number_of(text) == number_of(text, False) == exact(sign, whole, digits)

    @given(WHOLE, DIGITS, st.sampled_from(["", ".", " ", "\u00a0"]), st.sampled_from(["", "B"]))
    def test_decimal_commas(self, whole: int, digits: str, mark: str, suffix: str) -> None:
        text = f"{grouped(whole, mark)}{',' if digits else ''}{digits}{suffix}"
        assert number_of(text, True) == exact("", whole, digits, SUFFIXES[suffix])

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_what_python_writes(self, value: float) -> None:
        for text in (repr(value), f" {value:.17g}\n", f"{Decimal(value):f}"):
            assert number_of(text) == value

    @given(st.integers(2, 99), st.integers(-9, 99), st.sampled_from(["^", "**"]))
    def test_powers(self, base: int, power: int, mark: str) -> None:
        assert number_of(f"{base}{mark}{power}") == float(Fraction(base) ** power)

    @pytest.mark.parametrize(
        ("text", "value"),
        [
            ("7B", 7e9), ("70m", 7e7), ("1.4T", 1.4e12), ("32k", 32_000), ("7G", 7e9),
            ("500B tokens", 5e11), ("201,228,288", 201_228_288), ("1_000_000", 1e6),
            ("6.7\u00a0B", 6.7e9), ("1,234.5", 1234.5), ("1'234", 1234), (".5B", 5e8), ("7.", 7),
            ("2^30", 2**30), ("10²¹", 1e21), ("1.5 x 10^21 FLOPs", 1.5e21), ("70%", 0.7),
            ("1.2 trillion", 1.2e12), ("7Bparams", 7e9), ("1e24 FLOPs", 1e24), ("1e-400", 0),
        ],
    )  # fmt: skip
    def test_numbers(self, text: str, value: float) -> None:
        assert number_of(text) == value

    @pytest.mark.parametrize(
        "text",
        [
            *[
                "",
                " ",
                "-",
                "NA",
                "nan",
                "inf",
                "-Infinity",
                "1e400",
                "1e308k",
                "10^400",
                "diverged",
            ],
            *["1,2", "3,41", "3,412", "3,412M", "0,123", "1,234,56", "12,34,567", "1.234,5"],
            *["2024-01-05", "05.01.2024", "05/01/2024", "12:30", "1.2.3", "1.234.567", "v1"],
            *["190M-0.5xC", "7B-chat", "7Bx", "8x7B", "1e3b", "5f3a", "0x10", "1/2", "$7", "~7B"],
            *["1 2", "1234 567", "555 123 4567", "1__0", "7 B B", "5 tokens %", "1e3 %", "1k%"],
            *["3E", "3P", "1e5.5", "1e", "e5", "K", "B", "^5", "1^5", "²", "2^", "5%%", "1.5^2"],
            *["(7)", "1-2", "--5", "7 to 8", "7B,70B", "B7", "٣B"],
        ],
    )
    def test_other_texts(self, text: str) -> None:
        assert number_of(text) is None

    @given(st.text("0123456789.,-+eEkKmMbBTt%^*_' xX/:#gf", max_size=12) | st.text(max_size=8))
    @example("1e99999")
    @example("9" * 5000)
    def test_random_text_is_a_number_only_if_it_looks_like_one(self, text: str) -> None:
        found = [number_of(text), number_of(text, True), number_of(text, False)]
        for value in found:
            assert value is None or math.isfinite(value)
        if "," not in text and _is_finite(text):
            assert found[0] == found[2] == float(text)
        if found[0] is not None and not _is_finite(text):
            looks = (
                r"\s*[+-−]?[\d,._' ’\u00a0\u2007\u2009\u202f]*\d\.?\s?[a-zA-Z%^*×·x⁰-⁹¹²³⁻⁺\s\d+-]*"
            )
            assert re.fullmatch(looks, text)
            assert found[0] == found[2]


def _is_finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


class TestColumns:
    @pytest.mark.parametrize("missing", ["", " ", "NA", "N/A", "nan", "NaN", "null", "None", "-"])
    def test_missing_values(self, missing: str) -> None:
        more = [None, math.nan, pd.NA, pd.NaT, np.float32("nan"), "n/a", "#N/A"]
        found = numbers_of([missing, "7B", *more])
        np.testing.assert_array_equal(found.numbers, [math.nan, 7e9] + [math.nan] * 7)
        assert not found.not_numbers.size

    def test_rows_that_are_not_numbers(self) -> None:
        others = ["diverged", "OOM", "inf", "1e400", "1.2.3", True, 1j, [1.0]]
        found = numbers_of(["1", *others, "2"])
        assert found.not_numbers.tolist() == [*range(1, 9)]
        np.testing.assert_array_equal(found.numbers, [1.0, *[math.nan] * 8, 2.0])

    @pytest.mark.parametrize(
        ("texts", "numbers", "decimal_comma"),
        [
            (["3,41", "3,412"], [3.41, 3.412], True),
            (["0,412", "3,412"], [0.412, 3.412], True),
            (["1.234.567,8", "1.234"], [1234567.8, 1234], True),
            (["1.234.567", "3,412"], [1234567, 3.412], True),
            (["1 234,5", "7"], [1234.5, 7], True),
            (["201,228,288", "3,412", "512"], [201228288, 3412, 512], False),
            (["1,234.5", "3,412"], [1234.5, 3412], False),
            (["1.234", "3.4"], [1.234, 3.4], False),
            (["1,5B", "200M"], [1.5e9, 2e8], True),
            ([1, "2", 10**400, b"7B"], [1, 2, math.inf, 7e9], False),
            ([], [], False),
        ],
    )
    def test_marks_are_decided_for_all_rows(
        self, texts: list[Any], numbers: list[float], decimal_comma: bool
    ) -> None:
        found = numbers_of(texts)
        np.testing.assert_array_equal(found.numbers, numbers)
        assert found.decimal_comma == decimal_comma
        assert not found.not_numbers.size
        assert not found.ambiguous.size

    @pytest.mark.parametrize(
        ("texts", "rows"),
        [
            (["3,412", "2,871"], [0, 1]),
            (["512", "1,024"], [1]),
            (["3.41", "3,412"], [1]),  # a slip among points, or thousands
            (["3,41", "1.234"], [1]),
        ],
    )
    def test_one_group_may_be_either(self, texts: list[str], rows: list[int]) -> None:
        assert numbers_of(texts).ambiguous.tolist() == rows
        for comma in (False, True):
            assert not numbers_of(texts, comma).ambiguous.size
        with pytest.raises(ValueError, match=r"column 'D': rows? .* can be read in two ways"):
            floats_of(texts, "column 'D'")

    def test_a_caller_may_know_the_marks(self) -> None:
        texts = ["3,412", "2,871"]
        np.testing.assert_array_equal(numbers_of(texts, True).numbers, [3.412, 2.871])
        np.testing.assert_array_equal(numbers_of(texts, False).numbers, [3412, 2871])
        found = numbers_of(["3.41", "1.234", "7"], True)
        np.testing.assert_array_equal(found.numbers, [math.nan, 1234, 7])
        assert found.not_numbers.tolist() == [0]

    def test_the_fewer_rows_with_other_marks_are_reported(self) -> None:
        assert numbers_of(["3.1", "3.2", "3,3"]).not_numbers.tolist() == [2]
        assert numbers_of(["3,1", "3,2", "3.3"]).not_numbers.tolist() == [2]

    @given(
        st.lists(st.tuples(WHOLE, DIGITS.filter(lambda d: len(d) != 3)), min_size=1),
        st.sampled_from([(",", "."), (".", ","), (" ", "."), (" ", ","), ("\u202f", ",")]),
    )
    def test_a_column_is_read_as_it_was_written(
        self, rows: list[tuple[int, str]], marks: tuple[str, str]
    ) -> None:
        thousands, decimal = marks
        texts = [f"{grouped(w, thousands)}{decimal if d else ''}{d}" for w, d in rows]
        expected = np.array([exact("", *row) for row in rows])
        found = numbers_of(texts, decimal == ",")
        np.testing.assert_array_equal(found.numbers, expected)
        found = numbers_of(texts)
        assert not found.not_numbers.size
        if decimal == "." or any(digits for _, digits in rows):  # else 1.234 is a decimal number
            wrong = np.flatnonzero(found.numbers != expected)
            assert {*wrong.tolist()} <= {*found.ambiguous.tolist()}

    @given(st.lists(st.sampled_from(["7B", "3,412", "0,5", "1.5", "", "x", None, 2.5])))
    def test_an_array_is_read_as_a_list(self, values: list[Any]) -> None:
        array = np.empty(len(values), dtype=object)
        array[:] = values
        for one, other in zip(numbers_of(array), numbers_of(values), strict=True):
            np.testing.assert_array_equal(one, other)

    def test_runs_and_tables_take_them(self) -> None:
        runs = fj.Runs(N=["7B", "70B"], D=["1.4T", "500B tokens"], loss=["2,1", "1,9"])
        np.testing.assert_array_equal(runs.N, [7e9, 7e10])
        np.testing.assert_array_equal(runs.D, [1.4e12, 5e11])
        np.testing.assert_array_equal(runs.loss, [2.1, 1.9])
        frame = pd.DataFrame(
            {"N": ["201M", "1.4B"], "D": ["201,228,288", "1,234,567,890"], "loss": ["3.1", "2.9"]}
        )
        runs = fj.Runs.from_dataframe(frame)
        np.testing.assert_array_equal(runs.N, [2.01e8, 1.4e9])
        np.testing.assert_array_equal(runs.D, [201228288, 1234567890])
        with pytest.raises(
            ValueError, match=r"column 'loss': row 1 is not a number \('diverged'\)"
        ):
            fj.Runs.from_dataframe(frame.assign(loss=["3.1", "diverged"]))

    def test_points_in_tables(self) -> None:
        points = {"N": ["7B", "25.1B"], "D": ["1T", "500B tokens"]}
        law = fj.Chinchilla(1.69, 406.4, 410.7, 0.34, 0.28)
        found, _ = flat_points(type(law), (), points)
        np.testing.assert_array_equal(found["N"], [7e9, 25.1e9])
        np.testing.assert_array_equal(found["D"], [1e12, 5e11])
        with pytest.raises(ValueError, match=r"N: row 1 is not a number \('big'\)"):
            flat_points(type(law), (), points | {"N": ["7B", "big"]})


RUNS = "--min-N 200M --max-D 1.5T --min N=1B,P=2 --max loss=4,N=7B"
LAW = "--law E+A/N**a+B/(k*D)**b --fix E=1.69,k=1k --bounds A=0:1M --num-starts 1k"
SAME_RUNS = "--min-N 200e6 --max-D 1.5e12 --min N=1e9,P=2 --max loss=4,N=7e9"
SAME_LAW = "--law E+A/N**a+B/(k*D)**b --fix E=1.69,k=1000 --bounds A=0:1e6 --num-starts 1000"
WRITTEN = {  # the options of a command, and the same in numbers of Python
    "forecast": (
        f"T --at 25.1B,500B --at N=7B,P=8 --level 80% --N-unit 1B {RUNS} {LAW}",
        f"T --at 25.1e9,5e11 --at N=7e9,P=8 --level 0.8 --N-unit 1e9 {SAME_RUNS} {SAME_LAW}",
    ),
    "fit": (
        f"T --monotone-over 200M:10T,1B:1000T --bootstrap 1k --D-unit 1M {RUNS} {LAW}",
        f"T --monotone-over 2e8:1e13,1e9:1e15 --bootstrap 1000 --D-unit 1e6 {SAME_RUNS} {SAME_LAW}",
    ),
    "accuracy": (
        "T --at 7B,2T --chance a=25% --questions a=10k --level 80% --N-unit 1B",
        "T --at 7e9,2e12 --chance a=0.25 --questions a=10000 --level 0.8 --N-unit 1e9",
    ),
    "allocate": (
        "F.json --compute 1e21,2*10^22 --compute 10^20:1e24:5 --loss 0.42,45% --tokens-served 10T "
        "--max-N 70B --max-D 15,000,000,000,000 --architecture paper --sequence-length 4k",
        "F.json --compute 1e21 --compute 2e22 --compute 1e20:1e24:5 --loss 0.42 --loss 0.45 "
        "--tokens-served 1e13 --max-N 7e10 --max-D 1.5e13 --architecture paper "
        "--sequence-length 4000",
    ),
    "optimise": (
        "F.json --over N --given D=500B,1T --given web=70%,code=30% --budget 1ZFLOP,1e22 "
        "--at-least N=1B --at-most N=1T --bootstrap 1k",
        "F.json --over N --given D=5e11,D=1e12 --given web=0.7,code=0.3 --budget 1e21,1e22 "
        "--at-least N=1e9 --at-most N=1e12 --bootstrap 1000",
    ),
    "predict": ("F.json --given P=4,8 --given N=7B", "F.json --given P=4,P=8 --given N=7e9"),
    "bootstrap": (
        f"T --at 7B,1T --num-resamples 10k --noise 5×10^-4 --of run {RUNS}",
        f"T --at 7e9,1e12 --num-resamples 10000 --noise 5e-4 --of run {SAME_RUNS}",
    ),
    "choices": (
        f"T --at 7B,1T --at 70B,2T --target-embeddings 400M,800M {RUNS}",
        "T --at 7e9,1e12 --at 70e9,2e12 --target-embeddings 4e8 --target-embeddings 8e8 "
        f"{SAME_RUNS}",
    ),
    "anneal": (
        "T --over 20% --final 3e-5 --num-anneals 2e1 --tokens-per-step 500k --warmup 2k",
        "T --over 0.2 --final 0.00003 --num-anneals 20 --tokens-per-step 5e5 --warmup 2000",
    ),
    "curves": (
        "T --given N=400M --level 90% --warmup 2k --tokens-per-step 500k --points 100",
        "T --given N=4e8 --level 0.9 --warmup 2000 --tokens-per-step 5e5 --points 1e2",
    ),
    "extrapolate": (
        f"T --limit 1B,3B --held-out 5.4B --target 25.1B,500B,0.4116 --target N=7B,loss=2 {RUNS}",
        "T --limit 1e9 --limit 3e9 --held-out 5.4e9 --target 25.1e9,5e11,0.4116 "
        f"--target N=7e9,loss=2 {SAME_RUNS}",
    ),
    "influence": (f"T --at N=7B,D=1T {RUNS}", f"T --at N=7e9,D=1e12 {SAME_RUNS}"),
    "inspect": ("T --N-unit 1B --D-unit 1M", "T --N-unit 1e9 --D-unit 1e6"),
    "compare": (
        "A.csv B.csv --at 7B,2T --N 100M:1T --D 1e9:10T --compute 10^20:1YFLOP",
        "A.csv B.csv --at 7e9,2e12 --N 1e8:1e12 --D 1e9:1e13 --compute 1e20:1e24",
    ),
    "report": (
        f"T --at 25.1B,500B --compute 10^23,1YFLOP --budget 5ZFLOPs --level 80% {RUNS} {LAW}",
        "T --at 25.1e9,5e11 --compute 1e23 --compute 1e24 --budget 5e21 --level 0.8 "
        f"{SAME_RUNS} {SAME_LAW}",
    ),
    "schedule": (
        "T --steps 48k --peak 3e-4 --final 30e-6 --rise 2k --knots 1e2 --given N=1B,B=4M",
        "T --steps 48000 --peak 0.0003 --final 3e-5 --rise 2000 --knots 100 --given N=1e9,B=4e6",
    ),
    "suggest": (
        f"T --target 25.1B,500B --split 1e22,1e24 --budget 5ZFLOPs {RUNS} {LAW}",
        f"T --target 25.1e9,5e11 --split 1e22 --split 1e24 --budget 5e21 {SAME_RUNS} {SAME_LAW}",
    ),
}


class TestCommands:
    @pytest.mark.parametrize(
        "name", [name for name in COMMANDS if name not in ("completion", "plot")]
    )
    def test_options_and_points_take_them(self, name: str) -> None:
        written, same = (settings_of(name, text) for text in WRITTEN[name])
        assert written == same

    def test_predict_takes_several_values(self, fit_file: Path) -> None:
        for written, same in (
            ("--N 25.1B --D 500B,1T", "--N 25.1e9 --D 5e11 --D 1e12"),
            ("--given N=7B,70B --given D=500B", "--N 7e9 --N 7e10 --D 5e11"),
        ):
            ours, theirs = (
                farseer("predict", fit_file, *args.split(), "--json", "-")
                for args in (written, same)
            )
            assert (ours.exit_code, ours.stderr) == (0, "")
            assert json.loads(ours.stdout) == json.loads(theirs.stdout)

    @pytest.mark.parametrize(
        ("args", "message"),
        [
            ("predict F --N 7Bx --D 1", "'--N': expected a positive number such as 7B, got '7Bx'"),
            ("predict F --N 7B,x --D 1", "'--N': expected a positive number such as 7B, got 'x'"),
            ("predict F --N 201,228,288 --D 1", "commas separate values: expected 201228288"),
            ("fit T --min-N 7Bx", "'--min-N': expected a number (such as 2e8 or 7B), got '7Bx'"),
            ("fit T --max-N inf", "'--max-N': expected a number (such as 2e8 or 7B), got 'inf'"),
            ("fit T --max N=7Bx", "expected NAME=NUMBER (such as E=1.69), got 'N=7Bx'"),
            ("fit T --num-starts 1.5", "expected a whole number (such as 1000 or 10k), got 1.5"),
            ("fit T --num-starts 0k", "0 is not in the range"),
            ("forecast T --at 7B,x", "expected a point N,D of positive numbers"),
            ("forecast T --level 95", "95.0 is not in the range"),
            ("extrapolate T --limit 1B,x", "expected positive numbers separated by commas"),
            ("extrapolate T --target N=7B,loss=x", "expected NAME=NUMBER (such as N=4B"),
            ("allocate T --compute 1e21,x", "expected a positive number (such as 1e22)"),
            ("suggest T --split 1e21,-1 --budget 1", "expected a positive number (such as 1e22)"),
        ],
    )
    def test_refusals(self, args: str, message: str) -> None:
        refused(farseer(*args.split()), message)


def settings_of(name: str, args: str) -> dict[str, Any]:
    """The settings of a command, with its texts as numbers."""
    command = command_named(name)
    with command.make_context(name, args.split(" ")) as context:
        return {key: as_numbers(value) for key, value in context.params.items()}


def as_numbers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: as_numbers(own) for key, own in value.items()}
    if isinstance(value, list | tuple):
        return [as_numbers(own) for own in value]
    number = number_of(value) if isinstance(value, str) else None
    return value if number is None else number
