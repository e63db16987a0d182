"""What the residuals of a fit hold, per run, per size and altogether."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.analysis.residuals import _text
from farseer_jax.analysis.residuals._whiteness import Whiteness
from farseer_jax.links import Link
from farseer_jax.runs.noise import Noise

if TYPE_CHECKING:
    import pandas as pd

_OUTLIER = 3.5  # Iglewicz and Hoaglin 1993, *How to detect and handle outliers*
_PER_RUN = ("loss", "residual", "z_score", "offset")
_PER_SIZE = ("size", "num_runs", "mean", "rms", "size_noise", "G", "U", "offset_rms")


@dataclass(frozen=True, eq=False, repr=False)
class ResidualDiagnostics:
    """Residuals of a fit and what they say. Prints as a table.

    Attributes:
        law: name of the law.
        method: name of the method.
        link: the scale of the residuals.
        row: of each run in the fit's runs, without copies, ``(run,)``.
        inputs: the law's, by column, ``(run,)`` each.
        loss: observed, ``(run,)``.
        residual: link(predicted) − link(observed), of logarithms where the runs have no other link,
            ``(run,)``.
        z_score: of each residual among those of its size (among all, of a law without N),
            ``(run,)``: its distance from their median over their scale, the larger of 1.4826 · MAD
            and the run-to-run noise.
        offset: ``O − G(N)``, where ``O = L − B · D^−A`` and G is its mean over D (paper, Eq. 13,
            Fig. 5 b), in units of the loss, ``(run,)``; NaN for laws without such a term.
        size: sizes, ascending, ``(size,)``; the arrays below are per size, and empty of a law
            without N.
        num_runs: of each.
        mean: of the residuals.
        rms: root mean square of the residuals.
        size_noise: standard deviation of ln loss from run to run; NaN where unknown.
        G: mean over D of O (Fig. 5 a); NaN as ``offset``.
        U: the law's own curve at the size; NaN as ``offset``.
        curve_N: a hundred N from the smallest size to the largest.
        curve_U: the law's own curve at these; NaN as ``offset``.
        offset_rms: root mean square of ``O − G``; NaN as ``offset``.
        against: tests of the residuals in the order of each input, by its name, among runs that
            are equal in all others.
        noise: run-to-run noise of the runs; None where they do not show it.

    Example:
        >>> from farseer_jax import Chinchilla, diagnose_residuals, example_runs, fit
        >>> found = diagnose_residuals(fit(Chinchilla, example_runs()))
        >>> found.misfit > 10 * found.noise.pooled, found.against_D.mean_p_value < 0.001
        (True, True)
    """

    law: str
    method: str
    link: Link
    row: np.ndarray
    inputs: Mapping[str, np.ndarray]
    loss: np.ndarray
    residual: np.ndarray
    z_score: np.ndarray
    offset: np.ndarray
    size: np.ndarray
    num_runs: np.ndarray
    mean: np.ndarray
    rms: np.ndarray
    size_noise: np.ndarray
    G: np.ndarray
    U: np.ndarray
    curve_N: np.ndarray
    curve_U: np.ndarray
    offset_rms: np.ndarray
    against: Mapping[str, Whiteness]
    noise: Noise | None

    @property
    def N(self) -> np.ndarray:
        """Parameters of the runs, ``(run,)``."""
        return self.inputs["N"]

    @property
    def D(self) -> np.ndarray:
        """Tokens of the runs, ``(run,)``."""
        return self.inputs["D"]

    @property
    def against_D(self) -> Whiteness:
        """Test of the residuals of each size in the order of D."""
        return self.against["D"]

    @property
    def against_N(self) -> Whiteness:
        """Test of the residuals of each D in the order of N."""
        return self.against["N"]

    @property
    def total_rms(self) -> float:
        """Root mean square of all residuals."""
        return float(np.sqrt(np.mean(self.residual**2)))

    @property
    def misfit(self) -> float:
        """What is left of :attr:`total_rms` without the noise, at least 0; NaN without noise."""
        if self.noise is None:
            return float("nan")
        return float(np.sqrt(max(self.total_rms**2 - self.noise.pooled**2, 0.0)))

    @property
    def outliers(self) -> np.ndarray:
        """Indices of runs with ``|z_score|`` above 3.5, the largest first."""
        far = np.flatnonzero(np.abs(self.z_score) > _OUTLIER)
        return far[np.argsort(-np.abs(self.z_score[far]), kind="stable")]

    def to_dict(self) -> dict[str, Any]:
        """``runs``, ``sizes``, both tests, ``outliers`` (rows) and totals, for JSON."""
        return {
            "law": self.law,
            "method": self.method,
            "rms": self.total_rms,
            "noise": None if self.noise is None else self.noise.pooled,
            "misfit": _plain(self.misfit),
            "outliers": self.row[self.outliers].tolist(),
            **{f"against_{name}": _test(test) for name, test in self.against.items()},
            "sizes": _rows({name: getattr(self, name) for name in _PER_SIZE}),
            "runs": _rows(self._per_run),
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per run."""
        import pandas as pd

        return pd.DataFrame(self._per_run)

    @property
    def _per_run(self) -> dict[str, np.ndarray]:
        return {"row": self.row, **self.inputs, **{name: getattr(self, name) for name in _PER_RUN}}

    def __str__(self) -> str:
        return _text.text(self)

    def __repr__(self) -> str:
        return (
            f"ResidualDiagnostics({self.law}, {len(self.row)} runs, rms {self.total_rms:.2e}, "
            f"{len(self.outliers)} outliers)"
        )


def _rows(columns: Mapping[str, np.ndarray]) -> list[dict[str, Any]]:
    values = [[_plain(v) for v in column.tolist()] for column in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*values, strict=True)]


def _test(found: Whiteness) -> dict[str, Any]:
    return {
        key: [_plain(v) for v in value.tolist()] if isinstance(value, np.ndarray) else _plain(value)
        for key, value in vars(found).items()
    }


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not np.isfinite(value) else value
