"""The derivatives of a piecewise fit, against whole refits."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from compiling import compilations
from test_piecewise import law_of, small_runs

from farseer_jax import (
    Chinchilla,
    Farseer,
    Grid,
    Piecewise,
    Refined,
    Runs,
    read_runs,
    simulate,
)
from farseer_jax.methods.derivatives import NoDerivativeError, Response
from farseer_jax.methods.method import Solved
from farseer_jax.methods.piecewise.derivatives import FarseerRefit, PiecewiseRefit
from farseer_jax.methods.piecewise.stage1 import gather
from farseer_jax.methods.searched_exponents import Evidence
from farseer_jax.solvers.search import Errors, active_set

FAR = (25.1e9, 5e11)
SQUARED = Piecewise()
JOINT = Piecewise(rounds="joint")
RELATIVE = Piecewise("relative")
# β of small_runs(), −0.17, is beyond it; that of shallow_runs() is not
BOUNDED = Piecewise(rounds=1, search=Refined(-0.1, 0.5))
# unoptimised: less time to compile, and all digits
FAST = {"xla_backend_optimization_level": 0}


class Fitted(NamedTuple):
    runs: Runs
    method: Piecewise
    design: Any
    weights: np.ndarray
    found: Solved
    refit: PiecewiseRefit

    def forecast(self, losses: np.ndarray, weights: np.ndarray) -> float:
        """ln L far away, of a whole fit."""
        with jax.enable_x64(True):
            return float(log_loss(self.method.fit_one(self.design, losses, weights).law))


def fitted(runs: Runs, method: Piecewise, without: list[int] | None = None) -> Fitted:
    weights = np.ones(len(runs))
    weights[without or []] = 0
    design = method.prepare(Farseer, runs)
    found = method.fit_one(design, runs.loss, weights)
    refit: Any = method.refit(design, runs, found.law, found.diagnostics)
    return Fitted(runs, method, design, weights, found, refit)


NOTHING = np.ones(1), np.ones(1)  # losses and weights, which this check does not read


@cache
def small(method: Piecewise) -> Fitted:
    return fitted(small_runs(), method)


@cache
def shallow() -> Fitted:
    """As small_runs(), of a law whose exponents are within the bounds."""
    runs = small_runs()
    law = law_of(0.05, -0.05, 0.15)
    return fitted(simulate(law, runs.N, runs.D, noise=5e-4, seed=1), BOUNDED)


@pytest.fixture(scope="module")
def real(shared_data: Path) -> Fitted:
    runs = read_runs(shared_data / "farseer_404.csv").select(min_N=2e8, max_N=5.36e9)
    return fitted(runs, SQUARED)


def log_loss(law: Any, N: Any = FAR[0], D: Any = FAR[1]) -> Any:
    return jnp.log(law(N, D))


class Slopes(NamedTuple):
    """Of ln L far away, ``(run,)``."""

    by_losses: np.ndarray
    by_weights: np.ndarray


@jax.jit
def _slopes(law: Any, change: Any) -> Any:
    return jax.vmap(lambda change: jax.jvp(log_loss, (law,), (change,))[1])(change)


def respond(at: Fitted) -> tuple[Response, Slopes]:
    """The response, and its slopes."""
    found = at.refit.respond(at.runs.loss, at.weights, by_weights=True)
    with jax.enable_x64(True):
        slopes = (_slopes(found.law, by) for by in (found.by_losses, found.by_weights))
        return found, Slopes(*map(np.asarray, slopes))


@cache
def directions(num_runs: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((3, num_runs))


def extrapolated(function: Any, step: float) -> np.ndarray:
    """Central differences at a step and at twice the step, their errors of second order gone."""
    near, wide = ((function(h) - function(-h)) / (2 * h) for h in (step, 2 * step))
    return (4 * near - wide) / 3


def assert_slopes(at: Fitted, slopes: Slopes, loss_step: float, weight_step: float) -> None:
    """Along random directions, against whole refits.

    Those have rounding in the last digits of ln L. Where a direction's derivative nearly cancels,
    the size of what cancels says what that rounding is to be measured by.
    """
    loss, weights = at.runs.loss, at.weights
    of_losses = 1e-7 * np.linalg.norm(slopes.by_losses * loss)
    of_weights = 1e-7 * np.sqrt(np.nansum((slopes.by_weights * weights) ** 2))
    for v in directions(len(loss)):
        by_losses = extrapolated(lambda h, v=v: at.forecast(loss * (1 + h * v), weights), loss_step)
        by_weights = extrapolated(
            lambda h, v=v: at.forecast(loss, weights * (1 + h * v)), weight_step
        )
        along_losses = slopes.by_losses @ (loss * v)
        along_weights = np.nansum(slopes.by_weights * weights * v)
        assert along_losses == pytest.approx(by_losses, rel=1e-6, abs=of_losses)
        assert along_weights == pytest.approx(by_weights, rel=1e-6, abs=of_weights)


# The response


@pytest.mark.parametrize("method", [BOUNDED, JOINT, RELATIVE], ids=["bounded", "joint", "relative"])
def test_response_agrees_with_whole_refits(method: Piecewise) -> None:
    at = small(method)
    found, slopes = respond(at)
    at.refit.check(*NOTHING, found.evidence)
    steps = (1e-7, 1e-4) if method is RELATIVE else (1e-6, 5e-4)
    assert_slopes(at, slopes, *steps)
    for leaf, known in zip(jax.tree.leaves(found.law), jax.tree.leaves(at.found.law), strict=True):
        np.testing.assert_allclose(leaf, known, rtol=1e-12, atol=1e-12)
    # a factor on all losses is a factor on the prediction; one on all weights is none
    assert slopes.by_losses @ at.runs.loss == pytest.approx(1.0, rel=1e-10)
    assert abs(slopes.by_weights.sum()) < 1e-10 * np.abs(slopes.by_weights).sum()


def test_response_within_the_bounds_of_the_search() -> None:
    found, slopes = respond(shallow())
    assert np.abs(found.by_losses.B.exponent).max() > 0
    assert_slopes(shallow(), slopes, 1e-6, 5e-4)


def test_an_exponent_pressed_to_its_bound_stays_there() -> None:
    found, _ = respond(small(BOUNDED))
    assert found.law.B.exponent == pytest.approx(-0.1, abs=1e-15)
    for by in (found.by_losses, found.by_weights):
        assert np.all(by.B.exponent == 0)
        assert np.abs(by.A.exponent).max() > 0
        assert np.abs(by.U.exponent).max() > 0


def test_a_run_without_weight() -> None:
    """Its loss counts for nothing, and its weight has no derivative."""
    run = 20
    at = fitted(shallow().runs, BOUNDED, without=[run])
    _, slopes = respond(at)
    assert np.flatnonzero(np.isnan(slopes.by_weights)).tolist() == [run]
    assert np.all(np.isfinite(slopes.by_losses))
    assert slopes.by_losses[run] == 0
    assert_slopes(at, slopes, 1e-6, 5e-4)


@pytest.mark.parametrize("repeated", [False, True])
def test_an_empty_cell_of_the_grid_leaves_all_derivatives(repeated: bool) -> None:
    """A slot without a run has no derivative in its weight of 0, but is no run's."""
    runs = shallow().runs
    keep = np.delete(np.arange(len(runs)), 5)
    keep = np.append(keep, keep[:1]) if repeated else keep
    loss = runs.loss[keep] * np.linspace(1.0, 1.001, len(keep))
    own = Runs(runs.N[keep], runs.D[keep], loss)
    design = SQUARED.prepare(Farseer, own).design
    with jax.enable_x64(True):
        weights = np.ones(len(own))
        slots, pull = jax.vjp(lambda weights: gather(design, own.loss, weights).weight, weights)
        (slopes,) = pull(jnp.where(slots > 0.0, 1.0, jnp.nan))
    assert (np.asarray(slots) == 0.0).any()
    slopes = np.asarray(slopes)
    assert np.isfinite(slopes).all()
    assert np.count_nonzero(slopes) == len(own)


