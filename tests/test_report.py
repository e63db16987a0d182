"""``report``: its numbers are those of the library, on a page that needs nothing else."""

import dataclasses
import json
import re
import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from commands import command_named, farseer, refused, write
from html_page import Page

import farseer_jax as fj
from farseer_jax.reporting.content import Card, Cards, Explorer, Figure, Item, Section, Warnings
from farseer_jax.reporting.page import page
from farseer_jax.reporting.python_value import python_value

POINTS = [(2e10, 4e11), (7e9, 2e11)]
BUDGETS = [1e22, 1e23]
EVIL = """</script><script>alert('1' & "2")</script> 😀"""


def thinned() -> fj.Runs:
    """41 of the example's runs, of five sizes."""
    runs = fj.example_runs()
    kept = np.isin(runs.N, np.unique(runs.N)[::5]) & (np.arange(len(runs)) % 2 == 0)
    return runs.select(mask=kept)


@pytest.fixture(scope="module")
def runs() -> fj.Runs:
    return thinned()


@pytest.fixture(scope="module")
def answer(runs: fj.Runs) -> fj.Forecast:
    return fj.forecast(runs, POINTS)


@pytest.fixture(scope="module")
def found(runs: fj.Runs) -> fj.Report:
    return fj.report(runs, POINTS, compute=BUDGETS, title="A question")


@pytest.fixture(scope="module")
def html(found: fj.Report) -> Page:
    return Page(found.to_html())


def ladder_pair() -> tuple[fj.Runs, fj.Runs]:
    """Runs of two recipes at the same N and D: the first is better by 1 %."""
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 2e9, 4), [2e9, 8e9, 3e10]))
    base = 1.7 + 400.0 * N**-0.34 + 410.0 * D**-0.28
    wiggle = 1.0 + 1e-3 * np.random.default_rng(0).normal(size=len(N))
    return fj.Runs(N, D, 0.99 * base * wiggle), fj.Runs(N, D, base)


@pytest.fixture(scope="module")
def compared() -> fj.Report:
    new, base = ladder_pair()
    return fj.report(new, [(7e9, 2e11)], against=base, names=("new", "base"))


def items(report: fj.Report, kind: type) -> list[Any]:
    return [own for section in report.sections for own in section.items if isinstance(own, kind)]


def digits_of(text: str) -> list[str]:
    return re.findall(r"\d+\.\d+", text)


def rounded(values: Any, like: str) -> list[str]:
    """Numbers with the decimals of a printed one."""
    return [f"{value:.{len(like.partition('.')[2])}f}" for value in np.ravel(values)]


