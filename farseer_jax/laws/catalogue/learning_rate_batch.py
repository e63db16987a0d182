"""Laws of the loss as a function of the learning rate and the batch size."""

import math
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Exponent, Positive, Real
from farseer_jax.laws.law import Center, Law, spread
from farseer_jax.objectives import Objective
from farseer_jax.runs.runs import Runs
from farseer_jax.types import Array

# About the median residual of runs that do not diverge; those that do count linearly.
_ROBUST = Objective(delta=4e-3)
_SERIES_RADIUS = 0.05
_SERIES = tuple(1.0 / math.factorial(k + 2) for k in range(6))  # exact to 1e-12 within the radius


class LearningRateBatch(Law):
    """``L = (E + A/N^α + C/D^β) · (1 + k_lr·u²/2 + k_B·v²/2)``: Chinchilla times a quadratic.

    ``u = ln(lr / lr*)`` and ``v = ln(B / B*)``, with power laws of the best learning rate
    ``lr* = c_lr·N^(lr_N)·D^(lr_D)`` and batch size ``B* = c_B·N^(B_N)·D^(B_D)``, in the unit of the
    runs' batch sizes. At the optimum, the loss is Chinchilla's.

    Source: Li et al., *Predictable Scale: Part I, Step Law* (arXiv 2503.04715), for the power laws
    (:class:`OptimalHyperparameter`); the authors fit them to the best runs alone. The quadratic,
    which is fitted to all runs, is this library's. Diverged runs distort least squares: fit with
    ``Objective(delta=4e-3)``, about the median residual (:func:`published_method`). If losses rise
    faster above the best learning rate than below, use :class:`AsymmetricLearningRateBatch`.

    Attributes:
        E: irreducible loss.
        A: coefficient of the size term.
        C: coefficient of the data term.
        alpha: exponent of the size term.
        beta: exponent of the data term.
        c_lr: scale of the best learning rate.
        lr_N: its exponent of N.
        lr_D: its exponent of D.
        c_B: scale of the best batch size.
        B_N: its exponent of N (the Step Law's is 0).
        B_D: its exponent of D.
        k_lr: relative curvature of the loss along ln lr.
        k_B: relative curvature of the loss along ln B.

    Example:
        >>> from farseer_jax import LearningRateBatch
        >>> size = dict(E=1.7, A=400.0, C=410.0, alpha=0.34, beta=0.28)
        >>> best = dict(c_lr=1.79, lr_N=-0.713, lr_D=0.307, c_B=0.58, B_N=0.0, B_D=0.571)
        >>> law = LearningRateBatch(k_lr=0.02, k_B=0.01, **size, **best)
        >>> lr, batch = law.optimum(N=1e9, D=1e11)
        >>> f"{float(lr):.2e}, {float(batch):.3g}"
        '1.63e-03, 1.11e+06'
        >>> [round(float(law(N=1e9, D=1e11, lr=x * lr, B=batch)), 3) for x in (1, 4)]
        [2.389, 2.435]
    """

    name: ClassVar[str] = "learning-rate-batch"
    formula: ClassVar[str] = (
        "L(N, D, lr, B) = (E + A/N^α + C/D^β)·(1 + k_lr·u²/2 + k_B·v²/2), "
        "u = ln(lr/(c_lr·N^lr_N·D^lr_D)), v = ln(B/(c_B·N^B_N·D^B_D))"
    )
    published_objective: ClassVar[Objective | str] = _ROBUST

    E: Positive
    A: Positive
    C: Positive
    alpha: Exponent
    beta: Exponent
    c_lr: Positive
    lr_N: Real
    lr_D: Real
    c_B: Positive
    B_N: Real
    B_D: Real
    k_lr: Positive
    k_B: Positive

    def loss(self, N: Any, D: Any, lr: Any, B: Any) -> Array:
        """Least at the best learning rate and batch size."""
        u, v = self._distances(N, D, lr, B)
        bowl = 0.5 * (self.k_lr * u * u + self.k_B * v * v)
        return self._best(N, D) * (1.0 + bowl)

    def optimum(self, N: Any, D: Any) -> tuple[Array, Array]:
        """The learning rate and the batch size of least loss at N and D."""
        best = self._log_best(jnp.log(N), jnp.log(D))
        return jnp.exp(best[0]), jnp.exp(best[1])

    def _best(self, N: Any, D: Any) -> Any:
        return self.E + self.A / N**self.alpha + self.C / D**self.beta

    def _log_best(self, n: Any, d: Any) -> tuple[Any, Any]:
        """Logarithms of the best learning rate and batch size at ln N and ln D."""
        return (
            jnp.log(self.c_lr) + self.lr_N * n + self.lr_D * d,
            jnp.log(self.c_B) + self.B_N * n + self.B_D * d,
        )

    def _distances(self, N: Any, D: Any, lr: Any, B: Any) -> tuple[Any, Any]:
        best_lr, best_B = self._log_best(jnp.log(N), jnp.log(D))
        return jnp.log(lr) - best_lr, jnp.log(B) - best_B

    @classmethod
    def centering(cls, center: Center | None) -> np.ndarray:
        """Replace scales by values at the centre of the runs."""
        names = cls.parameter_names()
        matrix = np.eye(len(names))
        if center is not None:
            n, d = np.log(center.N), np.log(center.D)
            for scale, at_N, at_D in (("c_lr", "lr_N", "lr_D"), ("c_B", "B_N", "B_D")):
                row = names.index(scale)
                matrix[row, names.index(at_N)], matrix[row, names.index(at_D)] = -n, -d
        return matrix

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "LearningRateBatch":
        """Terms that add up to about the typical loss, with optima within the range of the runs."""
        return cls(**cls._start_values(runs, cube))

    @classmethod
    def _start_values(cls, runs: Runs, cube: np.ndarray) -> dict[str, np.ndarray]:
        center, typical = Center.of(runs), float(np.exp(np.log(runs.loss).mean()))
        n, d = np.log(center.N), np.log(center.D)
        alpha, beta = spread(cube, 3, 0.05, 0.9), spread(cube, 4, 0.05, 0.9)
        lr_N, lr_D = spread(cube, 6, -0.9, 0.1), spread(cube, 7, -0.2, 0.5)
        B_N, B_D = spread(cube, 9, -0.3, 0.3), spread(cube, 10, 0.0, 0.8)
        lr = _within(runs.inputs["lr"], cube[:, 5])
        batch = _within(runs.inputs["B"], cube[:, 8])
        return {
            "E": runs.loss.min() * spread(cube, 0, 0.1, 0.98),
            "A": typical * np.exp(spread(cube, 1, -5.0, -0.5) + alpha * n),
            "C": typical * np.exp(spread(cube, 2, -5.0, -0.5) + beta * d),
            "alpha": alpha,
            "beta": beta,
            "c_lr": np.exp(lr - lr_N * n - lr_D * d),
            "lr_N": lr_N,
            "lr_D": lr_D,
            "c_B": np.exp(batch - B_N * n - B_D * d),
            "B_N": B_N,
            "B_D": B_D,
            "k_lr": np.exp(spread(cube, 11, -6.0, -2.0)),
            "k_B": np.exp(spread(cube, 12, -6.0, -2.0)),
        }


