"""What the entry points take, in the forms that users have it."""

from pathlib import Path

from farseer_jax._runs import Runs
from farseer_jax.methods.piecewise.method import Piecewise


def as_runs(runs: object) -> Runs:
    """Runs, or a table that names their columns."""
    if isinstance(runs, (str, Path)):
        raise TypeError(f"fit takes runs, got the path {str(runs)!r}: read it with read_runs(path)")
    return runs if isinstance(runs, Runs) else Runs.from_dataframe(runs)


def as_method(method: Piecewise | None) -> Piecewise:
    """The method, by default the piecewise one."""
    if method is None:
        return Piecewise()
    if not isinstance(method, Piecewise):
        raise TypeError(f"method must be a `Piecewise(…)`, got {method!r}")
    return method
