"""The results of the piecewise stages, as plain NumPy arrays."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.evaluate import evaluate, evaluate_curves
from farseer_jax.methods.method import weights_of
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.chinchilla import ChinchillaSolution
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.kernel import PiecewiseSolution
from farseer_jax.methods.piecewise.layout import averaged
from farseer_jax.methods.piecewise.piecewise_warnings import (
    NOT_FALLING,
    at_edge,
    lost_sizes,
    missed_sizes,
    noise,
    repeats,
)
from farseer_jax.methods.piecewise.stage1 import Gathered
from farseer_jax.methods.reports import (
    Counts,
    Fitted,
    Report,
    Rows,
    large_error,
    require_at_least,
    require_lengths,
    require_within,
)
from farseer_jax.objectives import relative_error
from farseer_jax.results.agreement import AGREEMENT, require_close

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Diagnostics(Report):
    """Evidence behind a piecewise fit.

    Attributes:
        N: sizes, ascending, ``(size,)``; the arrays down to ``size_note`` are per size.
        num_runs: distinct (N, D) of each size.
        num_pairs: pairs of neighbouring D used in Stages 1 and 2.
        A: Stage 1's exponent A_N; NaN where the size has none.
        B: Stage 1's coefficient B_N; NaN where the size has none.
        r_squared: of Stage 1's log–log line; NaN where the size has none.
        G: Stage 3's ``mean over D of L − B · D^−A`` (paper Eq. 12).
        residual_scatter: root mean square over D of ``O − G`` (Eq. 13, Fig. 5).
        size_note: why a size has no A_N and B_N; empty where it has.
        round_alpha: α after the start of Stage 2 (NaN) and after each round.
        round_beta: β after the start and after each round.
        round_error: ℓ_R after the start and after each round: the sum of squared, or the mean of
            relative, errors.
        left_out_N: N of the pairs left out, ``(pair,)``.
        left_out_D: smaller D of the pairs left out.
        left_out_note: why each was left out.
        ratio: typical ratio λ of neighbouring D.
        num_copies: rows that copy another row exactly, which count once.
        num_repeats: rows that repeat an (N, D) with another loss, which are averaged.
        repeat_spread: largest relative difference of the losses of one (N, D).

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> found = fit(Farseer, example_runs()).diagnostics
        >>> int(found.num_pairs.sum()), round(found.ratio, 2), found.num_copies
        (314, 1.41, 0)
    """

    N: np.ndarray
    num_runs: Counts
    num_pairs: Counts
    A: np.ndarray
    B: np.ndarray
    r_squared: np.ndarray
    G: np.ndarray
    residual_scatter: np.ndarray
    size_note: tuple[str, ...]
    round_alpha: np.ndarray
    round_beta: np.ndarray
    round_error: np.ndarray
    left_out_N: np.ndarray
    left_out_D: np.ndarray
    left_out_note: tuple[str, ...]
    ratio: float
    num_copies: int
    num_repeats: int
    repeat_spread: float

    def __post_init__(self) -> None:
        require_lengths(self, *_PER_SIZE)
        require_lengths(self, "round_alpha", "round_beta", "round_error")
        require_lengths(self, "left_out_N", "left_out_D", "left_out_note")

    def errors(self, fitted: Fitted) -> np.ndarray:
        """Of the runs of each (N, D), averaged, in the order of the design."""
        design = self._design(fitted)
        slots = averaged(design, fitted.runs.loss, weights_of(fitted.runs))
        sizes = np.broadcast_to(design.N[:, None], design.log_D.shape)
        own = design.occupied
        predicted = evaluate(fitted.law, sizes[own], np.exp(design.log_D[own]))
        has_run = slots.weight[own] > 0
        return np.where(
            has_run, relative_error(predicted, np.where(has_run, slots.loss[own], 1.0)), 0.0
        )

    def check_belongs(self, fitted: Fitted) -> None:
        """The sizes, how many runs each has, copies and repeats; ranges of the estimates."""
        require_at_least(self, 0.0, "num_pairs", "A", "B", "residual_scatter")
        require_at_least(self, 0.0, "left_out_N", "left_out_D")
        if (self.r_squared > 1.0 + AGREEMENT).any():
            raise ValueError("diagnostics: r_squared is above 1")
        if [not note for note in self.size_note] != np.isfinite(self.A).tolist():
            raise ValueError("diagnostics: A and size_note disagree on the sizes used")
        design = self._design(fitted)
        num_rows = int(np.count_nonzero(design.run_share))
        num_distinct = round(float(design.run_share.sum()))
        num_runs = design.occupied.sum(axis=1)
        require_close("diagnostics.N", self.N, design.N)
        require_close("diagnostics.num_runs", self.num_runs, num_runs)
        require_close("diagnostics.num_copies", self.num_copies, num_rows - num_distinct)
        require_close("diagnostics.num_repeats", self.num_repeats, num_distinct - num_runs.sum())
        spread = _repeat_spread(design, fitted.runs.loss)
        require_close("diagnostics.repeat_spread", self.repeat_spread, spread, 1e-12)
        require_close("diagnostics.ratio", self.ratio, design.ratio)
        slots = averaged(design, fitted.runs.loss, weights_of(fitted.runs))
        self._check_pairs(design, slots, cast("Any", fitted.method).min_pairs)
        self._check_remainder(design, slots, fitted.law)
        self._check_rounds(fitted)

    def _check_pairs(self, design: Design, slots: Gathered, min_pairs: int) -> None:
        """Refuse pairs, used or left out, other than those of the runs; and estimates of others."""
        live = np.isfinite(self.A)
        if (np.isfinite(self.B) != live).any() or (np.isfinite(self.r_squared) != live).any():
            raise ValueError("diagnostics: A, B and r_squared do not agree on the sizes used")
        if (self.A[live] <= 0.0).any() or (self.B[live] <= 0.0).any():
            raise ValueError("diagnostics: A or B is not positive")
        first, second = slots.weight[:, :-1], slots.weight[:, 1:]
        both = first + second
        weight = 2.0 * first * second / np.where(both == 0.0, 1.0, both)
        has_weight = design.pair_ok & (weight > 0.0)
        rises = has_weight & ~(np.diff(slots.loss, axis=1) < 0.0)
        num_pairs = (has_weight & ~rises).sum(axis=1)
        require_close("diagnostics.num_pairs", self.num_pairs, num_pairs)
        if (num_pairs[live] < min_pairs).any():
            raise ValueError("diagnostics: num_pairs is below min_pairs where a size was used")
        if self.size_note != _size_notes(design, rises, num_pairs, live, min_pairs):
            raise ValueError("diagnostics: size_note is not that of the runs")
        N, D, notes = _left_out(design, rises, live)
        require_close("diagnostics.left_out_N", self.left_out_N, N)
        require_close("diagnostics.left_out_D", self.left_out_D, D)
        if self.left_out_note != notes:
            raise ValueError("diagnostics: left_out_note is not that of the runs")

    def _check_remainder(self, design: Design, slots: Gathered, law: Any) -> None:
        """Refuse what Stage 3 finds after the data term, other than law and runs give."""
        _, B, A = evaluate_curves(law, design.N)
        data_term = B[:, None] * np.exp(-A[:, None] * design.log_D)
        rest, total = slots.loss - data_term, slots.weight.sum(axis=1)
        weighted = np.where(slots.weight > 0.0, slots.weight * rest, 0.0).sum(axis=1)
        G = weighted / np.where(total == 0.0, 1.0, total)
        left = np.where((slots.weight > 0.0) & design.occupied, rest - G[:, None], 0.0)
        scatter = np.sqrt((left**2).sum(axis=1) / design.occupied.sum(axis=1))
        rounding = AGREEMENT * np.where(design.occupied, slots.loss + data_term, 0.0).max(axis=1)
        require_close("diagnostics.G", self.G, G, rounding)
        require_close("diagnostics.residual_scatter", self.residual_scatter, scatter, rounding)

    def _check_rounds(self, fitted: Fitted) -> None:
        """Refuse rounds of another number, outside their search, or that end at another law."""
        method, law = cast("Any", fitted.method), cast("Any", fitted.law)
        is_farseer, in_rounds = isinstance(law, Farseer), method.rounds != "joint"
        num = method.rounds + 1 if is_farseer and in_rounds else 1
        require_close("diagnostics.round_beta", len(self.round_beta), num)
        search, _ = method.searches(type(law))
        own = (law.A.exponent, law.B.exponent) if is_farseer else (np.nan, law.beta)
        require_close("diagnostics.round_alpha", self.round_alpha[-1], float(own[0]))
        require_close("diagnostics.round_beta", self.round_beta[-1], float(own[1]))
        require_within("round_beta", self.round_beta, search)
        require_within("round_alpha", self.round_alpha[1:], search)
        if not np.isnan(self.round_alpha[: 1 if in_rounds else 0]).all():
            raise ValueError("diagnostics: round_alpha is not missing at the start")
        if in_rounds and not (self.round_error >= -AGREEMENT).all():  # rounding, of a perfect fit
            raise ValueError("diagnostics: round_error is missing or negative")

    def _design(self, fitted: Fitted) -> Design:
        method: Any = fitted.method
        design: Design = method.prepare(type(fitted.law), fitted.runs).design
        return design

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per size."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in _PER_SIZE})

    def __repr__(self) -> str:
        num_live = sum(not note for note in self.size_note)
        return (
            f"Diagnostics({num_live} of {len(self.N)} sizes used, {int(self.num_pairs.sum())} "
            f"pairs, {len(self.left_out_N)} left out)"
        )

    def rows(self) -> Rows:
        """Stage 1's R², the scatter, the pairs, and why others were left out."""
        scatter = float(np.sqrt(np.mean(self.residual_scatter**2)))
        num_pairs = int(self.num_pairs.sum())
        return [
            ("median R² of Stage 1", f"{np.nanmedian(self.r_squared):.4f}"),
            ("residual scatter of L", f"{scatter:.2e}"),
            ("pairs of runs used", f"{num_pairs} (D in steps of {self.ratio:.3g})"),
            *(
                (f"  left out: {note}", str(self.left_out_note.count(note)))
                for note in sorted(set(self.left_out_note))
            ),
        ]

    def doubts(self, fitted: Fitted) -> list[str]:
        """An exponent that the runs do not determine, or a term that vanished."""
        outcome, warnings = fitted.outcome, list[str]()
        if outcome is Outcome.exponent_at_edge:
            warnings += at_edge(fitted)
        if outcome is Outcome.exponent_unresolved:
            warnings.append(
                f"{outcome.message} Change the bounds of the search (search=), or use a `Grid`."
            )
        return [*warnings, *fitted.law.warnings()]

    def misfits(self, fitted: Fitted) -> list[str]:
        """Repeats that differ, sizes that are lost or noisy, and curves that miss the sizes."""
        return [
            *repeats(self),
            *lost_sizes(fitted.law, self),
            *noise(self),
            *large_error(fitted.mean_relative_error),
            *missed_sizes(fitted.law, self),
        ]


