"""The two fits of a comparison: a law each, with its runs and refits if there are any."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import shown
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.law import Law, require_N_and_D
from farseer_jax.runs.coverage import beyond_runs
from farseer_jax.runs.runs import Runs
from farseer_jax.uncertainty.bootstrap_result import Bootstrap


@dataclass(frozen=True, eq=False)
class ComparedFit:
    """One of the two fits.

    Attributes:
        name: its name in reports.
        law: the fitted law.
        fit: the fit; None for a law without a fit.
        bootstrap: its refits; None without them.
    """

    name: str
    law: Law
    fit: Fit | None = None
    bootstrap: Bootstrap | None = None

    @property
    def runs(self) -> Runs | None:
        """The fitted runs; None for a law without a fit."""
        return None if self.fit is None else self.fit.runs

    def holds(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """Whether points lie inside the convex hull of the runs; without runs, all."""
        N, D = np.broadcast_arrays(N, D)
        if self.runs is None:
            return np.ones(N.shape, dtype=bool)
        return ~beyond_runs(self.runs, {"N": N.ravel(), "D": D.ravel()}).reshape(N.shape)


@dataclass(frozen=True, eq=False)
class FitPair:
    """Both fits, A first."""

    a: ComparedFit
    b: ComparedFit

    @property
    def names(self) -> tuple[str, str]:
        """Names of A and B."""
        return self.a.name, self.b.name

    def losses(self, N: np.ndarray, D: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Losses of A and of B, in the broadcast shape of N and D."""
        return evaluate(self.a.law, N, D), evaluate(self.b.law, N, D)

    def gap(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """Loss of A minus loss of B; exactly its negative when A and B swap."""
        loss_a, loss_b = self.losses(N, D)
        return loss_a - loss_b

    def inside(self, N: np.ndarray, D: np.ndarray) -> np.ndarray:
        """Whether points lie within the runs of both; a law without runs has no limits."""
        return self.a.holds(N, D) & self.b.holds(N, D)

    def check_finite(
        self, N: np.ndarray, D: np.ndarray, loss_a: np.ndarray, loss_b: np.ndarray
    ) -> None:
        """Check that both laws have finite losses.

        Raises:
            ValueError: a loss is not finite and positive; the message says of which law and where.
        """
        N, D = np.broadcast_arrays(N, D)
        for one, loss in ((self.a, loss_a), (self.b, loss_b)):
            bad = ~(np.isfinite(loss) & (loss > 0))
            if bad.any():
                raise ValueError(
                    f"N and D: the law of {one.name} ({one.law.name}) has no finite positive loss "
                    f"at N={N[bad][0]:g}, D={D[bad][0]:g} and {bad.sum() - 1} more of {bad.size} "
                    "points: choose a narrower domain"
                )


def checked_names(names: Sequence[str]) -> tuple[str, str]:
    """Names of A and B.

    Raises:
        ValueError: they are not two different names.
    """
    match [] if isinstance(names, str) else list(names):
        case [str(a), str(b)] if a.strip() and b.strip() and a != b:
            return a, b
    raise ValueError(f'names: expected two different names, such as ("old", "new"), got {names!r}')


def compared_fit(source: object, argument: str, name: str) -> ComparedFit:
    """An argument of a comparison.

    Raises:
        TypeError: it is not a fit, a law or a bootstrap.
        ValueError: a law over other inputs than N and D, a stack of laws, or a bootstrap without
            draws.
    """
    compared = _compared_fit(source, argument, name)
    require_N_and_D(f"compare_fits ({argument})", type(compared.law))
    return compared


def _compared_fit(source: object, argument: str, name: str) -> ComparedFit:
    if isinstance(source, Bootstrap):
        if source.is_jackknife:
            raise ValueError(
                f"{argument}: a jackknife has no draws, which probabilities need; use another "
                "scheme, such as 'sizes', or compare the fits"
            )
        return ComparedFit(name, source.fit.law, source.fit, source)
    if isinstance(source, Fit):
        return ComparedFit(name, source.law, source)
    if isinstance(source, Law):
        if np.ndim(source.to_vector()) > 1:
            raise ValueError(f"{argument}: expected one law, got a stack of them")
        return ComparedFit(name, source)
    raise TypeError(
        f"{argument}: expected a Fit, a law such as `Farseer.published()` or a Bootstrap, "
        f"got {shown(source)}"
    )
