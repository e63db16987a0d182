"""The piecewise fit of Farseer as a function that JAX differentiates."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.laws.catalogue.stretched_exponential import StretchedExponential, box_cox
from farseer_jax.laws.law import Law
from farseer_jax.methods.derivatives import (
    NoDerivativeError,
    Refit,
    Response,
    Sensitivity,
    no_derivative_at_zero,
)
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.design import Design
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.methods.piecewise.kernel import PiecewiseSolution, solve_gathered
from farseer_jax.methods.piecewise.layout import Layout, RunPlaces, gather_padded, layout_of
from farseer_jax.methods.piecewise.on_law import sensitivities
from farseer_jax.methods.piecewise.stage1 import (
    Gathered,
    difference,
    estimate_sizes,
    gather,
    keep_live_sizes,
)
from farseer_jax.methods.piecewise.stage3 import remainder
from farseer_jax.methods.searched_exponents import Evidence, Found, SearchedRefit, refuse_grids
from farseer_jax.solvers.linear_regression import Line, LinePoints, fit_line, line_points
from farseer_jax.solvers.search import Errors, Search
from farseer_jax.types import Array, Candidates, PerSizeCandidate, RunValues, Slots

if TYPE_CHECKING:
    from farseer_jax.methods.piecewise.method import Piecewise

GRID_REMEDY = "use the method's own search, Piecewise(search=None), or a Refined(…)"


class PiecewiseRefit(Refit):
    """The runs averaged into slots, and a refit of these.

    Attributes:
        design: layout of the runs.
        slots: the fit as a function of the losses and weights of slots, ``(size, slot)``.
    """

    design: Design
    slots: Any

    def __call__(self, losses: RunValues, weights: RunValues) -> Law:
        """The law fitted to the runs' averages."""
        return self.slots(*gather(self.design, losses, no_derivative_at_zero(weights)))

    def check(self, losses: np.ndarray, weights: np.ndarray, evidence: Any) -> None:
        """Refuse minima without a derivative."""
        self.slots.check(losses, weights, evidence)

    def respond(
        self, losses: np.ndarray, weights: np.ndarray, *, by_weights: bool = False
    ) -> Response:
        """As for slots, padded, so that tables of one shape share a compilation."""
        padded, runs = self._padded(losses, weights)
        of_slots = padded.respond(runs.loss, runs.weight, by_weights=by_weights)
        places = RunPlaces.of(self.design, losses, weights)
        by = of_slots.by_losses, of_slots.by_weights
        return of_slots._replace(
            by_losses=jax.tree.map(places.by_losses, by[0]),
            by_weights=jax.tree.map(places.by_weights, *by) if by_weights else None,
        )

    def sensitivity(
        self, functions: Callable[[Law], Array], losses: RunValues, weights: RunValues
    ) -> Sensitivity:
        """As for slots, where the fit's searches ended."""
        slots, pull = jax.vjp(lambda losses: gather(self.design, losses, weights), losses)
        found = self.slots.sensitivity(functions, *slots)
        none = jnp.zeros_like(slots.weight)
        (by_losses,) = jax.vmap(lambda own: pull(Gathered(own, none)))(found.by_losses)
        share = jnp.asarray(self.design.run_share) * found.taking_part[:, :, None]
        taking_part = jnp.zeros_like(losses).at[self.design.run_index].add(share) > 0
        return Sensitivity(by_losses, (weights > 0) & taking_part, found.evidence)

    def holds(self, evidence: Evidence) -> Array:
        """Whether every minimum has the derivative that its condition gives."""
        return self.slots.holds(evidence)

    def _padded(self, losses: np.ndarray, weights: np.ndarray) -> tuple[Any, Any]:
        layout = layout_of(self.design)
        slots: Any = eqx.tree_at(lambda own: own.layout, self.slots, layout)
        return slots, gather_padded(self.design, layout, losses, weights)


