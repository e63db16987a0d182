"""Points to predict from a table of runs, with their losses where they are known."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.runs import flat_inputs

if TYPE_CHECKING:
    import numpy as np

    from farseer_jax.fitting.result import Fit
    from farseer_jax.laws.law import Law
    from farseer_jax.runs.binding import Points
    from farseer_jax.runs.runs import Runs


class Targets(NamedTuple):
    """The rows of a table that were not fitted.

    Attributes:
        inputs: the law's inputs, ``(point,)``; a mixture ``(point, share)``.
        observed: the responses, ``(point,)``, NaN where unknown; None if none is known.
        num_fitted: rows left out, since they are among the fitted runs.
    """

    inputs: "dict[str, np.ndarray]"
    observed: "np.ndarray | None"
    num_fitted: int


def read_targets(path: Path, law: "type[Law]", runs: "Runs", options: Mapping[str, Any]) -> Targets:
    """The runs to predict.

    Args:
        path: the table.
        law: the law's class.
        runs: the fitted runs.
        options: how columns of the fitted runs were named, as for ``farseer_jax.fit``.

    Raises:
        Refusal: an input has no column, a value is invalid, or all rows were fitted.
    """
    from farseer_jax.runs.binding import bind_points
    from farseer_jax.runs.read_table import read_table
    from farseer_jax.runs.response import checked_response

    table = read_table(path)
    try:
        name = _response(table, runs)
        (points,) = bind_points(
            table,
            law.inputs(),
            columns_of={**options.get("columns_of", {}), **runs.shares},
            responses=[name],
            units=options.get("units", {}),
        )
        observed = points.observed[name]
        checked_response(observed, f"column {name!r}", runs.link, leave_out=True)
    except ValueError as error:
        raise Refusal(f"{path}: {error}") from None
    return _unfitted(path, points, observed, runs)


def read_held_out(path: Path, fit: "Fit") -> "Runs":
    """The rows of a table that were not fitted, as runs.

    Raises:
        Refusal: as for :func:`read_targets`, or no row has a response.
    """
    targets = read_targets(path, type(fit.law), fit.runs, {"columns_of": fit.columns})
    if targets.observed is None:
        raise Refusal(f"{path}: no run has a loss to compare the fit with; add their losses")
    return runs_as_fitted(targets.inputs, targets.observed, fit)


def runs_as_fitted(inputs: "Mapping[str, np.ndarray]", loss: "np.ndarray", fit: "Fit") -> "Runs":
    """Runs with the same inputs and the same response as those of a fit.

    Args:
        inputs: the law's inputs, ``(run,)``; a mixture ``(run, share)``.
        loss: the responses, ``(run,)``; runs without one are left out.
        fit: the fit.
    """
    import numpy as np

    from farseer_jax.runs.runs import Runs

    runs, known = fit.runs, np.isfinite(loss)
    units: Any = {f"{name}_unit": 1.0 for name in ("N", "D") if name in inputs}
    return Runs(
        loss=loss[known],
        inputs={name: values[known] for name, values in inputs.items()},
        kinds=runs.kinds,
        shares=runs.shares,
        link=runs.link,
        loss_name=runs.loss_name,
        **units,
    )


def _response(table: Mapping[str, Any], runs: "Runs") -> str:
    """The column of the response: that of the fitted runs, or else one with a usual name."""
    from farseer_jax.runs.find_columns import usual_input

    own = runs.loss_name or "loss"
    return own if own in table else usual_input("loss", list(table)) or own


def _unfitted(path: Path, points: "Points", observed: "np.ndarray", runs: "Runs") -> Targets:
    import numpy as np

    from farseer_jax.runs.coverage import flat_inputs as inputs_of_runs

    known = set(zip(*_lists(inputs_of_runs(runs, points.inputs)), _texts(runs.loss), strict=True))
    rows = zip(*_lists(flat_inputs(points)), _texts(observed), strict=True)
    new = np.array([row not in known for row in rows])
    if not new.any():
        raise Refusal(f"{path}: all of its runs are among the fitted ones; name larger runs")
    inputs = {name: values[new] for name, values in points.inputs.items()}
    left = observed[new]
    return Targets(inputs, None if np.isnan(left).all() else left, int((~new).sum()))


def _texts(losses: "np.ndarray") -> list[str]:
    """Losses without their last digits, in which equal replicates differ."""
    return [f"{value:.12g}" for value in losses.tolist()]


def _lists(columns: "Mapping[str, np.ndarray]") -> list[list[Any]]:
    return [values.tolist() for values in columns.values()]
