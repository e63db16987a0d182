"""``Bootstrap``: the refits, and the quantities and intervals derived from them."""

from collections import Counter
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.evaluate import (
    by_column,
    curves,
    evaluate,
    flat_points,
    refuse_options_names,
)
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.laws.quantities import Function, allocation, positive
from farseer_jax.laws.separable import require_curves
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import level_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table
from farseer_jax.runs.checks import check_level
from farseer_jax.uncertainty.assumed_errors import assumed_errors
from farseer_jax.uncertainty.bootstrap_intervals import (
    Quantity,
    intervals,
    intervals_of,
    loss_kind,
    mapped_draws,
)
from farseer_jax.uncertainty.bootstrap_warnings import bootstrap_warnings, optimum_doubts
from farseer_jax.uncertainty.calibration import Calibration
from farseer_jax.uncertainty.draws import Draws, FileDraws, join
from farseer_jax.uncertainty.draws_manifest import bootstrapped, file_of, read_manifest
from farseer_jax.uncertainty.holdouts import HeldOut, held_out
from farseer_jax.uncertainty.intervals import Intervals, Kind
from farseer_jax.uncertainty.jackknife import is_jackknife, leave_out
from farseer_jax.uncertainty.misfit import Misfit, misfit_of
from farseer_jax.uncertainty.resampling import Scheme, Setting, run_noise
from farseer_jax.uncertainty.standard_errors import standard_error


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap(Result):
    """Refits of one fit to resamples of its runs. Prints as a table.

    Attributes:
        fit: the fit to all runs.
        scheme: how runs were resampled.
        seed: seed of the resamples.
        draws: the refits, in memory or in a file.

    Example:
        >>> from farseer_jax import Farseer, bootstrap, example_runs, fit
        >>> result = bootstrap(fit(Farseer, example_runs()), 200, seed=1)
        >>> result.num_resamples, result.num_failed
        (200, 0)
        >>> losses = result.values(lambda law: law(25.1e9, 5e11))
        >>> losses.shape
        (200,)
    """

    fit: Fit
    scheme: Scheme
    seed: int
    draws: Draws

    @classmethod
    def from_parquet(
        cls,
        path: str | Path,
        law: type[Law] | None = None,
        *,
        scheme: Scheme | None = None,
    ) -> "Bootstrap":
        """Read a bootstrap that ``bootstrap(…, out=path)`` wrote; the draws stay in the file.

        Args:
            path: the file.
            law: the law's class, if it is not the library's.
            scheme: the scheme of the draws, if it is not the library's.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file has no draws, draws by another scheme, or a fit or scheme that
                cannot be read; or it was changed after it was written. Digests of draws are
                verified whenever draws are read; :func:`check_draws` verifies all of them.
        """
        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        fit, scheme, seed = bootstrapped(str(path), read_manifest(path), law, scheme)
        draws = FileDraws(path, file_of(path).row_groups()[-1].stop, fit.law)
        return cls(fit, scheme, seed, draws)

    @property
    def num_resamples(self) -> int:
        """The number of refits."""
        return len(self.draws)

    @cached_property
    def outcomes(self) -> dict[Outcome, int]:
        """The number of refits with each outcome."""
        counts: Counter[int] = Counter()
        for batch in self.draws.batches():
            counts.update(batch.outcome_code.tolist())
        return {Outcome.from_code(code): num for code, num in counts.most_common()}

    @property
    def num_failed(self) -> int:
        """The number of refits without a usable law."""
        return sum(num for outcome, num in self.outcomes.items() if not outcome.usable)

    @property
    def laws(self) -> Law:
        """The usable refits as one law whose leaves have a leading axis ``(resample,)``."""
        whole = join(list(self.draws.batches()))
        return jax.tree.map(lambda leaf: leaf[whole.usable], whole.law)

    def predict(self, *args: ArrayLike, **inputs: ArrayLike) -> np.ndarray:
        """Losses predicted by every usable refit, ``(resample, *broadcast shape of the inputs)``.

        Failed refits are left out, so the rows of two bootstraps match only if none failed.

        Args:
            args: the law's inputs in order, such as N and D, as for :meth:`Fit.predict`.
            inputs: inputs by name.
        """
        batches = self.draws.batches()
        return np.concatenate([batch.predict(*args, **inputs)[batch.usable] for batch in batches])

    def values(self, function: Function) -> np.ndarray:
        """Evaluate a function of a law for every usable refit, ``(resample, …)``, float64.

        Args:
            function: takes a law and returns an array, by JAX operations; it is mapped over all
                refits.

        Raises:
            TypeError: the function cannot be mapped.
        """
        return mapped_draws(self, function)

    def standard_error(self, *args: ArrayLike, **inputs: ArrayLike) -> np.ndarray:
        """Standard error of the predicted loss, in the broadcast shape of the inputs."""
        return standard_error(self.predict(*args, **inputs), jackknife=self.is_jackknife)

    def interval(
        self,
        *args: ArrayLike,
        level: float = 0.9,
        kind: Kind | None = None,
        of: Literal["mean", "run"] = "mean",
        noise: float | None = None,
        **inputs: ArrayLike,
    ) -> Intervals:
        """Intervals of the loss at points.

        Args:
            args: the law's inputs in order, such as N and D, as for :meth:`Fit.predict`; they are
                broadcast and flattened.
            level: nominal coverage probability.
            kind: ``"calibrated"`` by the errors of earlier extrapolations within these runs, since
                no law is exactly true; or a kind that assumes a true law: ``"percentile"``,
                ``"basic"``, ``"bca"`` or ``"normal"``. None is calibrated if there are sizes to
                hold out and the inputs are N and D, otherwise percentile; normal for a jackknife.
            of: ``"mean"`` for the law's loss, or ``"run"`` for the loss of a new run, including its
                noise.
            noise: run-to-run standard deviation of ln loss (of the response on the link's scale);
                None estimates it from the runs, see :func:`estimate_noise`, or from the residuals
                if the inputs are not N and D.
            inputs: inputs by name.

        Raises:
            ValueError: a level outside (0, 1), invalid points, a kind that is unknown or that these
                draws do not allow, or a noise that is negative or not finite.
            TypeError: an input is missing or unknown.
        """
        check_level(level)
        law = self.fit.law
        refuse_options_names(type(law), args, inputs, ("level", "kind", "of", "noise"))
        spread = run_noise(self.fit, of, noise)
        points, _ = flat_points(type(law), args, inputs)  # checked before any refit
        kind = loss_kind(self, kind, of)
        quantity = Quantity(
            name="loss of a run" if of == "run" else "loss",
            at=by_column(type(law), points),
            estimate=evaluate(law, **points),
            draws=self.predict(**points),
            of_left_out=lambda: self.left_out.predict(**points),
            run_noise=spread,
        )
        return intervals(self, quantity, level, kind)

    def interval_of(
        self, function: Function, level: float = 0.9, *, kind: Kind | None = None
    ) -> Intervals:
        """Intervals of any function of a law; an array that it returns is flattened.

        Args:
            function: as for :meth:`values`.
            level: nominal coverage probability.
            kind: as for :meth:`interval`.

        Raises:
            ValueError: a level outside (0, 1), or a kind that these draws do not allow.
            TypeError: the function cannot be mapped.
        """
        return intervals_of(self, ["value"], None, level, kind, function)["value"]

    def curves(
        self, N: ArrayLike, level: float = 0.9, *, kind: Kind | None = None
    ) -> dict[str, Intervals]:
        """Intervals of U(N), B(N) and A(N).

        Args:
            N: parameters.
            level: nominal coverage probability.
            kind: as for :meth:`interval`.

        Raises:
            TypeError: the law is not U(N) + B(N) · D^−A(N).
        """
        require_curves(self.fit.law)
        sizes = positive("N", N)
        return intervals_of(self, "UBA", {"N": sizes}, level, kind, curves, sizes)

    def allocation(
        self, compute: ArrayLike, level: float = 0.9, *, kind: Kind | None = None
    ) -> dict[str, Intervals]:
        """Intervals of the compute-optimal N, D and D/N of budgets, with FLOPs C = 6 N D.

        Only interior optima count; a refit without one counts as failed. A warning counts optima
        outside the runs' range of N, D or D/N.

        Args:
            compute: budgets in FLOPs.
            level: nominal coverage probability.
            kind: as for :meth:`interval`.

        Raises:
            ValueError: the law has other inputs than N and D.
        """
        require_N_and_D("Bootstrap.allocation", type(self.fit.law))
        budgets = positive("compute", compute)
        names = ("N", "D", "tokens per parameter")
        found = intervals_of(self, names, {"compute": budgets}, level, kind, allocation, budgets)
        far = optimum_doubts(self.fit.runs, found["N"].estimate, found["D"].estimate)
        return {
            name: replace(own, doubts=own.doubts + far, warnings=own.warnings + far)
            for name, own in found.items()
        }

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the refits, worst first; empty if there is nothing unusual."""
        return bootstrap_warnings(self)

    def table(self) -> Table:
        """Losses at the smallest, the middle and the largest run, with their intervals."""
        found = self._intervals_within
        errors = self.standard_error(**self._some_runs)
        shares = errors / np.abs(found.estimate)
        own = {column.name: column for column in found.table().columns}
        return Table(
            [
                *(own[name] for name in (*found.at, "estimate", "lower", "upper")),
                Column("standard_error", errors, text=None),
                Column("share", shares, "{:.3%}".format, heading="standard error", in_data=False),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """The settings, the outcomes, and ``rows`` as in :meth:`table`, for JSON."""
        return {
            "law": self.fit.law.name,
            "method": self.fit.method.name,
            "scheme": self.scheme.to_dict(),
            "seed": self.seed,
            "num_resamples": self.num_resamples,
            "outcomes": {outcome.name: num for outcome, num in self.outcomes.items()},
            "errors": self.assumed_errors,
            "rows": self.table().records() if self._has_laws else [],
            "warnings": list(self._intervals_within.warnings if self._has_laws else self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The settings and outcomes, and losses at some runs with their intervals."""
        fit, found = self.fit, self.outcomes.items()
        counts = (
            f"bootstrap  {fit.law.name} law, {len(fit.runs)} runs, {fit.method.name} method\n"
            f"scheme     {self.scheme.name}, seed {self.seed}\n"
            f"refits     {self.num_resamples:,}: "
            + ", ".join(f"{num:,} {outcome.name}" for outcome, num in found)
        )
        if not self._has_laws:
            return (counts, *(f"warning: {sentence}" for sentence in self.warnings))
        intervals = self._intervals_within
        warnings = tuple(f"warning: {sentence}" for sentence in intervals.warnings)
        words = f"{level_text(intervals.level)} intervals: {intervals.kind}, {intervals.note}"
        if not self.is_jackknife and self.has_sizes_to_hold_out:
            words += "; intervals of losses at points are calibrated"
        if self.assumed_errors:
            words += f"\nerrors: {self.assumed_errors}"
        return (counts, self.table(), words, *warnings)

    @property
    def _has_laws(self) -> bool:
        return self.num_failed < self.num_resamples

    @property
    def _some_runs(self) -> dict[str, Any]:
        """The inputs of the smallest, the middle and the largest run."""
        runs, law = self.fit.runs, type(self.fit.law)
        # without N and D, order runs from the highest loss to the lowest
        extent = runs.N * runs.D if {"N", "D"} <= set(law.inputs()) else -runs.loss
        order = np.argsort(extent, kind="stable")
        some = order[[0, len(order) // 2, -1]]
        return {name: values[some] for name, values in law.columns(runs).items()}

    @cached_property
    def _intervals_within(self) -> Intervals:
        kind: Kind = "normal" if self.is_jackknife else "percentile"
        return self.interval(**self._some_runs, kind=kind)

    def __repr__(self) -> str:
        return (
            f"Bootstrap({self.fit.law.name}, {self.scheme.name}, {self.num_resamples} resamples, "
            f"{self.num_failed} failed)"
        )

    @cached_property
    def assumed_errors(self) -> str:
        """What intervals assume of the runs' errors, in a line."""
        return assumed_errors(self.scheme, Setting.of(self.fit))

    @cached_property
    def misfit(self) -> Misfit:
        """The law's misfit within the runs: its residuals compared with the noise."""
        return misfit_of(self.fit)

    @property
    def is_jackknife(self) -> bool:
        """Whether the scheme is a jackknife."""
        return is_jackknife(self.scheme)

    @property
    def has_sizes_to_hold_out(self) -> bool:
        """Whether there can be hold-outs: for laws of N and D under the log link."""
        inputs = set(type(self.fit.law).inputs())
        return inputs == {"N", "D"} and self.fit.runs.link.name == "log"

    @cached_property
    def calibration(self) -> Calibration:
        """The law's misfit in extrapolation, estimated from rolling hold-outs of the largest sizes.

        Raises:
            ValueError: for a jackknife, whose refits are not random; for a law with inputs other
                than N and D, or a link other than log.
        """
        if not self.has_sizes_to_hold_out:
            raise ValueError(
                "calibration needs a law over N and D and the log link, but this law has inputs "
                f"{', '.join(type(self.fit.law).inputs())} and the link "
                f"{self.fit.runs.link.name!r}: use 'percentile', which assumes that the law is true"
            )
        if self.is_jackknife:
            raise ValueError(
                "a jackknife has no random draws to calibrate; use a scheme such as 'sizes'"
            )
        return self.held_out.calibration()

    @cached_property
    def held_out(self) -> HeldOut:
        """The hold-outs behind the calibration, refitted and resampled."""
        return held_out(self.fit, self.scheme, self.seed)

    @cached_property
    def left_out(self) -> BatchFit:
        """Refits without each run (or size, if the scheme resamples by size), for BCa."""
        return leave_out(self.fit, by_size=getattr(self.scheme, "by_size", False))
