"""Draws example, map, surface and difference in assets: ``python docs/figures.py``."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

import farseer_jax as fj
from farseer_jax import plots

GREY = "#808080"  # readable on light and on dark pages
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "farseer_jax", "font.family": "sans-serif",
    "font.size": 10, "text.color": GREY, "axes.edgecolor": GREY, "axes.labelcolor": GREY,
    "xtick.color": GREY, "ytick.color": GREY,
    "axes.spines.top": False, "axes.spines.right": False,
}  # fmt: skip


def draw_losses(axes: plt.Axes, result: fj.Fit, runs: fj.Runs) -> None:
    """Loss against D: the fitted law, fitted runs, held-out runs."""
    sizes = np.unique(runs.N)[[0, 4, 8, 12, 16, 20]]
    colours = mpl.colormaps["plasma"](np.linspace(0.3, 0.82, len(sizes)))
    for N, colour in zip(sizes, colours, strict=True):
        held_out = N == runs.N.max()
        one = runs.select(min_N=N, max_N=N)
        D = np.geomspace(one.D.min(), 1e12, 60)
        axes.plot(D, result.predict(N, D), color=colour, lw=1.2, ls="--" if held_out else "-")
        face = "none" if held_out else colour
        axes.plot(one.D, one.loss, "o", ms=3.6, mfc=face, mec=colour, mew=0.9)
        end = (D[-1] * 1.15, result.predict(N, D[-1]))
        axes.annotate(f"{N / 1e9:.3g} B", end, color=colour, va="center", fontsize=9)
    axes.set(xscale="log", xlabel="D (tokens)", ylabel="loss", xlim=(8e8, 3e12))


def draw_exponents(axes: plt.Axes, result: fj.Fit) -> None:
    """A_N of each size, and A(N)."""
    assert isinstance(result.law, fj.Farseer)
    N = np.geomspace(1.8e8, 8e9, 80)
    axes.plot(N, result.law.A(N), color="#6f7fd8", lw=1.4)
    found = result.diagnostics
    axes.plot(found.N, found.A, "o", ms=3.6, color="#6f7fd8")
    axes.set(xscale="log", xlabel="N (parameters)", ylabel="A(N)")
    ticks = [2e8, 5e8, 1e9, 2e9, 5e9]
    axes.set_xticks(ticks, [f"{tick / 1e9:g} B" for tick in ticks])
    axes.minorticks_off()


def draw_first() -> plt.Figure:
    """A fit and its exponents."""
    runs = fj.example_runs()
    result = fj.fit(fj.Farseer, runs.select(max_N=5.5e9))
    figure, panels = plt.subplots(1, 2, figsize=(9.2, 3.5), width_ratios=(1.5, 1))
    draw_losses(panels[0], result, runs)
    draw_exponents(panels[1], result)
    figure.tight_layout(w_pad=2.5)
    return figure


def draw_map() -> plt.Figure:
    """What a fit to small runs misses at others (docs/extrapolation.md)."""
    runs = fj.example_runs()
    seen = (runs.N < 5.5e9) & (runs.D < 2e11)
    plots.plot_map(fj.fit(fj.Farseer, runs.select(mask=seen)), runs.select(mask=~seen))
    return plt.gcf()


def draw_surface() -> plt.Figure:
    """Where a fit rises (docs/shape.md)."""
    plots.plot_surface(fj.fit(fj.Farseer, fj.example_runs()), (2e8, 1e13), (1e9, 1e15), of="N")
    return plt.gcf()


def draw_difference() -> plt.Figure:
    """Two recipes (docs/comparison.md)."""
    law, (N, D) = fj.example_law(), fj.paper_grid()
    U = fj.StretchedExponential(level=-0.83, slope=-0.11, exponent=0.15, pivot=1e9)
    new = fj.simulate(fj.Farseer(U=U, B=law.B, A=law.A), N, D, seed=1)
    base = fj.simulate(law, N, D, seed=0)
    fits = [fj.fit(fj.Farseer, runs) for runs in (new, base)]
    found = fj.compare_fits(*fits, names=("new", "base"), N=(2e8, 3e10), D=(1e9, 1e12))
    plots.plot_comparison_surface(found)
    return plt.gcf()


def main() -> None:
    """Write the figures into assets beside this file."""
    folder = Path(__file__).parent / "assets"
    with mpl.rc_context(STYLE):
        draw_first().savefig(folder / "example.svg", transparent=True, metadata={"Date": None})
    # in the package's own style, on white: its greys are not meant for dark pages
    fixed = {"svg.fonttype": "none", "svg.hashsalt": "farseer_jax"}
    for name, draw in (
        ("map", draw_map),
        ("surface", draw_surface),
        ("difference", draw_difference),
    ):
        with mpl.rc_context(fixed):
            draw().savefig(folder / f"{name}.svg", dpi=110, metadata={"Date": None})


if __name__ == "__main__":
    main()
