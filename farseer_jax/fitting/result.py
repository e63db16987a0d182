"""``Fit``: the result of fitting a law to runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.fitting import fit_json, fit_text
from farseer_jax.fitting.check_points import check_points
from farseer_jax.fitting.fit_checks import fitted_of
from farseer_jax.fitting.fit_warnings import warnings_of
from farseer_jax.fitting.outliers import Outliers, find_outliers
from farseer_jax.fitting.prediction import Prediction
from farseer_jax.laws.evaluate import evaluate, evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.start_report import StartReport
from farseer_jax.methods.isoflop.report import IsoFLOPReport
from farseer_jax.methods.method import Method
from farseer_jax.methods.monotone.report import MonotoneReport
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.methods.reports import Remarks, as_remarks
from farseer_jax.methods.variable_projection.report import ProfileReport
from farseer_jax.results.converter import register
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.groups_and_responses import group_text
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Fit(Result):
    """A fitted law with its runs and diagnostics. Prints as a table.

    Attributes:
        law: the fitted law, float64.
        runs: the runs that it was fitted to.
        method: the method's settings.
        outcome: how the fit ended.
        relative_error: ``|predicted / observed − 1|`` of each fitted run; repeats of the same
            (N, D) are averaged first.
        diagnostics: the results of each stage (:class:`Diagnostics`), start
            (:class:`StartReport`), candidate (:class:`ProfileReport`) or compute budget
            (:class:`IsoFLOPReport`); for a fit constrained to decrease over a domain, these and
            the cost of the constraint (:class:`MonotoneReport`).
        group: labels of the group by column, if it is one of several groups.
        response: name of the fitted column.
        num_left_out: runs left out for lack of a response.
        columns: columns of inputs that have another name.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> result = fit(Farseer, example_runs())
        >>> float(result.predict(25.1e9, 5e11).round(3))
        0.411
        >>> result.success, result.mean_relative_error < 1e-3
        (True, True)
    """

    law: Law
    runs: Runs
    method: Method
    outcome: Outcome
    relative_error: np.ndarray
    diagnostics: Diagnostics | StartReport | ProfileReport | IsoFLOPReport | MonotoneReport
    group: Mapping[str, Any] = field(default_factory=dict)
    response: str = "loss"
    num_left_out: int = 0
    columns: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape, num = np.shape(self.relative_error), len(self.runs)
        if len(shape) != 1 or not 0 < shape[0] <= num:
            raise ValueError(
                f"relative_error: expected a number for each of up to {num} fitted runs, got shape "
                f"{shape}"
            )
        if type(self.num_left_out) is not int or self.num_left_out < 0:
            raise ValueError(f"num_left_out must be 0 or more, got {self.num_left_out!r}")

    @property
    def success(self) -> bool:
        """Whether the outcome is ``success``."""
        return self.outcome is Outcome.success

    @property
    def mean_relative_error(self) -> float:
        """Mean of :attr:`relative_error`."""
        return float(self.relative_error.mean())

    @property
    def max_relative_error(self) -> float:
        """Largest of :attr:`relative_error`."""
        return float(self.relative_error.max())

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the fit, worst first; empty if there is nothing unusual."""
        return warnings_of(self.remarks, fitted_of(self), self.outliers)

    @cached_property
    def outliers(self) -> Outliers:
        """Each run compared with what the others give, by a robust fit of the same law."""
        return find_outliers(type(self.law), self.runs, self.method, near=self.law)

    @property
    def remarks(self) -> Remarks:
        """The method's remarks about the fit, from :attr:`diagnostics`."""
        return as_remarks(self.diagnostics)

    def predict(self, *args: ArrayLike, **inputs: ArrayLike) -> "np.ndarray | pd.Series":
        """Predicted losses, float64.

        Args:
            args: the law's inputs in order, such as N and D, in the units of the runs; they
                broadcast; a mixture has its shares on the last axis.
            inputs: inputs by name.

        Returns:
            A NumPy array of the broadcast shape (a NumPy float for numbers), or a pandas Series if
            an input is a Series.

        Raises:
            ValueError: an input is not of its kind, or the inputs do not broadcast.
            TypeError: an input is missing or unknown.
        """
        named: dict[str, Any] = type(self.law).named(args, inputs)
        series = {name: values for name, values in named.items() if _is_series(values)}
        first = next(iter(series.values()), None)
        if first is not None and any(not s.index.equals(first.index) for s in series.values()):
            raise ValueError(
                f"{' and '.join(series)}: the Series have different indexes; align them first"
            )
        losses = evaluate(self.law, **named)
        if first is None:
            return losses
        return type(first)(losses, index=first.index, name="predicted")

    def evaluate(self, runs: Runs) -> Prediction:
        """Predictions for runs, with their observed losses.

        Args:
            runs: runs with the law's inputs.

        Raises:
            TypeError: not :class:`Runs`.
            ValueError: the runs lack an input, or have shares or labels that were not fitted.

        Example:
            >>> from farseer_jax import Farseer, example_runs, fit
            >>> runs = example_runs()
            >>> held_out = fit(Farseer, runs.select(max_N=5.5e9)).evaluate(runs.select(min_N=6e9))
            >>> len(held_out.predicted)
            11
        """
        if not isinstance(runs, Runs):
            raise TypeError(
                f"runs: expected Runs, got {type(runs).__name__}: convert a table by "
                "Runs.from_dataframe(table, inputs=type(fit.law).inputs())"
            )
        return Prediction(
            flat_inputs(runs, type(self.law).inputs()),
            evaluate_runs(self.law, runs),
            runs.loss,
            self.response,
            self.group,
            self.check_points(**runs.inputs),
        )

    def check_points(self, *args: ArrayLike, **inputs: ArrayLike) -> tuple[str, ...]:
        """Reasons to doubt the losses at points, in sentences; often none.

        That the runs do not determine the law, and that beyond them its loss rises with N or D.

        Args:
            args: the law's inputs, as for :meth:`predict`.
            inputs: inputs by name.

        Example:
            >>> from farseer_jax import Farseer, example_runs, fit
            >>> result = fit(Farseer, example_runs())
            >>> result.check_points(25e9, 5e11), len(result.check_points(1e13, 1e15))
            ((), 1)
        """
        own = f"the fit of {self._label}" if self.group else ""
        found = check_points(self.law, type(self.law).named(args, inputs), self.runs, own)
        return (*self.warnings[:1], *found) if self.outcome is Outcome.undetermined else found

    @property
    def _label(self) -> str:
        return group_text(self.group)

    def table(self) -> Table:
        """The runs, with columns ``predicted`` and ``relative_error`` (signed)."""
        runs = self.runs.to_dataframe()
        predicted = evaluate_runs(self.law, self.runs)
        errors = predicted / runs["loss"].to_numpy() - 1.0
        own = [Column(str(name), runs[name].to_numpy()) for name in runs]
        return Table(
            [*own, Column("predicted", predicted), Column("relative_error", errors)], noun="runs"
        )

    def text_parts(self) -> Sequence[str | Table]:
        """What the runs determine first, raw parameters last."""
        return fit_text.parts(self)

    def to_dict(self) -> dict[str, Any]:
        """The fit, for JSON."""
        return fit_json.to_dict([self], tuple(self.group))

    def file_content(self) -> dict[str, Any]:
        """The same as :meth:`to_dict`: a fit file has its own format."""
        return self.to_dict()

    @classmethod
    def from_json(cls, source: str | Path, law: type | Sequence[type] | None = None) -> "Fit":
        """Read a fit from a file or from JSON text.

        Args:
            source: the path or the text.
            law: the law's class, if it is not the library's.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the text is truncated, not a fit, of another version, of another law, or
                was changed; or its numbers do not follow from its law and its runs.

        Example:
            >>> from farseer_jax import Farseer, Fit, example_runs, fit
            >>> result = fit(Farseer, example_runs())
            >>> again = Fit.from_json(result.to_json())
            >>> bool(again.predict(1e9, 1e11) == result.predict(1e9, 1e11))
            True
        """
        fits = fit_json.read(source, law)[0]
        if len(fits) > 1:
            raise ValueError(f"the file contains {len(fits)} fits: read them by Fits.from_json(…)")
        return fits[0]

    def __repr__(self) -> str:
        return (
            f"Fit({self.law.name}, {len(self.runs)} runs, "
            f"mean_relative_error={self.mean_relative_error:.3e}, outcome={self.outcome.name})"
        )


def _is_series(values: object) -> bool:
    """Whether values are a pandas Series, without importing pandas."""
    kind = type(values)
    return kind.__name__ == "Series" and kind.__module__.partition(".")[0] == "pandas"


register(Fit, Fit.to_dict, lambda content: fit_json.from_dict(content)[0][0])
