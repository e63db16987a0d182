"""The optima of Approach 2 at each compute budget, as plain NumPy arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.methods.end_to_end.layout import distinct_errors
from farseer_jax.methods.isoflop.budgets import BudgetDesign
from farseer_jax.methods.isoflop.kernel import IsoFLOPSolution
from farseer_jax.methods.method import weights_of
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.reports import (
    Counts,
    Fitted,
    Report,
    Rows,
    require_at_least,
    require_lengths,
    require_within,
    some_notes,
)
from farseer_jax.results.agreement import AGREEMENT, require_close
from farseer_jax.results.numbers import loss_text, number_text, quantity_text
from farseer_jax.results.table import aligned
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    import pandas as pd

_FEW_BUDGETS = 5
_MOMENT = 1e-10  # of residuals of least squares, relative to the losses: rounding leaves 1e-14


@dataclass(frozen=True, eq=False, repr=False)
class IsoFLOPReport(Report):
    """Evidence behind a fit by :class:`IsoFLOP`. Prints as a table.

    Attributes:
        compute: compute of each budget in floating-point operations, ascending, ``(budget,)``; the
            arrays down to ``note`` are per budget.
        num_runs: distinct runs.
        N_min: smallest size; NaN without runs.
        N_max: largest size; NaN without runs.
        N_opt: size at the parabola's vertex; NaN where the budget was not used.
        D_opt: ``C / (6 · N_opt)``; NaN where the budget was not used.
        loss_opt: loss at the vertex; NaN where the budget was not used.
        curvature: ``d²L/d(ln N)²`` of the parabola.
        note: why the budget was not used for the power laws; empty where it was.
        a: exponent of ``N_opt = G · (C/6)^a``.
        b: exponent of ``D_opt``, ``1 − a``.
        gamma: exponent of ``L_opt = E + K · C^−γ``.
        coefficient: G.
        num_left_out: runs without a budget.
        num_copies: rows that copy another row exactly, which count once.

    Example:
        >>> from farseer_jax import Chinchilla, IsoFLOP, example_runs, fit
        >>> found = fit(Chinchilla, example_runs(), IsoFLOP()).diagnostics
        >>> N, D = found.optimum(1e21)
        >>> round(found.a, 2), f"{float(N):.1e}", f"{float(D):.1e}"
        (0.53, '2.1e+09', '7.9e+10')
    """

    compute: np.ndarray
    num_runs: Counts
    N_min: np.ndarray
    N_max: np.ndarray
    N_opt: np.ndarray
    D_opt: np.ndarray
    loss_opt: np.ndarray
    curvature: np.ndarray
    note: tuple[str, ...]
    a: float
    b: float
    gamma: float
    coefficient: float
    num_left_out: int
    num_copies: int

    def __post_init__(self) -> None:
        require_lengths(self, *_PER_BUDGET)

    def errors(self, fitted: Fitted) -> np.ndarray:
        """Of the runs of the budgets that were used."""
        runs, budgets = self._prepared(fitted)
        taking_part = budgets.runs_of(self.used, len(runs)) & (weights_of(runs) > 0)
        return distinct_errors(fitted.law, runs, runs.loss, taking_part)

    def check_belongs(self, fitted: Fitted) -> None:
        """The number of runs, of copies, and of runs without a budget; optima and exponents."""
        require_at_least(self, 0.0, *_PER_BUDGET[:-2])
        used, method = self.used, fitted.method
        if used.tolist() != np.isfinite(self.N_opt).tolist():
            raise ValueError("diagnostics: N_opt and note disagree on the budgets used")
        tokens = self.compute[used] / (6.0 * self.N_opt[used])
        require_close("diagnostics.D_opt", self.D_opt[used], tokens)
        require_close("diagnostics.b", self.b, 1.0 - self.a)
        runs, budgets = self._prepared(fitted)
        self._check_budgets(budgets, runs.loss, weights_of(runs), cast("Any", method).min_runs)
        num_rows = int(np.count_nonzero(budgets.run_share))
        copies = num_rows - round(float(budgets.run_share.sum()))
        require_close("diagnostics.num_copies", self.num_copies, copies)
        require_close("diagnostics.num_left_out", self.num_left_out, len(runs) - num_rows)
        law: Any = fitted.law
        total = law.alpha + law.beta
        require_close("diagnostics.a", self.a, law.beta / total)
        require_close("diagnostics.gamma", self.gamma, law.alpha * law.beta / total)
        coefficient = (law.alpha * law.A / (law.beta * law.B)) ** (1.0 / total)
        require_close("diagnostics.coefficient", self.coefficient, coefficient)
        require_within("gamma", self.gamma, cast("Any", method).search)

    def _check_budgets(
        self, budgets: BudgetDesign, losses: np.ndarray, weights: np.ndarray, min_runs: int
    ) -> None:
        """Refuse budgets, notes or vertices other than those of the runs."""
        seen, used = _seen(budgets, weights), self.used
        for name, expected in seen._asdict().items():
            require_close(f"diagnostics.{name}", getattr(self, name), expected)
        notes = zip(seen.num_runs, self.curvature, used, strict=True)
        if self.note != tuple(_note(int(num), c, bool(own), min_runs) for num, c, own in notes):
            raise ValueError("diagnostics: note does not agree with num_runs and curvature")
        if not np.isfinite(self.curvature).all() or (self.curvature[used] <= 0.0).any():
            raise ValueError("diagnostics: curvature is not positive where a budget was used")
        if (np.isfinite(self.loss_opt) != used).any() or (np.isfinite(self.D_opt) != used).any():
            raise ValueError("diagnostics: loss_opt, D_opt and note do not agree")
        inside = (self.N_opt >= self.N_min * (1.0 - AGREEMENT)) & (
            self.N_opt <= self.N_max * (1.0 + AGREEMENT)
        )
        if not inside[used].all():
            raise ValueError("diagnostics: N_opt lies outside N_min to N_max")
        self._check_vertices(budgets, losses, weights)

    def _check_vertices(
        self, budgets: BudgetDesign, losses: np.ndarray, weights: np.ndarray
    ) -> None:
        """Refuse parabolas that are not of least squares: residuals have no moments up to x²."""
        used = self.used
        weight = (weights[budgets.run_index] * budgets.run_share)[used]
        weight /= weight.sum(axis=1, keepdims=True)
        loss, log_N = losses[budgets.run_index][used], budgets.log_N[used]
        x = log_N - (weight * log_N).sum(axis=1, keepdims=True)
        from_vertex = log_N - np.log(self.N_opt[used])[:, None]
        parabola = self.loss_opt[used][:, None] + (
            0.5 * self.curvature[used][:, None] * from_vertex**2
        )
        for power in range(3):
            moment = (weight * (loss - parabola) * x**power).sum(axis=1)
            size = (weight * (np.abs(loss) + np.abs(parabola)) * np.abs(x) ** power).sum(axis=1)
            if (np.abs(moment) > _MOMENT * size).any():
                raise ValueError(
                    "diagnostics: N_opt, loss_opt and curvature are not those of the runs"
                )

    def _prepared(self, fitted: Fitted) -> Any:
        """The runs and their budgets, of which there are as many as here."""
        method: Any = fitted.method
        runs, budgets = method.prepare(type(fitted.law), fitted.runs)
        require_close("diagnostics.compute", len(self.compute), len(budgets.run_index))
        return runs, budgets

    @property
    def used(self) -> np.ndarray:
        """Which budgets were used for the power laws, ``(budget,)``."""
        return np.array([not note for note in self.note], dtype=bool)

    @property
    def num_budgets(self) -> int:
        """How many budgets were used for the power laws."""
        return sum(not note for note in self.note)

    def optimum(self, compute: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """N and D of least loss for this compute, by the power laws."""
        size_tokens = np.asarray(compute, dtype=float) / 6.0
        N = self.coefficient * size_tokens**self.a
        return N, size_tokens / N

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per budget."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in _PER_BUDGET})

    def rows(self) -> Rows:
        """The budgets, and the exponents of the power laws."""
        rows = [
            ("compute budgets used", f"{self.num_budgets} of {len(self.compute)}"),
            ("N_opt ∝ C^a, D_opt ∝ C^b", f"a = {self.a:.4f}, b = {self.b:.4f}"),
            ("L_opt = E + K·C^−γ", f"γ = {self.gamma:.4f}"),
        ]
        if self.num_left_out:
            rows.append(("runs without a budget", str(self.num_left_out)))
        return rows

    def doubts(self, fitted: Fitted) -> list[str]:
        """Budgets without an optimum, or too few of them."""
        outcome, warnings = fitted.outcome, []
        if outcome in (Outcome.exponent_at_edge, Outcome.exponent_unresolved):
            warnings.append(
                f"{outcome.message} γ = {self.gamma:.4g}: the budgets do not determine E and γ; "
                "extrapolate the loss with care, or widen the search."
            )
        notes = zip(self.compute, self.note, strict=True)
        lost = [(f"{compute:.3g}", note) for compute, note in notes if note]
        if lost:
            warnings.append(
                f"{len(lost)} of {len(self.note)} compute budgets were not used "
                f"({some_notes(lost)})."
            )
        if self.num_budgets < _FEW_BUDGETS:
            warnings.append(
                f"only {self.num_budgets} compute budgets determine E, K and γ: they are weakly "
                "identified; extrapolate with care."
            )
        return [*warnings, *fitted.law.warnings()]

    def __str__(self) -> str:
        header = ["compute", "runs", "N_opt", "D_opt", "loss", "note"]
        rows = [
            [
                f"{self.compute[i]:.3g}",
                str(self.num_runs[i]),
                *(
                    "–" if self.note[i] else quantity_text(value)
                    for value in (self.N_opt[i], self.D_opt[i])
                ),
                "–" if self.note[i] else loss_text(self.loss_opt[i]),
                self.note[i],
            ]
            for i in range(len(self.compute))
        ]
        exponents = " ".join(
            f"{name} = {number_text(value, 4)}"
            for name, value in (("a", self.a), ("b", self.b), ("γ", self.gamma))
        )
        laws = f"N_opt ∝ C^a, D_opt ∝ C^b, L_opt = E + K·C^−γ:  {exponents}"
        return f"{aligned(header, rows)}\n\n{laws}"

    def __repr__(self) -> str:
        return (
            f"IsoFLOPReport({self.num_budgets} of {len(self.compute)} budgets used, "
            f"a={self.a:.4g}, b={self.b:.4g})"
        )


_PER_BUDGET = (
    "compute", "num_runs", "N_min", "N_max", "N_opt", "D_opt", "loss_opt", "curvature", "note",
)  # fmt: skip


def build_report(
    runs: Runs,
    design: BudgetDesign,
    found: IsoFLOPSolution,
    weights: np.ndarray,
    min_runs: int,
) -> IsoFLOPReport:
    """Collect the optima of the budgets and the power laws."""
    seen, usable = _seen(design, weights), np.asarray(found.usable)
    N_opt = np.where(usable, np.exp(found.parabola.x_opt), np.nan)
    curvature = np.asarray(found.parabola.curvature)
    num_rows = int(np.count_nonzero(design.run_share))
    notes = tuple(
        _note(int(seen.num_runs[i]), curvature[i], bool(usable[i]), min_runs)
        for i in range(len(usable))
    )
    return IsoFLOPReport(
        **seen._asdict(),
        N_opt=N_opt,
        D_opt=seen.compute / (6.0 * N_opt),
        loss_opt=np.where(usable, found.parabola.loss_opt, np.nan),
        curvature=curvature,
        note=notes,
        a=float(found.a),
        b=1.0 - float(found.a),
        gamma=float(found.frontier.exponent),
        coefficient=float(np.exp(found.log_G)),
        num_left_out=len(runs) - num_rows,
        num_copies=num_rows - round(float(design.run_share.sum())),
    )


class _Seen(NamedTuple):
    """What the runs say of each budget before any fit, ``(budget,)``."""

    compute: np.ndarray
    num_runs: np.ndarray
    N_min: np.ndarray
    N_max: np.ndarray


def _seen(design: BudgetDesign, weights: np.ndarray) -> _Seen:
    own = weights[design.run_index] * design.run_share
    fitted = own > 0
    # a budget whose runs are all left out has the compute of these
    share = np.where(fitted.any(axis=1, keepdims=True), own, design.run_share)
    return _Seen(
        compute=np.exp((design.log_C * share).sum(axis=1) / share.sum(axis=1)),
        num_runs=np.rint((design.run_share * fitted).sum(axis=1)).astype(int),
        N_min=_size(fitted, np.where(fitted, design.log_N, np.inf).min(axis=1)),
        N_max=_size(fitted, np.where(fitted, design.log_N, -np.inf).max(axis=1)),
    )


def _size(fitted: np.ndarray, log_N: np.ndarray) -> np.ndarray:
    """N of each budget; NaN where none of its runs was fitted."""
    return np.exp(np.where(fitted.any(axis=1), log_N, np.nan))


def _note(num_runs: int, curvature: float, usable: bool, min_runs: int) -> str:
    if usable:
        return ""
    if num_runs < min_runs:
        return f"{num_runs} runs, {min_runs} needed"
    if not curvature > 0:
        return "the parabola has no minimum"
    return "the minimum lies outside the sizes of its runs"


def refusal(outcome: Outcome, report: IsoFLOPReport) -> str:
    """Why the budgets determine no law, and what to do."""
    if outcome is Outcome.too_few_budgets:
        lost = [i for i, note in enumerate(report.note) if note]
        shown = "; ".join(f"{report.compute[i]:.3g}: {report.note[i]}" for i in lost[:5])
        more = f"; and {len(lost) - 5} more" if len(lost) > 5 else ""
        return (
            f"{outcome.message} Budgets left out: {shown}{more}. Train sizes on both sides of each "
            "optimum, or fit end to end (`LeastSquares()`)."
        )
    return (
        f"{outcome.message} N_opt grows as C^{report.a:.3g} and L_opt as C^−{report.gamma:.3g}: "
        "check the budgets, or fit end to end (`LeastSquares()`)."
    )