def pairs_of_copies(runs: Runs) -> np.ndarray:
    rows = np.stack([runs.N, runs.D, runs.loss])
    _, group, num = np.unique(rows, axis=1, return_inverse=True, return_counts=True)
    return np.array([np.flatnonzero(group.ravel() == i) for i in np.flatnonzero(num == 2)])


# The refit as a function


@cache
def _derivatives() -> Any:
    """Value, law, gradients; the derivative along a direction, forward; its gradient.

    Of stacks of losses.
    """

    def one(refit: Any, losses: Any, weights: Any, change: Any) -> Any:
        def value(losses: Any, weights: Any) -> Any:
            law = refit(losses, weights)
            return log_loss(law), law

        def both(losses: Any) -> Any:
            return jax.value_and_grad(value, (0, 1), has_aux=True)(losses, weights)

        return jax.jvp(both, (losses,), (change,))

    return jax.jit(jax.vmap(one, (None, 0, None, 0)), compiler_options=FAST)


def other_losses(at: Fitted) -> np.ndarray:
    """The runs' own, and others near them."""
    loss = at.runs.loss
    return loss * np.exp(1e-4 * np.stack([np.zeros(len(loss)), directions(len(loss))[0]]))


def derivatives(at: Fitted, losses: np.ndarray) -> Any:
    change = at.runs.loss * directions(len(at.runs))[[1, 1]]
    with jax.enable_x64(True):
        found = _derivatives()(at.refit, losses, at.weights, change)
        return jax.tree.map(np.asarray, found)


