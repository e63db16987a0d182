"""The stages as a chain of closed forms and stationary exponents, for derivatives.

Where the kernel searches an exponent, the chain takes the one found as the root of its condition:
its value is the kernel's, polished, and its derivatives are exact.

losses, weights → own: what each size gives by itself → curves that join the sizes
"""

from typing import TYPE_CHECKING, NamedTuple

import jax.numpy as jnp

from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.stretched_exponential import box_cox
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.kernel import Curves
from farseer_jax.methods.piecewise.stage1 import difference, estimate_sizes, gather, keep_live_sizes
from farseer_jax.methods.piecewise.stage2 import Curve, candidate_lines, fit_curve
from farseer_jax.solvers import search as _search
from farseer_jax.solvers.linear_regression import (
    Line,
    LinePoints,
    fit_line,
    line_points,
    mean_weight,
    safe_divide,
)
from farseer_jax.solvers.search import Errors, Standing
from farseer_jax.types import (
    Array,
    Candidates,
    Pairs,
    PerSizeCandidate,
    RunValues,
    Sizes,
    Slots,
)

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise


class Own(NamedTuple):
    """What each size's runs give by themselves; all floats.

    Attributes:
        log_A: Stage 1's ``ln A_N``.
        log_B: Stage 1's ``ln B_N``.
        weight: of the size in Stage 2's lines; 0 where it takes no part.
        R: differences of neighbouring D.
        pair_weight: theirs; 0 where the pair or its size takes no part.
        loss: per slot.
        share: of a slot in its size, of sum 1 over the slots.
        weight_U: of the size in Stage 3's line.
    """

    log_A: Sizes
    log_B: Sizes
    weight: Sizes
    R: Pairs
    pair_weight: Pairs
    loss: Slots
    share: Slots
    weight_U: Sizes


class Exponents(NamedTuple):
    """Of all searches.

    Attributes:
        data: of Stage 2, ``(search,)``: α of each round, then β of the start and of each round; of
            the joint minimum α and β.
        size: of Stage 3: γ, ``(1,)``.
    """

    data: Array
    size: Array


class Standings(NamedTuple):
    """How their minima stand."""

    data: Standing
    size: Standing


def own(design: Design, losses: RunValues, weights: RunValues, min_pairs: int) -> Own:
    """All that does not join sizes: a run's removal changes one row of it."""
    runs = gather(design, losses, weights)
    pairs = difference(design, runs)
    sizes = estimate_sizes(pairs, min_pairs, unroll=True)
    return Own(
        log_A=sizes.log_A,
        log_B=sizes.log_B,
        weight=sizes.weight,
        R=pairs.R,
        pair_weight=keep_live_sizes(pairs, sizes).weight,
        loss=runs.loss,
        share=safe_divide(runs.weight, jnp.sum(runs.weight, axis=1, keepdims=True)),
        weight_U=mean_weight(runs.weight, axis=1),
    )


