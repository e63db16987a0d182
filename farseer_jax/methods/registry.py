"""Methods by name, each with what its fits report."""

from typing import Any

from farseer_jax.methods.end_to_end.start_report import StartReport
from farseer_jax.methods.isoflop.method import IsoFLOP
from farseer_jax.methods.isoflop.report import IsoFLOPReport
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.methods.restarts.method import Restarts
from farseer_jax.methods.variable_projection.method import VariableProjection
from farseer_jax.methods.variable_projection.report import ProfileReport

METHODS: dict[str, Any] = {
    method.name: method
    for method in (Piecewise, LeastSquares, Restarts, VariableProjection, IsoFLOP)
}
DIAGNOSTICS: dict[str, Any] = {
    Piecewise.name: Diagnostics,
    LeastSquares.name: StartReport,
    Restarts.name: StartReport,
    IsoFLOP.name: IsoFLOPReport,
    VariableProjection.name: ProfileReport,
}