def test_refits_of_a_stack_and_their_gradients(real: Fitted) -> None:
    at, losses = real, other_losses(real)
    ((value, law), (by_losses, by_weights)), ((slope, _), _) = derivatives(at, losses)
    change = at.runs.loss * directions(len(at.runs))[1]
    for i, loss in enumerate(losses):
        alone = at.method.fit_one(at.design, loss, at.weights).law
        for leaf, known in zip(jax.tree.leaves(law), jax.tree.leaves(alone), strict=True):
            np.testing.assert_allclose(leaf[i], known, rtol=1e-12, atol=1e-12)
        assert value[i] == pytest.approx(at.forecast(loss, at.weights), rel=1e-12)
        assert slope[i] == pytest.approx(by_losses[i] @ change, rel=1e-10)
        assert by_losses[i] @ loss == pytest.approx(1.0, rel=1e-10)
        moved = at._replace(runs=Runs(at.runs.N, at.runs.D, loss))
        assert_slopes(moved, Slopes(by_losses[i], by_weights[i]), 1e-6, 5e-4)


def test_copies_of_a_run_share_its_derivative(real: Fitted) -> None:
    (_, gradients), _ = derivatives(real, other_losses(real)[[0, 0]])
    copies = pairs_of_copies(real.runs)
    assert len(copies) == 3
    for values in gradients:
        of_copies = values[0][copies]
        assert np.all(of_copies != 0)
        np.testing.assert_allclose(of_copies[:, 0], of_copies[:, 1], rtol=1e-9)


def test_second_derivatives_agree_with_differences_of_gradients(real: Fitted) -> None:
    losses, change = other_losses(real), real.runs.loss * directions(len(real.runs))[1]
    _, (_, second) = derivatives(real, losses)

    def gradients(h: float) -> np.ndarray:
        (_, gradients), _ = derivatives(real, losses + h * change)
        return np.concatenate(gradients, axis=1)

    found, expected = np.concatenate(second, axis=1), extrapolated(gradients, 1e-6)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6 * np.abs(expected).max())


def test_another_fit_of_the_same_layout_does_not_compile(real: Fitted) -> None:
    other = fitted(Runs(real.runs.N, 1.1 * real.runs.D, 0.9 * real.runs.loss), SQUARED)
    derivatives(real, other_losses(real))
    with compilations() as events:
        derivatives(other, other_losses(other))
    assert not events


# What has no derivative


@pytest.mark.parametrize(
    ("method", "message"),
    [
        (Piecewise(search=Grid(-0.5, 0.5, 100)), "jump from candidate to candidate"),
        (Piecewise(search_U=Grid(-0.5, 0.5, 100)), "jump from candidate to candidate"),
        (Piecewise("relative", rounds="joint"), "two errors vanish"),
    ],
)
def test_settings_without_derivative_are_refused(method: Piecewise, message: str) -> None:
    at = shallow()
    with pytest.raises(NoDerivativeError, match=message):
        method.refit(at.design, at.runs, at.found.law, at.found.diagnostics)


