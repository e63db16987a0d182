"""What remakes a report: the printed Python gives the same runs, laws and methods."""

import base64
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import click
import hypothesis.strategies as st
import numpy as np
import pytest
from commands import command_named, farseer, refused, write
from html_page import Page
from hypothesis import given

import farseer_jax as fj
from farseer_jax.cli import main
from farseer_jax.cli.command_line import ARGUMENTS
from farseer_jax.cli.forecast import read_question
from farseer_jax.cli.reading_text import reading_text, recipe_text
from farseer_jax.cli.report_commands import commands_text
from farseer_jax.cli.two_tables import runs_of_both
from farseer_jax.laws.expression_law import expression_law
from farseer_jax.reporting.explorer import packed
from farseer_jax.reporting.page import _json
from farseer_jax.reporting.python_text import python_text
from farseer_jax.reporting.python_value import law_arguments, python_value
from farseer_jax.results.numbers import level_text
from farseer_jax.runs.fingerprint import fingerprint

FINITE = st.floats(allow_nan=False, allow_infinity=False)
POSITIVE = st.floats(1e-3, 1e3)
PLAIN = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), FINITE, st.just(float("inf")), st.text()),
    lambda own: st.one_of(
        st.lists(own, max_size=3),
        st.lists(own, max_size=3).map(tuple),
        st.dictionaries(st.text(), own, max_size=3),
    ),
    max_leaves=8,
)
LINKS = st.one_of(
    st.sampled_from(["log", "identity"]).map(fj.Link),
    st.tuples(st.floats(-5.0, 0.5), st.floats(0.6, 5.0)).map(lambda ends: fj.Link("logit", *ends)),
)
OBJECTIVES = st.one_of(
    st.sampled_from(["squared", "huber", "absolute"]),
    st.builds(fj.Objective, st.sampled_from(["link", "absolute"]), delta=POSITIVE),
)
METHODS = st.builds(
    fj.LeastSquares,
    objective=OBJECTIVES,
    num_starts=st.integers(1, 99),
    fixed=st.dictionaries(st.sampled_from(["E", "alpha"]), POSITIVE),
    tied=st.sampled_from([(), [("alpha", "beta")]]),
    bounds=st.sampled_from([{}, {"alpha": (0.0, float("inf"))}]),
)
ERRORS = st.builds(fj.CorrelatedErrors, size=POSITIVE, along=st.sampled_from([None, "N", ""]))


class MyLaw(fj.Chinchilla):
    """A law of one's own."""


class TestValues:
    """``eval`` of the text gives the value back."""

    @given(st.one_of(PLAIN, METHODS, ERRORS, LINKS))
    def test_is_what_eval_gives(self, value: Any) -> None:
        back = eval(python_value(value), {"fj": fj})
        assert (
            fj.Link(back) if isinstance(value, fj.Link) and isinstance(back, str) else back
        ) == value
        assert isinstance(back, str) or type(back) is type(value)

    def test_only_what_differs_from_the_defaults(self) -> None:
        assert python_value(fj.LeastSquares(num_starts=8, fixed={"alpha": 0.34})) == (
            "fj.LeastSquares(num_starts=8, fixed={'alpha': 0.34})"
        )
        assert python_value(fj.Link("logit", 0.25)) == "fj.Link('logit', 0.25, 1.0)"
        assert python_value(fj.Link("identity")) == "'identity'"
        assert python_value(np.array([1e22, 3.5e23])) == "[1e22, 3.5e23]"

    def test_laws(self) -> None:
        assert python_value(fj.Chinchilla) == "'chinchilla'"
        assert python_value(MyLaw) == "MyLaw"
        assert python_value(fj.Chinchilla(1.5, 400.0, 410.0, 0.34, 0.28)).startswith(
            "fj.Chinchilla(E=1.5, A=400.0, "
        )

    def test_an_expression_is_printed_as_typed(self) -> None:
        text = "E + A/N**alpha + b*x"
        own = expression_law(text, {"N": "positive", "x": "real"}, real=["b"])
        arguments = law_arguments(own)
        assert arguments == {"law": own, "kinds": {"x": "real"}, "real": ("b",)}
        assert python_value(arguments["law"]) == repr(text)


