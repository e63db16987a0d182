# The public names and their homes, each once. They are imported at first use.
from . import datasets
from ._version import __version__
from .accuracy.accuracy_forecast import AccuracyForecast
from .accuracy.chain import Chain
from .accuracy.chain_fits import chain
from .accuracy.forecast_accuracy import forecast_accuracy
from .choosing.averaged_fit import AveragedFit, AveragedMember
from .choosing.choose_law import choose_law
from .choosing.law_choice import LawChoice, TriedLaw
from .choosing.table_reading import TableReading
from .curve_fitting.annealed import anneal_curves
from .curve_fitting.annealed_result import AnnealedLosses
from .curve_fitting.compare_schedules import ScheduleComparison, compare_schedules
from .curve_fitting.errors import CurveErrors
from .curve_fitting.fit_curves import fit_curves
from .curve_fitting.optimal_schedule import optimise_schedule
from .curve_fitting.optimal_schedule_result import OptimalSchedule, ScheduleCandidate
from .curve_fitting.result import CurveFit, CurveRecord
from .curve_laws.annealing import Annealing
from .curve_laws.changes import Change
from .curve_laws.functional_scaling import FunctionalScaling
from .curve_laws.law import CurveLaw, CurveScale, Prior
from .curve_laws.multi_power import MultiPower
from .curve_laws.sizes import (
    AnnealingSize,
    FunctionalScalingSize,
    MultiPowerSize,
    SizedCurveLaw,
)
from .curves.curve import Curve
from .curves.curves import Curves
from .curves.example import example_curves
from .curves.read_curves import read_curves
from .curves.schedule import Schedule
from .decisions.allocate import allocate
from .decisions.allocation_result import Allocation
from .decisions.compare_counts import CountComparison, CountResult, compare_counts
from .decisions.compare_fits import compare_fits
from .decisions.compare_runs import RunComparison, compare_runs
from .decisions.compared_points import ComparedPoints
from .decisions.compute_multipliers import ComputeMultipliers
from .decisions.difference_forecast import DifferenceForecast
from .decisions.fit_comparison import FitComparison
from .decisions.optimise import optimise
from .decisions.optimum import LossProfile, Optimum
from .decisions.parity_curves import ParityCurve
from .decisions.published_models import PublishedModel, published_models
from .decisions.suggest_runs import suggest_runs
from .decisions.suggest_runs_result import Suggestions
from .diagnostics.analyse_differences import DifferenceAnalysis, analyse_differences
from .diagnostics.check_shape import check_shape
from .diagnostics.choice_comparison import ChoiceComparison, ChoiceResult
from .diagnostics.choose_forms import choose_forms
from .diagnostics.compare_choices import compare_choices
from .diagnostics.compare_methods import (
    MethodComparison,
    MethodResult,
    compare_methods,
)
from .diagnostics.diagnose_residuals import diagnose_residuals
from .diagnostics.difference_views import DifferenceView
from .diagnostics.extrapolate import extrapolate
from .diagnostics.extrapolation import Extrapolation
from .diagnostics.form_choice import Form, FormChoice, FormPair
from .diagnostics.leaderboard import CandidateResult, LeaderboardRow
from .diagnostics.residual_diagnostics import ResidualDiagnostics
from .diagnostics.shape import Rise, Shape
from .diagnostics.transforms import Transform
from .diagnostics.whiteness import Whiteness
from .example import example_law, example_runs, example_tasks, paper_grid, simulate
from .fitting.fit import fit
from .fitting.fit_batch import BatchFit, fit_batch
from .fitting.fits import Fits
from .fitting.prediction import Prediction
from .fitting.result import Fit
from .flops import TransformerFLOPs
from .forecasting.forecast import forecast
from .forecasting.result import Forecast
from .inspection.inspect_table import inspect_table
from .inspection.table_inspection import TableInspection
from .laws.catalogue.accuracy import (
    ComputeAccuracy,
    ExponentialAccuracy,
    LogisticAccuracy,
    SingleStepAccuracy,
)
from .laws.catalogue.broken_power_law import BrokenPowerLaw, broken_power_law
from .laws.catalogue.chinchilla import Chinchilla
from .laws.catalogue.continual_pretraining import (
    ContinualPretraining,
    CrossDomainContinualPretraining,
)
from .laws.catalogue.coupled import Coupled
from .laws.catalogue.coupled_interaction import CoupledInteraction
from .laws.catalogue.data_constrained import DataConstrained
from .laws.catalogue.data_mixing import DataMixing
from .laws.catalogue.distillation import Distillation
from .laws.catalogue.farseer import Farseer
from .laws.catalogue.fine_tuning import FineTuning
from .laws.catalogue.kaplan import Kaplan
from .laws.catalogue.learning_rate_batch import AsymmetricLearningRateBatch, LearningRateBatch
from .laws.catalogue.mixture_factor import MixtureFactor
from .laws.catalogue.mixture_power import MixturePower, MixturePowerSize
from .laws.catalogue.moe_bilinear import MoEBilinear
from .laws.catalogue.moe_granularity import MoEGranularity
from .laws.catalogue.moe_joint import MoEJoint
from .laws.catalogue.moe_saturating import MoESaturating
from .laws.catalogue.moe_sparsity import MoESparsity
from .laws.catalogue.moe_upcycling import MoEUpcycling
from .laws.catalogue.optimal_hyperparameters import (
    OptimalHyperparameter,
    OptimalHyperparameterOfCompute,
)
from .laws.catalogue.optimal_mixture import OptimalMixture
from .laws.catalogue.optimal_mixture_joint import OptimalMixtureJoint
from .laws.catalogue.overtraining import Overtraining, OvertrainingOneCoefficient
from .laws.catalogue.parscale import ParScale
from .laws.catalogue.precision import Precision
from .laws.catalogue.raw_farseer import RawFarseer
from .laws.catalogue.stretched_exponential import StretchedExponential
from .laws.catalogue.unified_precision import UnifiedPrecision
from .laws.catalogue.vocabulary import Vocabulary, VocabularyWidth
from .laws.define import law
from .laws.domains import (
    Along,
    Category,
    Count,
    Exponent,
    Fraction,
    Mixture,
    Positive,
    Real,
)
from .laws.effective.excess_parameters import ExcessParameters
from .laws.effective.expert_parameters import ExpertParameters
from .laws.effective.low_precision_parameters import LowPrecisionParameters
from .laws.effective.repeated_tokens import RepeatedTokens
from .laws.effective_inputs import EffectiveInput, with_effective
from .laws.input_limits import InputLimit
from .laws.law import Center, Law
from .laws.separable import OneDataTerm, Separable
from .link_functions import Link
from .methods.correlated_errors import CorrelatedErrors
from .methods.derivatives import NoDerivativeError, Refit
from .methods.end_to_end.start_report import StartReport
from .methods.isoflop.method import IsoFLOP
from .methods.isoflop.report import IsoFLOPReport
from .methods.least_squares.method import LeastSquares
from .methods.monotone.method import MonotoneOver
from .methods.monotone.report import MonotoneReport
from .methods.outcome import Outcome
from .methods.piecewise.design import Design, build_design
from .methods.piecewise.diagnostics import Diagnostics
from .methods.piecewise.method import Piecewise
from .methods.published_method import published_method
from .methods.restarts.method import Restarts
from .methods.variable_projection.method import VariableProjection
from .methods.variable_projection.report import ProfileReport
from .objectives import Objective
from .reporting.report import report
from .reporting.result import Report
from .runs.noise import Noise, estimate_noise
from .runs.read_table import read_runs, read_table
from .runs.runs import Runs
from .runs.table_problems import TableError
from .runs.units import (
    bits_per_byte,
    bits_per_character,
    convert_loss,
    nats_per_token,
    perplexity,
)
from .runtime.progress import progress_bar
from .solvers.random_starts import Domain
from .solvers.search.chebyshev_search import Refined
from .solvers.search.grid_search import Grid
from .tables.columns import Columns
from .tables.read_tensorboard import read_tensorboard
from .tables.read_trainer_states import read_trainer_states
from .tables.read_wandb import read_wandb
from .uncertainty.bootstrap import bootstrap
from .uncertainty.bootstrap_result import Bootstrap
from .uncertainty.calibration import Calibration
from .uncertainty.check_draws import check_draws
from .uncertainty.combine_intervals import combine_intervals
from .uncertainty.draws_check import DrawsCheck
from .uncertainty.error_bars import ErrorBars, error_bars
from .uncertainty.fit_derivatives import differentiable
from .uncertainty.influence import influence
from .uncertainty.influence_result import Influence
from .uncertainty.intervals import Intervals
from .uncertainty.jackknife import JackknifeRuns, JackknifeSizes
from .uncertainty.loss_schemes import (
    ParametricBootstrap,
    ResidualBootstrap,
    WildBootstrap,
)
from .uncertainty.weight_schemes import (
    BayesianBootstrap,
    ResampleRuns,
    ResampleSizes,
    ResampleWithinSizes,
)

