"""What the residuals of a fit hold, per run, per size and altogether."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.diagnostics.whiteness import Whiteness
from farseer_jax.links import Link
from farseer_jax.results.numbers import percent_text, quantity_text
from farseer_jax.results.table import aligned
from farseer_jax.runs.noise import Noise
from farseer_jax.uncertainty.intervals import cell_text

if TYPE_CHECKING:
    import pandas as pd

    from farseer_jax.diagnostics.whiteness import Whiteness
    from farseer_jax.links import Link


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
        return text(self)

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


_MAX_SIZES = 24
_MAX_OUTLIERS = 8
_CHANCE = 0.01


def text(found: "ResidualDiagnostics") -> str:
    """The whole of ``print(diagnostics)``."""
    title = (
        f"{found.law.title()} law by {found.method}: residuals of {len(found.row)} runs, "
        f"{difference_text(found.link)}"
    )
    tests = [_sentence(test, _shared(found, name)) for name, test in found.against.items()]
    # sizes of one run each, as N is called that counts what a further input adds, say nothing
    told = set(found.inputs) == {"N", "D"} or (found.num_runs > 1).any()
    sizes = [_sizes(found), ""] if told else []
    return "\n".join([title, "", *sizes, _total(found), *tests, _outliers(found)])


def difference_text(link: "Link") -> str:
    """What residuals are, in words."""
    of = {"log": "ln ", "identity": "", "logit": "logit "}[link.name]
    return f"{of}predicted − {of}observed"


def _shared(found: "ResidualDiagnostics", along: str) -> str:
    """What runs share that are tested along an input; empty where there is nothing else."""
    others = [name for name in found.inputs if name != along]
    return "size" if others == ["N"] else " and ".join(others)


def _amount(found: "ResidualDiagnostics", value: float, sign: str = "") -> str:
    """A residual: relative where it is one of logarithms."""
    if found.link.name == "log":
        return percent_text(value, sign)
    return f"{value:{sign}.3g}" if np.isfinite(value) else "–"


def _sizes(found: "ResidualDiagnostics") -> str:
    has_offset = bool(np.isfinite(found.G).any())
    along_D = found.against["D"] if set(found.inputs) == {"N", "D"} else None
    header = ["N", "runs", "mean", "rms", "noise"]
    header += ["along D", "p"] if along_D else []
    header += ["G(N)", "U(N)", "rms of O − G"] if has_offset else []
    tested = {N: i for i, N in enumerate(along_D.group.tolist())} if along_D else {}
    picks = np.unique(np.linspace(0, len(found.size) - 1, _MAX_SIZES).round().astype(int))
    rows = []
    for i in picks:
        j = tested.get(float(found.size[i]))
        test = ["–", "–"] if along_D else []
        if along_D and j is not None:
            test = [f"{along_D.ratio[j]:.2f}", f"{along_D.p_value[j]:.4f}"]
        row = [quantity_text(found.size[i]), str(found.num_runs[i])]
        row += [_amount(found, found.mean[i], "+"), _amount(found, found.rms[i])]
        row += [_amount(found, found.size_noise[i]), *test]
        if has_offset:
            row += [f"{found.G[i]:.5f}", f"{found.U[i]:.5f}", f"{found.offset_rms[i]:.1e}"]
        rows.append(row)
    return aligned(header, rows)


def _total(found: "ResidualDiagnostics") -> str:
    if found.noise is None:
        rms = _amount(found, found.total_rms)
        return f"rms {rms}; these runs do not show their run-to-run noise"
    return (
        f"rms {found.total_rms:.3%}: run-to-run noise {found.noise.pooled:.3%}, "
        f"misfit {found.misfit:.3%}"
    )


def _sentence(test: "Whiteness", shared: str) -> str:
    """What a test says, with its probability."""
    if not len(test.group):
        none = f"no {shared} has 4 runs" if shared else "there are less than 4 runs"
        return f"along {test.along}: no test, {none}"
    least = 1 / (test.num_permutations + 1)
    p = f"p < {2 * least:.1g}" if test.mean_p_value <= least else f"p = {test.mean_p_value:.3g}"
    verdict = (
        f"neighbours are alike, at the level of {_CHANCE:g}: the law misses a pattern"
        if test.mean_p_value < _CHANCE
        else f"no pattern that chance would not make, at the level of {_CHANCE:g}"
    )
    return (
        f"along {test.along}{f', within each {shared}' if shared else ''}: "
        f"mean ratio {test.mean_ratio:.2f} (white: 2), {p}; {verdict}"
    )


def _outliers(found: "ResidualDiagnostics") -> str:
    indices = found.outliers
    if not len(indices):
        return "no outliers"
    shown = [
        f"row {found.row[i]} ({_place(found, i)}) "
        f"{_amount(found, found.residual[i], '+')}, z = {found.z_score[i]:+.1f}"
        for i in indices[:_MAX_OUTLIERS]
    ]
    more = len(indices) - len(shown)
    tail = [f"… and {more} more"] if more > 0 else []
    of = " (of their size)" if len(found.size) else ""
    return "\n".join([f"outliers{of}:", *(f"  {line}" for line in [*shown, *tail])])


def _place(found: "ResidualDiagnostics", i: int) -> str:
    """Where a run lies; of N and D without their names."""
    texts = {name: cell_text(name, column[i]) for name, column in found.inputs.items()}
    if set(texts) == {"N", "D"}:
        return f"{texts['N']}, {texts['D']}"
    return ", ".join(f"{name} {text}" for name, text in texts.items())
