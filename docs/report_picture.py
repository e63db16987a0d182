"""Draws assets/report.webp, the top of the example's report: ``python docs/report_picture.py``.

Needs Chromium or Chrome, and the developers' environment.
"""

import io
import shutil
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

import farseer_jax as fj

QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"]
HEIGHT = 1380  # the answer and the reasons for caution
TARGET = Path(__file__).parent / "assets" / "report.webp"


def screenshot(page: str) -> bytes:
    """The page's top at a width of 1280 pixels, light, as PNG."""
    browsers = ("chromium", "chromium-browser", "google-chrome")
    chromium = next(filter(None, map(shutil.which, browsers)), None)
    if chromium is None:
        raise SystemExit(f"no browser: expected one of {', '.join(browsers)} in PATH")
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        path = Path(folder, "report.html")
        path.write_text(page, encoding="utf-8")
        browser = playwright.chromium.launch(executable_path=chromium, args=QUIET)
        size = {"width": 1280, "height": HEIGHT}
        shown = browser.new_page(viewport=size, color_scheme="light")  # type: ignore[arg-type]
        shown.goto(path.as_uri())
        shown.wait_for_selector("#explorer .main-svg")
        return shown.screenshot()


def main() -> None:
    """Make the report, and draw it."""
    report = fj.report(fj.example_runs(), [(25.1e9, 5e11), (70e9, 2e12)], holdouts=False)
    picture = Image.open(io.BytesIO(screenshot(report.to_html()))).convert("RGB")
    picture.save(TARGET, quality=80, method=6)
    print(f"{TARGET}: {TARGET.stat().st_size / 1e3:.0f} kB")


if __name__ == "__main__":
    main()