class OnLawRefit(PiecewiseRefit):
    """The refit where the losses lie on a Farseer law, by squares and in rounds: in closed form.

    Attributes:
        law: the law on which they lie.
    """

    law: Farseer

    def respond(
        self, losses: np.ndarray, weights: np.ndarray, *, by_weights: bool = False
    ) -> Response:
        """Without a compilation; the law does not depend on the weights, as all runs lie on it."""
        gradients = np.eye(9).reshape(9, 3, 3)
        found, _ = self._on_law(gradients, losses, weights[None])
        evidence = jax.tree.map(lambda leaf: leaf[0], found.evidence)
        self.check(losses, weights, evidence)
        by_losses = _laws_of(found.by_losses[0])
        none = jax.tree.map(np.zeros_like, by_losses) if by_weights else None
        return Response(self.law, by_losses, none, evidence)

    def _on_law(
        self, gradients: np.ndarray, losses: np.ndarray, weights: np.ndarray
    ) -> tuple[Sensitivity, np.ndarray]:
        layout, options = self.slots.layout, self.slots.options
        every = np.broadcast_to(losses, weights.shape)
        slots: Any = gather_padded(self.design, layout, every, weights)
        found = sensitivities(
            layout,
            self.law,
            np.moveaxis(slots.weight, -1, 0),
            gradients,
            min_pairs=options.min_pairs,
            rounds=options.rounds,
        )
        places = RunPlaces.of(self.design, losses, weights)
        evidence = self._evidence(found.curvature)
        of_runs = Sensitivity(
            by_losses=places.of_slots(found.by_losses) * places.loss_by_loss[:, None],
            taking_part=found.live[:, places.size] & (weights > 0),
            evidence=evidence,
        )
        return of_runs, evidence.holds.all(axis=1)

    def _evidence(self, curvature: np.ndarray) -> Evidence:
        """The evidence of all searches, from the curvatures of those of α, β and γ."""
        exponents, (search, search_U) = self.slots.found.exponents, self.slots.searches
        searches = [*[search] * (len(exponents) - 1), search_U]
        strict = [
            own.lower + own.edge_margin < exponent < own.upper - own.edge_margin
            for exponent, own in zip(exponents, searches, strict=True)
        ]
        hessian = curvature[:, ["αβγ".index(name[0]) for name in self.slots.names]]
        return Evidence(np.zeros_like(hessian), hessian, np.broadcast_to(strict, hessian.shape))


def _laws_of(derivatives: np.ndarray) -> Farseer:
    """Derivatives ``(level, slope and exponent of A, B and U, …)`` as laws; pivots are constant."""
    rows = derivatives.reshape(3, 3, *derivatives.shape[1:])
    curves = [StretchedExponential(row[0], row[1], row[2], np.zeros_like(row[0])) for row in rows]
    return Farseer(**dict(zip("ABU", curves, strict=True)))


class SlotsRefit(SearchedRefit):
    """A law's fit as a function of the losses and weights of slots.

    Attributes:
        layout: layout of the slots.
        found: where the searches ended.
        options: settings.
    """

    law_type: ClassVar[type[Law]]

    layout: Layout
    found: Found
    options: "Piecewise" = eqx.field(static=True)

    @property
    def searches(self) -> Sequence[Search]:
        """The searches of the data term and of the size term."""
        return self.options.searches(self.law_type)

    @property
    def absolute(self) -> bool:
        """Whether the criterion is the relative one."""
        return self.options.criterion == "relative"