_PER_SIZE = (
    "N", "num_runs", "num_pairs", "A", "B", "r_squared", "G", "residual_scatter", "size_note",
)  # fmt: skip


Solution = PiecewiseSolution | ChinchillaSolution

NOT_ONE_STEP = "its ratio of D is not one step"
SIZE_UNUSABLE = "its size has no A_N and B_N"


def diagnose(design: Design, losses: np.ndarray, solution: Solution, min_pairs: int) -> Diagnostics:
    """Collect the results of the stages."""
    sizes, trace = solution.sizes, solution.data_term.rounds
    live = np.asarray(sizes.live)
    rises, num_pairs = np.asarray(solution.non_positive), np.asarray(sizes.num_pairs, dtype=int)
    left_out_N, left_out_D, notes = _left_out(design, rises, live)
    occupied = design.occupied
    squares = np.where(occupied, solution.size_term.residual**2, 0.0).sum(axis=1)
    num_runs = occupied.sum(axis=1)
    num_rows = int(np.count_nonzero(design.run_share))
    num_distinct = round(float(design.run_share.sum()))
    return Diagnostics(
        N=design.N,
        num_runs=num_runs,
        num_pairs=num_pairs,
        A=np.where(live, np.exp(sizes.log_A), np.nan),
        B=np.where(live, np.exp(sizes.log_B), np.nan),
        r_squared=np.where(live, sizes.r_squared, np.nan),
        G=np.asarray(solution.size_term.G),
        residual_scatter=np.sqrt(squares / num_runs),
        size_note=_size_notes(design, rises, num_pairs, live, min_pairs),
        round_alpha=np.asarray(trace.alpha),
        round_beta=np.asarray(trace.beta),
        round_error=np.asarray(trace.pair_error),
        left_out_N=left_out_N,
        left_out_D=left_out_D,
        left_out_note=notes,
        ratio=float(design.ratio),
        num_copies=num_rows - num_distinct,
        num_repeats=num_distinct - int(num_runs.sum()),
        repeat_spread=_repeat_spread(design, losses),
    )


