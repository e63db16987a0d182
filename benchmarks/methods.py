"""Laws × methods on one table of runs (paper App. H): errors, starts, times; a table and figures.

    python benchmarks/methods.py [RUNS.csv] [--out FILE] [--figures FOLDER]

RUNS.csv is the paper's published grid (columns N, D, loss); without it the embedded example stands
in. Sizes from 0.2 to 5.4 B are fitted, the 6.37 B runs held out. Every end-to-end fit of Farseer
minimises squared log residuals from random starts; the raw form and the centred one start at
the same curves.
"""

import sys
from pathlib import Path

from _timing import report

import farseer_jax as fj

SQUARED, HUBER = fj.LeastSquares(num_starts=2_000), fj.LeastSquares("huber", num_starts=2_000)
CANDIDATES = {
    "Kaplan, end to end": (fj.Kaplan, HUBER),
    "Chinchilla, end to end": (fj.Chinchilla, HUBER),
    "Chinchilla, variable projection": (fj.Chinchilla, fj.VariableProjection("huber")),
    "Chinchilla, piecewise": (fj.Chinchilla, fj.Piecewise()),
    "Chinchilla, isoFLOP": (fj.Chinchilla, fj.IsoFLOP()),
    "Coupled, end to end": (fj.Coupled, SQUARED),
    "Farseer raw form, LM": (fj.RawFarseer, SQUARED),
    "Farseer raw form, L-BFGS": (fj.RawFarseer, fj.Restarts("lbfgs", 2_000)),
    "Farseer, Adam": (fj.Farseer, fj.Restarts("adam", 256)),
    "Farseer, L-BFGS": (fj.Farseer, fj.Restarts("lbfgs", 2_000)),
    "Farseer, LM": (fj.Farseer, SQUARED),
    "Farseer, piecewise": (fj.Farseer, fj.Piecewise()),
}


def argument(flag: str, default: str | None = None) -> str | None:
    if flag not in sys.argv:
        return default
    at = sys.argv.index(flag)
    _, value = sys.argv.pop(at), sys.argv.pop(at)
    return value


def load() -> fj.Runs:
    paths = [text for text in sys.argv[1:] if text.endswith(".csv")]
    if not paths:
        return fj.example_runs()
    sys.argv.remove(paths[0])
    return fj.read_runs(paths[0]).select(min_N=2e8)


def draw(found: fj.MethodComparison, folder: Path) -> None:
    import matplotlib as mpl

    mpl.use("agg")
    from farseer_jax.plots import plot_methods, plot_starts

    folder.mkdir(parents=True, exist_ok=True)
    plot_methods(found).figure.savefig(folder / "methods.svg")
    reports = {
        name: found[name].fit.diagnostics
        for name in ("Farseer, LM", "Farseer, L-BFGS", "Farseer, Adam", "Farseer raw form, LM",
                     "Farseer raw form, L-BFGS")
    }  # fmt: skip
    plot_starts(reports).figure.savefig(folder / "starts.svg")


def main() -> None:
    folder = argument("--figures")
    runs = load()
    found = fj.compare_methods(runs.select(max_N=5.5e9), runs.select(min_N=6e9), CANDIDATES)
    print(found, file=sys.stderr)
    if folder:
        draw(found, Path(folder))
    report(found.to_dict())


if __name__ == "__main__":
    main()
