"""Two fits, two tables of runs, or two counts of N against each other (paper App. E and G)."""

from farseer_jax.analysis.comparison._counts_result import CountComparison, CountResult
from farseer_jax.analysis.comparison._points import ComparedPoints
from farseer_jax.analysis.comparison._result import FitComparison
from farseer_jax.analysis.comparison._runs_result import RunComparison
from farseer_jax.analysis.comparison.compare_counts import compare_counts
from farseer_jax.analysis.comparison.compare_fits import compare_fits
from farseer_jax.analysis.comparison.compare_runs import compare_runs

__all__ = [
    "ComparedPoints",
    "CountComparison",
    "CountResult",
    "FitComparison",
    "RunComparison",
    "compare_counts",
    "compare_fits",
    "compare_runs",
]
