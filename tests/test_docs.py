"""What the documents say holds: names, commands, printed output and measured figures.

Code in them runs as doctests (``--doctest-glob=*.md``).
"""

import ast
import inspect
import json
import re
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import click
import numpy as np
import pytest
from click.testing import CliRunner
from commands import command_named

import farseer_jax as fj
from farseer_jax import plots
from farseer_jax.cli import main
from farseer_jax.cli.bootstrap import DEFAULTS
from farseer_jax.cli.plot.kinds import KINDS, kind_named
from farseer_jax.diagnostics.alternative_choices import GROUPS
from farseer_jax.uncertainty.schemes_by_name import SCHEMES

ROOT = Path(__file__).resolve().parents[1]
PUBLIC = [name for name in fj.__all__ if name != "__version__"]


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def code_blocks(text: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def table_rows(text: str, header: str) -> list[list[str]]:
    """Cells below the line of a Markdown table that starts with ``header``."""
    lines = text[text.index(header) :].splitlines()[2:]
    end = next((i for i, line in enumerate(lines) if not line.startswith("|")), len(lines))
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[:end]]


def shown(value: float, digits: int = 3) -> float:
    return float(f"{value:.{digits - 1}e}")


def number(cell: str) -> float:
    return float(cell.replace("−", "-"))


# Names


API = {path.stem: path.read_text("utf-8") for path in sorted((ROOT / "docs" / "api").glob("*.md"))}


def test_the_api_pages_have_every_public_name_and_the_index_links_each() -> None:
    index, pages = text_of("docs/api.md"), {}
    for page, text in API.items():
        pages |= dict.fromkeys(re.findall(r"^::: farseer_jax\.([\w.]+)$", text, re.MULTILINE), page)
    figures = {f"plots.{name}" for name in plots.__all__}
    assert sorted(pages) == sorted({*PUBLIC, *figures})
    linked = re.findall(
        r"^\| \[`([\w.]+)`\]\(api/(\w+)\.md#farseer_jax\.([\w.]+)\) \|", index, re.MULTILINE
    )
    assert sorted(linked) == sorted((name, page, name) for name, page in pages.items())
    assert "__version__" in index
    assert sum(len(text.split("\n::: ")) - 1 for text in API.values()) == len(pages)


def test_every_public_name_has_an_example() -> None:
    in_pages = "\n".join(code for text in API.values() for code in code_blocks(text, "pycon"))
    missing = [
        name
        for name in PUBLIC
        if ">>> " not in getattr(fj, name).__doc__
        and not re.search(rf">>> .*\bfj\.{name}\b", in_pages)
    ]
    assert missing == []


# Commands


def test_the_readme_gives_the_two_commands() -> None:
    commands = "".join(code_blocks(text_of("README.md"), "bash")).splitlines()
    assert "python -m pip install . && farseer fit --example" in commands
    assert "python -m pip install '.[test]' && python -m pytest -n auto --dist loadfile" in commands


def test_the_readmes_questions_have_answers() -> None:
    rows = table_rows(text_of("README.md"), "| question | Python |")
    for _, call, command in rows:
        tree = ast.parse(call.strip("`"), mode="eval").body
        assert isinstance(tree, ast.Call)
        assert isinstance(tree.func, ast.Attribute)
        named = {keyword.arg or "": None for keyword in tree.keywords}
        inspect.signature(getattr(fj, tree.func.attr)).bind(*tree.args, **named)
        if command:
            _, name, *options = shlex.split(command.strip("`"))
            command_named(name).make_context(name, options)  # refuses what it does not know
    text = text_of("README.md")
    assert [name for name in COMMANDS if f"farseer {name} " not in text] == []


def test_the_readme_shows_the_forecast_of_the_example() -> None:
    (block,) = code_blocks(text_of("README.md"), "text")
    found = CliRunner().invoke(main, ["forecast", "--example", "--at", "25.1e9,5e11"]).stdout
    assert found.startswith(f"{block}\n")