class TestNumbers:
    """The page repeats the library."""

    def test_the_answer_is_the_forecast(self, found: fj.Report, answer: fj.Forecast) -> None:
        assert found.to_dict()["forecast"] == answer.to_dict()
        assert found.answer is found.results["forecast"]
        assert str(found) == str(answer)
        assert repr(found).startswith("Report('A question': answer, doubts, explore, runs, fits, ")

    def test_the_summary_has_its_numbers(self, found: fj.Report, answer: fj.Forecast) -> None:
        value, low, high = digits_of(found.summary)
        assert [value] == rounded(answer.predict(*POINTS[0]), value)
        assert [low, high] == rounded(answer.interval(*POINTS[0]), low)
        assert found.summary.startswith("loss at N 20 B, D 400 B: ")
        assert f"90 % interval {low} to {high}" in found.summary

    def test_the_cards_too(self, html: Page, found: fj.Report, answer: fj.Forecast) -> None:
        cards = items(found, Cards)[0].cards
        assert [own.heading for own in cards] == ["N 20 B, D 400 B", "N 7 B, D 200 B"]
        for own, point in zip(cards, POINTS, strict=True):
            assert [own.value] == rounded(answer.predict(*point), own.value)
            assert digits_of(own.lines[0])[:2] == rounded(answer.interval(*point), own.value)
            single = answer.interval(*point, new_run=True)
            assert digits_of(own.lines[1]) == rounded(single, own.value)
            assert own.value in html.parts["answer"].text
        assert "beyond the runs: N 3.14 times the runs' largest" in cards[0].lines[2]

    def test_files_have_all_digits(self, html: Page, answer: fj.Forecast) -> None:
        import pandas as pd

        frame = html.parts["answer"].frame("forecast.csv")
        pd.testing.assert_frame_equal(frame, answer.to_dataframe(), check_dtype=False, rtol=1e-15)
        own = html.parts["runs"].frame("runs.csv")
        runs = answer.runs
        np.testing.assert_array_equal(own[["N", "D", "loss"]].T, [runs.N, runs.D, runs.loss])
        np.testing.assert_array_equal(own["fitted"], answer.predict(runs.N, runs.D))

    def test_cells_are_those_of_the_tables(self, html: Page, answer: fj.Forecast) -> None:
        heading, rows = answer.table().cells()
        printed = [cell for row in (heading, *rows) for cell in row]
        # numbers have short powers and a minus sign, and units that stay beside them
        expected = [
            re.sub(r"(\d)%", r"\1 %", re.sub(r"e\+?0?", "e", cell.replace("\n", "")))
            for cell in printed
        ]
        assert [cell.replace("\u00a0", " ") for cell in html.parts["answer"].cells] == expected

    def test_the_split_is_that_of_allocate(self, html: Page, answer: fj.Forecast) -> None:
        own = fj.allocate(answer, BUDGETS)
        frame = html.parts["split"].frame("split.csv")
        rows = frame[np.isin(frame["C"] if "C" in frame else frame["compute"], BUDGETS)]
        np.testing.assert_allclose(rows["N"], own.N, rtol=1e-6)
        np.testing.assert_allclose(rows["loss"], own.loss, rtol=1e-12)
        assert f"N {own.N[0] / 1e9:.3g} B" in html.parts["split"].text.replace("\u00a0", " ")

    def test_suggestions_are_those_of_suggest_runs(
        self, found: fj.Report, answer: fj.Forecast
    ) -> None:
        tenth = 0.1 * max(6 * N * D for N, D in POINTS)
        assert found.to_dict()["next"] == fj.suggest_runs(answer, POINTS, budget=tenth).to_dict()
        assert f"budget={python_value(found.results['next'].budget)})" in found.python

    def test_the_ranking_is_that_of_extrapolate(self, found: fj.Report, html: Page) -> None:
        ranking = found.results["holdouts"]
        assert isinstance(ranking, fj.Extrapolation)
        frame = html.parts["holdouts"].frame("holdouts.csv")
        errors = [row.inner_error for row in ranking.leaderboard]
        np.testing.assert_array_equal(frame["inner_error"], errors)

    def test_the_forecasts_own_holdout_may_speak_against_it(
        self, found: fj.Report, answer: fj.Forecast
    ) -> None:
        from farseer_jax.reporting.sections.doubts import doubts

        tried: Any = found.results["holdouts"]
        own = next(one for one in tried.results if one.method == "forecast")
        for factor, side in ((1.02, "below"), (0.98, "above")):
            predicted = np.broadcast_to(factor * tried.observed, own.predicted.shape)
            moved = dataclasses.replace(
                own, predicted=predicted, held_out_error=np.full(len(tried.limits), 0.02)
            )
            others = [one for one in tried.results if one is not own]
            worse = dataclasses.replace(tried, results=(moved, *others))
            warnings: Any = doubts(answer, worse).items[0]
            assert warnings.sentences[:-1] == answer.warnings
            num, last = int(tried.held_out.sum()), warnings.sentences[-1]
            assert f"the forecast misses the {num} held-out runs by 2.000% on average, all" in last
            assert f"lie {side} it; the interval at N 20 B, D 400 B is only ±" in last

    def test_a_card_says_that_a_point_is_not_to_be_trusted(
        self, answer: fj.Forecast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from farseer_jax.reporting.sections import answer as section

        monkeypatch.setattr(section, "rising", lambda _: {"N": np.array([False, True])})
        lines = [own.lines for own in section.cards(answer)]
        assert [own[-1].startswith("not to be trusted") for own in lines] == [False, True]

    def test_costs_of_next_runs_are_shares_of_the_plan(self, html: Page, found: fj.Report) -> None:
        shares = html.parts["next"].frame("next_runs.csv")["share_of_plan"]
        total = sum(float(text.rstrip(" %")) for text in shares[1:])
        assert 0.0 < total <= 10.5
        assert "a tenth of the compute of the costliest point" in html.parts["next"].text

    def test_warnings_are_all_said(self, found: fj.Report, answer: fj.Forecast) -> None:
        assert items(found, Warnings)[0].sentences == answer.warnings
        assert answer.warnings

    def test_the_fingerprint_stays_as_it_is(self, html: Page, found: fj.Report) -> None:
        assert re.search(r"\b[0-9a-f]{64}\b", html.parts["remake"].text)


class TestSections:
    """In the order of a decision; what the runs do not allow has a sentence."""

    def test_all_of_them(self, html: Page) -> None:
        assert [*html.parts][1:] == [
            "answer", "doubts", "explore", "runs", "fits", "holdouts", "split", "next", "remake",
        ]  # fmt: skip
        links = [own["href"] for tag, own in html.tags if tag == "a" and "download" not in own]
        assert links[1:] == [f"#{name}" for name in [*html.parts][1:]]

    def test_too_few_sizes_for_hold_outs(self, runs: fj.Runs) -> None:
        report = fj.report(runs.select(max_N=5e8), [(2e9, 1e11)])
        html = Page(report.to_html())
        assert [*html.parts][6:9] == ["holdouts", "split", "next"]
        text = html.parts["holdouts"].text
        assert "Not available: held_out: 1 distinct N are left to fit, and the smallest" in text
        assert "holdouts" not in report.results

    def test_a_law_of_other_inputs(self, runs: fj.Runs) -> None:
        table = {"N": runs.N, "P": np.resize([1.0, 2.0, 4.0, 8.0], len(runs))}
        table["val_loss"] = 1.0 + (table["N"] * (1 + 0.4 * np.log(table["P"]))) ** -0.2
        report = fj.report(table, [(2e10, 4.0)], law="parscale", holdouts=False)
        html = Page(report.to_html())
        assert [*html.parts][1:] == ["answer", "doubts", "explore", "runs", "fits", "remake"]
        assert html.parts["answer"].frame("forecast.csv")["P"].tolist() == [4.0]
        (explorer,) = items(report, Explorer)
        assert [own["name"] for own in explorer.content["axes"]] == ["N", "P"]
        assert "best" not in explorer.content
        assert "law='parscale'" in report.python
        assert report.summary.startswith("val_loss at N 20 B, P 4: ")  # a column stays as it is
        assert "Val_loss" not in html.parts[""].text
        assert html.title == "Forecast of the val_loss"

    def test_against_another_recipe(self, compared: fj.Report) -> None:
        new, base = ladder_pair()
        expected = fj.compare_runs(new, base, [(7e9, 2e11)], names=("new", "base"))
        assert compared.to_dict() == {"comparison": expected.to_dict()}
        assert compared.title == "new against base"
        html = Page(compared.to_html())
        names = ["answer", "doubts", "explore", "runs", "losses", "remake"]
        assert [*html.parts][1:] == names
        assert html.parts["answer"].frame("comparison.csv")["difference"].tolist() == pytest.approx(
            expected.forecast.difference, rel=1e-14
        )
        assert "new wins" in html.parts["answer"].text
        each = html.parts["losses"].frame("losses.csv")
        assert each["loss new"][0] == fj.forecast(new, [(7e9, 2e11)], usual=False).predict(
            7e9, 2e11
        )


class TestArguments:
    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            ({"compute": -1e22}, "compute: expected positive FLOPs, got -1e"),
            ({"compute": "much"}, "compute: expected FLOPs, got 'much'"),
            ({"compute": []}, "compute: expected positive FLOPs, got []"),
            ({"compute": [1e22, np.nan]}, "compute: expected positive FLOPs, got"),
            ({"budget": 0.0}, "budget: expected positive FLOPs, got 0.0"),
            (
                {"names": ("a", "b")},
                "names: expected only with against=, the runs of the other recipe",
            ),
            ({"level": 1.5}, "level must lie between 0 and 1"),
            ({"points": [(1e9,)]}, "points: expected rows of N, D"),
            ({"law": "nobody"}, "unknown law"),
        ],
    )
    def test_are_refused_with_a_sentence(
        self, runs: fj.Runs, arguments: dict[str, Any], sentence: str
    ) -> None:
        with pytest.raises(ValueError, match=re.escape(sentence)):
            fj.report(runs, **{"points": POINTS, **arguments})

    @pytest.mark.parametrize(
        ("name", "value"),
        [("compute", 1e22), ("budget", 1e22), ("law", "kaplan"), ("response", "x")],
    )
    def test_those_of_a_forecast_are_not_for_a_comparison(self, name: str, value: Any) -> None:
        new, base = ladder_pair()
        with pytest.raises(ValueError, match=f"^{name}: cannot be combined with against="):
            fj.report(new, POINTS, against=base, **{name: value})

    def test_an_unknown_one(self, runs: fj.Runs) -> None:
        with pytest.raises(TypeError, match="colour"):
            fj.report(runs, POINTS, colour="blue")


