"""The objective that a fit minimises: one definition for solvers, reports and tests."""

import math
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import jax.numpy as jnp
import numpy as np

from farseer_jax.link_functions import Link, as_link
from farseer_jax.types import Array

Residual = Literal["link", "relative", "absolute"]
RESIDUALS: tuple[Residual, ...] = ("link", "relative", "absolute")


@dataclass(frozen=True)
class Objective:
    """``Σ weight · ρ(residual)`` over the runs, ρ squared or robust.

    ``ρ(r) = r²/2`` for ``|r| ≤ delta`` and ``delta · (|r| − delta/2)`` beyond (Huber);
    ``delta = inf`` is least squares, ``delta = 0`` means ``ρ(r) = |r|``. Positive residuals
    (predictions too high) count ``2 · quantile`` times, negative ones ``2 · (1 − quantile)`` times.

    Args:
        residual: ``"link"``, ``link(predicted) − link(observed)``, a difference of logarithms
            unless the runs have another :class:`Link`; ``"relative"``,
            ``predicted / observed − 1``; ``"absolute"``, ``predicted − observed``, as with the
            identity link.
        delta: residual at which ρ turns from quadratic to linear.
        quantile: the quantile fitted; 0.5 is symmetric.

    Raises:
        ValueError: a setting is out of its range.

    Example:
        >>> import numpy as np
        >>> from farseer_jax import Objective
        >>> Objective.named("huber")  # Hoffmann et al.
        Objective(residual='link', delta=0.001, quantile=0.5)
        >>> round(float(Objective(delta=0.0).value(np.array([1.1]), np.array([1.0]))), 4)
        0.0953
    """

    residual: Residual = "link"
    delta: float = math.inf
    quantile: float = 0.5

    def __post_init__(self) -> None:
        if self.residual not in RESIDUALS:
            raise ValueError(f"residual must be one of {RESIDUALS}, got {self.residual!r}")
        if isinstance(self.delta, bool) or not self.delta >= 0.0:
            raise ValueError(f"delta must be 0 or more (inf: least squares), got {self.delta!r}")
        if isinstance(self.quantile, bool) or not 0.0 < self.quantile < 1.0:
            raise ValueError(f"quantile must lie between 0 and 1, got {self.quantile!r}")

    @classmethod
    def named(cls, name: str) -> "Objective":
        """An objective used in the literature, by its name.

        Raises:
            ValueError: the name is unknown.
        """
        if name not in NAMED_OBJECTIVES:
            raise ValueError(
                f"objective must be one of {tuple(NAMED_OBJECTIVES)} or an `Objective(…)`, "
                f"got {name!r}"
            )
        return cls(**NAMED_OBJECTIVES[name])

    def describe(self, link: Link) -> str:
        """The objective in a few words, for reports."""
        kind = {"identity": "", "log": "log", "logit": "logit"}[link.name]
        residual = f"{kind if self.residual == 'link' else self.residual} residuals".lstrip()
        if self.delta == 0.0:
            words = f"absolute {residual}"
        elif math.isinf(self.delta):
            words = f"squared {residual}"
        else:
            words = f"Huber (δ = {self.delta:g}) of {residual}"
        return words if self.quantile == 0.5 else f"{words}, quantile {self.quantile:g}"

    @property
    def is_squared(self) -> bool:
        """Whether this is plain least squares."""
        return math.isinf(self.delta) and self.quantile == 0.5

    def value(
        self,
        predicted: np.ndarray,
        observed: np.ndarray,
        weights: np.ndarray | float = 1.0,
        link: Link | str = "log",
    ) -> np.ndarray:
        """The objective at predicted losses, summed over the last axis."""
        r: Any = np.asarray(_residuals(self.residual, predicted, observed, as_link(link)))
        shape: Any = self.delta, self.quantile
        size = absolute(r, shape[1]) if self.delta == 0.0 else rho(r, *shape)
        return np.sum(weights * np.asarray(size), axis=-1)

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON; an infinite delta is None."""
        return {**asdict(self), "delta": self.delta if math.isfinite(self.delta) else None}

    @classmethod
    def from_dict(cls, settings: dict[str, Any]) -> "Objective":
        """The inverse of :meth:`to_dict`."""
        delta = math.inf if settings["delta"] is None else settings["delta"]
        return cls(**{**settings, "delta": delta})


NAMED_OBJECTIVES: dict[str, dict[str, Any]] = {
    "squared": {},
    "huber": {"delta": 1e-3},
    "absolute": {"delta": 0.0},
    "asymmetric": {"delta": 1e-3, "quantile": 0.7},
    "squared-relative": {"residual": "relative"},
}


def as_objective(objective: "Objective | str") -> Objective:
    """Convert a name to an objective.

    Raises:
        ValueError: the name is unknown.
        TypeError: neither an objective nor a name.
    """
    if isinstance(objective, str):
        return Objective.named(objective)
    if not isinstance(objective, Objective):
        raise TypeError(f"objective must be an `Objective(…)` or a name, got {objective!r}")
    return objective


def _residuals(
    kind: Residual, predicted: np.ndarray, observed: np.ndarray, link: Link
) -> np.ndarray:
    """Residuals of predicted losses."""
    if kind == "link":
        if link.name == "log":
            return np.log(predicted / observed)
        return np.asarray(link.forward(predicted) - link.forward(observed))
    difference = predicted - observed
    return difference if kind == "absolute" else difference / observed


class Along(NamedTuple):
    """ρ and its derivatives in the prediction on the link's scale (such as ``ln L``), elementwise.

    Attributes:
        value: ρ.
        slope: ``dρ / d ln L``.
        majoriser: second derivative of a parabola that touches ρ from above (in the residual).
        curvature: ``d²ρ / (d ln L)²``.
    """

    value: Array
    slope: Array
    majoriser: Array
    curvature: Array


def along_log_loss(
    kind: Residual,
    squared: bool,
    delta: Array,
    quantile: Array,
    log_loss: Array,
    log_observed: Array,
) -> Along:
    """ρ and its derivatives in ``ln L``; ``delta`` must be positive, and is ignored for squares.

    For a residual that is not a logarithm, the first and second derivative in ``ln L`` are both the
    predicted loss in the unit of the residual.
    """
    r = residual_of(kind, log_loss, log_observed)
    if squared:
        value, slope, majoriser, curvature = 0.5 * r * r, r, jnp.ones(()), jnp.ones(())
    else:
        value, slope = rho(r, delta, quantile), rho_slope(r, delta, quantile)
        majoriser, curvature = rho_weights(r, delta, quantile)
    if kind == "link":
        return Along(value, slope, majoriser, curvature)
    first = r + (1.0 if kind == "relative" else jnp.exp(log_observed))
    return Along(value, slope * first, majoriser * first**2, curvature * first**2 + slope * first)


def residual_of(kind: Residual, log_loss: Array, log_observed: Array) -> Array:
    """Residuals, from the logarithms of predicted and observed losses."""
    difference = log_loss - log_observed
    if kind == "link":
        return difference
    relative = jnp.exp(difference) - 1.0
    return relative if kind == "relative" else relative * jnp.exp(log_observed)


def residual_slopes(kind: Residual, predicted: Array, observed: Array) -> tuple[Array, ...]:
    """Residuals, and their first and second derivatives in the predicted losses."""
    if kind == "link":
        inverse = 1.0 / predicted
        return jnp.log(predicted / observed), inverse, -inverse * inverse
    slope = jnp.ones_like(observed) if kind == "absolute" else 1.0 / observed
    return (predicted - observed) * slope, slope, jnp.zeros_like(observed)


def rho(r: Array, delta: Array, quantile: Array) -> Array:
    """ρ of residuals, in NumPy if they are NumPy arrays; ``delta`` must be positive."""
    xp = _namespace(r)
    size = xp.abs(r)
    near = xp.minimum(size, delta)
    return _asymmetry(r, quantile) * near * (size - 0.5 * near)


def rho_slope(r: Array, delta: Array, quantile: Array) -> Array:
    """``dρ/dr``."""
    return _asymmetry(r, quantile) * _namespace(r).clip(r, -delta, delta)


def rho_weights(r: Array, delta: Array, quantile: Array) -> tuple[Array, Array]:
    """The weights ``ρ'/r`` of the squares that majorise ρ, and ρ's own curvature."""
    xp = _namespace(r)
    size, factor = xp.abs(r), _asymmetry(r, quantile)
    inside = size <= delta
    return factor * xp.where(inside, 1.0, delta / xp.where(inside, 1.0, size)), factor * inside


def absolute(r: Array, quantile: Array) -> Array:
    """ρ of residuals where ``delta`` is 0."""
    return _asymmetry(r, quantile) * _namespace(r).abs(r)


def absolute_slope(r: Array, quantile: Array) -> Array:
    """``dρ/dr`` where ``delta`` is 0; at ``r = 0`` the subgradient 0."""
    return _asymmetry(r, quantile) * jnp.sign(r)


def _asymmetry(r: Array, quantile: Array) -> Array:
    return 2.0 * _namespace(r).where(r > 0.0, quantile, 1.0 - quantile)


def _namespace(r: Array) -> Any:
    return np if isinstance(r, np.ndarray) else jnp


def relative_error(predicted: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """``|predicted / observed − 1|``, elementwise."""
    return np.abs(predicted / observed - 1.0)
