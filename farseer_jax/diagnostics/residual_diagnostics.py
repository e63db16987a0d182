"""``ResidualDiagnostics``: residuals of a fit per run, per size and altogether."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from farseer_jax.diagnostics.whiteness import Whiteness
from farseer_jax.link_functions import Link
from farseer_jax.results.numbers import capitalised, or_null, percent_text, quantity_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table, evenly
from farseer_jax.runs.noise import Noise
from farseer_jax.uncertainty.intervals import cell_text

_MAX_SIZES = 24
_MAX_OUTLIERS = 8
_COLUMNS = ("loss", "residual", "residual_without", "z_score", "z_limit", "offset")


@dataclass(frozen=True, eq=False, repr=False)
class ResidualDiagnostics(Result):
    """Residuals of a fit, and tests of them. Prints as a table.

    Attributes:
        law: name of the law.
        method: name of the method.
        link: link whose scale the residuals are on.
        row: row of each run in the fit's runs, without copies, ``(run,)``.
        inputs: inputs of the law by name, ``(run,)`` each.
        loss: observed loss, ``(run,)``.
        residual: link(predicted) − link(observed), ``(run,)``; the default link is the logarithm.
        residual_without: the same from a robust fit without the run, ``(run,)``.
        z_score: ``residual_without`` over its standard deviation, ``(run,)``.
        z_limit: the largest ``|z_score|`` that chance explains among so many runs; NaN where the
            runs are too few to tell, ``(run,)``.
        offset: ``O − G(N)``, where ``O = L − B · D^−A`` and G is its mean over D (paper, Eq. 13,
            Fig. 5 b), in units of the loss, ``(run,)``; NaN for laws without such a term.
        size: sizes, ascending, ``(size,)``; the arrays below are per size, and empty for a law
            without N.
        num_runs: number of runs.
        mean: mean residual.
        rms: root mean square of the residuals.
        size_noise: standard deviation of ln loss from run to run; NaN where unknown.
        G: mean of O over D (Fig. 5 a); NaN where ``offset`` is.
        U: the law's curve U; NaN where ``offset`` is.
        curve_N: a hundred N from the smallest size to the largest.
        curve_U: the law's curve U at ``curve_N``; NaN where ``offset`` is.
        offset_rms: root mean square of ``O − G``; NaN where ``offset`` is.
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
    residual_without: np.ndarray
    z_score: np.ndarray
    z_limit: np.ndarray
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
        """:attr:`total_rms` with the noise subtracted in squares; NaN if the noise is unknown."""
        if self.noise is None:
            return float("nan")
        return float(np.sqrt(max(self.total_rms**2 - self.noise.pooled**2, 0.0)))

    @property
    def outliers(self) -> np.ndarray:
        """Indices of runs with ``|z_score|`` above ``z_limit``, the largest first."""
        far = np.flatnonzero(np.abs(self.z_score) > self.z_limit)
        return far[np.argsort(-np.abs(self.z_score[far]), kind="stable")]

    def table(self) -> Table:
        """One row per run."""
        return Table(
            [
                Column("row", self.row),
                *(Column(name, own, partial(cell_text, name)) for name, own in self.inputs.items()),
                *(Column(n, getattr(self, n)) for n in _COLUMNS),
            ]
        )

    def sizes(self) -> Table:
        """One row per size."""
        has_offset = bool(np.isfinite(self.G).any())
        write, signed = self._amount, partial(self._amount, sign="+")
        loss, spread = ("{:.5f}".format, "{:.1e}".format) if has_offset else (None, None)
        return Table(
            [
                Column("size", self.size, quantity_text, heading="N"),
                Column("num_runs", self.num_runs, str, heading="runs"),
                Column("mean", self.mean, signed),
                Column("rms", self.rms, write),
                Column("size_noise", self.size_noise, write, heading="noise"),
                *self._tests_of_sizes(),
                Column("G", self.G, loss, heading="G(N)"),
                Column("U", self.U, loss, heading="U(N)"),
                Column("offset_rms", self.offset_rms, spread, heading="rms of O − G"),
            ]
        )

    def _tests_of_sizes(self) -> list[Column]:
        """The test of each size along D, for laws over N and D alone."""
        if set(self.inputs) != {"N", "D"}:
            return []
        test = self.against["D"]
        index = {N: i for i, N in enumerate(test.group.tolist())}
        tested = [index.get(N) for N in self.size.tolist()]
        ratios = ["–" if i is None else f"{test.ratio[i]:.2f}" for i in tested]
        p_values = ["–" if i is None else f"{test.p_value[i]:.4f}" for i in tested]
        return [Column("along D", ratios, in_data=False), Column("p", p_values, in_data=False)]

    def to_dict(self) -> dict[str, Any]:
        """``runs``, ``sizes``, the tests, ``outliers`` (rows) and totals, for JSON."""
        return {
            "law": self.law,
            "method": self.method,
            "rms": self.total_rms,
            "noise": None if self.noise is None else self.noise.pooled,
            "misfit": or_null(self.misfit),
            "outliers": self.row[self.outliers].tolist(),
            **{f"against_{name}": test.to_dict() for name, test in self.against.items()},
            "sizes": self.sizes().records(),
            "runs": self.table().records(),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The sizes, the noise, the tests, and the outliers."""
        title = (
            f"{capitalised(self.law)} law by {self.method}: residuals of {len(self.row)} runs, "
            f"{difference_text(self.link)}"
        )
        tests = [test.sentence(self._shared(name)) for name, test in self.against.items()]
        summary = "\n".join([self._total(), *tests, self._outliers()])
        # a table of sizes with one run each says nothing (N may depend on a further input)
        if set(self.inputs) == {"N", "D"} or (self.num_runs > 1).any():
            return title, self.sizes().at(evenly(len(self.size), _MAX_SIZES)), summary
        return title, summary

    def _shared(self, along: str) -> str:
        """What the runs of a group share in a test along an input; empty without other inputs."""
        others = [name for name in self.inputs if name != along]
        return "size" if others == ["N"] else " and ".join(others)

    def _amount(self, value: float, sign: str = "") -> str:
        """A residual in words, as a percentage if the link is the logarithm."""
        if self.link.name == "log":
            return percent_text(value, sign)
        return f"{value:{sign}.3g}" if np.isfinite(value) else "–"

    def _total(self) -> str:
        if self.noise is None:
            rms = self._amount(self.total_rms)
            return f"rms {rms}; these runs do not show their run-to-run noise"
        return (
            f"rms {self.total_rms:.3%}: run-to-run noise {self.noise.pooled:.3%}, "
            f"misfit {self.misfit:.3%}"
        )

    def _outliers(self) -> str:
        indices = self.outliers
        if not len(indices):
            return "no outliers"
        shown = [
            f"row {self.row[i]} ({self._place(i)}) "
            f"{self._amount(self.residual_without[i], '+')}, z = {self.z_score[i]:+.1f}"
            for i in indices[:_MAX_OUTLIERS]
        ]
        more = len(indices) - len(shown)
        tail = [f"… and {more} more"] if more > 0 else []
        title = "outliers, by a robust fit without the run:"
        return "\n".join([title, *(f"  {line}" for line in [*shown, *tail])])

    def _place(self, i: int) -> str:
        """The inputs of a run; N and D without their names."""
        texts = {name: cell_text(name, column[i]) for name, column in self.inputs.items()}
        if set(texts) == {"N", "D"}:
            return f"{texts['N']}, {texts['D']}"
        return ", ".join(f"{name} {text}" for name, text in texts.items())

    def __repr__(self) -> str:
        return (
            f"ResidualDiagnostics({self.law}, {len(self.row)} runs, rms {self.total_rms:.2e}, "
            f"{len(self.outliers)} outliers)"
        )


def difference_text(link: Link) -> str:
    """The definition of the residuals, for titles and axes."""
    of = {"log": "ln ", "identity": "", "logit": "logit "}[link.name]
    return f"{of}predicted − {of}observed"