def test_the_text_of_a_forecast_with_a_law_and_settings() -> None:
    law = expression_law("E + A/N**alpha + B/D**b", {"N": "positive", "D": "positive"})
    found = SimpleNamespace(
        law_class=law, law=law, level=0.8, method=fj.LeastSquares(),
        points={"N": np.array([7e9]), "D": np.array([1e12])},
    )  # fmt: skip
    given = {
        "law": law, "method": fj.LeastSquares(num_starts=8, fixed={"alpha": 0.34}),
        "link": fj.Link("identity"), "errors": fj.CorrelatedErrors(size=2.0), "title": "T",
        "weights": None, "real": (),
    }  # fmt: skip
    lines = python_text(found, given, {"forecast": found, "holdouts": None}).splitlines()  # type: ignore[arg-type]
    settings = (
        "method=fj.LeastSquares(num_starts=8, fixed={'alpha': 0.34}), link='identity', "
        "errors=fj.CorrelatedErrors(size=2.0)"
    )
    law_text = "law='E + A/N**alpha + B/D**b'"
    assert lines == [
        f"report = fj.report(runs, [(7e9, 1e12)], {law_text}, {settings}, title='T', level=0.8)",
        'report.save("report.html")',
        "",
        "# each result separately",
        f"answer = fj.forecast(runs, [(7e9, 1e12)], {law_text}, {settings}, level=0.8)",
        'fj.extrapolate(answer.runs, [(answer.law_class, "forecast"), answer.law_class])',
    ]


def settings_of(words: str) -> dict[str, Any]:
    """Settings of ``farseer report``."""
    return command_named("report").make_context("report", shlex.split(words)).params


@contextmanager
def context_of(words: str) -> Iterator[None]:
    """The context within which a command runs."""
    with click.Context(main) as root:
        root.meta[ARGUMENTS] = shlex.split(words)
        with click.Context(command_named(root.meta[ARGUMENTS][0]), parent=root):
            yield


@pytest.fixture
def table(folder: Path) -> dict[str, Any]:
    """``runs.csv``: 24 runs over N, D and P of two arms, one of which is an outlier."""
    rng = np.random.default_rng(0)
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 2e9, 4), np.geomspace(2e9, 3e10, 6)))
    loss = (1.7 + 400.0 * N**-0.34 + 410.0 * D**-0.28) * (1 + 1e-3 * rng.normal(size=24))
    loss[9] *= 1.2
    return write(
        "runs.csv", N=N, D=D, P=np.resize([1.0, 2.0, 4.0], 24), final=loss, acc=1 / loss,
        w=rng.uniform(0.5, 2.0, 24), se=rng.uniform(1e-3, 2e-3, 24), arm=["a", "it's"] * 12,
    )  # fmt: skip


class TestReading:
    """The printed Python reads the very runs of the command."""

    @pytest.mark.parametrize(
        "options",
        [
            "--loss final --weights w --drop-outliers",
            "--loss final --standard-error se --max-N 1e9",
            "--loss final --drop 8,10 --min-D 3e9",
            "--loss final --drop 8,10 --where \"arm = 'a' or D > 4e9\"",
            "--loss final --keep-copies --max final=2.9 --D-unit 1000 --min P=2",
            "--response acc --link logit:0.1:1",
            "--response acc --link identity --input D=D --N N",
            "--loss final --law 'E + A/(N*P)**a + B/D**b' --min P=2",
            "--loss final --law 'E + A/(N*x)**a + c*D**-0.3' --real c --kind x=real --input x=P",
            "--loss final --law chinchilla --drop-outliers --max-N 1e9 --fix alpha=0.34",
        ],
    )
    def test_gives_the_same_runs(self, table: dict[str, Any], options: str) -> None:
        settings = settings_of(f"runs.csv {options}")
        with context_of(f"report runs.csv {options}"):
            question = read_question(settings)
        expected = question.task.bound()
        scope: dict[str, Any] = {"fj": fj}
        exec(reading_text(settings, Path("runs.csv"), question.task), scope)
        runs = scope["runs"]
        assert fingerprint(runs) == fingerprint(expected)
        assert runs.kinds == expected.kinds
        assert runs.link == expected.link
        for own, other in ((runs.weights, expected.weights), (runs.loss, expected.loss)):
            np.testing.assert_array_equal(own, other)

    def test_outliers_with_labels_are_named(self, table: dict[str, Any]) -> None:
        write("runs.csv", **{**table, "run_id": [f"r{row}" for row in range(24)]})
        settings = settings_of("runs.csv --loss final --drop-outliers")
        with context_of("report runs.csv"):
            task = read_question(settings).task
        assert reading_text(settings, Path("runs.csv"), task) == (
            "runs = fj.read_runs('runs.csv', loss='final').select(drop=['r9'])"
        )

    def test_a_recipe_by_a_column_that_needs_quotes(self, table: dict[str, Any]) -> None:
        own = {name: values for name, values in table.items() if name in ("N", "D")}
        write("runs.csv", **own, loss=table["final"], **{"my arm": table["arm"]})
        from farseer_jax.cli.report import _rows_of

        settings = settings_of("runs.csv --by 'my arm' --where 'N < 1e9'")
        with context_of("report runs.csv"):
            both, names = runs_of_both(Path("runs.csv"), None, "my arm", settings)
        for runs, name in zip(both, names, strict=True):
            rows = _rows_of(runs, name, "my arm")
            scope: dict[str, Any] = {"fj": fj}
            exec(recipe_text(settings, "runs", Path("runs.csv"), rows), scope)
            assert fingerprint(scope["runs"]) == fingerprint(runs)
        assert rows == "\"my arm\" = 'it''s'"

    @pytest.mark.parametrize("option", ["--weights w", "--max-N 1e9", "--law kaplan", "--drop 1"])
    def test_a_comparison_refuses_options_that_it_does_not_use(
        self, table: dict[str, Any], option: str
    ) -> None:
        result = farseer("report", "runs.csv", "--by", "arm", *option.split())
        refused(result, f"{option.split()[0]} does not go with --against or --by")


