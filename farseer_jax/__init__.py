"""Fit LLM scaling laws: the Farseer law, fast, exact and honest about what the runs determine."""

import importlib
from typing import TYPE_CHECKING, Any

from farseer_jax._version import __version__

if TYPE_CHECKING:
    from farseer_jax._design import Design, build_design
    from farseer_jax._progress import progress_bar
    from farseer_jax._search._grid import Grid
    from farseer_jax._search._refined import Refined
    from farseer_jax.analysis._choice_table import ChoiceComparison, ChoiceResult
    from farseer_jax.analysis.allocation._flops import TransformerFLOPs
    from farseer_jax.analysis.allocation._published import PublishedModel, published_models
    from farseer_jax.analysis.allocation._result import Allocation
    from farseer_jax.analysis.allocation.allocate import allocate
    from farseer_jax.analysis.compare_choices import compare_choices
    from farseer_jax.analysis.compare_methods import (
        MethodComparison,
        MethodResult,
        compare_methods,
    )
    from farseer_jax.analysis.comparison._counts_result import CountComparison, CountResult
    from farseer_jax.analysis.comparison._multiplier import ComputeMultipliers
    from farseer_jax.analysis.comparison._parity import ParityCurve
    from farseer_jax.analysis.comparison._points import ComparedPoints
    from farseer_jax.analysis.comparison._result import FitComparison
    from farseer_jax.analysis.comparison._runs_result import RunComparison
    from farseer_jax.analysis.comparison.compare_counts import compare_counts
    from farseer_jax.analysis.comparison.compare_fits import compare_fits
    from farseer_jax.analysis.comparison.compare_runs import compare_runs
    from farseer_jax.analysis.differences._result import DifferenceAnalysis
    from farseer_jax.analysis.differences._views import DifferenceView
    from farseer_jax.analysis.differences.analyse import analyse_differences
    from farseer_jax.analysis.extrapolation._places import CandidateResult, Standing
    from farseer_jax.analysis.extrapolation._table import Extrapolation
    from farseer_jax.analysis.extrapolation.extrapolate import extrapolate
    from farseer_jax.analysis.forms._result import Form, FormChoice, FormPair
    from farseer_jax.analysis.forms._transform import Transform
    from farseer_jax.analysis.forms.choose import choose_forms
    from farseer_jax.analysis.residuals._table import ResidualDiagnostics
    from farseer_jax.analysis.residuals._whiteness import Whiteness
    from farseer_jax.analysis.residuals.diagnose_residuals import diagnose_residuals
    from farseer_jax.analysis.shape._result import Rise, Shape
    from farseer_jax.analysis.shape.check_shape import check_shape
    from farseer_jax.datasets.example import example_law, example_runs, paper_grid
    from farseer_jax.fitting.fit import fit
    from farseer_jax.fitting.fit_batch import BatchFit, fit_batch
    from farseer_jax.fitting.fits import Fits
    from farseer_jax.fitting.prediction import Prediction
    from farseer_jax.fitting.result import Fit
    from farseer_jax.fitting.simulate import simulate
    from farseer_jax.laws.chinchilla import Chinchilla
    from farseer_jax.laws.coupled import Coupled
    from farseer_jax.laws.define import law
    from farseer_jax.laws.domains import (
        Along,
        Category,
        Count,
        Exponent,
        Fraction,
        Mixture,
        Positive,
        Real,
    )
    from farseer_jax.laws.farseer import Farseer
    from farseer_jax.laws.kaplan import Kaplan
    from farseer_jax.laws.law import Center, Law
    from farseer_jax.laws.raw_farseer import RawFarseer
    from farseer_jax.laws.separable import OneDataTerm, Separable
    from farseer_jax.laws.stretched_exponential import StretchedExponential
    from farseer_jax.links import Link
    from farseer_jax.methods._diagnostics import Diagnostics
    from farseer_jax.methods._isoflop_report import IsoFLOPReport
    from farseer_jax.methods._profile_report import ProfileReport
    from farseer_jax.methods._refit import NoDerivativeError, Refit
    from farseer_jax.methods._starts import StartReport
    from farseer_jax.methods.isoflop.method import IsoFLOP
    from farseer_jax.methods.least_squares.method import LeastSquares
    from farseer_jax.methods.monotone._report import MonotoneReport
    from farseer_jax.methods.monotone.method import MonotoneOver
    from farseer_jax.methods.outcome import Outcome
    from farseer_jax.methods.piecewise.method import Piecewise
    from farseer_jax.methods.restarts.method import Restarts
    from farseer_jax.methods.variable_projection.method import VariableProjection
    from farseer_jax.objectives import Objective
    from farseer_jax.planning._result import Suggestions
    from farseer_jax.planning.suggest_runs import suggest_runs
    from farseer_jax.resampling._bootstrap import bootstrap
    from farseer_jax.resampling._calibration import Calibration
    from farseer_jax.resampling._combine import combine_intervals
    from farseer_jax.resampling._intervals import Intervals
    from farseer_jax.resampling._loss_schemes import (
        ParametricBootstrap,
        ResidualBootstrap,
        WildBootstrap,
    )
    from farseer_jax.resampling._result import Bootstrap
    from farseer_jax.resampling._weight_schemes import (
        BayesianBootstrap,
        JackknifeRuns,
        JackknifeSizes,
        ResampleRuns,
        ResampleSizes,
        ResampleWithinSizes,
    )
    from farseer_jax.runs.noise import Noise, estimate_noise
    from farseer_jax.runs.read import read_runs
    from farseer_jax.runs.runs import Runs
    from farseer_jax.runs.units import (
        bits_per_byte,
        bits_per_character,
        convert_loss,
        nats_per_token,
        perplexity,
    )
    from farseer_jax.sensitivity._error_bars import ErrorBars, error_bars
    from farseer_jax.sensitivity._influence import influence
    from farseer_jax.sensitivity._influence_table import Influence
    from farseer_jax.sensitivity._respond import differentiable
    from farseer_jax.solvers.starts import Domain