def test_what_the_readme_says_was_measured_is_what_the_benchmarks_found() -> None:
    page = " ".join(text_of("README.md").split()).replace(" %", "%")
    results = {
        name: json.loads(text_of(f"benchmarks/results/{name}.json"))
        for name in ("forecast", "allocation", "comparison", "paper_cpu")
    }
    forecast, size = results["forecast"], results["allocation"]["all"]
    whole, tasks = forecast["over_families"], sum(f["tasks"] for f in forecast["families"].values())
    assert f"have {whole['over_chinchilla']:.2f} times the error of Chinchilla's" in page
    assert f"{whole['coverage']:.0%} of these runs lie in the 90% intervals of the forecast" in page
    assert f"({forecast['coverage_of_bootstraps']['chinchilla']:.0%} in those of a" in page
    assert f"{tasks} tasks on {len(forecast['families'])} public".replace(" 5 ", " five ") in page
    missed = [f"{size['mean_miss'][name]:.2f}" for name in ("forecast", "chinchilla")]
    assert f"by {missed[0]} in ln N on average; that of Chinchilla's law by {missed[1]} |" in page
    assert f"| {size['num_slices']} isoFLOP slices" in page
    paired = [row for row in results["comparison"] if row["comparison"] == "paired"]
    row = next(row for row in paired if row["limit"] == 4e8)
    assert f"{row['sure']} winners at larger sizes" in page
    assert f"{row['calls']} comparisons of six recipes" in page
    assert row["sure_and_wrong"] == 0
    what = "error at 6.37 B, Farseer, piecewise, up to 5.35 B"
    row = next(row for row in results["paper_cpu"]["rows"] if row["what"] == what)
    assert f"an error of {100 * row['here']:.4f}% (the paper: {100 * row['paper']:.4f}%)" in page


def section_of_command(name: str) -> str:
    """What the shell page says of a command."""
    found = re.search(
        rf"^## farseer {name}\n(.*?)^## ", text_of("docs/shell.md"), re.DOTALL | re.MULTILINE
    )
    assert found is not None
    return found[1]


COMMANDS = [
    "forecast", "report", "fit", "predict", "allocate", "bootstrap", "choices", "extrapolate",
    "influence", "compare", "suggest", "optimise", "completion", "inspect", "curves", "anneal",
    "schedule",
]  # fmt: skip
OF_FITS = {
    "--example",
    "--law",
    "--max-N",
    "--monotone-over",
}  # of the commands that make their fits

# keys of every file that a result writes
OF_FILES = {"format", "version", "library_version", "digest", "fields"}


@pytest.mark.parametrize("name", COMMANDS)
def test_the_shell_page_names_every_option(name: str) -> None:
    command = command_named(name)
    options = {o for p in command.params if isinstance(p, click.Option) for o in p.opts}
    section = section_of_command(name)
    named = set(re.findall(r"(?<![\w-])--[A-Za-z][A-Za-z-]*", section))
    named |= set(re.findall(r"`(-[a-z]) ", section))
    if name in ("allocate", "compare", "optimise"):
        named -= OF_FITS - options
    assert named <= options
    if name != "predict":
        assert options == named


def test_the_shell_page_names_every_kind_of_figure_and_its_own_options() -> None:
    section = section_of_command("plot")
    rows = dict(re.findall(r"^\| `(\w[\w-]*)` \|(.*)\|$", section, re.MULTILINE))
    assert set(rows) == set(KINDS)
    for name, text in rows.items():
        kind = kind_named(name)
        own = [*kind.figure.options]
        if kind.analysis.function.__module__.startswith("farseer_jax.cli.plot"):
            own += [option for group in kind.analysis.own for option in group.options]
        named = set(re.findall(r"(?<![\w-])--[A-Za-z][A-Za-z-]*", text))
        assert {option.opts[0] for option in own} == named - {"--method"}, name
    assert all(f"`{option}" in section for option in ("--save FILE", "--open"))


ALSO_IN = {"extrapolate": "docs/extrapolation.md", "suggest": "docs/planning.md"}


