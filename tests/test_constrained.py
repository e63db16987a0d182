"""The constrained solver against SciPy, and derivatives in inputs against finite differences."""

from typing import Any

import jax
import numpy as np
import pytest
from scipy.optimize import minimize

import farseer_jax as fj
from farseer_jax.laws.input_derivatives import Coordinate, FunctionOfInputs, LossOfInputs
from farseer_jax.solvers.constrained.active_set import flat_directions, polish
from farseer_jax.solvers.constrained.interior_point import minimise as interior_point
from farseer_jax.solvers.constrained.problem import (
    ConstrainedProblem,
    Derivatives,
    Linear,
    Solution,
)


class Quadratic:
    """½ (u − t)ᵀ Q (u − t), with a target t for each element."""

    def __init__(self, Q: np.ndarray, target: np.ndarray) -> None:
        self.Q, self.target = Q, target

    def value(self, u: np.ndarray) -> np.ndarray:
        rest = u - self.target
        return np.asarray(0.5 * np.einsum("ei,ij,ej->e", rest, self.Q, rest))

    def derivatives(self, u: np.ndarray) -> Derivatives:
        rest = u - self.target
        return Derivatives(
            self.value(u), rest @ self.Q, np.broadcast_to(self.Q, (len(u), *self.Q.shape))
        )


class Cosine:
    """A function with several minima: Σ cos(3u) + u²/4."""

    def value(self, u: np.ndarray) -> np.ndarray:
        return np.asarray((np.cos(3 * u) + 0.25 * u**2).sum(axis=1))

    def derivatives(self, u: np.ndarray) -> Derivatives:
        second = (0.5 - 9 * np.cos(3 * u))[:, :, None] * np.eye(u.shape[1])
        return Derivatives(self.value(u), 0.5 * u - 3 * np.sin(3 * u), second)


def solved(problem: ConstrainedProblem, z: np.ndarray) -> Solution:
    corners = len(problem.corners)
    weights = np.full((len(z), corners), 1.0)
    if corners:
        weights /= (weights @ problem.blocks) @ problem.blocks.T
    return polish(problem, interior_point(problem, z, weights))


def in_hull(corners: np.ndarray, objective: Any, num: int) -> ConstrainedProblem:
    nothing = np.zeros((num, 0))
    return ConstrainedProblem(objective, [], nothing, nothing, corners, np.ones((len(corners), 1)))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