__all__ = [
    "Allocation",
    "Along",
    "BatchFit",
    "BayesianBootstrap",
    "Bootstrap",
    "Calibration",
    "CandidateResult",
    "Category",
    "Center",
    "Chinchilla",
    "ChoiceComparison",
    "ChoiceResult",
    "ComparedPoints",
    "ComputeMultipliers",
    "Count",
    "CountComparison",
    "CountResult",
    "Coupled",
    "Design",
    "Diagnostics",
    "DifferenceAnalysis",
    "DifferenceView",
    "Domain",
    "ErrorBars",
    "Exponent",
    "Extrapolation",
    "Farseer",
    "Fit",
    "FitComparison",
    "Fits",
    "Form",
    "FormChoice",
    "FormPair",
    "Fraction",
    "Grid",
    "Influence",
    "Intervals",
    "IsoFLOP",
    "IsoFLOPReport",
    "JackknifeRuns",
    "JackknifeSizes",
    "Kaplan",
    "Law",
    "LeastSquares",
    "Link",
    "MethodComparison",
    "MethodResult",
    "Mixture",
    "MonotoneOver",
    "MonotoneReport",
    "NoDerivativeError",
    "Noise",
    "Objective",
    "OneDataTerm",
    "Outcome",
    "ParametricBootstrap",
    "ParityCurve",
    "Piecewise",
    "Positive",
    "Prediction",
    "ProfileReport",
    "PublishedModel",
    "RawFarseer",
    "Real",
    "Refined",
    "Refit",
    "ResampleRuns",
    "ResampleSizes",
    "ResampleWithinSizes",
    "ResidualBootstrap",
    "ResidualDiagnostics",
    "Restarts",
    "Rise",
    "RunComparison",
    "Runs",
    "Separable",
    "Shape",
    "Standing",
    "StartReport",
    "StretchedExponential",
    "Suggestions",
    "Transform",
    "TransformerFLOPs",
    "VariableProjection",
    "Whiteness",
    "WildBootstrap",
    "__version__",
    "allocate",
    "analyse_differences",
    "bits_per_byte",
    "bits_per_character",
    "bootstrap",
    "build_design",
    "check_shape",
    "choose_forms",
    "combine_intervals",
    "compare_choices",
    "compare_counts",
    "compare_fits",
    "compare_methods",
    "compare_runs",
    "convert_loss",
    "diagnose_residuals",
    "differentiable",
    "error_bars",
    "estimate_noise",
    "example_law",
    "example_runs",
    "extrapolate",
    "fit",
    "fit_batch",
    "influence",
    "law",
    "nats_per_token",
    "paper_grid",
    "perplexity",
    "progress_bar",
    "published_models",
    "read_runs",
    "simulate",
    "suggest_runs",
]