class Chain:
    """Stages 2 and 3 between exponents and the law; closed over, never transformed.

    The searches of all rounds are columns of the same arrays: one graph serves them all, which
    compiles several times faster than one for each.

    Args:
        design: layout of the runs.
        own: what each size gives.
        options: static.
    """

    def __init__(self, design: Design, own: Own, options: "Piecewise") -> None:
        N, pivot, self.log_D = (
            jnp.asarray(x, own.loss.dtype) for x in (design.N, design.log_pivot, design.log_D)
        )
        self.z, self.own = jnp.log(N) - pivot, own
        self.absolute = options.criterion == "relative"
        self.joint = options.rounds == "joint"
        self.num_alpha = options.rounds if isinstance(options.rounds, int) else 1
        self.searches = options.searches(Farseer)
        ordinates = [own.log_A] * self.num_alpha + [own.log_B] * self.num_beta
        self.points = line_points(jnp.stack(ordinates, axis=1), own.weight[:, None])

    @property
    def num_beta(self) -> int:
        """Searches of β: one more, at the start, unless both are searched jointly."""
        return self.num_alpha + (not self.joint)

    def curves(self, at: Exponents) -> Curves:
        """The law's curves: of the last α and β, and γ."""
        line = _lines(self.z, self.points, at.data)
        data = Curve(line.intercept, line.slope, at.data)
        A, B = (Curve(*(leaf[i] for leaf in data)) for i in (self.num_alpha - 1, -1))
        points, _ = self._points_of_G(at)
        U = fit_curve(self.z, points, at.size[0])
        return Curves(A=A, B=B, U=U)

    def standing(self, found: Exponents) -> Standings:
        """How the minima stand where the searches have ended."""
        parts = zip(found, self._errors(found), self.searches, strict=True)
        return Standings(*(_search.standing(*part, absolute=self.absolute) for part in parts))

    def conditions(self, where: Standings, at: Exponents) -> Array:
        """What vanishes at the minima, ``(search,)``: of Stage 2, then of Stage 3."""
        parts = zip(where, at, self._errors(at), strict=True)
        return jnp.concatenate(
            [_search.conditions(*part, absolute=self.absolute) for part in parts]
        )

    def _errors(self, at: Exponents) -> tuple[Errors, Errors]:
        """What the searches minimise, each in its own exponent, all others held."""
        held_A, held_B = self._A_and_log_B(at.data)

        def of_pairs(exponents: Candidates) -> Array:
            A, log_B = self._A_and_log_B(exponents)
            return self._of_pairs(
                jnp.concatenate([A, self._beside_beta(held_A)], axis=1),
                jnp.concatenate([self._beside_alpha(held_B), log_B], axis=1),
            )

        points, log_G = self._points_of_G(at)

        def of_sizes(gamma: Candidates) -> PerSizeCandidate:
            deviation = candidate_lines(self.z, points, gamma)[0] - log_G[:, None]
            return jnp.expm1(deviation) if self.absolute else deviation

        return (
            _search.errors_at(of_pairs, at.data, self.own.pair_weight.reshape(-1, 1)),
            _search.errors_at(of_sizes, at.size, points.weights[:, None]),
        )

    def _A_and_log_B(self, exponents: Candidates) -> tuple[PerSizeCandidate, PerSizeCandidate]:
        """Of the searches of α and of β."""
        line = _lines(self.z, self.points, exponents)
        values = line(box_cox(self.z[:, None], exponents))
        return jnp.exp(values[:, : self.num_alpha]), values[:, self.num_alpha :]

    def _beside_beta(self, A: PerSizeCandidate) -> PerSizeCandidate:
        """A(N) that each search of β has beside it: at the start Stage 1's own."""
        start = jnp.exp(self.own.log_A)[:, None]
        return A if self.joint else jnp.concatenate([start, A], axis=1)

    def _beside_alpha(self, log_B: PerSizeCandidate) -> PerSizeCandidate:
        """``ln B(N)`` that each search of α has beside it: of the round before."""
        return log_B if self.joint else log_B[:, :-1]

    def _of_pairs(self, A: PerSizeCandidate, log_B: PerSizeCandidate) -> Array:
        """Errors of the differences, ``(size · pair, search)``."""
        R = self.own.R[:, :, None]
        term = jnp.exp(log_B[:, None] - A[:, None] * self.log_D[:, :, None])
        error = term[:, :-1] - term[:, 1:] - R
        return (error / R if self.absolute else error).reshape(-1, A.shape[1])

    def _points_of_G(self, at: Exponents) -> tuple[LinePoints, Sizes]:
        """``ln`` of what the last α's and β's data term leaves of each size (Eq. 12)."""
        A, log_B = (values[:, -1:] for values in self._A_and_log_B(at.data))
        data_term = jnp.exp(log_B - A * self.log_D)
        return size_points(self.own, data_term)


def size_points(own: Own, data_term: Slots) -> tuple[LinePoints, Sizes]:
    """Points of Stage 3's line, and their ordinates ``ln G``."""
    G = jnp.sum(own.share * (own.loss - data_term), axis=1)
    usable = (own.weight_U > 0) & (G > 0)
    log_G = jnp.log(jnp.where(usable, G, 1.0))
    return line_points(log_G, jnp.where(usable, own.weight_U, 0.0)), log_G


def _lines(z: Sizes, points: LinePoints, exponents: Candidates) -> Line:
    return fit_line(points, box_cox(z[:, None], exponents))