class FarseerRefit(SlotsRefit):
    """Farseer's fit.

    Attributes:
        found: α of each round, β of the start and of each round (of the joint minimum α and β),
            then γ.
    """

    law_type: ClassVar[type[Law]] = Farseer

    @property
    def names(self) -> list[str]:
        """Each exponent and its round."""
        if self.options.rounds == "joint":
            return ["α", "β", "γ"]
        rounds = [f"of round {k + 1}" for k in range(self.options.rounds)]
        alphas, betas = ([f"{name} {own}" for own in rounds] for name in "αβ")
        return [*alphas, "β at the start", *betas, "γ"]

    def search(self, losses: Slots, weights: Slots) -> tuple[Found, Array]:
        """The kernel's searches."""
        solution = solve_gathered(self.layout, Gathered(losses, weights), self.options)
        usable = jnp.isin(solution.outcome, jnp.asarray(Outcome.usable_codes()))
        return Found(exponents(solution, self.options)), usable

    def stages(self, losses: Slots, weights: Slots, floor: Any) -> "FarseerStages":
        """Stages 2 and 3, from Stage 1's estimates of each size."""
        del floor
        return FarseerStages(self.layout, Gathered(losses, weights), self.options)


class FarseerStages:
    """Stages 2 and 3 between exponents and law; closed over, never passed to a transformation.

    The searches of all rounds are columns of the same arrays: one graph for all compiles several
    times faster than one for each.

    Args:
        layout: layout of the slots.
        runs: losses and weights.
        options: static.
    """

    def __init__(self, layout: Layout, runs: Gathered, options: "Piecewise") -> None:
        N, self.pivot = (jnp.asarray(x, runs.loss.dtype) for x in (layout.N, layout.log_pivot))
        self.z, self.runs = jnp.log(N) - self.pivot, runs
        pairs = difference(layout, runs)
        self.sizes = estimate_sizes(pairs, options.min_pairs)
        self.pairs = keep_live_sizes(pairs, self.sizes)
        self.absolute = options.criterion == "relative"
        self.joint = options.rounds == "joint"
        self.num_alpha = options.rounds if isinstance(options.rounds, int) else 1
        # β has one more search, at the start, unless both are searched jointly
        num_beta = self.num_alpha + (not self.joint)
        ordinates = [self.sizes.log_A] * self.num_alpha + [self.sizes.log_B] * num_beta
        self.points = line_points(jnp.stack(ordinates, axis=1), self.sizes.weight[:, None])

    @property
    def taking_part(self) -> Array:
        """Slots of sizes that Stage 2 uses."""
        return jnp.broadcast_to(self.sizes.live[:, None], self.runs.loss.shape)

    def at(self, exponents: Array) -> tuple[list[Errors], Farseer]:
        """The errors of Stage 2 and of Stage 3, and the law."""
        data, gamma = exponents[:-1], exponents[-1:]
        values, slopes, line = self._lines(self.points, data)
        is_alpha = np.arange(len(data)) < self.num_alpha
        own = jnp.where(is_alpha, slopes, 0.0), jnp.where(is_alpha, 0.0, slopes)
        error, slope, term = jax.jvp(self._of_pairs, self._beside(values), own, has_aux=True)
        weight = self.pairs.weight.reshape(-1, 1)
        points, log_G = self._points_of_G(term[..., -1])
        U, U_slope, U_line = self._lines(points, gamma)
        deviation = U - log_G
        if self.absolute:
            deviation, U_slope = jnp.expm1(deviation), jnp.exp(deviation) * U_slope
        errors = [Errors(error, slope, weight), Errors(deviation, U_slope, points.weights)]
        law = Farseer(
            A=self._curve(line, data, self.num_alpha - 1),
            B=self._curve(line, data, -1),
            U=self._curve(U_line, gamma, 0),
        )
        return errors, law

    def _lines(
        self, points: LinePoints, exponents: Candidates
    ) -> tuple[PerSizeCandidate, PerSizeCandidate, Line]:
        """Values of each search's line at the sizes, their slopes in the exponent, and the line."""

        def lines(exponents: Candidates) -> tuple[PerSizeCandidate, Line]:
            h = box_cox(self.z[:, None], exponents)
            line = fit_line(points, h)
            return line(h), line

        return jax.jvp(lines, (exponents,), (jnp.ones_like(exponents),), has_aux=True)

    def _beside(self, values: PerSizeCandidate) -> tuple[PerSizeCandidate, PerSizeCandidate]:
        """``ln A(N)`` and ``ln B(N)`` of each search: its own curve and the fixed one.

        A search of α fixes B(N) of the round before; one of β fixes A(N) of its round, at the start
        Stage 1's.
        """
        log_A, log_B = values[:, : self.num_alpha], values[:, self.num_alpha :]
        if self.joint:
            return jnp.concatenate([log_A, log_A], axis=1), jnp.concatenate([log_B, log_B], axis=1)
        first = self.sizes.log_A[:, None]
        return (
            jnp.concatenate([log_A, first, log_A], axis=1),
            jnp.concatenate([log_B[:, :-1], log_B], axis=1),
        )

    def _of_pairs(self, log_A: PerSizeCandidate, log_B: PerSizeCandidate) -> tuple[Array, Array]:
        """Errors of the differences, ``(size · pair, search)``, and ``B · D^−A`` of the slots."""
        R, A = self.pairs.R[:, :, None], jnp.exp(log_A)
        term = jnp.exp(log_B[:, None] - A[:, None] * self.pairs.log_D[:, :, None])
        error = term[:, :-1] - term[:, 1:] - R
        return (error / R if self.absolute else error).reshape(-1, A.shape[1]), term

    def _points_of_G(self, data_term: Slots) -> tuple[LinePoints, Array]:
        """``ln`` of what the last data term leaves of each size (Eq. 12)."""
        left = remainder(self.runs, data_term)
        log_G = jnp.log(jnp.where(left.usable, left.G, 1.0))
        return line_points(log_G[:, None], left.weight[:, None]), log_G[:, None]

    def _curve(self, line: Line, exponents: Array, index: int) -> StretchedExponential:
        level, slope, exponent = (x[index] for x in (line.intercept, line.slope, exponents))
        return StretchedExponential(level, slope, exponent, jnp.exp(self.pivot))