# Module → its public names, loaded at first use (PEP 562): `farseer --help` and mistakes on the
# command line must not wait for JAX. A test holds this table equal to `__all__`.
_HOMES = {
    "laws.stretched_exponential": ("StretchedExponential",),
    "_design": ("Design", "build_design"),
    "fitting.fit": ("fit",),
    "fitting.fit_batch": ("BatchFit", "fit_batch"),
    "laws.law": ("Law", "Center"),
    "laws.separable": ("OneDataTerm", "Separable"),
    "laws.define": ("law",),
    "laws.domains": (
        "Along",
        "Category",
        "Count",
        "Exponent",
        "Fraction",
        "Mixture",
        "Positive",
        "Real",
    ),
    "links": ("Link",),
    "solvers.starts": ("Domain",),
    "runs.noise": ("Noise", "estimate_noise"),
    "objectives": ("Objective",),
    "methods.outcome": ("Outcome",),
    "fitting.fits": ("Fits",),
    "fitting.prediction": ("Prediction",),
    "_progress": ("progress_bar",),
    "runs.read": ("read_runs",),
    "fitting.result": ("Fit",),
    "runs.runs": ("Runs",),
    "_search._grid": ("Grid",),
    "_search._refined": ("Refined",),
    "fitting.simulate": ("simulate",),
    "runs.units": (
        "bits_per_byte",
        "bits_per_character",
        "convert_loss",
        "nats_per_token",
        "perplexity",
    ),
    "analysis._choice_table": ("ChoiceComparison", "ChoiceResult"),
    "analysis.allocation._flops": ("TransformerFLOPs",),
    "analysis.allocation._published": ("PublishedModel", "published_models"),
    "analysis.allocation._result": ("Allocation",),
    "analysis.allocation.allocate": ("allocate",),
    "analysis.compare_choices": ("compare_choices",),
    "analysis.compare_methods": ("MethodComparison", "MethodResult", "compare_methods"),
    "analysis.differences._result": ("DifferenceAnalysis",),
    "analysis.differences._views": ("DifferenceView",),
    "analysis.differences.analyse": ("analyse_differences",),
    "analysis.forms._result": ("Form", "FormChoice", "FormPair"),
    "analysis.forms._transform": ("Transform",),
    "analysis.forms.choose": ("choose_forms",),
    "analysis.comparison._counts_result": ("CountComparison", "CountResult"),
    "analysis.comparison._multiplier": ("ComputeMultipliers",),
    "analysis.comparison._parity": ("ParityCurve",),
    "analysis.comparison._points": ("ComparedPoints",),
    "analysis.comparison._result": ("FitComparison",),
    "analysis.comparison._runs_result": ("RunComparison",),
    "analysis.comparison.compare_counts": ("compare_counts",),
    "analysis.comparison.compare_fits": ("compare_fits",),
    "analysis.comparison.compare_runs": ("compare_runs",),
    "analysis.extrapolation._places": ("CandidateResult", "Standing"),
    "analysis.extrapolation._table": ("Extrapolation",),
    "analysis.extrapolation.extrapolate": ("extrapolate",),
    "analysis.residuals._table": ("ResidualDiagnostics",),
    "analysis.residuals._whiteness": ("Whiteness",),
    "analysis.residuals.diagnose_residuals": ("diagnose_residuals",),
    "analysis.shape._result": ("Rise", "Shape"),
    "analysis.shape.check_shape": ("check_shape",),
    "datasets.example": ("example_law", "example_runs", "paper_grid"),
    "laws.chinchilla": ("Chinchilla",),
    "laws.coupled": ("Coupled",),
    "laws.farseer": ("Farseer",),
    "laws.kaplan": ("Kaplan",),
    "laws.raw_farseer": ("RawFarseer",),
    "methods._diagnostics": ("Diagnostics",),
    "methods._isoflop_report": ("IsoFLOPReport",),
    "methods._profile_report": ("ProfileReport",),
    "methods._refit": ("NoDerivativeError", "Refit"),
    "methods._starts": ("StartReport",),
    "methods.isoflop.method": ("IsoFLOP",),
    "methods.least_squares.method": ("LeastSquares",),
    "methods.monotone._report": ("MonotoneReport",),
    "methods.monotone.method": ("MonotoneOver",),
    "methods.piecewise.method": ("Piecewise",),
    "methods.restarts.method": ("Restarts",),
    "methods.variable_projection.method": ("VariableProjection",),
    "planning._result": ("Suggestions",),
    "planning.suggest_runs": ("suggest_runs",),
    "resampling._bootstrap": ("bootstrap",),
    "resampling._calibration": ("Calibration",),
    "resampling._combine": ("combine_intervals",),
    "resampling._intervals": ("Intervals",),
    "resampling._loss_schemes": (
        "ParametricBootstrap",
        "ResidualBootstrap",
        "WildBootstrap",
    ),
    "resampling._result": ("Bootstrap",),
    "resampling._weight_schemes": (
        "BayesianBootstrap",
        "JackknifeRuns",
        "JackknifeSizes",
        "ResampleRuns",
        "ResampleSizes",
        "ResampleWithinSizes",
    ),
    "sensitivity._error_bars": ("ErrorBars", "error_bars"),
    "sensitivity._influence": ("influence",),
    "sensitivity._influence_table": ("Influence",),
    "sensitivity._respond": ("differentiable",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value  # the next use finds it without this function
    return value


def __dir__() -> list[str]:
    return list(__all__)
