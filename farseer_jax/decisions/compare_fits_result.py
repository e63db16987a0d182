"""``FitComparison``: two surfaces, where each is better, and by how much compute."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions import compare_fits_text as _text
from farseer_jax.decisions.compared_fits import Sides
from farseer_jax.decisions.compared_points import ComparedPoints
from farseer_jax.decisions.compute_multiplier import ComputeMultipliers
from farseer_jax.decisions.parity import ParityCurve, all_crossings
from farseer_jax.decisions.win_probability import Chances
from farseer_jax.laws.quantities import flat_points, one_positive
from farseer_jax.results.numbers import quantity_text

if TYPE_CHECKING:
    import pandas as pd


_NUM_ALONG = 65

Path = Callable[[np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(frozen=True, eq=False, repr=False)
class FitComparison:
    """Two loss surfaces over one domain (paper App. E, Fig. 15). Prints as a table.

    Attributes:
        sides: A and B: ``sides.a.law``, ``.runs``, ``.bootstrap``.
        N: parameters, ``(size,)``, ascending.
        D: tokens, ``(tokens,)``, ascending.
        loss_a: loss of A, ``(size, tokens)``.
        loss_b: loss of B, ``(size, tokens)``.
        probability: that A has the lower mean loss, ``(size, tokens)``, by two bootstraps; None
            without them.
        chances: what the probability rests on (``chances.kind``, ``chances.note``); None likewise.
        parity: curves along which both losses are equal.
        multipliers: how much less compute A needs for B's loss.
        warnings: what to know before trusting the comparison, worst first.

    Example:
        >>> from farseer_jax import Chinchilla, compare_fits
        >>> a = Chinchilla(E=1.8, A=480.0, B=2000.0, alpha=0.35, beta=0.37)
        >>> b = Chinchilla(E=1.8, A=480.0, B=1000.0, alpha=0.35, beta=0.34)
        >>> found = compare_fits(a, b, N=(1e8, 1e11), D=(1e9, 1e12))
        >>> found.difference.shape, len(found.parity)
        ((33, 33), 1)
        >>> print(f"{found.parity[0].D[0]:.4g}")  # 2 ** (1 / 0.03)
        1.082e+10
    """

    sides: Sides
    N: np.ndarray
    D: np.ndarray
    loss_a: np.ndarray
    loss_b: np.ndarray
    probability: np.ndarray | None
    chances: Chances | None
    parity: tuple[ParityCurve, ...]
    multipliers: ComputeMultipliers
    warnings: tuple[str, ...]

    @property
    def names(self) -> tuple[str, str]:
        """Of A and B."""
        return self.sides.names

    @property
    def difference(self) -> np.ndarray:
        """Δ = (loss A − loss B) / loss B, ``(size, tokens)``: negative where A is better.

        When A and B swap, every sign is reversed, and the size differs by the factor of the losses.
        """
        return (self.loss_a - self.loss_b) / self.loss_b

    @property
    def inside(self) -> np.ndarray:
        """Whether a point lies within the N and D of the runs of both, ``(size, tokens)``."""
        return self.sides.inside(self.N[:, None], self.D)

    @property
    def level(self) -> float | None:
        """Nominal probability of the multipliers' intervals; None without draws."""
        own = self.multipliers.intervals
        return None if own is None else own["optimal"].level

    @property
    def paired(self) -> bool | None:
        """Whether draw i of both is the same resample of the same runs; None without draws."""
        return None if self.chances is None else self.chances.paired

    def at(self, N: ArrayLike, D: ArrayLike) -> ComparedPoints:
        """Both losses at points.

        Args:
            N: parameters; broadcasts with D, and both are read flat.
            D: tokens.

        Raises:
            ValueError: a point is not positive, or a law has no finite loss there.
        """
        nothing = np.empty(0)
        sizes, tokens = flat_points(np.asarray(N, dtype=float), np.asarray(D, dtype=float))
        return self._points("", sizes, tokens, nothing, nothing)

    def line(
        self,
        *,
        N: float | None = None,
        D: float | None = None,
        compute: float | None = None,
        tokens_per_parameter: float | None = None,
    ) -> ComparedPoints:
        """Both losses along a line through the domain, and exactly where it crosses parity.

        Args:
            N: all D at this N.
            D: all N at this D.
            compute: all N at this C = 6 N D, in FLOPs.
            tokens_per_parameter: all N at this D/N.

        Raises:
            ValueError: not exactly one is given, it is not positive, or the line misses the domain.
        """
        given = {
            "N": N, "D": D, "compute": compute, "tokens_per_parameter": tokens_per_parameter,
        }  # fmt: skip
        chosen = {name: value for name, value in given.items() if value is not None}
        if len(chosen) != 1:
            raise ValueError(
                f"line: give one of {', '.join(given)} to keep along it, got {len(chosen)}"
            )
        ((name, value),) = chosen.items()
        held = one_positive(name, value)
        low, high, path, words = self._course(name, held)
        t = np.geomspace(low, high, _NUM_ALONG)
        found = all_crossings(lambda t: self.sides.gap(*path(t)), t)
        return self._points(words, *path(t), *path(found))

    def _course(self, name: str, held: float) -> tuple[float, float, Path, str]:
        """Ends of the line's own coordinate, its N and D, and what it keeps in words."""
        (low_N, high_N), (low_D, high_D) = (
            (float(values[0]), float(values[-1])) for values in (self.N, self.D)
        )
        paths: dict[str, tuple[float, float, Path, str]] = {
            "N": (
                low_D,
                high_D,
                lambda t: (np.full_like(t, held), t),
                f"N = {quantity_text(held)}",
            ),
            "D": (
                low_N,
                high_N,
                lambda t: (t, np.full_like(t, held)),
                f"D = {quantity_text(held)}",
            ),
            "compute": (
                max(low_N, held / (6.0 * high_D)),
                min(high_N, held / (6.0 * low_D)),
                lambda t: (t, held / (6.0 * t)),
                f"C = {held:.3g} FLOPs",
            ),
            "tokens_per_parameter": (
                max(low_N, low_D / held),
                min(high_N, high_D / held),
                lambda t: (t, held * t),
                f"D/N = {held:.3g}",
            ),
        }
        low, high, path, words = paths[name]
        if not low < high:
            raise ValueError(
                f"line: {name}={held:g} has no extent in the domain, N from {low_N:.3g} to "
                f"{high_N:.3g} and D from {low_D:.3g} to {high_D:.3g}; compare over a wider one"
            )
        return low, high, path, words

    def _points(
        self,
        along: str,
        N: np.ndarray,
        D: np.ndarray,
        parity_N: np.ndarray,
        parity_D: np.ndarray,
    ) -> ComparedPoints:
        loss_a, loss_b = self.sides.losses(N, D)
        refuse_not_finite(self.sides, N, D, loss_a, loss_b)
        return ComparedPoints(
            names=self.names,
            along=along,
            N=N,
            D=D,
            loss_a=loss_a,
            loss_b=loss_b,
            inside=self.sides.inside(N, D),
            probability=None if self.chances is None else self.chances.at(N, D),
            parity_N=parity_N,
            parity_D=parity_D,
        )

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain numbers, for JSON; what does not exist is None."""
        found = self.multipliers
        return {
            "names": list(self.names),
            "laws": [self.sides.a.law.name, self.sides.b.law.name],
            "N": self.N.tolist(),
            "D": self.D.tolist(),
            "loss_a": self.loss_a.tolist(),
            "loss_b": self.loss_b.tolist(),
            "difference": self.difference.tolist(),
            "inside": self.inside.tolist(),
            "probability": None if self.probability is None else self.probability.tolist(),
            "probability_kind": None if self.chances is None else self.chances.kind,
            "probability_note": None if self.chances is None else self.chances.note,
            "paired": self.paired,
            "parity": [{"N": c.N.tolist(), "D": c.D.tolist()} for c in self.parity],
            "tokens_per_parameter": found.tokens_per_parameter,
            "multipliers": found.rows(),
            "level": self.level,
            "parity_compute": found.parity.tolist(),
            "warnings": list(self.warnings),
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per point of the domain."""
        return self.at(*np.meshgrid(self.N, self.D, indexing="ij")).to_dataframe()

    def __str__(self) -> str:
        return _text.text(self)

    def __repr__(self) -> str:
        low, high = self.difference.min(), self.difference.max()
        a, b = self.names
        return f"FitComparison({a} against {b}, difference {low:+.2%} to {high:+.2%})"


def refuse_not_finite(
    sides: Sides, N: np.ndarray, D: np.ndarray, loss_a: np.ndarray, loss_b: np.ndarray
) -> None:
    """Refuse points at which a law has no loss.

    Raises:
        ValueError: which law, and where first.
    """
    N, D = np.broadcast_arrays(N, D)
    for side, loss in ((sides.a, loss_a), (sides.b, loss_b)):
        bad = ~(np.isfinite(loss) & (loss > 0))
        if bad.any():
            raise ValueError(
                f"N and D: the law of {side.name} ({side.law.name}) has no finite positive loss at "
                f"N={N[bad][0]:g}, D={D[bad][0]:g} and {bad.sum() - 1} more of {bad.size} points: "
                "choose a narrower domain"
            )
