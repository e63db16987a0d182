"""What the entry points take, in the forms that users have it."""

from pathlib import Path

from farseer_jax._law import AbstractLaw
from farseer_jax._runs import Runs
from farseer_jax.laws.farseer import Farseer
from farseer_jax.methods._method import Method
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.piecewise.method import Piecewise


def as_runs(runs: object) -> Runs:
    """Runs, or a table that names their columns."""
    if isinstance(runs, (str, Path)):
        raise TypeError(f"fit takes runs, got the path {str(runs)!r}: read it with read_runs(path)")
    return runs if isinstance(runs, Runs) else Runs.from_dataframe(runs)


def as_method(method: Method | None, law: type[AbstractLaw]) -> Method:
    """The method; by default the piecewise one for Farseer, least squares for other laws."""
    if method is None:
        is_other = isinstance(law, type) and law is not Farseer
        return LeastSquares() if is_other else Piecewise()
    if not isinstance(method, Piecewise | LeastSquares):
        raise TypeError(f"method must be a `Piecewise(…)` or a `LeastSquares(…)`, got {method!r}")
    return method