@pytest.mark.parametrize("criterion", ["squared", "relative"])
def test_chinchilla_agrees_with_whole_refits(criterion: Any) -> None:
    runs, method = shallow().runs, Piecewise(criterion)
    design, ones = method.prepare(Chinchilla, runs), np.ones(len(runs))
    found = method.fit_one(design, runs.loss, ones)
    refit = method.refit(design, runs, found.law, found.diagnostics)
    refit.respond(runs.loss, ones)
    direction = np.random.default_rng(3).standard_normal(len(runs))

    def at(t: Any, law_of: Any) -> Any:
        return log_loss(law_of(runs.loss * (1 + t * direction), 1 + 0.5 * t * direction))

    def whole(t: float) -> float:
        return float(at(t, lambda *values: method.fit_one(design, *values).law))

    with jax.enable_x64(True):
        value, slope = jax.jit(
            lambda t: jax.jvp(lambda t: at(t, refit), (t,), (1.0,)), compiler_options=FAST
        )(0.0)
        assert float(value) == pytest.approx(whole(0.0), abs=1e-12)
        step = 1e-5 if criterion == "squared" else 1e-7
        expected = (whole(step) - whole(-step)) / (2 * step)
    assert float(slope) == pytest.approx(expected, rel=1e-6)


def test_a_minimum_exactly_at_a_bound_is_refused() -> None:
    """Half of all small changes would make it leave."""
    at = shallow()
    beta = float(at.found.law.B.exponent)
    slots = at.refit.slots
    options = replace(BOUNDED, search=Refined(beta, 0.5))
    build: Any = FarseerRefit
    on_it = PiecewiseRefit(at.refit.design, build(slots.layout, slots.found, options))
    with pytest.raises(NoDerivativeError, match=r"β (at the start|of round 1) ended at a bound"):
        on_it.respond(at.runs.loss, at.weights)


def on_law(runs: Runs, law: Farseer, method: Piecewise = SQUARED) -> tuple[Runs, Any]:
    """The runs with losses of a law, and the refit that gives it back in closed form."""
    with jax.enable_x64(True):
        runs = Runs(runs.N, runs.D, np.asarray(law(runs.N, runs.D)))
    return runs, method.refit(method.prepare(Farseer, runs), runs, law, None)


@pytest.mark.parametrize("rounds", [1, 3])
def test_on_a_law_the_closed_form_is_the_implicit_derivative(rounds: int) -> None:
    """Also where a run without weight leaves a size too few pairs, and with repeats of a run."""
    law = shallow().found.law
    N, D = (np.append(column, column[:2]) for column in (shallow().runs.N, shallow().runs.D))
    runs, refit = on_law(Runs(N, D, np.arange(1.0, len(N) + 1)), law, Piecewise(rounds=rounds))
    general = PiecewiseRefit(refit.design, refit.slots)
    weights = np.ones(len(runs))
    weights[np.flatnonzero(runs.N == runs.N[0])[4:]] = 0
    for own in (np.ones(len(runs)), weights):
        closed, implicit = (r.respond(runs.loss, own).by_losses for r in (refit, general))
        for one, other in zip(jax.tree.leaves(closed), jax.tree.leaves(implicit), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-8, atol=1e-10 * np.abs(other).max())


@pytest.mark.parametrize(
    ("others", "strict"), [(0.9, True), (1.0, False), (1.1, False), (-0.9, True), (-1.0, False)]
)
def test_a_minimum_on_a_kink_must_be_held_there(others: float, strict: bool) -> None:
    """By more than all other errors pull."""
    value, slope = np.array([[0.0], [1.0]]), np.array([[-1.0], [others]])
    with jax.enable_x64(True):
        where = active_set(
            jnp.zeros(1), Errors(value, slope, np.ones((2, 1))), Refined(-0.5, 0.5), absolute=True
        )
    assert where.on_kink
    assert where.strict == strict
    refit = small(RELATIVE).refit
    evidence = Evidence(np.zeros(6), np.ones(6), np.append(where.strict, np.ones(5, bool)))
    if strict:
        refit.check(*NOTHING, evidence)
    else:
        with pytest.raises(NoDerivativeError, match="on a kink of the criterion"):
            refit.check(*NOTHING, evidence)


def test_a_search_that_ended_elsewhere_is_refused() -> None:
    refit = small(RELATIVE).refit
    evidence = Evidence(np.array([0, 0, 0, 0, 0, 1e-3]), np.ones(6), np.ones(6, bool))
    with pytest.raises(NoDerivativeError, match=r"γ ended 1\.0e-03 from its minimum"):
        refit.check(*NOTHING, evidence)
    evidence = Evidence(np.zeros(6), np.array([1, -1, 1, 1, 1, 1]), np.ones(6, bool))
    with pytest.raises(NoDerivativeError, match="α of round 2 has no minimum"):
        refit.check(*NOTHING, evidence)