class AsymmetricLearningRateBatch(LearningRateBatch):
    """``L = (E + A/N^α + C/D^β) · (1 + k_lr·φ(u; s_lr) + k_B·φ(v; s_B))``: asymmetric.

    ``φ(x; s) = (e^(s·x) − 1 − s·x) / s²``, which is ``x²/2`` at s = 0. If s is positive, it rises
    faster above the optimum than below. The best learning rate depends on the batch size as well:
    ``u = ln(lr / (c_lr·N^(lr_N)·D^(lr_D)·B^(lr_B)))``; v is as in :class:`LearningRateBatch`,
    the special case s_lr = s_B = lr_B = 0.

    Source: this library, after the Step Law runs (arXiv 2503.04715), whose losses rise more
    steeply above the best learning rate, towards divergence, than below it.

    Attributes:
        s_lr: asymmetry along ln lr.
        s_B: asymmetry along ln B.
        lr_B: exponent of B in the best learning rate.

    The other parameters are those of :class:`LearningRateBatch`.

    Example:
        >>> from farseer_jax import AsymmetricLearningRateBatch
        >>> size = dict(E=1.7, A=400.0, C=410.0, alpha=0.34, beta=0.28)
        >>> best = dict(c_lr=4e-3, lr_N=-0.5, lr_D=0.2, lr_B=0.4, c_B=0.58, B_N=0.0, B_D=0.571)
        >>> law = AsymmetricLearningRateBatch(
        ...     k_lr=0.02, k_B=0.01, s_lr=1.0, s_B=0.0, **size, **best
        ... )
        >>> lr, batch = law.optimum(N=1e9, D=1e11)
        >>> [round(float(law(N=1e9, D=1e11, lr=x * lr, B=batch)), 3) for x in (0.25, 1, 4)]
        [2.42, 2.389, 2.467]
    """

    name: ClassVar[str] = "asymmetric-learning-rate-batch"
    formula: ClassVar[str] = (
        "L(N, D, lr, B) = (E + A/N^α + C/D^β)·(1 + k_lr·φ(u; s_lr) + k_B·φ(v; s_B)), "
        "φ(x; s) = (e^(s·x) − 1 − s·x)/s², u = ln(lr/(c_lr·N^lr_N·D^lr_D·B^lr_B)), "
        "v = ln(B/(c_B·N^B_N·D^B_D))"
    )

    s_lr: Real
    s_B: Real
    lr_B: Real

    def loss(self, N: Any, D: Any, lr: Any, B: Any) -> Array:
        """Least at the best learning rate and batch size."""
        u, v = self._distances(N, D, lr, B)
        u = u - self.lr_B * jnp.log(B)
        bowl = self.k_lr * lopsided(u, self.s_lr) + self.k_B * lopsided(v, self.s_B)
        return self._best(N, D) * (1.0 + bowl)

    def optimum(self, N: Any, D: Any) -> tuple[Array, Array]:
        """The learning rate and the batch size of least loss at N and D."""
        lr, batch = super().optimum(N, D)
        return lr * batch**self.lr_B, batch

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "AsymmetricLearningRateBatch":
        """The starts of :class:`LearningRateBatch`, with moderate asymmetries."""
        values = cls._start_values(runs, cube)
        lr_B = spread(cube, 15, -0.2, 0.6)
        values["c_lr"] = values["c_lr"] * np.exp(-lr_B * np.log(runs.inputs["B"]).mean())
        return cls(
            s_lr=spread(cube, 13, -1.0, 1.5), s_B=spread(cube, 14, -1.0, 1.5), lr_B=lr_B, **values
        )


def lopsided(x: Any, s: Any) -> Array:
    """``(e^(s·x) − 1 − s·x) / s²``, smooth through s = 0, where it is ``x²/2``."""
    z = s * x
    is_small = jnp.abs(z) < _SERIES_RADIUS
    near, far = jnp.where(is_small, z, 0.0), jnp.where(is_small, 1.0, z)
    series = jnp.full_like(z, _SERIES[-1])
    for coefficient in reversed(_SERIES[:-1]):
        series = series * near + coefficient
    return x * x * jnp.where(is_small, series, (jnp.exp(far) - 1.0 - far) / (far * far))


def _within(values: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Points within the middle of the logarithms of values, ``(start,)``."""
    low, high = np.quantile(np.log(values), [0.2, 0.8])
    return low + (high - low) * share
