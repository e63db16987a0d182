"""``farseer plot``: a kind for every figure, of runs, of fits and of saved results."""

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from commands import farseer, refused
from matplotlib import pyplot as plt

import farseer_jax as fj
from farseer_jax import plots
from farseer_jax.cli.plot.kinds import KINDS, kind_named, kind_of

POINT = (25.1e9, 5e11)
NAMES = sorted(KINDS)
FUNCTIONS = [name for name in plots.__all__ if name.startswith("plot_")]
COLUMN = ("--save-width", "85")
FEW_STARTS = fj.LeastSquares(num_starts=4)
CHEAP = "--law chinchilla --num-starts 4"


@pytest.fixture(scope="module")
def runs() -> fj.Runs:
    """A fifth of the example, with a second count of N."""
    example = fj.example_runs()
    few = example.select(mask=np.isin(example.N, np.unique(example.N)[::3]))
    return fj.Runs(few.N, few.D, few.loss, {"N_with_embedding": few.N + 4e5 * few.N ** (1 / 3)})


@pytest.fixture(scope="module")
def fit(runs: fj.Runs) -> fj.Fit:
    found: fj.Fit = fj.fit(fj.Chinchilla, runs, FEW_STARTS)
    return found


@pytest.fixture(scope="module")
def influence(runs: fj.Runs) -> fj.Influence:
    """An influence of each run, made up: a real one compiles for seconds."""
    change = np.linspace(-1e-3, 1e-3, len(runs))
    at = {"N": 25.1e9, "D": 5e11}
    inputs = {"N": runs.N, "D": runs.D}
    noise = np.full(len(runs), 5e-4)
    warnings = ("the point lies far beyond the runs",)
    return fj.Influence("loss", at, 0.4, inputs, runs.loss, noise, change, change, warnings)


