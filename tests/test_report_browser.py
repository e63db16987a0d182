"""Reports as people see them: in Chromium, wide and narrow, light and dark, and on paper."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright

import farseer_jax as fj

WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
QUIET = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
A4_WIDTH, MILLIMETRES = 794, 96 / 25.4  # pixels of CSS
MARGIN = 14 * MILLIMETRES
HOSTILE = """</script><img src=x onerror="hacked=1"><b>'"""


@pytest.fixture(scope="module")
def browser(chromium: str) -> Iterator[Browser]:
    """One browser for all tests."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        yield started
        started.close()


@dataclass
class Opened:
    """A report in the browser, with all that it complained of and asked for."""

    report: fj.Report
    page: Page
    problems: list[str] = field(default_factory=list)

    def evaluate(self, script: str) -> Any:
        return self.page.evaluate(script)

    def text(self, selector: str) -> str:
        return self.page.locator(selector).first.inner_text()


def opened(browser: Browser, report: fj.Report, path: Path) -> Opened:
    """A report as a file, opened wide and light."""
    report.save(path)
    page = browser.new_context(viewport=WIDE, color_scheme="light").new_page()
    page.set_default_timeout(20_000)
    found = Opened(report, page)

    def asked(request: Request) -> None:
        if not request.url.startswith(("file:", "data:", "blob:")):
            found.problems.append(f"asked for {request.url}")

    page.on("request", asked)
    page.on("pageerror", lambda error: found.problems.append(str(error)))
    page.on(
        "console",
        lambda said: (
            found.problems.append(said.text) if said.type in ("error", "warning") else None
        ),
    )
    page.goto(path.as_uri())
    return found


def example() -> fj.Report:
    runs = fj.example_runs()
    kept = np.isin(runs.N, np.unique(runs.N)[::5]) & (np.arange(len(runs)) % 2 == 0)
    return fj.report(runs.select(mask=kept), [(2e10, 4e11)], compute=[1e22, 1e23])


def olmo(folder: Path) -> fj.Report:
    runs = fj.read_runs(folder / "olmo_ladder.csv", where="role = 'ladder'")
    return fj.report(runs, [(6.9e9, 3.9e12), (1.37e10, 5e12)], holdouts=False)


def chinchilla(folder: Path) -> fj.Report:
    runs = fj.read_runs(folder / "chinchilla_epoch.csv")
    return fj.report(runs, [(7e10, 1.4e12)], compute=5.76e23, holdouts=False)


def farseer_404(folder: Path) -> fj.Report:
    runs = fj.read_runs(folder / "farseer_404.csv")
    return fj.report(runs, [(2.51e10, 1.5e11)], holdouts=False)


def two_arms(folder: Path) -> fj.Report:
    table = pd.read_csv(folder / "complexkda_ladder.csv")
    names = ("kda-sig-hybrid-lowrank", "attn")
    ours, theirs = (table[table["arm"] == own].drop(columns="arm") for own in names)
    return fj.report(ours, [(7e9, 2e12)], against=theirs, names=names)


REAL = {own.__name__: own for own in (olmo, chinchilla, farseer_404, two_arms)}


@pytest.fixture
def seen(shown: Opened) -> Opened:
    """The same, wide and light."""
    shown.page.emulate_media(media="screen", color_scheme="light")
    shown.page.set_viewport_size(WIDE)  # type: ignore[arg-type]
    return shown


@pytest.fixture(scope="module", params=["example", *REAL])
def shown(
    request: pytest.FixtureRequest, browser: Browser, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Opened]:
    """Each of the reports, opened once."""
    name: str = request.param
    real = REAL.get(name)
    report = real(request.getfixturevalue("shared_data")) if real else example()
    found = opened(browser, report, tmp_path_factory.mktemp("pages") / f"{name}.html")
    yield found
    found.page.context.close()


def test_wide_and_narrow_and_light_and_dark(seen: Opened) -> None:
    for size, scheme in ((WIDE, "light"), (NARROW, "dark"), (NARROW, "light"), (WIDE, "dark")):
        seen.page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        if seen.page.viewport_size != size:
            seen.page.set_viewport_size(size)  # type: ignore[arg-type]
            seen.page.reload()  # figures are laid out for the width
        check_figures(seen.page, size["width"])
        assert seen.evaluate("document.documentElement.scrollWidth <= innerWidth"), size
        assert seen.evaluate("document.querySelectorAll('figure .main-svg').length") > 0
        is_dark = "20, 23, 28" in seen.evaluate("getComputedStyle(document.body).backgroundColor")
        assert is_dark == (scheme == "dark")
        if (size, scheme) in ((WIDE, "light"), (NARROW, "dark")):
            check_accessible(seen.page)
    assert seen.problems == []


def check_accessible(page: Page) -> None:
    """No serious violation of the accessibility guidelines."""
    found = Axe().run(page).response["violations"]
    serious = [own for own in found if own["impact"] in ("serious", "critical")]
    assert [(own["id"], own["nodes"][0]["html"]) for own in serious] == []


def check_figures(page: Page, width: int) -> None:
    """Legends do not lie on axes, and nothing is cut off."""
    inside = """() => [...document.querySelectorAll("figure .plot")].map((plot) => {
        const box = plot.getBoundingClientRect();
        const of = (name) => plot.querySelector(name)?.getBoundingClientRect();
        const [legend, title] = [of(".legend"), of(".g-xtitle text")];
        const parts = [legend, title, of(".g-ytitle text")].filter((own) => own && own.width);
        const fits = (own) => own.left >= box.left - 1 && own.right <= box.right + 1
            && own.bottom <= box.bottom + 1 && own.top >= box.top - 1;
        const isBelow = !legend || !title || legend.top >= title.bottom - 1;
        return [plot.dataset.name, parts.every(fits), isBelow];
    })"""
    for name, fits, is_below in page.evaluate(inside):
        assert (fits, is_below) == (True, True), (name, width)


def test_on_paper(seen: Opened) -> None:
    """As wide as the paper, with figures, and black on white even in the dark."""
    seen.page.emulate_media(color_scheme="dark")
    content = seen.page.pdf(format="A4")
    assert content.startswith(b"%PDF")
    assert len(content) > 50_000  # figures are vectors
    seen.page.emulate_media(media="print", color_scheme="dark")
    seen.page.set_viewport_size({"width": int(A4_WIDTH - 2 * MARGIN), "height": 1000})
    seen.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert seen.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    seen.page.wait_for_function("document.documentElement.scrollWidth <= innerWidth")
    assert not seen.page.locator("nav").is_visible()
    assert seen.page.locator("#explorer .at").is_visible()  # what the sliders say on the screen
    assert seen.problems == []


def test_the_theme_can_be_chosen(seen: Opened) -> None:
    def background() -> str:
        return str(seen.evaluate("getComputedStyle(document.body).backgroundColor"))

    light = background()
    seen.page.click("#theme")
    assert background() != light
    seen.page.click("#theme")
    assert background() == light


def test_a_click_on_the_legend_shows_and_hides(seen: Opened) -> None:
    """A law that is hidden at first is shown; what is shown is hidden."""
    is_forecast = "forecast" in seen.report.results
    plot, wanted = ("residuals", "chinchilla") if is_forecast else ("difference", "pairs of runs")
    before, after = ('"legendonly"', "true") if is_forecast else ("undefined", '"legendonly"')
    traces = f"document.getElementById('plot-{plot}').data"
    visible = f"{traces}.find((own) => own.name === '{wanted}').visible"
    assert seen.evaluate(f"{visible} === {before}")
    legend = seen.page.locator(f"#plot-{plot} .traces").filter(has_text=wanted)
    legend.locator(".legendtoggle").click()
    seen.page.wait_for_function(f"{visible} === {after}")


def test_a_figure_can_be_had_as_svg(seen: Opened) -> None:
    figure = seen.page.locator("figure .plot").first
    figure.hover()
    with seen.page.expect_download() as download:
        figure.locator(".modebar-btn[data-title*='Download']").click()
    assert download.value.suggested_filename.endswith(".svg")
    assert "<svg" in Path(download.value.path()).read_text(encoding="utf-8")[:200]


def test_no_figure_can_be_sent_anywhere(seen: Opened) -> None:
    titles = "[...document.querySelectorAll('.modebar-btn')].map(own => own.dataset.title)"
    allowed = {
        "Download plot", "Zoom", "Pan", "Zoom in", "Zoom out", "Reset axes",
    }  # fmt: skip
    assert set(seen.evaluate(titles)) == allowed


def test_a_table_can_be_had_as_csv(seen: Opened) -> None:
    link = seen.page.locator("a[download]").first
    seen.evaluate("document.querySelectorAll('details').forEach(own => { own.open = true; })")
    with seen.page.expect_download() as download:
        link.click()
    table = pd.read_csv(Path(download.value.path()))
    pd.testing.assert_frame_equal(
        table, seen.report.answer.to_dataframe(), check_dtype=False, rtol=1e-15
    )


# The explorer


def numbers_in(text: str) -> list[str]:
    return re.findall(r"[-+−]?\d+\.\d+", text)


def accuracy(seen: Opened) -> float:
    """What the page says of its interpolation, in half-widths of the interval."""
    found = re.search(
        r"at most ([\d.e-]+) % of the", seen.text("#explorer .note").replace("\u00a0", " ")
    )
    assert found is not None
    return float(found[1]) / 100.0


def typed(seen: Opened, **inputs: str) -> None:
    for name, text in inputs.items():
        seen.page.fill(f"#explore-{name}", text)
        seen.page.press(f"#explore-{name}", "Tab")


def check_answer(seen: Opened, N: float, D: float) -> None:
    """The page's digits are Python's, to the accuracy that the page claims."""
    answer = seen.report.answer
    if isinstance(answer, fj.Forecast):
        expected = [
            answer.predict(N, D),
            *answer.interval(N, D),
            *answer.interval(N, D, new_run=True),
        ]
    else:
        assert isinstance(answer, fj.RunComparison)
        own = answer.at({"N": np.array([N]), "D": np.array([D])})
        expected = [100.0 * x[0] for x in (own.difference, own.lower, own.upper)]
    parts = [seen.text(f"#explorer .{name}") for name in ("value", "interval", "run")]
    shown = numbers_in(" ".join(re.split(r"\(±|probability", own)[0] for own in parts))
    assert len(shown) == len(expected)
    half = 0.5 * (expected[2] - expected[1])
    for text, value in zip(shown, expected, strict=True):
        last_digit = 10.0 ** -len(text.partition(".")[2])
        assert float(text.replace("−", "-")) == pytest.approx(
            value, abs=0.501 * last_digit + 1.5 * accuracy(seen) * half + 1e-6 * abs(value)
        )


def test_typed_inputs_give_the_librarys_numbers(seen: Opened) -> None:
    start = seen.evaluate(
        "JSON.parse(document.getElementById('explorer-content').textContent).axes"
    )
    check_answer(seen, *(own["start"] for own in start))
    N, D = (float(np.sqrt(own["values"][0] * own["values"][-1])) for own in start)
    typed(seen, N=f"{N:.4g}", D=f"{D / 1e9:.4g}B")
    check_answer(seen, float(f"{N:.4g}"), float(f"{D / 1e9:.4g}") * 1e9)
    before = seen.text("#explorer .value")
    typed(seen, N="1000T")  # beyond the slider: said, and nothing changes
    assert seen.page.get_attribute("#explore-N", "aria-invalid") == "true"
    assert seen.text("#explorer .value") == before


def test_sliders_give_the_librarys_numbers(seen: Opened) -> None:
    moved = """([name, share]) => {
        const row = document.getElementById(`explore-${name}`).parentElement;
        const slider = row.querySelector("input[type=range]");
        slider.value = Number(slider.min) + share * (slider.max - slider.min);
        slider.dispatchEvent(new Event("input"));
        return Math.exp(Number(slider.value));
    }"""
    N = seen.page.evaluate(moved, ["N", 0.37])
    D = seen.page.evaluate(moved, ["D", 0.61])
    check_answer(seen, N, D)
    seen.page.focus("#explore-N")
    seen.page.keyboard.press("Shift+Tab")  # the slider, which keys move
    before = seen.text("#explorer .value")
    for _ in range(8):
        seen.page.keyboard.press("PageUp")
    assert seen.text("#explorer .value") != before


def test_a_budget_is_split_as_by_allocate(seen: Opened) -> None:
    answer = seen.report.answer
    if not isinstance(answer, fj.Forecast):
        assert seen.page.locator("#explore-C").count() == 0
        return
    C = 10 * float((6.0 * answer.runs.N * answer.runs.D).max())
    typed(seen, C=f"{C:.3e}")
    C = float(f"{C:.3e}")
    best = fj.allocate(answer, C)
    N, D = (parsed(seen.page.input_value(f"#explore-{name}")) for name in ("N", "D"))
    assert 6.0 * N * D == pytest.approx(C, rel=2e-3)  # four digits each
    lowest = float(answer.predict(best.N[0], best.D[0]))
    half = 0.5 * float(np.subtract(*answer.interval(best.N[0], best.D[0])[::-1]))
    (shown,) = numbers_in(seen.text("#explorer .value"))
    tolerance = 0.501 * 10.0 ** -len(shown.partition(".")[2]) + 1.5 * accuracy(seen) * half
    assert float(shown) == pytest.approx(lowest, abs=tolerance)
    assert float(answer.predict(N, D)) == pytest.approx(lowest, abs=tolerance)


def parsed(text: str) -> float:
    prefix = {"k": 1e3, "M": 1e6, "B": 1e9, "T": 1e12}
    return float(text[:-1]) * prefix[text[-1]] if text[-1] in prefix else float(text)


# Labels


def test_hostile_labels_do_nothing(browser: Browser, tmp_path: Path) -> None:
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 2e9, 3), [2e9, 8e9, 3e10]))
    loss = 1.7 + 400.0 * N**-0.34 + 410.0 * D**-0.28
    runs = fj.Runs(N, D, 0.99 * loss, extra={"run_id": [HOSTILE] * len(N)})
    report = fj.report(
        runs, [(7e9, 2e11)], against=fj.Runs(N, D, loss), names=(HOSTILE, "b"), title=HOSTILE
    )
    seen = opened(browser, report, tmp_path / "hostile.html")
    seen.page.wait_for_selector("figure .main-svg")
    assert seen.text("h1") == HOSTILE
    assert HOSTILE in seen.text("#explorer .run")
    assert seen.evaluate("typeof hacked") == "undefined"
    assert seen.page.locator("img").count() == 0
    assert seen.problems == []
    seen.page.context.close()