@pytest.mark.parametrize(
    "name",
    ["forecast", "anneal", "bootstrap", "choices", "curves", "influence", "extrapolate", "suggest"],
)
def test_the_shell_page_shows_what_a_command_prints_of_the_example(name: str) -> None:
    section = section_of_command(name)
    command = shlex.split(code_blocks(section, "bash")[0].replace("\\\n", " "))
    assert command[:3] == ["farseer", name, "--example"]
    result = CliRunner().invoke(main, command[1:])
    assert result.exit_code == 0
    assert code_blocks(section, "text")[0] == result.stdout
    if name in ALSO_IN:
        without_warnings = result.stdout.partition("\nwarning: ")[0].strip()
        assert without_warnings in text_of(ALSO_IN[name]).replace("<BLANKLINE>", "")


def test_the_shell_page_shows_what_a_report_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It names the file that it wrote, and its JSON has the results that the page names."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(fj, "example_runs", lambda run=fj.example_runs: run().select(max_N=5e8))
    section = section_of_command("report")
    command = shlex.split(code_blocks(section, "bash")[0])
    result = CliRunner().invoke(main, [*command[1:], "--json", "results.json"])
    assert result.exit_code == 0
    assert code_blocks(section, "text")[0] in result.stderr
    assert (tmp_path / "example.html").stat().st_size > 4e6
    said = section.partition("The JSON has ")[2].partition("; with `--against`")[0]
    keys = set(json.loads((tmp_path / "results.json").read_text())) - OF_FILES
    assert set(re.findall(r"`(\w+)`", said)) == keys | {"holdouts"}


def test_the_shell_page_names_every_key_of_a_forecast() -> None:
    said = section_of_command("forecast").partition("The JSON has ")[2]
    content = fj.forecast(
        fj.example_runs().select(max_N=5e8), fj.example_runs().select(min_N=6e9)
    ).to_dict()
    keys = {*content, *content["earlier"], *content["members"][0], *content["usual_laws"][0]}
    keys |= content["rows"][0].keys() - {"N", "D"} - {law["law"] for law in content["usual_laws"]}
    assert set(re.findall(r"`(\w+)`", said)) - {"dropped"} == keys


def test_the_shell_page_names_the_defaults_and_the_groups_of_choices() -> None:
    section = section_of_command("bootstrap")
    assert f"`{DEFAULTS['kind']}` (default)" in section
    assert f"(`{DEFAULTS['scheme']}`)" in section
    pages = section_of_command("choices"), text_of("docs/choices.md")
    assert [name for name in GROUPS for page in pages if f"`{name}`" not in page] == []


def test_the_shell_page_shows_the_fit_of_an_expression_to_the_example() -> None:
    page = text_of("docs/shell.md")
    law = "E + A/N**alpha + B/D**beta"
    options = ["--objective", "huber", "--tie", "alpha=beta"]
    assert f'farseer fit --example --law "{law}" {" ".join(options)}\n' in page
    result = CliRunner().invoke(main, ["fit", "--example", "--law", law, *options])
    assert f"```text\n{result.stdout}```" in page


def test_the_shell_page_shows_the_allocations_of_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    section = section_of_command("allocate")
    for line in code_blocks(section, "bash")[0].splitlines():
        result = CliRunner().invoke(main, line.split()[1:])
        assert result.exit_code == 0
    assert code_blocks(section, "text")[0] == result.stdout
    said = re.search(
        r"The JSON has (`allocations`.*?) with\n`N_lower`.*?It also has (.*?)\.\n",
        section,
        re.DOTALL,
    )
    assert said is not None
    result = CliRunner().invoke(main, [*line.split()[1:], "--json", "-"])
    content = json.loads(result.stdout)
    keys = {*content, *content["allocations"][0]} - OF_FILES
    keys -= {name for name in keys if name.endswith(("_lower", "_upper"))}
    assert set(re.findall(r"`(\w+)`", said[1] + said[2])) == keys