class TestPage:
    """One file, which loads nothing, and whose content is text."""

    def test_figures_are_valid(self, found: fj.Report, compared: fj.Report, html: Page) -> None:
        from plotly import graph_objects

        every = [own for report in (found, compared) for own in items(report, Figure)]
        assert {own.name for own in every} >= {
            "forecast",
            "holdouts",
            "split",
            "next_runs",
            "difference",
        }
        for own in every:
            shown = graph_objects.Figure(data=list(own.traces), layout=dict(own.layout))
            assert len(shown.data) == len(own.traces)
        written = {name: own for part in html.parts.values() for name, own in part.figures.items()}
        assert {own.name for own in items(found, Figure)} == set(written)
        for own in items(found, Figure):
            assert written[own.name] == json.loads(
                json.dumps({"traces": own.traces, "layout": own.layout})
            )

    def test_loads_nothing(self, html: Page) -> None:
        for tag, own in html.tags:
            assert "src" not in own
            address = own.get("href") or "#"
            assert address.startswith(("#", "data:")), (tag, address)
        assert not re.search(r"url\(|@import|https?:", "".join(html.styles))
        own_scripts = [text for _, text in html.scripts if "plotly.js" not in text[:200]]
        assert len(own_scripts) == len(html.scripts) - 1  # plotly, of which a browser judges
        assert not re.search(r"https?:|\bfetch\(|\bimport\b|XMLHttp", "".join(own_scripts))

    def test_is_small_and_written_whole_or_not_at_all(
        self, compared: fj.Report, found: fj.Report, tmp_path: Path
    ) -> None:
        path = tmp_path / "report.html"
        found.save(path)
        text = path.read_text(encoding="utf-8")
        assert text == found.to_html()
        assert len(text.encode()) < 6e6
        with pytest.raises(OSError, match="cannot write"):
            compared.save(tmp_path / "nowhere" / "report.html")
        with pytest.raises(IsADirectoryError, match="is a directory"):
            compared.save(tmp_path)
        broken = dataclasses.replace(compared, sections=(Section("x", "X", [Card("", "")]), None))  # type: ignore[arg-type]
        with pytest.raises(Exception, match="None"):
            broken.save(path)
        assert path.read_text(encoding="utf-8") == text
        assert [own.name for own in tmp_path.iterdir()] == ["report.html"]

    def test_hostile_texts_are_texts(self) -> None:
        new, base = ladder_pair()
        labels = [EVIL] * len(new)
        marked = fj.Runs(new.N, new.D, new.loss, extra={"run_id": labels})
        harmless, hostile = (
            fj.report(marked, [(7e9, 2e11)], against=base, names=names, title=title)
            for names, title in ((("a", "b"), "c"), ((EVIL, "'\"><img src=x>"), EVIL))
        )
        expected, html = Page(harmless.to_html()), Page(hostile.to_html())
        assert [tag for tag, _ in html.tags] == [tag for tag, _ in expected.tags]
        assert html.title == EVIL
        assert EVIL in html.parts[""].text
        assert EVIL in " ".join(html.parts["answer"].texts)
        assert EVIL in json.dumps(html.parts["runs"].figures["map"], ensure_ascii=False).replace(
            '\\"', '"'
        )

    def test_labels_of_runs_and_tables_are_texts(self) -> None:
        runs = fj.Runs([1e8, 2e8], [1e9, 2e9], [3.0, 2.5], extra={"run_id": [EVIL, "b"]})
        every: list[Item] = [EVIL, Warnings([EVIL]), Cards([Card(EVIL, EVIL, [EVIL])])]
        html = Page(page(EVIL, EVIL, [Section("answer", EVIL, every)]))
        assert [tag for tag, _ in html.tags].count("script") == 1
        assert html.parts["answer"].text.count(EVIL) == 6
        assert runs.extra["run_id"][0] == EVIL

    def test_no_warning_has_a_sentence_of_its_own(self) -> None:
        html = Page(page("t", "s", [Section("doubts", "Doubts", [Warnings([])])]))
        assert "All checks passed without a warning." in html.parts["doubts"].text


