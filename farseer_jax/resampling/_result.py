"""``Bootstrap``: the refits, and what can be read off them."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import jax
import numpy as np
from numpy.typing import ArrayLike

from farseer_jax._evaluate import evaluate
from farseer_jax._fit_batch import BatchFit, Refits
from farseer_jax._law import AbstractLaw, OneDataTerm
from farseer_jax._noise import estimate_noise
from farseer_jax._outcome import Outcome
from farseer_jax._result import Fit
from farseer_jax.resampling import _intervals, _report
from farseer_jax.resampling._draws import Draws, FileDraws, join, read_manifest
from farseer_jax.resampling._intervals import KINDS, Intervals, Kind
from farseer_jax.resampling._quantities import (
    Function,
    allocation,
    curves,
    mapped,
    of_one,
    positive,
)
from farseer_jax.resampling._schemes import (
    JackknifeRuns,
    JackknifeSizes,
    ResampleSizes,
    Scheme,
    scheme_from_dict,
)
from farseer_jax.resampling._setting import Setting


@dataclass(frozen=True, eq=False, repr=False)
class Bootstrap:
    """Refits of one fit to resamples of its runs. Prints as a table.

    Attributes:
        fit: the fit to all runs.
        scheme: how runs were resampled.
        seed: of the resamples.
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
    def from_parquet(cls, path: str | Path, law: type[AbstractLaw] | None = None) -> "Bootstrap":
        """Read what ``bootstrap(…, out=path)`` wrote; the draws stay in the file.

        Args:
            path: the file.
            law: the class, for fits of a law that is not the library's.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: it holds no draws, or those of a fit that cannot be read.
        """
        import pyarrow.parquet as pq

        path = Path(path)
        if not path.is_file():
            raise FileNotFoundError(f"{path}: no such file")
        manifest = read_manifest(path)
        fit = Fit.from_json(manifest["fit"], law)
        draws = FileDraws(path, pq.read_metadata(path).num_rows, fit.law)
        return cls(fit, scheme_from_dict(manifest["scheme"]), manifest["seed"], draws)

    @property
    def num_resamples(self) -> int:
        """How many refits."""
        return len(self.draws)

    @cached_property
    def outcomes(self) -> dict[Outcome, int]:
        """How often refits ended how."""
        counts: Counter[int] = Counter()
        for batch in self.draws.batches():
            counts.update(batch.outcome_code.tolist())
        return {Outcome.from_code(code): num for code, num in counts.most_common()}

    @property
    def num_failed(self) -> int:
        """Refits that have no law."""
        return sum(num for outcome, num in self.outcomes.items() if not outcome.usable)

    @property
    def laws(self) -> AbstractLaw:
        """The usable refits as one law whose leaves have a leading axis ``(resample,)``."""
        whole = join(list(self.draws.batches()))
        return jax.tree.map(lambda leaf: leaf[whole.usable], whole.law)

    def predict(self, N: ArrayLike, D: ArrayLike) -> np.ndarray:
        """Losses by every usable refit, ``(resample, *broadcast shape of N and D)``.

        Args:
            N: parameters, in the unit of the runs; any shape.
            D: tokens; any shape that broadcasts with N.
        """
        return np.concatenate([batch.predict(N, D)[batch.usable] for batch in self.draws.batches()])

    def values(self, function: Function) -> np.ndarray:
        """A function of a law for every usable refit, ``(resample, …)``, float64.

        Args:
            function: takes a law and returns an array, by operations of JAX: it is mapped over
                all refits at once.

        Raises:
            TypeError: the function cannot be mapped.
        """
        return self._mapped(function)

    def standard_error(self, N: ArrayLike, D: ArrayLike) -> np.ndarray:
        """Standard deviation of the predicted loss, of the broadcast shape of N and D."""
        return self._standard_error(self.predict(N, D))

    def interval(
        self,
        N: ArrayLike,
        D: ArrayLike,
        level: float = 0.9,
        *,
        kind: Kind | None = None,
        of: Literal["mean", "run"] = "mean",
        noise: float | None = None,
    ) -> Intervals:
        """Intervals of the loss at points.

        Args:
            N: parameters, in the unit of the runs.
            D: tokens; broadcasts with N.
            level: nominal probability that an interval holds the truth.
            kind: ``"percentile"``, ``"basic"``, ``"bca"`` or ``"normal"``; None is the first, and
                the last for a jackknife.
            of: ``"mean"`` for the law's loss, or ``"run"`` for the loss of one new run, which has
                noise of its own.
            noise: standard deviation of ln loss from run to run; None estimates it from the runs.

        Raises:
            ValueError: a level outside (0, 1), points that are not positive, an unknown kind, or
                one that these draws do not give; a noise that is negative or not finite.
        """
        _intervals.check_level(level)
        kind, spread = self._kind(kind), self._run_noise(of, noise)
        N, D = (column.ravel() for column in np.broadcast_arrays(*np.atleast_1d(N, D)))
        estimate, draws = evaluate(self.fit.law, N, D), self.predict(N, D)
        if of == "run" and kind == "bca":
            raise ValueError("kind 'bca' is for the mean loss; for a run take 'percentile'")
        if of == "run" and kind != "normal":
            draws = draws * np.exp(spread * self._normal_numbers(draws.shape))
        return self._intervals(
            "loss of a run" if of == "run" else "loss",
            {"N": N, "D": D},
            estimate,
            draws,
            level,
            kind,
            lambda left_out: left_out.predict(N, D),
            spread * estimate,
        )

    def interval_of(
        self, function: Function, level: float = 0.9, *, kind: Kind | None = None
    ) -> Intervals:
        """Intervals of any function of a law; an array that it returns is read flat.

        Args:
            function: as for :meth:`values`.
            level: nominal probability.
            kind: as for :meth:`interval`.

        Raises:
            ValueError: a level outside (0, 1), or a kind that these draws do not give.
            TypeError: the function cannot be mapped.
        """
        _intervals.check_level(level)
        estimate = of_one(function, self.fit.law).ravel()
        at = {"element": np.arange(len(estimate))} if len(estimate) > 1 else {}
        return self._of_mapped("value", at, level, kind, function)

    def curves(
        self, N: ArrayLike, level: float = 0.9, *, kind: Kind | None = None
    ) -> dict[str, Intervals]:
        """Intervals of U(N), B(N) and A(N).

        Args:
            N: parameters.
            level: nominal probability.
            kind: as for :meth:`interval`.

        Raises:
            TypeError: the law is not U(N) + B(N) · D^−A(N).
        """
        if not isinstance(self.fit.law, OneDataTerm):
            raise TypeError(f"the law {self.fit.law.name} has no curves U, B and A of N")
        sizes = positive("N", N)
        return {
            name: self._of_mapped(name, {"N": sizes}, level, kind, curves, sizes, row=row)
            for row, name in enumerate("UBA")
        }

    def allocation(
        self, compute: ArrayLike, level: float = 0.9, *, kind: Kind | None = None
    ) -> dict[str, Intervals]:
        """Intervals of the compute-optimal N, D and D/N of budgets, with FLOPs C = 6 N D.

        The optimum is the interior one; a refit without one counts as failed.

        Args:
            compute: budgets in FLOPs.
            level: nominal probability.
            kind: as for :meth:`interval`.
        """
        budgets = positive("compute", compute)
        names = ("N", "D", "tokens per parameter")
        return {
            name: self._of_mapped(
                name, {"compute": budgets}, level, kind, allocation, budgets, row=row
            )
            for row, name in enumerate(names)
        }

    @cached_property
    def warnings(self) -> tuple[str, ...]:
        """What to know before trusting the draws, worst first; empty where nothing is odd."""
        return _report.warnings(self)

    def __str__(self) -> str:
        return _report.text(self)

    def __repr__(self) -> str:
        return (
            f"Bootstrap({self.fit.law.name}, {self.scheme.name}, {self.num_resamples} resamples, "
            f"{self.num_failed} failed)"
        )

    @property
    def is_jackknife(self) -> bool:
        """Whether each refit leaves something out, and nothing is random."""
        return hasattr(self.scheme, "num_draws")

    def _mapped(self, function: Any, *arguments: np.ndarray) -> np.ndarray:
        return np.concatenate(
            [mapped(function, b.law, *arguments)[b.usable] for b in self.draws.batches()]
        )

    def _of_mapped(
        self,
        quantity: str,
        at: dict[str, np.ndarray],
        level: float,
        kind: Kind | None,
        function: Any,
        *arguments: np.ndarray,
        row: int | None = None,
    ) -> Intervals:
        """Intervals of a function, or of one row of what it returns."""
        _intervals.check_level(level)
        kind = self._kind(kind)

        def flat(values: np.ndarray) -> np.ndarray:
            own = values if row is None else values[:, row]
            return own.reshape(len(own), -1)

        estimate = flat(of_one(function, self.fit.law, *arguments)[None])[0]
        draws = flat(self._mapped(function, *arguments))
        return self._intervals(
            quantity,
            at,
            estimate,
            draws,
            level,
            kind,
            lambda left_out: flat(mapped(function, left_out.law, *arguments)),
        )

    def _intervals(
        self,
        quantity: str,
        at: dict[str, np.ndarray],
        estimate: np.ndarray,
        draws: np.ndarray,
        level: float,
        kind: Kind | None,
        of_left_out: Callable[[BatchFit], np.ndarray],
        run_noise: np.ndarray | float = 0.0,
    ) -> Intervals:
        _intervals.check_level(level)
        kind = self._kind(kind)
        finite = np.isfinite(draws)
        draws = np.where(finite, draws, np.nan)
        num_failed = self.num_resamples - int(finite.sum(axis=0).min(initial=len(draws)))
        if kind == "normal":
            spread = np.hypot(self._standard_error(draws), run_noise)
            lower, upper = _intervals.normal(spread, estimate, level)
        elif kind == "basic":
            lower, upper = _intervals.basic(draws, estimate, level)
        elif kind == "bca":
            batch = self._left_out
            left_out = of_left_out(batch)[batch.usable]
            left_out = np.where(np.isfinite(left_out), left_out, np.nan)
            lower, upper = _intervals.bca(draws, estimate, left_out, level)
        else:
            lower, upper = _intervals.percentile(draws, level)
        found = Intervals(
            quantity=quantity,
            at=at,
            estimate=estimate,
            lower=lower,
            upper=upper,
            level=level,
            kind=kind,
            scheme=self.scheme.name,
            seed=self.seed,
            num_resamples=self.num_resamples,
            num_failed=num_failed,
        )
        return replace(found, warnings=_report.interval_warnings(self, found))

    def _kind(self, kind: Kind | None) -> Kind:
        if kind is None:
            return "normal" if self.is_jackknife else "percentile"
        if kind not in KINDS:
            raise ValueError(f"kind must be one of {', '.join(KINDS)}, got {kind!r}")
        if self.is_jackknife and kind != "normal":
            raise ValueError(
                f"kind {kind!r} needs random resamples; a jackknife gives standard errors, "
                "kind='normal'"
            )
        return kind

    def _standard_error(self, draws: np.ndarray) -> np.ndarray:
        known = ~np.isnan(draws)
        num = known.sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):  # NaN of less than two draws
            mean = np.where(known, draws, 0.0).sum(axis=0) / num
            squares = np.sum(np.where(known, draws - mean, 0.0) ** 2, axis=0)
            # of a jackknife (n − 1)/n · Σ (· − mean)²: its refits differ little
            spread = squares * (num - 1.0) / num if self.is_jackknife else squares / (num - 1.0)
            return np.sqrt(np.where(num > 1, spread, np.nan))

    def _run_noise(self, of: str, noise: float | None) -> float:
        """Standard deviation of ln loss that a new run adds."""
        if of not in ("mean", "run"):
            raise ValueError(f"of must be 'mean' or 'run', got {of!r}")
        if noise is not None and not 0.0 <= noise < np.inf:
            raise ValueError(f"noise must be finite and not negative, got {noise!r}")
        if of == "mean":
            return 0.0
        return estimate_noise(self.fit.runs).pooled if noise is None else noise

    def _normal_numbers(self, shape: tuple[int, ...]) -> np.ndarray:
        """Numbers of a stream that no resample uses."""
        sequence = np.random.SeedSequence(self.seed, spawn_key=(0, 0))
        return np.random.default_rng(sequence).standard_normal(shape)

    @cached_property
    def _left_out(self) -> BatchFit:
        """Refits with what is drawn together left out in turn, for the acceleration of BCa."""
        setting = Setting.of(self.fit)
        refits = Refits.of(type(self.fit.law), self.fit.runs, self.fit.method)
        by_size = isinstance(self.scheme, ResampleSizes)
        jackknife = JackknifeSizes() if by_size else JackknifeRuns()
        index = np.arange(jackknife.num_draws(setting))
        return refits(weights=jackknife.draw(setting, np.random.default_rng(0), index).weights)