def _repeat_spread(design: Design, losses: np.ndarray) -> float:
    if design.run_share.shape[-1] == 1:
        return 0.0
    is_run = design.run_share > 0
    of_slot = losses[design.run_index]
    highest = np.where(is_run, of_slot, 0.0).max(axis=-1)
    lowest = np.where(is_run, of_slot, np.inf).min(axis=-1)
    return float(np.max(highest / lowest) - 1.0)


def _size_notes(
    design: Design, rises: np.ndarray, num_pairs: np.ndarray, live: np.ndarray, min_pairs: int
) -> tuple[str, ...]:
    return tuple(
        "" if live[i] else size_note(design, rises, num_pairs, i, min_pairs)
        for i in range(len(live))
    )


def size_note(
    design: Design, rises: np.ndarray, num_pairs: np.ndarray, size: int, min_pairs: int
) -> str:
    """Why a size has no A_N and B_N."""
    num_steps = int(design.pair_ok[size].sum())
    num_lost = int(rises[size].sum())
    if num_pairs[size] >= min_pairs:
        return "the steps of the loss grow with D"
    if num_lost:
        return f"the loss does not fall in {num_lost} of {num_steps} steps of D"
    return f"{num_steps} usable pairs, {min_pairs} needed"


def _left_out(
    design: Design, rises: np.ndarray, live: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Pairs that took no part in Stage 2, with the first reason that applies."""
    neighbours, falling = design.neighbours, ~rises
    used = design.pair_ok & falling & live[:, None]
    size, slot = np.nonzero(neighbours & ~used)
    notes = tuple(
        NOT_ONE_STEP
        if not design.pair_ok[i, k]
        else NOT_FALLING
        if not falling[i, k]
        else SIZE_UNUSABLE
        for i, k in zip(size, slot, strict=True)
    )
    return design.N[size], np.exp(design.log_D[size, slot]), notes