class TestShell:
    """``farseer report``."""

    POINT = ("--at", "20B,400B")

    def test_what_it_prints_repeats_the_page(self, folder: Path, runs: fj.Runs) -> None:
        write("runs.csv", N=runs.N, D=runs.D, loss=runs.loss, note=["x"] * len(runs))
        options = shlex.split("--max-N 5e9 --level 0.8 --compute 1e22 --budget 1e21 --no-holdouts")
        words = ["report", "runs.csv", *self.POINT, *options, "--output", "a.html", "--title",
                 "It's ours"]  # fmt: skip
        result = farseer(*words, "--json", "a.json")
        assert result.exit_code == 0, result.stderr
        assert "Report written to a.html" in result.stderr
        expected = json.loads(Path("a.json").read_text())
        del expected["digest"]
        html = Page(Path("a.html").read_text(encoding="utf-8"))
        shell, python = html.parts["remake"].codes
        assert html.title == "It's ours"

        scope: dict[str, Any] = {}
        exec(python, scope)  # the very text of the page
        assert json.loads(json.dumps(scope["report"].to_dict())) == expected
        assert scope["answer"].to_dict() == scope["report"].to_dict()["forecast"]
        assert Page(Path("report.html").read_text(encoding="utf-8")).title == "It's ours"

        typed, *each = (split(line) for line in shell.splitlines())
        assert typed == [*words, "--json", "a.json"]
        assert [name for name, *_ in each] == ["forecast", "allocate", "suggest"]
        for name, *rest in each:
            command_named(name).make_context(name, rest)  # refuses what it does not know

    def test_a_comparison_repeats_as_well(self, folder: Path) -> None:
        new, base = ladder_pair()
        for name, own in (("new.csv", new), ("base.csv", base)):
            write(name, N=own.N, D=own.D, loss=own.loss)
        result = farseer("report", "new.csv", "--against", "base.csv", "--at", "7B,200B",
                         "--names", "new,base")  # fmt: skip
        assert result.exit_code == 0, result.stderr
        html = Page(Path("report.html").read_text(encoding="utf-8"))
        shell, python = html.parts["remake"].codes
        scope: dict[str, Any] = {}
        exec(python, scope)
        assert str(scope["report"]) == result.stdout.rstrip("\n")
        report, compare = shell.splitlines()
        assert farseer(*split(report)).stdout == result.stdout
        assert farseer(*split(compare)).exit_code == 0

    @pytest.mark.parametrize(
        ("options", "sentence"),
        [
            ("--output report.pdf", "expected a file that ends in .html, got '.pdf'"),
            ("--output report", "expected a file that ends in .html, got ''"),
            ("--output nowhere/report.html", "there is no folder 'nowhere'"),
            ("--output folder.html", "name a file"),
            ("--output other.html --against other.html", "it is a file that this command reads"),
            ("--output a.html --json a.html", "--output and --json name the same file"),
            ("--compute 0", "--compute"),
            ("--budget -1", "--budget"),
        ],
    )
    def test_refusals_come_before_anything_is_computed(
        self, folder: Path, options: str, sentence: str
    ) -> None:
        write("runs.csv", N=[1e8, 2e8], D=[1e9, 2e9], loss=[3.0, 2.5])
        Path("folder.html").mkdir()
        Path("other.html").write_text("N,D,loss\n")
        before = sorted(own.name for own in folder.iterdir())
        refused(farseer("report", "runs.csv", *self.POINT, *options.split()), sentence)
        assert sorted(own.name for own in folder.iterdir()) == before


def split(line: str) -> list[str]:
    """The words of a command after ``farseer``."""
    first, *rest = shlex.split(line)
    assert first == "farseer"
    return rest
