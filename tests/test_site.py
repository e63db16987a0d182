"""The site's pages: what each question's page begins with, the gallery, the first ten minutes."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner
from commands import command_named
from playwright.sync_api import sync_playwright

import farseer_jax as fj
from farseer_jax import plots
from farseer_jax.cli import main

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def pages_of(group: str) -> dict[str, str]:
    """The pages of a group of the navigation, with their titles there."""
    nav = text_of("mkdocs.yml").partition("\nnav:\n")[2].partition("\ntheme:")[0]
    lines = nav.partition(f"  - {group}:\n")[2].splitlines()
    found = {}
    for line in lines:
        if not line.startswith("      - "):
            break
        title, _, page = line.removeprefix("      - ").rpartition(": ")
        found[page] = title
    return found


QUESTIONS = pages_of("Questions")
GALLERY = text_of("docs/gallery.md")
DRAWN = re.findall(r"^!\[[^]]*\]\(figures/([\w-]+)\.svg\)$", GALLERY, re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", QUESTIONS)
def test_a_question_has_its_command_its_picture_and_its_limits_at_the_top(page: str) -> None:
    title, _, text = text_of(f"docs/{page}").partition("\n")
    assert title == f"# {QUESTIONS[page]}"
    head = text.partition("\n\n- **")[0]
    picture = re.search(r"^!\[[^]]{20,}\]\(figures/([\w-]+)\.svg\)\n\n", head, re.MULTILINE)
    assert picture is not None
    assert picture[1] in DRAWN
    limits = head[picture.end() :]
    assert limits.startswith('!!! warning "Limits"\n\n    - **')
    before = head[: picture.start()]
    assert "\n## " not in before
    if page not in ("residuals.md", "forms.md"):  # no command of the shell
        assert "```bash\nfarseer " in before
    assert "```pycon" not in before


@pytest.mark.parametrize("page", QUESTIONS)
def test_the_commands_of_a_question_exist(page: str) -> None:
    for language, code in BLOCK.findall(text_of(f"docs/{page}")):
        lines = code.replace("\\\n", " ").splitlines()
        for command in lines if language == "bash" else ():
            if command.startswith("farseer "):
                _, name, *options = shlex.split(command, comments=True)
                command_named(name).make_context(name, options)  # refuses what it does not know


def test_there_are_all_questions() -> None:
    assert len(QUESTIONS) == 16
    asked = set(re.findall(r"\]\((?:docs/)?([\w-]+\.md)\)", text_of("README.md")))
    assert set(QUESTIONS) <= asked


def test_the_gallery_has_every_figure_with_its_python_and_its_page() -> None:
    figures = {name for name in plots.__all__ if name.startswith("plot_")}
    assert figures <= {f"plot_{name}" for name in DRAWN}
    sections = re.split(r"^### ", GALLERY, flags=re.MULTILINE)[1:]
    assert len(sections) == len(DRAWN) == len(set(DRAWN))
    for name, section in zip(DRAWN, sections, strict=True):
        function = "plot_" + name.partition("-")[0]
        code = next(code for language, code in BLOCK.findall(section) if language == "python")
        assert code.splitlines()[-1].startswith(f"plots.{function}("), name
        assert re.search(r"\]\([\w/]+\.md", section), name
        for command in re.findall(r"^farseer (.*)$", section, re.MULTILINE):
            command_name, *options = shlex.split(command)
            command_named(command_name).make_context(command_name, options)


def test_pages_show_only_figures_that_the_gallery_draws() -> None:
    for path in (ROOT / "docs").glob("*.md"):
        shown = re.findall(r"\(figures/([\w-]+)\.svg\)", path.read_text(encoding="utf-8"))
        assert set(shown) <= set(DRAWN), path.name


def matches(printed: str, shown: str) -> bool:
    """Whether whole lines were printed as shown, in this order, with lines left out at each "…"."""
    parts = [part.strip("\n") for part in re.split(r"^…$", f"\n{shown}", flags=re.MULTILINE)]
    place = 0
    for part in parts:
        place = f"\n{printed}".find(f"\n{part}\n" if part else "", place)
        if place < 0:
            return False
        place += len(part)
    return True


def test_the_first_ten_minutes_print_what_the_page_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    fj.example_runs().to_dataframe().to_csv("runs.csv", index=False)
    blocks = BLOCK.findall(text_of("docs/decision.md"))
    commands = [code for language, code in blocks if code.startswith("farseer ")]
    outputs = [code for language, code in blocks if language == "text"]
    (report,) = (command for command in commands if command.startswith("farseer report "))
    options = shlex.split(report)[2:]
    command_named("report").make_context("report", options)  # tests of reports write them
    commands.remove(report)
    assert len(commands) == len(outputs) == 5
    for command, shown in zip(commands, outputs, strict=True):
        result = CliRunner().invoke(main, shlex.split(command)[1:])
        assert result.exit_code == 0
        assert matches(result.stdout, shown), command
        warnings = [line for line in result.stdout.splitlines() if line.startswith("warning: ")]
        assert [line for line in warnings if line not in shown.splitlines()] == []
        if "--on" in command:
            text = " ".join(text_of("docs/decision.md").split())
            assert said_of_misses(result.stdout) in text


def said_of_misses(printed: str) -> str:
    """What the page says of the runs of the two largest sizes, from the table of a forecast."""
    rows = [line.split() for line in printed.splitlines() if re.match(r" *[56]\.3", line)]
    errors = [float(row[-3].rstrip("%")) for row in rows]
    assert max(errors) < 0.0  # all on one side
    return (
        f"All {len(rows)} runs of 5.35 B and 6.37 B turned out worse than predicted, and the error "
        f"grows with the distance, to {-min(errors):.2f} %"
    )


def test_blocks_of_commands_can_be_copied() -> None:
    for path in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")]:
        for language, code in BLOCK.findall(path.read_text(encoding="utf-8")):
            if language in ("bash", "console", "shell", "sh"):
                assert not re.search(r"^\$ ", code, re.MULTILINE), path.name
    style = text_of("docs/assets/style.css")  # the theme copies what is visible
    assert "[data-md-copying] :is(.gp, .go, .gt, .gr) {\n  display: none;" in style


def test_a_search_gets_words_without_operators(chromium: str) -> None:
    """`--save-width` is a query that the search engine otherwise refuses."""
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=quiet)
        page = browser.new_page()
        page.set_content("<input data-md-component=search-query>")
        page.add_script_tag(content=text_of("docs/assets/search.js"))
        for typed, words in {
            "--save-width": "save-width", "fit --law": "fit law", "C^0.47": "C 0.47", "N:": "N",
        }.items():  # fmt: skip
            page.fill("input", typed)
            got = page.evaluate("document.querySelector('input').value")
            assert " ".join(got.split()) == words
        browser.close()


def test_lines_left_out_are_left_out_between_whole_lines() -> None:
    assert matches("a\nb\nc\n", "a\n…\nc\n")
    assert not matches("a\nb\nc\n", "a\nc\n")
    assert not matches("a\nb\nc\n", "c\n…\na\n")
    assert not matches("a\nbb\nc\n", "a\n…\nb\n")


def test_the_citation_is_that_of_this_version() -> None:
    text = text_of("CITATION.cff")
    assert f"\nversion: {fj.__version__}\n" in text
    assert text.startswith("cff-version: 1.2.0\n")
    assert "arXiv:2506.10972" in text
    needed = ("message", "title", "authors", "references")
    assert [key for key in needed if not re.search(rf"^{key}:", text, re.MULTILINE)] == []