def test_the_shell_page_shows_the_optima_of_the_example_and_names_every_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    section = section_of_command("optimise")
    fit, last = code_blocks(section, "bash")[0].splitlines()
    assert CliRunner().invoke(main, fit.split()[1:]).exit_code == 0
    assert code_blocks(section, "text")[0] == CliRunner().invoke(main, last.split()[1:]).stdout
    content = json.loads(CliRunner().invoke(main, [*last.split()[1:], "--json", "-"]).stdout)
    keys = {*content, *content["optima"][0]} - {"N", "D", "multiplier of 6*N*D <= budget"}
    keys -= OF_FILES
    said = section.partition("The JSON has ")[2]
    assert set(re.findall(r"`(\w+)`", said)) - {"N_lower", "N_upper", "null"} == keys


def test_the_shell_page_shows_the_comparison_of_two_fits_of_the_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    section = section_of_command("compare")
    blocks = (block.splitlines() for block in code_blocks(section, "bash"))
    *fits, last = next(lines for lines in blocks if "fit --example" in lines[0])
    assert all(CliRunner().invoke(main, line.split()[1:]).exit_code == 0 for line in fits)
    result = CliRunner().invoke(main, last.split()[1:])
    assert result.exit_code == 0
    assert code_blocks(section, "text")[0] == result.stdout


def test_the_shell_page_names_every_scheme_and_every_key_of_intervals() -> None:
    rows = table_rows(text_of("docs/shell.md"), "| scheme | a resample has |")
    named = [name for row in rows for name in re.findall(r"`([\w-]+)`", row[0])]
    assert sorted(named) == sorted(SCHEMES)
    page = " ".join(text_of("docs/shell.md").split())
    said = re.search(r"Intervals have (`intervals`.*?`warnings`), those", page)
    assert said is not None
    found = fj.bootstrap(fj.fit(fj.Farseer, fj.example_runs()), 32).interval(1e9, 1e9).to_dict()
    keys = {*found, *found["intervals"][0]}
    assert set(re.findall(r"`(\w+)`", said[1])) == keys


def test_the_shell_page_names_every_key_of_a_fit() -> None:
    rows = table_rows(text_of("docs/shell.md"), "| key | content |")
    keys = {key for row in rows for key in re.findall(r"`(\w+)`", row[0])}
    assert keys - {"digest"} == set(fj.fit(fj.Farseer, fj.example_runs()).to_dict())


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md"])
def test_links_lead_to_files(page: str) -> None:
    links = [
        link.partition("#")[0]
        for link in re.findall(r"\]\(([^)]+)\)", text_of(page))
        if not link.startswith("http")
    ]
    assert [link for link in links if not (ROOT / link).exists()] == []


# Figures measured on the example


def test_noise_moves_parameters_much_and_predictions_little() -> None:
    exact = fj.example_runs(noise=0)
    noise = 5e-4 * np.random.default_rng(0).standard_normal((2000, len(exact)))
    refits = fj.fit_batch(fj.Farseer, exact, losses=exact.loss * np.exp(noise))
    assert refits.usable.all()
    law = refits.law
    assert isinstance(law, fj.Farseer)
    moved = {"α": np.std(law.A.exponent), "β": np.std(law.B.exponent)}
    a1 = law.A.slope / (law.A.exponent * law.A.pivot**law.A.exponent)
    spread = {
        "grid": np.median(np.std(np.log(refits.predict(exact.N, exact.D)), axis=0)),
        "25.1 B": np.std(np.log(refits.predict(25.1e9, 5e11))),
    }
    match = re.search(
        r"0.05 % noise moves α and β by ([\d.]+) and leaves a1 anywhere "
        r"between (−\d+) and (\d+), while predicted losses on the grid move by ([\d.]+) %, "
        r"and at 25.1 B by ([\d.]+) %", " ".join(text_of("docs/index.md").split())
    )  # fmt: skip
    assert match is not None
    exponent, low, high, grid, far = map(number, match.groups())
    assert list(moved.values()) == pytest.approx([exponent] * 2, rel=0.1)
    assert np.quantile(a1, [0.05, 0.95]) == pytest.approx([low, high], rel=0.15)
    assert shown(100 * spread["grid"], 1) == grid
    assert shown(100 * spread["25.1 B"], 1) == far


# Figures measured on the paper's runs, which are not ours to publish


