"""Values at sizes that forms are fitted to, with the largest sizes left out one after another."""

from typing import NamedTuple

import jax
import numpy as np

from farseer_jax.decisions.matching_runs import mean_losses
from farseer_jax.diagnostics.form_choice import Form
from farseer_jax.diagnostics.form_law import CurveSpec
from farseer_jax.diagnostics.form_search import FormLines, search_forms
from farseer_jax.diagnostics.transforms import Transform
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import to_numpy

_EDGE = 1e-6


class SizeTable(NamedTuple):
    """Sizes, and which of them each fit takes.

    Attributes:
        N: sizes, ``(size,)``.
        keep: sizes that are fitted, ``(fit, size)``: all, then all but the largest, and so on.
        of_values: transformations of values.
        of_N: transformations of N.
    """

    N: np.ndarray
    keep: np.ndarray
    of_values: tuple[Transform, ...]
    of_N: tuple[Transform, ...]

    @property
    def pivot(self) -> float:
        """Geometric mean of the sizes."""
        return float(np.exp(np.log(self.N).mean()))

    def search(self, values: np.ndarray) -> FormLines:
        """The best lines of every pair of transformations, in float64.

        Args:
            values: values of a curve, ``(fit, size)``; NaN and those not positive are ignored.
        """
        known = np.isfinite(values) & (values > 0)
        safe = np.where(known, values, 1.0)
        with jax.enable_x64(True):
            found: FormLines = to_numpy(
                search_forms(
                    self.N,
                    self.pivot,
                    safe,
                    scales_of(values),
                    (known & self.keep).astype(float),
                    self.of_values,
                    self.of_N,
                )
            )
        return found

    def forms(self, values: np.ndarray) -> tuple[Form, ...]:
        """Every form of one curve, in the order of the transformations."""
        lines = self.search(np.broadcast_to(values, self.keep.shape))
        held_out = self.held_out_error(np.asarray(lines.curve), values)
        scale = float(scales_of(values[None])[0])
        return tuple(
            self._form(lines, i, j, scale, float(held_out[i, j]))
            for i in range(len(self.of_values))
            for j in range(len(self.of_N))
        )

    def held_out_error(self, curves: np.ndarray, values: np.ndarray) -> np.ndarray:
        """Mean over the hold-outs of the relative error at the sizes left out.

        Args:
            curves: curves of each fit, ``(fit, …, size)``.
            values: values of the curve, ``(size,)``.
        """
        known = np.isfinite(values) & (values > 0)
        left_out = ~self.keep[1:] & known
        error = np.abs(curves[1:] / np.where(known, values, 1.0) - 1.0)
        left_out_of = left_out[:, *(None,) * (error.ndim - 2)]
        count = left_out.sum(axis=1)
        total = np.where(left_out_of, error, 0.0).sum(axis=-1)
        some = count > 0
        shape = (-1, *(1,) * (total.ndim - 1))
        return np.asarray((total[some] / count[some].reshape(shape)).mean(axis=0))

    def _form(self, lines: FormLines, i: int, j: int, scale: float, held_out: float) -> Form:
        of_value, of_N = self.of_values[i], self.of_N[j]
        p, q = float(lines.N_exponent[0, i, j]), float(lines.value_exponent[0, i, j])
        return Form(
            of_value=of_value.name,
            of_N=of_N.name,
            level=float(lines.level[0, i, j]),
            slope=float(lines.slope[0, i, j]),
            N_exponent=p if of_N.is_searched else np.nan,
            value_exponent=q if of_value.is_searched else np.nan,
            at_edge=_at_edge(of_N, p) or _at_edge(of_value, q),
            relative_error=_or_nan(float(lines.error[0, i, j])),
            squared_error=_or_nan(float(lines.squared[0, i, j])),
            held_out_error=held_out,
            curve=np.asarray(lines.curve[0, i, j]),
            spec=CurveSpec(of_value, of_N, self.pivot, scale),
        )


class Points(NamedTuple):
    """Distinct (N, D) with their mean loss; all arrays ``(point,)``.

    Attributes:
        size: index of the size.
        log_D: ln D.
        loss: mean loss over distinct runs.
    """

    size: np.ndarray
    log_D: np.ndarray
    loss: np.ndarray

    def over_D(self, of_points: np.ndarray, num_sizes: int) -> np.ndarray:
        """Means over D, from ``(fit, point)`` to ``(fit, size)``."""
        count = np.bincount(self.size, minlength=num_sizes)
        total = np.stack([np.bincount(self.size, row, num_sizes) for row in of_points])
        return np.asarray(total / count)


def points_of(runs: Runs) -> Points:
    """The points of runs; copies count once, repeats are averaged."""
    N, D, loss = mean_losses(runs)
    return Points(np.unique(N, return_inverse=True)[1], np.log(D), loss)


def scales_of(values: np.ndarray) -> np.ndarray:
    """Geometric mean of the positive values in each row."""
    known = np.isfinite(values) & (values > 0)
    logs = np.log(np.where(known, values, 1.0)).sum(axis=1)
    return np.asarray(np.exp(logs / np.maximum(known.sum(axis=1), 1)))


def _at_edge(transform: Transform, exponent: float) -> bool:
    low, high = transform.range
    return transform.is_searched and (exponent - low < _EDGE or high - exponent < _EDGE)


def _or_nan(value: float) -> float:
    return value if np.isfinite(value) else np.nan