class TestHulls:
    @pytest.mark.parametrize("num_corners", [4, 60])
    def test_quadratics_equal_slsqp(self, rng: np.random.Generator, num_corners: int) -> None:
        corners = rng.normal(size=(num_corners, 3))
        Q = np.diag([1.0, 2.0, 0.5])
        target = rng.normal(size=(8, 3)) * 1.5
        found = solved(in_hull(corners, Quadratic(Q, target), 8), np.zeros((8, 0)))
        assert found.residual.max() < 1e-12
        for own, t in zip(found.value, target, strict=True):
            scipy = minimize(
                lambda w, t=t: 0.5 * (w @ corners - t) @ Q @ (w @ corners - t),
                np.full(num_corners, 1 / num_corners), method="SLSQP",
                bounds=[(0, 1)] * num_corners, options={"ftol": 1e-14, "maxiter": 500},
                constraints=[{"type": "eq", "fun": lambda w: w.sum() - 1.0}],
            )  # fmt: skip
            assert own == pytest.approx(scipy.fun, abs=1e-9)

    def test_the_optimum_inside_has_no_slope(self, rng: np.random.Generator) -> None:
        corners = rng.normal(size=(30, 4))
        target = rng.dirichlet(np.ones(30), 5) @ corners
        found = solved(in_hull(corners, Quadratic(np.eye(4), target), 5), np.zeros((5, 0)))
        np.testing.assert_allclose(found.weights @ corners, target, atol=1e-12)

    def test_directions_without_curvature_are_found(self, rng: np.random.Generator) -> None:
        corners = np.array([[-1.0, -1.0], [1.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
        problem = in_hull(corners, Quadratic(np.diag([1.0, 0.0]), np.zeros((1, 2))), 1)
        found = solved(problem, np.zeros((1, 0)))
        directions = flat_directions(problem, found, 1e-9)[0]
        (own,) = directions[np.abs(directions).sum(axis=1) > 0]
        np.testing.assert_allclose(np.abs(own), [0.0, 1.0], atol=1e-9)


class TestBoxes:
    def test_bounds_and_a_linear_constraint_equal_slsqp(self, rng: np.random.Generator) -> None:
        Q = np.array([[2.0, 0.5, 0.0], [0.5, 1.0, 0.3], [0.0, 0.3, 1.5]])
        target = rng.normal(size=(20, 3)) * 2
        ones, none = np.ones((20, 3)), np.zeros((0, 0))
        problem = ConstrainedProblem(
            Quadratic(Q, target), [Linear(np.ones(3), 1.0)], -ones, ones, none, none
        )
        found = solved(problem, np.zeros((20, 3)))
        assert found.residual.max() < 1e-12
        for own, t in zip(found.z, target, strict=True):
            scipy = minimize(
                lambda u, t=t: 0.5 * (u - t) @ Q @ (u - t), np.zeros(3), method="SLSQP",
                bounds=[(-1, 1)] * 3, options={"ftol": 1e-15},
                constraints=[{"type": "ineq", "fun": lambda u: 1.0 - u.sum()}],
            )  # fmt: skip
            np.testing.assert_allclose(own, scipy.x, atol=1e-6)

    def test_ends_in_a_minimum_where_the_function_is_not_convex(
        self, rng: np.random.Generator
    ) -> None:
        ends, none = np.full((50, 2), 4.0), np.zeros((0, 0))
        problem = ConstrainedProblem(Cosine(), [], -ends, ends, none, none)
        found = solved(problem, rng.uniform(-3.9, 3.9, (50, 2)))
        assert found.residual.max() < 1e-10
        curvature = 0.5 - 9 * np.cos(3 * found.z)
        assert (curvature > 0).all()
        assert found.value.min() == pytest.approx(2 * minimize(
            lambda u: np.cos(3 * u[0]) + 0.25 * u[0] ** 2, [1.0]).fun)  # fmt: skip

    def test_elements_do_not_depend_on_the_batch(self, rng: np.random.Generator) -> None:
        target, none = rng.normal(size=(6, 2)), np.zeros((0, 0))

        def problem(rows: slice) -> ConstrainedProblem:
            ones = np.ones((len(target[rows]), 2))
            own = Quadratic(np.eye(2), target[rows])
            return ConstrainedProblem(own, [], -ones, ones, none, none)

        whole = solved(problem(slice(None)), np.zeros((6, 2)))
        alone = solved(problem(slice(2, 3)), np.zeros((1, 2)))
        np.testing.assert_allclose(whole.z[2], alone.z[0], atol=1e-12)


class TestDerivatives:
    def test_of_a_loss_equal_finite_differences(self, rng: np.random.Generator) -> None:
        law = fj.law("N, P, h | (E + A/(N*P**k)**a)/sum(c[h]*h**g[h])").with_shares(
            {"h": ("x", "y")}
        )(E=1.7, A=300.0, k=0.3, a=0.3, c=np.array([0.4, 0.6]), g=np.array([0.3, 1.2]))
        varied = (Coordinate("N", 0, True), Coordinate("P", 0, False), Coordinate("h", 2, False))
        leaves = [np.asarray(leaf)[None].repeat(3, 0) for leaf in jax.tree.leaves(law)]
        bound = LossOfInputs.of(law, varied).bind(leaves, {})
        x = np.column_stack([np.log([1e8, 1e9, 1e10]), [1, 2, 4], rng.dirichlet([2, 2], 3)])
        found, step = bound.derivatives(x), 1e-5
        for k in range(4):
            moved = [x + sign * step * np.eye(4)[k] for sign in (1, -1)]
            high, low = (bound.derivatives(own) for own in moved)
            slope = (high.value - low.value) / (2 * step)
            np.testing.assert_allclose(found.gradient[:, k], slope, rtol=1e-6, atol=1e-9)
            second = (high.gradient - low.gradient) / (2 * step)
            np.testing.assert_allclose(found.hessian[:, k], second, rtol=1e-5, atol=1e-8)

    def test_of_a_function_with_other_inputs_known(self) -> None:
        cost = FunctionOfInputs(lambda N, D: 6 * N * D, ("N", "D"), (Coordinate("N", 0, True),))
        found = cost.bind({"D": np.array([1e9, 1e10])}, 2).derivatives(np.log([[1e8], [1e9]]))
        np.testing.assert_allclose(found.value, [6e17, 6e19], rtol=1e-12)
        np.testing.assert_allclose(found.gradient[:, 0], found.value, rtol=1e-12)