@pytest.fixture(scope="module")
def paper_runs(shared_data: Path) -> fj.Runs:
    return fj.read_runs(shared_data / "farseer_404.csv").select(min_N=2.01e8)


@pytest.fixture(scope="module")
def up_to(paper_runs: fj.Runs) -> fj.Runs:
    return paper_runs.select(max_N=5.36e9)


def error_at_largest(result: fj.Fit, runs: fj.Runs) -> float:
    return result.evaluate(runs.select(min_N=6e9)).mean_relative_error


def test_the_errors_of_extrapolation(paper_runs: fj.Runs) -> None:
    rows = table_rows(text_of("docs/extrapolation.md"), "| largest N fitted |")
    assert len(rows) == 5
    for size, far, *_ in rows:
        largest = 1.003e9 * number(size.removesuffix(" B"))
        result = fj.fit(fj.Farseer, paper_runs.select(max_N=largest))
        assert shown(result.runs.N.max() / 1e9) == number(size.removesuffix(" B"))
        error = 100 * error_at_largest(result, paper_runs)
        assert f"{error:.3f} %" == far


def test_the_published_law_is_too_rounded(paper_runs: fj.Runs) -> None:
    said = re.search(r"too rounded to use\*\*: ([\d.]+) % mean error", text_of("docs/index.md"))
    assert said is not None
    published = np.asarray(fj.Farseer.published()(paper_runs.N, paper_runs.D))
    assert shown(100 * np.mean(np.abs(published / paper_runs.loss - 1)), 2) == number(said[1])


def test_embedding_parameters_make_it_as_much_worse_as_is_said(paper_runs: fj.Runs) -> None:
    page = " ".join(text_of("docs/index.md").split())
    said = re.search(r"extrapolation to 6.37 B ([\d.]+) times worse", page)
    assert said is not None
    extra = paper_runs.extra["N_with_embedding"]
    other = fj.Runs(extra, paper_runs.D, paper_runs.loss)
    small = paper_runs.N < 5.5e9

    def error(runs: fj.Runs) -> float:
        result = fj.fit(fj.Farseer, runs.select(mask=small))
        return result.evaluate(runs.select(mask=~small)).mean_relative_error

    assert shown(error(other) / error(paper_runs), 2) == number(said[1])


def test_the_table_of_rounds(paper_runs: fj.Runs, up_to: fj.Runs) -> None:
    rows = table_rows(text_of("docs/method.md"), "| rounds | α |")
    assert [row[0] for row in rows] == ["1", "2 (default)", "5", "30", "joint"]
    for first, *cells in rows:
        rounds: Any = first if first == "joint" else int(first.split()[0])
        result = fj.fit(fj.Farseer, up_to, fj.Piecewise(rounds=rounds))
        found = result.diagnostics
        alpha, beta, pair_error, far = map(number, cells)
        assert round(found.round_alpha[-1], 4) == alpha
        assert round(found.round_beta[-1], 4) == beta
        assert shown(found.round_error[-1], 5) == pair_error
        assert shown(error_at_largest(result, paper_runs)) == far


def test_the_relative_criterion_predicts_worse(paper_runs: fj.Runs, up_to: fj.Runs) -> None:
    said = re.search(r"better: (\S+) at 6.37 B, relative (\S+) \|", text_of("docs/method.md"))
    assert said is not None
    for criterion, error in zip(("squared", "relative"), map(number, said.groups()), strict=True):
        result = fj.fit(fj.Farseer, up_to, fj.Piecewise(criterion=criterion))  # type: ignore[arg-type]
        assert shown(error_at_largest(result, paper_runs), 2) == error


def test_the_law_is_not_monotone_far_beyond_the_runs(paper_runs: fj.Runs) -> None:
    assert "near N > 1e11 with D > 1e12" in " ".join(text_of("docs/method.md").split())
    result = fj.fit(fj.Farseer, paper_runs)
    N = np.geomspace(1e8, 1e13, 400)

    def first_rise(D: float) -> float:
        rises = np.diff(result.predict(N, D)) > 0
        return float(N[np.argmax(rises)]) if rises.any() else np.inf

    assert [first_rise(D) for D in (1e9, 1e10, 1e11)] == [np.inf] * 3
    assert all(8e10 < first_rise(D) < 2e11 for D in (1e12, 1e13, 1e14))


