"""``FitComparison``: where each of two fitted surfaces is better, and by how much compute."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.decisions.compared_fits import FitPair
from farseer_jax.decisions.compared_points import ComparedPoints, course
from farseer_jax.decisions.comparison_warnings import rising
from farseer_jax.decisions.compute_multipliers import ComputeMultipliers
from farseer_jax.decisions.parity_curves import ParityCurve, all_crossings
from farseer_jax.decisions.win_probability import WinProbability
from farseer_jax.laws.quantities import flat_points, one_positive
from farseer_jax.results.numbers import capitalised, quantity_text
from farseer_jax.results.result import Result, warned
from farseer_jax.results.table import Column, Table, evenly

_NUM_ALONG = 65
_NUM_SHOWN = 5  # values of N and of D
_NONE = "–"
_OUTSIDE = "; ( ) outside the runs of one or both"
_ONE_WINNER = "; – the winner is the same at every D"


@dataclass(frozen=True, eq=False, repr=False)
class FitComparison(Result):
    """Two loss surfaces over one domain (paper App. E, Fig. 15). Prints as a table.

    Attributes:
        fits: A and B: ``fits.a.law``, ``.runs``, ``.bootstrap``.
        N: parameters, ``(size,)``, ascending.
        D: tokens, ``(tokens,)``, ascending.
        loss_a: loss of A, ``(size, tokens)``.
        loss_b: loss of B, ``(size, tokens)``.
        probability: probability that A has the lower mean loss, ``(size, tokens)``, by two
            bootstraps; None without them.
        chances: how the probability was found (``chances.kind``, ``chances.note``); None without
            two bootstraps.
        parity: curves along which both losses are equal.
        multipliers: how much less compute A needs for B's loss.
        contradictions: where the fits contradict the runs; printed first.
        warnings: what to know before trusting the comparison, contradictions first.

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

    fits: FitPair
    N: np.ndarray
    D: np.ndarray
    loss_a: np.ndarray
    loss_b: np.ndarray
    probability: np.ndarray | None
    chances: WinProbability | None
    parity: tuple[ParityCurve, ...]
    multipliers: ComputeMultipliers
    contradictions: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def names(self) -> tuple[str, str]:
        """Names of A and B."""
        return self.fits.names

    @property
    def difference(self) -> np.ndarray:
        """Δ = (loss A − loss B) / loss B, ``(size, tokens)``: negative where A is better.

        When A and B swap, every sign is reversed, and the size changes by the ratio of the losses.
        """
        return (self.loss_a - self.loss_b) / self.loss_b

    @property
    def inside(self) -> np.ndarray:
        """Whether a point lies within the N and D of the runs of both, ``(size, tokens)``."""
        return self.fits.inside(self.N[:, None], self.D)

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
        sizes, tokens = flat_points(np.asarray(N, dtype=float), np.asarray(D, dtype=float))
        return self._points(sizes, tokens)

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
            N: take all D at this N.
            D: take all N at this D.
            compute: take all N at this C = 6 N D, in FLOPs.
            tokens_per_parameter: take all N at this D/N.

        Raises:
            ValueError: not exactly one argument is given, its value is not positive, or the line
                misses the domain.
        """
        values = {
            "N": N, "D": D, "compute": compute, "tokens_per_parameter": tokens_per_parameter,
        }  # fmt: skip
        chosen = {name: value for name, value in values.items() if value is not None}
        if len(chosen) != 1:
            raise ValueError(
                f"line: expected exactly one of {', '.join(values)}, fixed along it; "
                f"got {len(chosen)}"
            )
        ((name, value),) = chosen.items()
        kept = one_positive(name, value)
        ends = ((float(axis[0]), float(axis[-1])) for axis in (self.N, self.D))
        low, high, path, along = course(name, kept, *ends)
        t = np.geomspace(low, high, _NUM_ALONG)
        found = all_crossings(lambda t: self.fits.gap(*path(t)), t)
        parity_N, parity_D = path(found)
        return replace(self._points(*path(t)), along=along, parity_N=parity_N, parity_D=parity_D)

    def _points(self, N: np.ndarray, D: np.ndarray) -> ComparedPoints:
        loss_a, loss_b = self.fits.losses(N, D)
        self.fits.check_finite(N, D, loss_a, loss_b)
        return ComparedPoints(
            names=self.names,
            N=N,
            D=D,
            loss_a=loss_a,
            loss_b=loss_b,
            inside=self.fits.inside(N, D),
            probability=None if self.chances is None else self.chances.at(N, D),
            warnings=rising(self.fits, N, D),
        )

    def table(self) -> Table:
        """One row per point of the domain."""
        N, D = np.meshgrid(self.N, self.D, indexing="ij")
        points = ComparedPoints(
            names=self.names,
            N=N.ravel(),
            D=D.ravel(),
            loss_a=self.loss_a.ravel(),
            loss_b=self.loss_b.ravel(),
            inside=self.inside.ravel(),
            probability=None if self.probability is None else self.probability.ravel(),
        )
        return points.table()

    def to_dict(self) -> dict[str, Any]:
        """All of it in plain numbers, for JSON; missing values are None."""
        found = self.multipliers
        return {
            "names": list(self.names),
            "laws": [self.fits.a.law.name, self.fits.b.law.name],
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
            "multipliers": found.table().records(),
            "level": self.level,
            "parity_compute": found.parity.tolist(),
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The difference at a few N and D, where the winner changes, and compute saved."""
        a, b = self.names
        laws = [capitalised(one.law.name) for one in (self.fits.a, self.fits.b)]
        kinds = laws[0] if laws[0] == laws[1] else f"{laws[0]} and {laws[1]}"
        is_inside = bool(self.inside.all())
        shown, has_dash = self._map()
        legend = f"negative: {a} is better" + ("" if is_inside else _OUTSIDE)
        first = [warned("", self.contradictions).strip()] if self.contradictions else []
        parts: list[str | Table] = [
            *first,
            f"{a} against {b} ({kinds}): (loss {a} − loss {b}) / loss {b}",
            shown,
            legend + _ONE_WINNER * has_dash,
        ]
        if self.chances is not None and self.probability is not None:
            parts.append(f"probability that {a} is better: {self.chances.note}")
            parts.append(self._some_of("{:.1%}".format, self.probability))
        # the legend explains parentheses once
        multipliers, explained = self.multipliers.text_parts(tell_outside=is_inside)
        others = self.warnings[len(self.contradictions) :]
        return (*parts, self._winner(), multipliers, warned(explained, others))

    def _map(self) -> tuple[Table, bool]:
        """The difference at a few N and D, and the D at which each of these N changes its winner.

        Also whether the winner never changes at one of them, which is shown as a dash.
        """
        pad = "" if self.inside.all() else " "
        cells = np.array([f"{value:+.2%}" for value in self.difference.ravel()], dtype=object)
        inside = self.inside.ravel()
        cells = np.where(inside, cells + pad, "(" + cells + ")").reshape(self.difference.shape)
        shown = self._some_of(str, cells)
        if len(self.D) == 1:
            return shown, False
        equal = [self._equal_at(N) for N in self.N[evenly(len(self.N), _NUM_SHOWN)]]
        return Table([*shown.columns, Column("equal at D", equal)]), _NONE in equal

    def _some_of(self, write: Callable[[Any], str], values: np.ndarray) -> Table:
        """Values ``(size, tokens)`` at a few N, one row each, and D."""
        i, j = (evenly(len(axis), _NUM_SHOWN) for axis in (self.N, self.D))
        columns = [Column(quantity_text(self.D[k]), values[i, k], write) for k in j]
        return Table([Column("N \\ D", self.N[i], quantity_text), *columns])

    def _equal_at(self, N: float) -> str:
        D = all_crossings(lambda t: self.fits.gap(np.full_like(t, N), t), self.D)
        return ", ".join(quantity_text(value) for value in D) or _NONE

    def _winner(self) -> str:
        a, b = self.names
        gap = self.loss_a - self.loss_b
        if (gap == 0).all():
            return "Both are equal everywhere."
        ahead = float((gap < 0).mean())
        if ahead in (0.0, 1.0) and not (gap == 0).any():
            return f"{a if ahead else b} is better everywhere in this domain."
        num = len(self.parity)
        curves = f"; the winner changes along {num} curve{'s'[: num != 1]}" if num else ""
        return f"{a} is better in {ahead:.0%} of this domain (by ln N and ln D){curves}."

    def __repr__(self) -> str:
        low, high = self.difference.min(), self.difference.max()
        a, b = self.names
        return f"FitComparison({a} against {b}, difference {low:+.2%} to {high:+.2%})"
