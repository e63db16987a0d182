"""The paper's numbers beside ours, from its own runs, in one command.

    python benchmarks/paper.py ../shared/data/farseer_404.csv --json paper.json --figures DIR

Prints a table, and writes what can be drawn from these runs as PDF. The paper is Li et al.,
*Predictable Scale: Part II, Farseer*.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

import farseer_jax as fj
from farseer_jax.runs.selection import without_copies

DOMAIN = ((2e8, 1e13), (1e9, 1e15))
LIMITS = (1.95e9, 2.75e9, 3.85e9, 4.55e9, 5.36e9)


class Row(NamedTuple):
    """One number."""

    where: str
    what: str
    paper: float | None
    here: float


class Reproduction:
    """All fits, made once."""

    def __init__(self, path: Path) -> None:
        self.runs = fj.read_runs(path).select(min_N=2e8)
        self.fitted, self.held_out = self.runs.select(max_N=5.36e9), self.runs.select(min_N=6e9)
        self.fit = fj.fit(fj.Farseer, self.fitted)
        self.whole = fj.fit(fj.Farseer, self.runs)
        self.views = fj.analyse_differences(self.runs)
        self.forms = fj.choose_forms(self.fitted)
        self.residuals = fj.diagnose_residuals(self.fit)
        candidates = [fj.Farseer, (fj.Farseer, fj.LeastSquares()), (fj.Chinchilla, HUBER)]
        self.extrapolation = fj.extrapolate(
            self.runs, candidates, held_out=self.held_out.N.min(), limits=LIMITS
        )
        self.counts = fj.compare_counts(self.runs, held_out=self.held_out.N.min())
        self.allocation = fj.allocate(self.whole, [1e20, 1e21, 1e22, 1e23])
        self.shape = fj.check_shape(self.whole, *DOMAIN)
        seen = (self.runs.N <= 5.36e9) & (self.runs.D <= 2e11)
        distinct = without_copies(self.runs.N, self.runs.D, self.runs.loss)
        self.beyond = self.runs.select(mask=distinct & ~seen)
        self.within = fj.fit(fj.Farseer, self.runs.select(mask=seen))
        english, chinese = (
            fj.fit(fj.Farseer, fj.read_runs(path, loss=name).select(min_N=2e8))
            for name in ("bpc_en_web", "bpc_zh")
        )
        self.comparison = fj.compare_fits(
            english, chinese, names=("English", "Chinese"), comparable=True,
            N=(2e8, 2e10), D=(1e9, 2e12),
        )  # fmt: skip
        self.monotone = fj.fit(fj.Farseer, self.runs, monotone_over=DOMAIN)

    def rows(self) -> Iterator[Row]:
        """Every number, in the paper's order."""
        published = (0.9807, 0.7457, 0.8484, 0.8733)
        for view, paper in zip(self.views.views, published, strict=True):
            what = f"mean R², Δ_{view.difference} L against {view.against}"
            yield Row("Fig. 3", what, paper, view.mean_r_squared)
        found = self.residuals
        U_error = np.abs(found.U / found.G - 1).mean()
        yield Row("Fig. 5a", "relative error of U(N) against G(N)", 9e-4, float(U_error))
        yield Row("Fig. 5b", "scatter of O − G, largest size", 4e-4, float(found.offset_rms[-1]))
        yield Row("Fig. 5b", "scatter of O − G, largest", 2e-3, float(found.offset_rms.max()))
        yield from self._extrapolation()
        error = np.abs(self.within.predict(self.beyond.N, self.beyond.D) / self.beyond.loss - 1)
        what = f"error at {len(error)} runs beyond 5.36 B or 200 B tokens"
        yield Row("Fig. 7", f"{what}, mean", None, float(error.mean()))
        yield Row("Fig. 7", f"{what}, largest", None, float(error.max()))
        for C, ratio in zip(self.allocation.compute, self._ratios(), strict=True):
            yield Row("Fig. 1b", f"optimal D/N at {C:.0e} FLOPs", None, float(ratio))
        names = (("log/power", "log/power", 0.1125), ("log/log", "log/log", 0.1322))
        for A, B, paper in names:
            error = sum(self.forms.form(c, n).relative_error for c, n in (("A", A), ("B", B)))
            yield Row("Table 2", f"error of A and B, {A} and {B}", paper, float(error))
        for name, paper in (("log/power", 0.0011), ("log/log", 0.0083)):
            error = self.forms.form("U", name).relative_error
            yield Row("Table 3", f"error of U, {name}", paper, float(error))
        times = self.counts.other.held_out_error / self.counts.own.held_out_error
        yield Row("Fig. 16", "error with embeddings over error without", 4.0, float(times))
        rises = sum(region.share for region in self.shape.regions if region.along == "N")
        yield Row("Fig. 20", "share of the domain where ∂L/∂N > 0", 0.0, float(rises))
        cost = self.monotone.mean_relative_error / self.whole.mean_relative_error - 1
        yield Row("Fig. 20", "further error of the fit that cannot rise there", None, float(cost))

    def _extrapolation(self) -> Iterator[Row]:
        papers = {("Farseer, piecewise", 0): 6.01e-3, ("Farseer, piecewise", 4): 5.87e-4}
        found = self.extrapolation
        sizes = np.where(found.fitted, found.values, 0.0).max(axis=1)
        for result in found.results:
            for i, limit in enumerate(sizes):
                what = f"error at 6.37 B, {result.name}, up to {limit / 1e9:.2f} B"
                paper = papers.get((result.name, i))
                yield Row("Figs. 6, 8, 17", what, paper, float(result.held_out_error[i]))

    def _ratios(self) -> np.ndarray:
        return np.asarray(self.allocation.D / self.allocation.N)

    def figures(self) -> dict[str, Callable[[], object]]:
        """What draws each figure."""
        from farseer_jax import plots

        return {
            "fig01a": lambda: plots.plot_error_by_value(self.extrapolation),
            "fig01b": lambda: plots.plot_allocation(
                fj.allocate(self.whole, np.geomspace(1e20, 1e26, 25))
            ),
            "fig02": lambda: plots.plot_fit(self.fit, self.held_out),
            "fig03": lambda: plots.plot_views(self.views),
            "fig04": lambda: plots.plot_curves(self.fit),
            "fig05a": lambda: plots.plot_residuals(self.residuals, "curve"),
            "fig05b": lambda: plots.plot_residuals(self.residuals, "offsets"),
            "residuals": lambda: plots.plot_residuals(self.residuals),
            "fig06_08": lambda: plots.plot_extrapolation(self.extrapolation),
            "fig07": lambda: plots.plot_map(self.within, self.beyond),
            "fig10": lambda: plots.plot_views(self.views, show="coefficient"),
            "fig11": lambda: plots.plot_views(self.views, show="exponent"),
            "fig12_14": lambda: plots.plot_differences(self.views, ("D", "D")),
            "fig15": lambda: plots.plot_comparison_surface(self.comparison),
            "tables23": lambda: plots.plot_forms(self.forms),
            "fig16": lambda: plots.plot_counts(self.counts),
            "fig18": lambda: plots.plot_surface(self.whole, *DOMAIN),
            "fig19": lambda: plots.plot_surface(self.whole, *DOMAIN, of="D"),
            "fig20": lambda: plots.plot_surface(self.whole, *DOMAIN, of="N"),
            "fig20_map": lambda: plots.plot_shape(self.shape, of="N"),
        }


HUBER = fj.LeastSquares("huber")


def draw(reproduction: Reproduction, folder: Path) -> None:
    """Write each figure as PDF."""
    import matplotlib as mpl

    mpl.use("agg")
    from matplotlib import pyplot as plt

    folder.mkdir(parents=True, exist_ok=True)
    for name, make in reproduction.figures().items():
        make()
        plt.gcf().savefig(folder / f"{name}.pdf", dpi=300)  # of surfaces
        plt.close("all")


def main() -> None:
    """Print the table; write JSON and figures where asked."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("runs", type=Path)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figures", type=Path)
    arguments = parser.parse_args()
    begin = time.perf_counter()
    reproduction = Reproduction(arguments.runs)
    rows = list(reproduction.rows())
    for row in rows:
        paper = "" if row.paper is None else f"{row.paper:.4g}"
        print(f"{row.where:15} {row.what:62} {paper:>8} {row.here:10.4g}")
    if arguments.figures:
        draw(reproduction, arguments.figures)
    seconds = time.perf_counter() - begin
    print(f"{seconds:.0f} s")
    if arguments.json:
        content = {"seconds": seconds, "rows": [row._asdict() for row in rows]}
        arguments.json.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
