"""Points of curves as the inputs of laws of curves and of their errors."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.curve_laws.law import CurveLaw, CurveScale
from farseer_jax.curves.curve import Curve
from farseer_jax.curves.curves import Curves
from farseer_jax.curves.schedule import Schedule


class CurvePoints(NamedTuple):
    """The points of some curves.

    Attributes:
        inputs: ``"curve"``, ``"schedule"``, ``"step"`` and what is constant along a curve,
            ``(point,)`` each.
        target: the logarithms of the losses, ``(point,)``.
        counts: how many logged losses each is the mean of, ``(point,)``.
    """

    inputs: dict[str, np.ndarray]
    target: np.ndarray
    counts: np.ndarray


def points_of(curves: Curves, law: type[CurveLaw]) -> CurvePoints:
    """The points of curves, one curve after another.

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
    parts = [inputs_at(own.name, own.schedule, own.steps, _needed(own, needed)) for own in curves]
    counts = [np.ones(len(own)) if own.counts is None else own.counts for own in curves]
    return CurvePoints(
        {name: np.concatenate([part[name] for part in parts]) for name in parts[0]},
        np.log(np.concatenate([own.losses for own in curves])),
        np.concatenate(counts).astype(float),
    )


def inputs_at(
    name: str, schedule: Schedule, steps: Sequence[int] | np.ndarray, constant: dict[str, float]
) -> dict[str, np.ndarray]:
    """The inputs at some steps of one curve, ``(step,)`` each.

    Args:
        name: of the curve; errors are those of the curve of this name.
        schedule: its schedule.
        steps: the steps.
        constant: what is constant along the curve.
    """
    at = np.atleast_1d(np.asarray(steps, dtype=int))
    columns = {"curve": name, "schedule": schedule}
    found = {key: np.full(len(at), value, dtype=object) for key, value in columns.items()}
    return {
        **found,
        "step": at,
        **{key: np.full(len(at), float(value)) for key, value in constant.items()},
    }


def scale_of(curves: Curves) -> CurveScale:
    """The scale of curves."""
    sizes = curves.inputs.get("N", np.ones(1))
    return CurveScale(
        loss=min(float(own.losses.min()) for own in curves),
        rate=max(own.schedule.peak for own in curves),
        area=max(float(own.schedule.areas[own.steps[-1] - 1]) for own in curves),
        N=float(np.exp(np.log(np.unique(sizes)).mean())),
    )


def _needed(curve: Curve, names: Sequence[str]) -> dict[str, float]:
    return {name: curve.inputs[name] for name in names}