def test_the_table_of_comparisons_is_that_of_the_benchmark() -> None:
    rows = json.loads((ROOT / "benchmarks" / "results" / "comparison.json").read_text())
    named = {"paired": "`compare_runs`", "forecasts": "two forecasts"}
    for row, cells in zip(
        rows, table_rows(text_of("docs/comparison.md"), "| runs up to | comparison |"), strict=True
    ):
        first = [f"{row['limit'] / 1e9:.1f} B", named.get(row["comparison"], "two piecewise fits")]
        if not row["pairs"]:
            assert cells == [*first, "0", *["–"] * 4]
            continue
        calls = f"{row['sure']} of {row['calls']}"
        scores = f"{row['brier']:.3f}", f"{100 * row['right']:.0f} %"
        assert cells == [*first, str(row["pairs"]), *scores, calls, str(row["sure_and_wrong"])]
    held = [f"{100 * row['inside']:.0f} %" for row in rows if row["comparison"] == "paired"]
    said = f"hold only {held[1]} of the observed differences ({held[2]} from four)"
    assert said in " ".join(text_of("docs/comparison.md").split())


@cache
def coverage() -> dict[tuple[str, str], Any]:
    """Rows of the committed coverage study."""
    rows = json.loads((ROOT / "benchmarks" / "results" / "coverage.json").read_text())
    return {(row["table"], row["of"]): row for row in rows}


def test_the_table_of_coverage_is_that_of_the_study() -> None:
    rows = table_rows(text_of("docs/uncertainty.md"), "| fit and scheme |")
    assert len(rows) == 10
    for name, *cells in rows:
        fit = name.strip("`")
        known = coverage()["Simulated", f"{fit} all worlds"]
        real = coverage()["Real, all cutoffs", f"{fit} farseer runs"]
        shares = [one[kind]["inside"] for one in (known, real) for kind in ("normal", "calibrated")]
        width = real["calibrated"]["over_misses"]
        assert cells == [*(f"{100 * share:.0f} %" for share in shares), f"{width:.1f}"]


def test_what_is_said_of_coverage() -> None:
    """Among it what the default must keep: 90 % of worlds and of runs, in a width of up to 3."""
    page = " ".join(text_of("docs/uncertainty.md").split())
    default = "farseer piecewise sizes"
    worlds = coverage()["Simulated", f"{default} all worlds"]
    covered = {
        kind: f"{100 * worlds[kind]['inside']:.0f} %" for kind in ("calibrated", "percentile")
    }
    assert f"The default covers {covered['calibrated']} of the simulated worlds" in page
    assert f"with the default scheme they covered {covered['percentile']} of the simulated" in page
    cells = [
        round(100 * row["calibrated"]["inside"])
        for (table, of), row in coverage().items()
        if table == "Simulated, by world" and of.startswith(f"{default} ")
    ]
    assert len(cells) == 6
    assert f"from {min(cells)} to {max(cells)} %" in page
    ladder = coverage()["Real, all cutoffs", f"{default} olmo"]["calibrated"]
    said = (
        f"covers {100 * ladder['inside']:.0f} % of ten runs, at {ladder['over_misses']:.1f} times"
    )
    assert said in page
    real = coverage()["Real, all cutoffs", f"{default} farseer runs"]["calibrated"]
    assert worlds["calibrated"]["inside"] >= 0.9
    assert worlds["cases"] >= 400
    for one in (real, ladder):
        assert one["inside"] >= 0.9
        assert one["over_misses"] <= 3.0


