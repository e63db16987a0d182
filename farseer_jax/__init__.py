"""Fit LLM scaling laws: the Farseer law, fast, exact and honest about what the runs determine."""

from farseer_jax._curve import StretchedExponential
from farseer_jax._design import Design, build_design
from farseer_jax._fit import fit
from farseer_jax._fit_batch import BatchFit, fit_batch
from farseer_jax._law import AbstractLaw
from farseer_jax._outcome import Outcome
from farseer_jax._prediction import Prediction
from farseer_jax._read import read_runs
from farseer_jax._result import Fit
from farseer_jax._runs import Runs
from farseer_jax._search import Grid, Refined
from farseer_jax._simulate import simulate
from farseer_jax._version import __version__
from farseer_jax.datasets.example import example_law, example_runs, paper_grid
from farseer_jax.laws.farseer import Farseer
from farseer_jax.methods._diagnostics import Diagnostics
from farseer_jax.methods.piecewise.method import Piecewise

__all__ = [
    "AbstractLaw",
    "BatchFit",
    "Design",
    "Diagnostics",
    "Farseer",
    "Fit",
    "Grid",
    "Outcome",
    "Piecewise",
    "Prediction",
    "Refined",
    "Runs",
    "StretchedExponential",
    "__version__",
    "build_design",
    "example_law",
    "example_runs",
    "fit",
    "fit_batch",
    "paper_grid",
    "read_runs",
    "simulate",
]