@pytest.fixture(scope="module")
def files(
    runs: fj.Runs, fit: fj.Fit, influence: fj.Influence, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Runs, a fit of them, and results that commands and Python save."""
    folder = tmp_path_factory.mktemp("files")
    runs.to_dataframe().to_csv(folder / "runs.csv", index=False)
    fit.to_json(folder / "fit.json")
    other = fj.fit(fj.Kaplan, runs, FEW_STARTS)
    results: dict[str, Any] = {
        "accuracy": fj.forecast_accuracy(
            fj.example_tasks(), [POINT], tasks="easy_acc,medium_acc", chance=0.25
        ),
        "forecast": fj.forecast(runs, [POINT], law=fj.Chinchilla, usual=False),
        "allocation": fj.allocate(fit, np.geomspace(1e20, 1e24, 5)),
        "choices": fj.compare_choices(fit, [POINT[0], 7e9], [POINT[1], 1e11], groups=["smallest"]),
        "influence": influence,
        "optimum": fj.optimise(fit, ["N", "D"], budget=1e22),
        "extrapolation": fj.extrapolate(
            runs, [fj.Chinchilla, fj.Kaplan], limits=[1e9, 2e9], held_out=4e9
        ),
        "suggestions": fj.suggest_runs(
            runs, (7e9, 1e12), law=fj.Chinchilla, budget=1e21, max_runs=2
        ),
        "comparison": fj.compare_fits(fit, other, N=(1e9, 1e11), D=(1e10, 1e12)),
    }
    *complete, last = fj.example_curves()
    going = fj.Curves([*complete, last.truncated(14_400)])
    curves = results["curves"] = fj.fit_curves(going, "multi-power")
    results["annealed"] = fj.anneal_curves(curves, points=3)
    results["schedule"] = fj.optimise_schedule(curves, 24_000, family="cosine")
    for name, result in results.items():
        result.to_json(folder / f"{name}.json")
    parts = {"forecast": results["forecast"], "next": results["suggestions"]}
    report = {name: own.to_dict() for name, own in parts.items()}
    (folder / "report.json").write_text(json.dumps(report))
    return folder


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """The axes that functions of ``farseer_jax.plots`` return to the shell."""
    found: list[Any] = []

    def recording(function: Callable[..., Any]) -> Callable[..., Any]:
        def record(*args: Any, **options: Any) -> Any:
            found.append(function(*args, **options))
            return found[-1]

        return record

    for name in FUNCTIONS:
        monkeypatch.setattr(plots, name, recording(getattr(plots, name)))
    yield found
    plt.close("all")


# Arguments of a cheap figure of each kind, and a label or title of it.
FIGURES = {
    "accuracy": ("accuracy.json", "easy_acc"),
    "allocation": ("allocation.json", "tokens per parameter D/N"),
    "annealed": ("annealed.json", "Loss if annealed over 0.2 of the steps"),
    "choices": ("choices.json --point 1", "change of the predicted loss, %"),
    "comparison": ("comparison.json", "parameters N"),
    "comparison-surface": ("comparison.json", "parameters N"),
    "counts": ("runs.csv --held-out 4e9", "parameters N, the runs' own count"),
    "curves": ("fit.json", "parameters N"),
    "differences": ("runs.csv", "tokens D"),
    "error-by-value": ("extrapolation.json --limit-index 0", "parameters N"),
    "extrapolation": ("extrapolation.json --errors inner", "largest N fitted (parameters)"),
    "fit": ("fit.json", "Chinchilla law, 115 runs"),
    "forecast": ("forecast.json", "parameters N"),
    "forms": ("runs.csv --transform log,identity", "parameters N"),
    "influence": ("influence.json", "tokens D"),
    "inspection": ("runs.csv", "115 runs of runs.csv"),
    "line": ("comparison.json --along N=7B", "A against B at N = 7 B"),
    "loss-curves": ("curves.json --show constant,cosine", "2 loss curves, 1 still running"),
    "map": (f"runs.csv --max-N 3e9 {CHEAP}", "Chinchilla law, 12 runs held out"),
    "methods": ("runs.csv --law chinchilla --held-out 4e9", "mean relative error"),
    "optimum": ("optimum.json --along D", "D"),
    "predictability": ("accuracy.json", "mean error, points"),
    "prediction": ("forecast.json --against C --given D/N=20,100", "compute 6ND, FLOPs"),
    "residuals": ("fit.json --against D", "tokens D"),
    "schedule": ("schedule.json --show constant", "Best schedule of 24,000 steps"),
    "shape": ("fit.json --of loss", "tokens D"),
    "starts": (f"runs.csv {CHEAP}", "chinchilla: all 4 starts agree"),
    "suggestions": ("suggestions.json", "2 runs to train next"),
    "surface": ("fit.json --over 1e9:1e11,1e10:1e12", "parameters N"),
    "views": ("runs.csv --show exponent", "tokens D"),
}


def _texts(drawn: Any) -> set[str]:
    """The labels, titles and texts of axes, in one line each."""
    axes = drawn if isinstance(drawn, tuple) else [drawn]
    parts = [(a.get_xlabel(), a.get_ylabel(), a.get_title("left"), a.get_title()) for a in axes]
    inside = [text.get_text() for each in axes for text in each.texts]
    return {" ".join(text.split()) for texts in (*parts, inside) for text in texts}


def test_every_figure_has_a_kind_and_every_kind_is_tried() -> None:
    kinds = {name.removeprefix("plot_").replace("_", "-") for name in FUNCTIONS}
    assert set(KINDS) == kinds
    assert {kind_named(name).figure.function for name in KINDS} == set(FUNCTIONS)
    assert set(FIGURES) == kinds


@pytest.mark.parametrize("kind", NAMES)
def test_a_figure_of_each_kind(
    kind: str, files: Path, folder: Path, drawn: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    words, text = FIGURES[kind]
    monkeypatch.chdir(files)
    result = farseer("plot", kind, *words.split(), "--save", folder / "figure.svg", *COLUMN)
    assert (result.exit_code, result.stdout) == (0, ""), result.stderr
    assert result.stderr.endswith(f"Figure written to {folder / 'figure.svg'}\n")
    assert (folder / "figure.svg").read_bytes().startswith(b"<?xml")
    (axes,) = drawn
    first = axes[0] if isinstance(axes, tuple) else axes
    assert first.figure.get_figwidth() == pytest.approx(85 / 25.4)
    assert any(text in own for own in _texts(axes))


class TestFiles:
    def test_a_saved_result_names_its_kind(self, files: Path, folder: Path) -> None:
        for name, kind in (("influence", "influence"), ("fit", "fit")):
            result = farseer("plot", files / f"{name}.json")
            assert result.exit_code == 0
            assert result.stderr.endswith(f"Figure written to {kind}.png\n")
            assert (folder / f"{kind}.png").read_bytes().startswith(b"\x89PNG")

    def test_a_figure_of_its_json_is_that_of_the_command(
        self, files: Path, folder: Path, drawn: list[Any]
    ) -> None:
        command = (files / "runs.csv", "--at", "25.1B,500B", "--law", "chinchilla", "--no-usual")
        saved = farseer("forecast", *command, "--json", "f.json", "--save", "a.png")
        assert saved.exit_code == 0, saved.stderr
        assert farseer("plot", "f.json", "--save", "b.png").exit_code == 0
        assert farseer("plot", "forecast", *command, "--save", "c.png").exit_code == 0
        first, *others = (axes.lines[0].get_ydata().tolist() for axes in drawn)
        assert others == [first] * 2
        assert Path("b.png").read_bytes() == Path("a.png").read_bytes()

    @pytest.mark.usefixtures("folder")
    def test_warnings_are_told(self, files: Path) -> None:
        result = farseer("plot", files / "influence.json")
        assert result.stderr.startswith("warning: the point lies far beyond the runs")

    def test_draws_have_bands(self, fit: fj.Fit, folder: Path, drawn: list[Any]) -> None:
        fj.bootstrap(fit, 8, "bayesian", out="draws.parquet")
        for words, name in (("curves draws.parquet", "curves"), ("draws.parquet", "prediction")):
            result = farseer("plot", *words.split())
            assert result.exit_code == 0, result.stderr
            assert (folder / f"{name}.png").exists()
        curves, prediction = drawn
        assert [len(axes.collections) > 0 for axes in curves] == [True] * 3
        assert len(prediction.collections) >= 3  # runs, and the bands of 50 and 90 %

    def test_a_fit_is_drawn_with_points_and_held_values(
        self, files: Path, folder: Path, drawn: list[Any]
    ) -> None:
        options = ("--at", "7B,1T", "--given", "N=7B,70B", "--levels", "90%")
        result = farseer("plot", "prediction", files / "fit.json", *options)
        assert result.exit_code == 0, result.stderr
        labels = drawn[0].get_legend_handles_labels()[1]
        assert {"N = 7 B", "N = 70 B", "90 % band"} <= set(labels)
        assert (folder / "prediction.png").exists()

    def test_one_of_several_fits_is_chosen(self, folder: Path, runs: fj.Runs) -> None:
        table = runs.to_dataframe()
        both = {"arm": ["a", "b"] * (len(table) // 2) + ["a"] * (len(table) % 2)}
        table.assign(**both).to_csv("runs.csv", index=False)
        fit = ("fit", "runs.csv", "--law", "chinchilla", "--by", "arm", "--json", "fit.json")
        assert farseer(*fit).exit_code == 0
        refused(farseer("plot", "residuals", "fit.json"), "choose one by --group")
        assert farseer("plot", "residuals", "fit.json", "--group", "arm=b").exit_code == 0
        assert (folder / "residuals.png").exists()


class TestSave:
    """``--save`` of commands whose figure is of more than their result."""

    def test_a_prediction_is_the_fit_with_its_points(
        self, files: Path, folder: Path, drawn: list[Any]
    ) -> None:
        result = farseer("predict", files / "fit.json", "--N", "7B", "--D", "1T", "--save", "p.pdf")
        assert result.exit_code == 0, result.stderr
        assert drawn[0].get_title("left") == "Chinchilla law at N = 7 B"
        assert (folder / "p.pdf").exists()

    @pytest.mark.usefixtures("folder")
    def test_predicted_runs_are_rings(self, files: Path, runs: fj.Runs, drawn: list[Any]) -> None:
        result = farseer("predict", files / "fit.json", files / "runs.csv", "--save", "p.png")
        assert result.exit_code == 0, result.stderr
        assert "held-out runs" in drawn[0].get_legend_handles_labels()[1]

    @pytest.mark.usefixtures("folder")
    def test_intervals_are_bands(self, files: Path, drawn: list[Any]) -> None:
        options = ("--num-resamples", 8, "--scheme", "bayesian", "--at", "7B,1T", "--save", "b.png")
        result = farseer("bootstrap", files / "runs.csv", *CHEAP.split(), *options)
        assert result.exit_code == 0, result.stderr
        assert "50 and 90 % bands" in drawn[0].get_legend_handles_labels()[1]

    @pytest.mark.usefixtures("folder")
    def test_laws_that_are_averaged_have_no_figure(self) -> None:
        result = farseer("fit", "--example", "--law", "auto", "--save", "f.png")
        refused(result, "--save draws the fit of one law")


class TestHeldOut:
    def test_runs_that_bounds_leave_out_are_predicted(
        self, files: Path, runs: fj.Runs, drawn: list[Any]
    ) -> None:
        options = ("--max-N", "3e9", "--min", "loss=0.5", "--save", files / "map.png")
        options = (*options, *CHEAP.split())
        result = farseer("plot", "map", files / "runs.csv", *options)
        assert result.exit_code == 0, result.stderr
        fitted = runs.select(max_N=3e9, at_least={"loss": 0.5})
        assert f"{len(fitted)} fitted runs" in drawn[0].get_legend_handles_labels()[1]
        assert f"{len(runs) - len(fitted)} runs held out" in drawn[0].get_title("left")

    def test_a_table_of_other_runs(
        self, folder: Path, runs: fj.Runs, files: Path, drawn: list[Any]
    ) -> None:
        later = runs.to_dataframe().assign(N=runs.N * 4, loss=runs.loss * 0.9)
        later.iloc[:5].to_csv(folder / "later.csv", index=False)
        result = farseer("plot", "map", files / "fit.json", "--on", "later.csv")
        assert result.exit_code == 0, result.stderr
        assert "5 runs held out" in drawn[0].get_title("left")
        known = farseer("plot", "map", files / "fit.json", "--on", files / "runs.csv")
        refused(known, "all of its runs are among the fitted ones")


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "sentence"),
        [
            ("influence runs.csv", "Missing option '--at'"),
            ("influence influence.json --at 1e9,1e10", "--at has no effect"),
            ("influence influence.json --max-N 1e9", "leave it out"),
            ("forecast influence.json", "a result that `farseer plot influence` draws"),
            ("fit fit.json --max-N 1e9", "--max-N is for RUNS"),
            ("fit runs.csv --group a=b", "--group is for FIT.json"),
            ("fit fit.json --save fit.jpg", "expected a file that ends in .png, .pdf or .svg"),
            ("fit runs.csv --save runs.csv", "expected a file that ends in .png, .pdf or .svg"),
            ("line comparison.json --along N=", "with a positive number (such as D/N=20)"),
            ("differences runs.csv --view D,X", "expected one of D,D D,N N,D N,N"),
            ("extrapolation extrapolation.json --errors all", "choose from held-out, inner"),
            ("error-by-value extrapolation.json --limit-index 9", "expected an index below"),
            ("choices choices.json --point 2", "expected 0 to 1, got 2"),
            ("starts runs.csv --method isoflop --law chinchilla --width 1", "no random starts"),
            ("methods runs.csv --law forecast", "a forecast has no method"),
            ("nowhere.json", "nowhere.json: no such file."),
            ("runs.csv", "such as `farseer plot inspection runs.csv`"),
            (
                "forecast fit.json",
                "fit.json is a saved fit, and `farseer plot forecast` needs runs",
            ),
            ("forecast fit.json", "try `farseer plot fit fit.json`"),
            ("report.json", "report.json has the results of `farseer report` (forecast, next)"),
            ("forecast report.json", "`farseer plot suggestions RUNS`"),
            ("mapp runs.csv", "Did you mean 'map'?"),
        ],
    )
    def test_are_sentences(
        self, words: str, sentence: str, files: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.chdir(files)
        result = farseer("plot", *words.split())
        assert (result.exit_code, result.stdout) == (2, "")
        assert sentence in " ".join(result.stderr.split())
        assert "Traceback" not in result.stderr

    @pytest.mark.usefixtures("folder")
    def test_a_message_names_the_options_of_the_kind(self) -> None:
        Path("runs.csv").write_text("N,D,loss\n1e8,2,3\n2e8,4,2.8\n4e8,8,2.7\n")
        result = farseer("plot", "residuals", "runs.csv", "--law", "chinchilla")
        assert result.exit_code == 2
        assert "farseer plot residuals runs.csv --law chinchilla --D-unit 1e9\n" in result.stderr


class TestHelp:
    def test_lists_the_kinds_with_a_line_each(self) -> None:
        text = farseer("plot", "--help").stdout
        for name in NAMES:
            assert re.search(rf"\n  {name} +[A-Z][^\n]*\.\n", text), name
        assert max(map(len, text.splitlines())) <= 80

    @pytest.mark.parametrize("kind", NAMES)
    def test_of_a_kind_has_an_example_and_every_option(self, kind: str) -> None:
        result = farseer("plot", kind, "--help")
        assert (result.exit_code, result.stderr) == (0, "")
        assert f"farseer plot {kind}" in result.stdout.partition("Examples:")[2]
        assert max(map(len, result.stdout.splitlines())) <= 80
        assert result.stdout.isascii()
        for param in kind_named(kind).params:
            if isinstance(param, click.Option):
                assert re.search(rf"\n  {param.opts[0]}( |\n)", result.stdout)

    def test_results_name_the_first_kind_that_draws_them(self) -> None:
        assert kind_of("Extrapolation") == "extrapolation"
        assert kind_of("DifferenceAnalysis") == "differences"
        assert kind_of("Whiteness") is None
        classes = {own for name in KINDS for own in kind_named(name).figure.classes}
        assert all(isinstance(getattr(fj, own), type) for own in classes - {"fit"})
