"""Predicted losses of runs, with the observed ones."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from farseer_jax.objectives import relative_error
from farseer_jax.results.numbers import (
    loss_text,
    number_text,
    or_null,
    percent_text,
    quantity_text,
)
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table

_COUNTED = ("N", "D")  # written with a prefix: 6.37 B
_METRICS = {
    "r2": "R²",
    "mean_absolute_error": "mean absolute error",
    "mean_relative_error": "mean relative error",
}


@dataclass(frozen=True, eq=False)
class Prediction(Result):
    """Predicted losses at points, one row per point and response. Prints as a table.

    Attributes:
        inputs: by column, ``(row,)``; a mixture as its shares.
        predicted: predicted losses, ``(row,)``.
        observed: observed losses, ``(row,)``, NaN where unknown; None if all are.
        response: the column that is predicted, for each row or for all.
        group: labels of the group by column, for each row or for all.
        warnings: where the law does not hold at these points, in sentences.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> runs = example_runs()
        >>> result = fit(Farseer, runs.select(max_N=5.5e9)).evaluate(runs.select(min_N=6e9))
        >>> result.mean_relative_error < 2e-3, result.r2 > 0.99
        (True, True)
    """

    inputs: Mapping[str, np.ndarray]
    predicted: np.ndarray
    observed: np.ndarray | None = None
    response: str | Sequence[str] = "loss"
    group: Mapping[str, Any] | Sequence[Mapping[str, Any]] = ()
    warnings: Sequence[str] = ()

    @property
    def N(self) -> np.ndarray:
        """Parameters, ``(row,)``."""
        return self.inputs["N"]

    @property
    def D(self) -> np.ndarray:
        """Tokens, ``(row,)``."""
        return self.inputs["D"]

    @property
    def r2(self) -> float:
        """``1 − Σ (observed − predicted)² / Σ (observed − mean)²``; NaN if undefined."""
        return self.metrics["r2"]

    @property
    def mean_absolute_error(self) -> float:
        """Mean of ``|predicted − observed|``; NaN if no loss was observed."""
        return self.metrics["mean_absolute_error"]

    @property
    def mean_relative_error(self) -> float:
        """Mean of ``|predicted / observed − 1|``; NaN if no loss was observed, or one is 0."""
        return self.metrics["mean_relative_error"]

    @cached_property
    def metrics(self) -> dict[str, float]:
        """The three measures over distinct runs: exact copies of a row count once."""
        return self._metrics(np.ones(len(self.predicted), bool))

    @cached_property
    def metrics_by(self) -> list[dict[str, Any]]:
        """The measures for each group and response: ``{"group", "response", …}``."""
        first: dict[str, int] = {}
        for i, label in enumerate(self._labels):
            first.setdefault(label, i)
        labels = np.array(self._labels)
        return [
            {
                "group": dict(self._groups[i]),
                "response": self._responses[i],
                **self._metrics(labels == label),
            }
            for label, i in first.items()
        ]

    def to_dict(self) -> dict[str, Any]:
        """``predictions`` (one per row), ``metrics``, ``metrics_by`` and ``warnings``, for JSON.

        Numbers that are NaN become None.
        """
        return {
            "predictions": list(self._rows()),
            "metrics": or_null(self.metrics),
            "metrics_by": [or_null(row) for row in self.metrics_by],
            "warnings": list(self.warnings),
        }

    def table(self) -> Table:
        """One row per point: groups, inputs, response (if there are several), losses."""
        columns = [
            Column(name, [group[name] for group in self._groups], str, left=True)
            for name in self._group_names
        ]
        columns += [
            Column(name, own, partial(_input_text, name)) for name, own in self.inputs.items()
        ]
        if len(set(self._responses)) > 1:
            columns.append(Column("response", list(self._responses), str))
        columns.append(Column("predicted", self.predicted, loss_text))
        if self.observed is not None:
            columns += [
                Column("observed", self.observed, _known_loss_text),
                Column("relative_error", self.predicted / self.observed - 1.0, text=None),
                Column("error", self._errors, str, in_data=False),
            ]
        return Table(columns)

    def text_parts(self) -> tuple[str | Table, ...]:
        """The rows, the measures if losses were observed, and the warnings."""
        measures = () if self.observed is None else (self._metrics_part(),)
        warnings = "\n".join(f"Warning: {sentence}" for sentence in self.warnings)
        return (self.table(), *measures, *([warnings] if warnings else []))

    @classmethod
    def joined(cls, parts: Sequence["Prediction"]) -> "Prediction":
        """Concatenate the rows of several predictions.

        Args:
            parts: predictions with the same inputs.
        """
        observed = None
        if any(part.observed is not None for part in parts):
            observed = np.concatenate([part._observed for part in parts])
        names = dict.fromkeys(name for part in parts for name in part.inputs)
        return cls(
            {name: np.concatenate([part.inputs[name] for part in parts]) for name in names},
            np.concatenate([part.predicted for part in parts]),
            observed,
            [response for part in parts for response in part._responses],
            [group for part in parts for group in part._groups],
            tuple(dict.fromkeys(sentence for part in parts for sentence in part.warnings)),
        )

    def _metrics_part(self) -> str | Table:
        parts = [*self.metrics_by, {"response": "all", **self.metrics}]
        if len(parts) > 2:
            names = [*self._group_names, "response"]
            labels = [(*part.get("group", {}).values(), part["response"]) for part in parts]
            padded = [[*own[:-1], *[""] * (len(names) - len(own)), own[-1]] for own in labels]
            columns = [
                Column(name, [own[i] for own in padded], str, left=True)
                for i, name in enumerate(names)
            ]
            columns += [
                Column(name, [part[name] for part in parts], partial(_metric_text, name), heading)
                for name, heading in _METRICS.items()
            ]
            return Table(columns)
        width = max(map(len, _METRICS.values()))
        return "\n".join(
            f"{heading:<{width}}  {_metric_text(name, self.metrics[name])}"
            for name, heading in _METRICS.items()
        )

    def _rows(self) -> Iterator[dict[str, Any]]:
        inputs = {name: values.tolist() for name, values in self.inputs.items()}
        for i, predicted in enumerate(self.predicted.tolist()):
            yield {
                **{name: values[i] for name, values in inputs.items()},
                "group": dict(self._groups[i]),
                "response": self._responses[i],
                "predicted": predicted,
                "observed": or_null(self._observed[i]),
            }

    def _metrics(self, rows: np.ndarray) -> dict[str, float]:
        rows = rows & np.isfinite(self._observed)
        codes = np.unique(self._labels, return_inverse=True)[1].astype(float)
        inputs = [_codes(values) for values in self.inputs.values()]
        table = np.stack([codes, *inputs, self._observed, self.predicted])[:, rows]
        if not table.size:
            return dict.fromkeys(_METRICS, np.nan)
        *_, observed, predicted = np.unique(table, axis=1)
        misses, spread = predicted - observed, observed - observed.mean()
        total = float(np.sum(spread**2))
        exists = not (observed == 0.0).any()
        return {
            "r2": 1.0 - float(np.sum(misses**2)) / total if total > 0.0 else np.nan,
            "mean_absolute_error": float(np.mean(np.abs(misses))),
            "mean_relative_error": (
                float(np.mean(relative_error(predicted, observed))) if exists else np.nan
            ),
        }

    @property
    def _errors(self) -> list[str]:
        """Relative errors if all losses are positive, otherwise differences."""
        if (self._observed[np.isfinite(self._observed)] > 0.0).all():
            return [percent_text(x, "+") for x in self.predicted / self._observed - 1.0]
        return [f"{x:+.5f}" if np.isfinite(x) else "–" for x in self.predicted - self._observed]

    @property
    def _observed(self) -> np.ndarray:
        return np.full(len(self.predicted), np.nan) if self.observed is None else self.observed

    @property
    def _responses(self) -> tuple[str, ...]:
        if isinstance(self.response, str):
            return (self.response,) * len(self.predicted)
        return tuple(self.response)

    @property
    def _groups(self) -> tuple[Mapping[str, Any], ...]:
        if isinstance(self.group, Mapping):
            return (self.group,) * len(self.predicted)
        return tuple(self.group) or ({},) * len(self.predicted)

    @cached_property
    def _labels(self) -> list[str]:
        """The group and response of each row as text."""
        return [f"{r}: {dict(g)}" for g, r in zip(self._groups, self._responses, strict=True)]

    @property
    def _group_names(self) -> list[str]:
        return list(dict.fromkeys(name for group in self._groups for name in group))


def _codes(values: np.ndarray) -> np.ndarray:
    """Numbers that are equal exactly where the values are; labels are numbered."""
    if values.dtype.kind in "fiu":
        return values.astype(float)
    return np.unique(values.astype(str), return_inverse=True)[1].astype(float)


def _input_text(name: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    return quantity_text(value) if name in _COUNTED else number_text(float(value), 4)


def _metric_text(name: str, value: float) -> str:
    if not np.isfinite(value):
        return "–"
    return f"{value:.4f}" if name == "r2" else f"{value:.3e}"


def _known_loss_text(value: float) -> str:
    return loss_text(value) if np.isfinite(value) else "–"
