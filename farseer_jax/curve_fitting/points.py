"""Points of curves as inputs of laws of curves and of their error model."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.curve_fitting.annealed_share import annealed_share
from farseer_jax.curve_fitting.errors import CurveErrors
from farseer_jax.curve_laws.law import CurveLaw, CurveScale
from farseer_jax.curves.curve import Curve
from farseer_jax.curves.curves import Curves
from farseer_jax.curves.schedule import Schedule


class CurvePoints(NamedTuple):
    """The points of some curves.

    Attributes:
        inputs: ``"curve"``, ``"schedule"``, ``"step"`` and quantities that are constant along a
            curve, ``(point,)`` each.
        target: the logarithms of the losses, ``(point,)``.
        weights: inverse variances, in units of the smallest noise, ``(point,)``.
    """

    inputs: dict[str, np.ndarray]
    target: np.ndarray
    weights: np.ndarray


def points_of(curves: Curves, law: type[CurveLaw], errors: CurveErrors) -> CurvePoints:
    """The points of curves, one curve after another.

    Args:
        curves: thinned.
        law: the law.
        errors: their error model.

    Raises:
        ValueError: the curves lack an input of the law.
    """
    needed = law.inputs_of_curves()
    missing = [name for name in needed if name not in curves[0].inputs]
    if missing:
        raise ValueError(
            f"the law {law.name} needs the input {missing[0]} of each curve, and the curves have "
            f"{', '.join(curves[0].inputs) or 'none'}: name its column, as in "
            f"read_curves(…, inputs={{{missing[0]!r}: 'COLUMN'}})"
        )
    scale = scale_of(curves)
    parts = [
        inputs_at(own.name, own.schedule, own.steps, _needed(own, needed), scale) for own in curves
    ]
    return CurvePoints(
        joined(parts),
        np.log(np.concatenate([own.losses for own in curves])),
        np.concatenate([_weights(own, errors) for own in curves]),
    )


def inputs_at(
    name: str,
    schedule: Schedule,
    steps: Sequence[int] | np.ndarray,
    constant: dict[str, float],
    scale: CurveScale,
) -> dict[str, np.ndarray]:
    """The inputs at some steps of one curve, ``(step,)`` each.

    Args:
        name: of the curve; errors are those of the curve of this name.
        schedule: its schedule.
        steps: the steps.
        constant: quantities that are constant along the curve.
        scale: of the fitted curves.
    """
    at = np.atleast_1d(np.asarray(steps, dtype=int))
    columns = {"curve": name, "schedule": schedule}
    found = {key: np.full(len(at), value, dtype=object) for key, value in columns.items()}
    found |= {"step": at, "annealed_share": annealed_share({**found, "step": at}, scale)}
    return found | {key: np.full(len(at), float(value)) for key, value in constant.items()}


def joined(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The inputs of several curves, one after another."""
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def scale_of(curves: Curves) -> CurveScale:
    """The scale of curves."""
    sizes = curves.inputs.get("N", np.ones(1))
    return CurveScale(
        loss=min(float(own.losses.min()) for own in curves),
        rate=max(own.schedule.peak for own in curves),
        area=max(float(own.schedule.areas[-1]) for own in curves),
        N=float(np.exp(np.log(np.unique(sizes)).mean())),
    )


def _needed(curve: Curve, names: Sequence[str]) -> dict[str, float]:
    return {name: curve.inputs[name] for name in names}


def _weights(curve: Curve, errors: CurveErrors) -> np.ndarray:
    """Inverse variances of the points: the noise of the logged losses plus the smallest noise."""
    own = curve.standard_errors
    return 1.0 / (1.0 + ((np.zeros(len(curve)) if own is None else own) / errors.noise) ** 2)