__all__ = [
    "AccuracyForecast",
    "Allocation",
    "Along",
    "AnnealedLosses",
    "Annealing",
    "AnnealingSize",
    "AsymmetricLearningRateBatch",
    "AveragedFit",
    "AveragedMember",
    "BatchFit",
    "BayesianBootstrap",
    "Bootstrap",
    "BrokenPowerLaw",
    "Calibration",
    "CandidateResult",
    "Category",
    "Center",
    "Chain",
    "Change",
    "Chinchilla",
    "ChoiceComparison",
    "ChoiceResult",
    "Columns",
    "ComparedPoints",
    "ComputeAccuracy",
    "ComputeMultipliers",
    "ContinualPretraining",
    "CorrelatedErrors",
    "Count",
    "CountComparison",
    "CountResult",
    "Coupled",
    "CoupledInteraction",
    "CrossDomainContinualPretraining",
    "Curve",
    "CurveErrors",
    "CurveFit",
    "CurveLaw",
    "CurveRecord",
    "CurveScale",
    "Curves",
    "DataConstrained",
    "DataMixing",
    "Design",
    "Diagnostics",
    "DifferenceAnalysis",
    "DifferenceForecast",
    "DifferenceView",
    "Distillation",
    "Domain",
    "DrawsCheck",
    "EffectiveInput",
    "ErrorBars",
    "ExcessParameters",
    "ExpertParameters",
    "Exponent",
    "ExponentialAccuracy",
    "Extrapolation",
    "Farseer",
    "FineTuning",
    "Fit",
    "FitComparison",
    "Fits",
    "Forecast",
    "Form",
    "FormChoice",
    "FormPair",
    "Fraction",
    "FunctionalScaling",
    "FunctionalScalingSize",
    "Grid",
    "Influence",
    "InputLimit",
    "Intervals",
    "IsoFLOP",
    "IsoFLOPReport",
    "JackknifeRuns",
    "JackknifeSizes",
    "Kaplan",
    "Law",
    "LawChoice",
    "LeaderboardRow",
    "LearningRateBatch",
    "LeastSquares",
    "Link",
    "LogisticAccuracy",
    "LossProfile",
    "LowPrecisionParameters",
    "MethodComparison",
    "MethodResult",
    "Mixture",
    "MixtureFactor",
    "MixturePower",
    "MixturePowerSize",
    "MoEBilinear",
    "MoEGranularity",
    "MoEJoint",
    "MoESaturating",
    "MoESparsity",
    "MoEUpcycling",
    "MonotoneOver",
    "MonotoneReport",
    "MultiPower",
    "MultiPowerSize",
    "NoDerivativeError",
    "Noise",
    "Objective",
    "OneDataTerm",
    "OptimalHyperparameter",
    "OptimalHyperparameterOfCompute",
    "OptimalMixture",
    "OptimalMixtureJoint",
    "OptimalSchedule",
    "Optimum",
    "Outcome",
    "Overtraining",
    "OvertrainingOneCoefficient",
    "ParScale",
    "ParametricBootstrap",
    "ParityCurve",
    "Piecewise",
    "Positive",
    "Precision",
    "Prediction",
    "Prior",
    "ProfileReport",
    "PublishedModel",
    "RawFarseer",
    "Real",
    "Refined",
    "Refit",
    "RepeatedTokens",
    "Report",
    "ResampleRuns",
    "ResampleSizes",
    "ResampleWithinSizes",
    "ResidualBootstrap",
    "ResidualDiagnostics",
    "Restarts",
    "Rise",
    "RunComparison",
    "Runs",
    "Schedule",
    "ScheduleCandidate",
    "ScheduleComparison",
    "Separable",
    "Shape",
    "SingleStepAccuracy",
    "SizedCurveLaw",
    "StartReport",
    "StretchedExponential",
    "Suggestions",
    "TableError",
    "TableInspection",
    "TableReading",
    "Transform",
    "TransformerFLOPs",
    "TriedLaw",
    "UnifiedPrecision",
    "VariableProjection",
    "Vocabulary",
    "VocabularyWidth",
    "Whiteness",
    "WildBootstrap",
    "__version__",
    "allocate",
    "analyse_differences",
    "anneal_curves",
    "bits_per_byte",
    "bits_per_character",
    "bootstrap",
    "broken_power_law",
    "build_design",
    "chain",
    "check_draws",
    "check_shape",
    "choose_forms",
    "choose_law",
    "combine_intervals",
    "compare_choices",
    "compare_counts",
    "compare_fits",
    "compare_methods",
    "compare_runs",
    "compare_schedules",
    "convert_loss",
    "datasets",
    "diagnose_residuals",
    "differentiable",
    "error_bars",
    "estimate_noise",
    "example_curves",
    "example_law",
    "example_runs",
    "example_tasks",
    "extrapolate",
    "fit",
    "fit_batch",
    "fit_curves",
    "forecast",
    "forecast_accuracy",
    "influence",
    "inspect_table",
    "law",
    "nats_per_token",
    "optimise",
    "optimise_schedule",
    "paper_grid",
    "perplexity",
    "progress_bar",
    "published_method",
    "published_models",
    "read_curves",
    "read_runs",
    "read_table",
    "read_tensorboard",
    "read_trainer_states",
    "read_wandb",
    "report",
    "simulate",
    "suggest_runs",
    "with_effective",
]
