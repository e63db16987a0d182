"""Figures with matplotlib; each function draws on the caller's axes, or on new ones."""

from farseer_jax.plots.accuracy import plot_accuracy, plot_predictability
from farseer_jax.plots.allocation import plot_allocation
from farseer_jax.plots.annealed import plot_annealed
from farseer_jax.plots.choices import plot_choices
from farseer_jax.plots.comparison import plot_comparison, plot_comparison_surface, plot_line
from farseer_jax.plots.curves import plot_curves
from farseer_jax.plots.differences import plot_differences, plot_views
from farseer_jax.plots.extrapolation import plot_counts, plot_error_by_value, plot_extrapolation
from farseer_jax.plots.fit import plot_fit
from farseer_jax.plots.forecast import plot_forecast
from farseer_jax.plots.forms import plot_forms
from farseer_jax.plots.influence import plot_influence
from farseer_jax.plots.inspection import plot_inspection
from farseer_jax.plots.loss_curves import plot_loss_curves
from farseer_jax.plots.map import plot_map
from farseer_jax.plots.methods import plot_methods
from farseer_jax.plots.optimum import plot_optimum
from farseer_jax.plots.prediction import plot_prediction
from farseer_jax.plots.residuals import plot_residuals
from farseer_jax.plots.schedule import plot_schedule
from farseer_jax.plots.shape import plot_shape
from farseer_jax.plots.starts import plot_starts
from farseer_jax.plots.style import figure_width
from farseer_jax.plots.suggestions import plot_suggestions
from farseer_jax.plots.surface import plot_surface

__all__ = [
    "figure_width",
    "plot_accuracy",
    "plot_allocation",
    "plot_annealed",
    "plot_choices",
    "plot_comparison",
    "plot_comparison_surface",
    "plot_counts",
    "plot_curves",
    "plot_differences",
    "plot_error_by_value",
    "plot_extrapolation",
    "plot_fit",
    "plot_forecast",
    "plot_forms",
    "plot_influence",
    "plot_inspection",
    "plot_line",
    "plot_loss_curves",
    "plot_map",
    "plot_methods",
    "plot_optimum",
    "plot_predictability",
    "plot_prediction",
    "plot_residuals",
    "plot_schedule",
    "plot_shape",
    "plot_starts",
    "plot_suggestions",
    "plot_surface",
    "plot_views",
]