def test_what_is_said_of_suggested_runs_is_what_the_benchmark_found() -> None:
    found = json.loads(text_of("benchmarks/results/suggest.json"))
    page = " ".join(text_of("docs/planning.md").split()).replace(" %", "%")
    for one in found["simulated"]["added"].values():
        assert f"{one['median_error']:.2%}" in page
        assert f"{one['rms_error']:.1%}" in page
        assert f"{one['inside']:.0%}" in page
    real = {float(k.split()[1]): one for k, one in found.items() if k.startswith("real 0")}
    full, first = found["real full grid"], real[0.01]
    said = f"{full['known_error']:.2%} without new runs, and {full['error']:.3%} with all "
    assert f"{said}{full['num_new_runs']} new runs up to" in page
    assert f"With {first['num_runs']} suggested runs" in page
    assert f"of those {full['num_new_runs']}, it is {first['error']:.3%}" in page
    assert f"FLOPs, it is {first['uniform_error']:.2%}" in page
    assert first["error"] < 0.2 * first["uniform_error"]


def test_the_table_of_sequential_choice_is_what_the_benchmark_found() -> None:
    found = json.loads(text_of("benchmarks/results/sequential.json"))
    page = text_of("docs/planning.md").partition("### One after another")[2]
    rows = [line.split("|")[2:-1] for line in page.splitlines() if re.search(r"\| \d+ % \|", line)]
    policies, expected = ("suggested", "random", "cheapest", "D-optimal"), []
    for name, own in found.items():
        for fraction in ("0.01", "0.05", "0.1"):
            keys = [f"{policy} {fraction}" for policy in policies]
            if name == "machine" or not set(keys) <= own.keys():
                continue
            means = [own[key]["mean"] for key in keys]
            counts = sorted(own[keys[0]]["num_runs"])
            texts = [
                "below −10" if mean < -10.0 else f"{mean:.2f}".replace("-", "−") for mean in means
            ]
            expected.append([f"{float(fraction):.0%}", str(counts[len(counts) // 2]), *texts])
    assert [[cell.strip().replace(" %", "%") for cell in row] for row in rows] == expected
    of_farseer = [found["farseer"][f"suggested {part}"]["mean"] for part in ("0.01", "0.05", "0.1")]
    assert all(np.array(of_farseer) > [0.65, 0.9, 0.95])


def test_what_is_said_of_allocations_is_what_the_benchmark_found() -> None:
    found = json.loads(text_of("benchmarks/results/allocation.json"))
    page = text_of("docs/allocation.md").replace(" %", "%")
    for one in (*found["distances"].values(), found["all"]):
        miss = [f"{one['mean_miss'][name]:.2f}" for name in ("forecast", "chinchilla", "coupled")]
        assert f"| {one['num_slices']} | {' | '.join(miss)} | {one['inside']:.0%} |" in page
    assert 0.85 <= found["all"]["inside"] <= 0.98


def test_the_page_of_the_paper_is_what_the_benchmark_found() -> None:
    found = json.loads(text_of("benchmarks/results/paper_cpu.json"))
    rows = [
        f"| {row['where']} | {row['what']} | "
        f"{'' if row['paper'] is None else format(row['paper'], '.4g')} | {row['here']:.4g} |"
        for row in found["rows"]
    ]
    numbers, _ = text_of("docs/paper.md").split("## Its figures")
    table = [line for line in numbers.splitlines() if line.startswith("| ")]
    assert table[1:] == rows


def test_what_is_said_of_forecasts_is_what_the_benchmarks_found() -> None:
    found = json.loads(text_of("benchmarks/results/forecast.json"))
    page = text_of("docs/forecast.md").replace(" %", "%")
    for name, own in found["families"].items():
        ratios = f"{own['over_chinchilla']:.2f} | {own['over_coupled']:.2f}"
        assert f"| {name} | {own['tasks']} | {ratios} | {own['coverage']:.0%} |" in page
    whole = found["over_families"]
    ratios = f"{whole['over_chinchilla']:.2f} | {whole['over_coupled']:.2f}"
    assert f"{ratios} | {whole['coverage']:.0%} |" in page
    for share in found["coverage_of_bootstraps"].values():
        assert f"{share:.0%} (" in page
    margins = json.loads(text_of("benchmarks/results/forecast_calibration.json"))["margins"]
    for what, own in margins.items():
        for name, share in own.items():
            assert f"| {what}: {name} | {share:.0%} |" in page
