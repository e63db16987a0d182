"""Draws assets/example.svg: ``python docs/figures.py``."""

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt

import farseer_jax as fj

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


def main() -> None:
    """Write the figure beside this file."""
    runs = fj.example_runs()
    result = fj.fit(fj.Farseer, runs.select(max_N=5.5e9))
    with mpl.rc_context(STYLE):
        figure, panels = plt.subplots(1, 2, figsize=(9.2, 3.5), width_ratios=(1.5, 1))
        draw_losses(panels[0], result, runs)
        draw_exponents(panels[1], result)
        figure.tight_layout(w_pad=2.5)
        target = Path(__file__).parent / "assets" / "example.svg"
        figure.savefig(target, transparent=True, metadata={"Date": None})


if __name__ == "__main__":
    main()