def build_refit(
    options: "Piecewise", design: Design, law: Farseer, found: Diagnostics | None
) -> PiecewiseRefit:
    """The function that gave a fit; without diagnostics, the one that recovers a law.

    Without diagnostics the losses lie on the law: every search of every round then ends at the
    law's own exponent, whichever runs have weight.

    Raises:
        NoDerivativeError: an exponent was searched on a grid, or both jointly by absolute errors.
    """
    refuse_grids(options.searches(Farseer), GRID_REMEDY)
    joint = options.rounds == "joint"
    if joint and options.criterion == "relative":
        raise NoDerivativeError(
            'the joint minimum by the relative criterion (rounds="joint") lies where two errors '
            "vanish, and has no derivative here: take rounds=2, or the squared criterion"
        )
    at = Found(_of_law(options, law) if found is None else _of_report(found, law, joint))
    build: Any = FarseerRefit
    slots = build(Layout.of(design), at, options)
    if found is None and options.criterion == "squared" and not joint:
        return OnLawRefit(design, slots, law)
    return PiecewiseRefit(design, slots)


def _of_report(found: Diagnostics, law: Farseer, joint: bool) -> np.ndarray:
    alpha = found.round_alpha if joint else found.round_alpha[1:]
    return np.concatenate([alpha, found.round_beta, [float(law.U.exponent)]])


def _of_law(options: "Piecewise", law: Farseer) -> np.ndarray:
    """The law's own exponents, where every search of every round ends on its own losses."""
    num_alpha = options.rounds if isinstance(options.rounds, int) else 1
    num_beta = num_alpha + (options.rounds != "joint")
    alpha, beta, gamma = (float(curve.exponent) for curve in (law.A, law.B, law.U))
    return np.array([*[alpha] * num_alpha, *[beta] * num_beta, gamma])


def exponents(solution: PiecewiseSolution, options: "Piecewise") -> Array:
    """The exponents where the kernel's searches ended."""
    rounds = solution.data_term.rounds
    alpha = rounds.alpha if options.rounds == "joint" else rounds.alpha[1:]
    gamma = solution.size_term.U.exponent
    return jnp.concatenate([alpha, rounds.beta, gamma[None]])