class TestCommands:
    """Each printed command is one that the shell takes, and gives the report's answer."""

    FOUND = SimpleNamespace(
        answer=SimpleNamespace(
            points={"N": np.array([5.085e9]), "D": np.array([1e11])},
        ),
        results={"forecast": None, "holdouts": None, "split": SimpleNamespace(
            compute=np.array([3e21])), "next": SimpleNamespace(budget=1.2e20)},
    )  # fmt: skip

    def lines(self, words: str, *without: str) -> list[str]:
        results = {n: own for n, own in self.FOUND.results.items() if n not in without}
        with context_of(f"report {words}"):
            text = commands_text(SimpleNamespace(answer=self.FOUND.answer, results=results))  # type: ignore[arg-type]
        first, *rest = text.splitlines()
        assert shlex.split(first) == ["farseer", "report", *shlex.split(words)]
        for line in rest:
            _, name, *own = shlex.split(line)
            command_named(name).make_context(name, own)
        return rest

    def test_all_answers_with_the_points_and_budgets_of_the_report(self) -> None:
        assert self.lines("runs.csv -o a.html --level 0.8") == [
            "farseer forecast runs.csv --level 0.8",
            "farseer extrapolate runs.csv",
            "farseer allocate runs.csv --level 0.8 --compute 3e21",
            "farseer suggest runs.csv --level 0.8 --target 5.085e9,1e11 --budget 1.2e20",
        ]

    def test_options_as_each_command_has_them(self) -> None:
        forecast, extrapolate, allocate, _ = self.lines("a.csv --loss=x --max-N 5e9 --budget 1e21")
        assert forecast == "farseer forecast a.csv --loss x --max-N 5e9"
        assert extrapolate == "farseer extrapolate a.csv --loss x --max-N 5e9"
        assert allocate == "farseer allocate a.csv --response x --max N=5e9 --compute 3e21"

    @pytest.mark.parametrize(
        ("option", "names"),
        [
            ("--standard-error se", ["forecast", "extrapolate", "suggest"]),
            ("--drop-outliers", ["forecast", "suggest"]),
            ("--drop 3", ["forecast", "extrapolate", "suggest"]),
        ],
    )
    def test_a_command_that_cannot_read_the_same_runs_is_left_out(
        self, option: str, names: list[str]
    ) -> None:
        assert [line.split()[1] for line in self.lines(f"a.csv {option}")] == names

    def test_a_law_of_ones_own(self) -> None:
        words = "a.csv --law 'E + A/N**a' --num-starts 8 --fix a=0.3 --real E --at N=1e9"
        forecast, extrapolate = self.lines(words, "split", "next")
        law = "'E + A/N**a'"
        assert forecast == (
            f"farseer forecast a.csv --law {law} --num-starts 8 --fix a=0.3 --real E --at N=1e9"
        )
        assert extrapolate == (
            f"farseer extrapolate a.csv --real E --law 'E + A/N**a:forecast' --law {law}"
        )


@pytest.mark.parametrize(
    ("level", "text"),
    [(0.9, "90 %"), (0.6827, "68.27 %"), (0.9999999, "99.99999 %"), (0.99996, "99.996 %")],
)
def test_a_level_is_never_all(level: float, text: str) -> None:
    assert level_text(level) == text


class TestNumbersThatAreNotFinite:
    """They are null or a dash on the page, and no warning of NumPy."""

    def test_are_null_in_the_page(self) -> None:
        assert _json({"y": [1.0, float("inf")], "z": np.nan}) == '{"y":[1.0,null],"z":null}'

    def test_are_nan_in_the_explorer(self) -> None:
        packed_back = np.frombuffer(base64.b64decode(packed(np.array([1.0, 1e39, -np.inf]))), "<f4")
        np.testing.assert_array_equal(packed_back, [1.0, np.nan, np.nan])

    def test_the_inverse_of_a_link_overflows_silently(self) -> None:
        assert fj.Link().inverse(np.array([1e4]))[0] == np.inf
        assert fj.Link("logit", 0.25).inverse(np.array([-1e4]))[0] == 0.25

    def test_a_point_absurdly_far_away(self) -> None:
        N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 2e9, 4), [2e9, 8e9, 3e10]))
        runs = fj.Runs(N, D, 1.7 + 400.0 * N**-0.34 + 410.0 * D**-0.28)
        report = fj.report(runs, [(1e60, 1e60)], holdouts=False)
        assert "N 1e+48 T" in report.summary
        assert "forecast" in Page(report.to_html()).parts["answer"].figures
