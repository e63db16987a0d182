"""A floor for laws that have none: what the loss can never fall below."""

from functools import cache
from typing import Any, ClassVar, cast

import numpy as np

from farseer_jax.laws.declarations import annotations_of, declared
from farseer_jax.laws.domains import Positive
from farseer_jax.laws.law import Law, spread
from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.runs import Runs

SUFFIX = "+floor"
_FLOOR_STARTS = (0.1, 0.8)  # of the smallest loss
_POINTS, _SHARES = np.geomspace(1e3, 1e9, 3), np.array([0.2, 0.5, 0.8])


class LawWithFloor(Law):
    """``L = E + L_base``, made by :func:`with_floor`.

    Attributes:
        base: the law without a floor.
    """

    base: ClassVar[type[Law]]

    def loss(self, **inputs: Any) -> Any:
        """The law's loss above the floor."""
        kind = type(self)
        base = kind.base.with_shares(dict(kind.shares))
        own = {name: getattr(self, name) for name, _, _ in declared(base)}
        return self.E + base(**own).loss(**inputs)  # type: ignore[attr-defined]

    @classmethod
    def inputs(cls) -> dict[str, Kind]:
        """The inputs of the law without a floor."""
        return cls.base.inputs()

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "LawWithFloor":
        """The starts of the law, for what is left above a floor."""
        base = cls.base.with_shares(dict(cls.shares))
        floor = spread(cube, 0, *_FLOOR_STARTS) * runs.loss.min()
        law = base.starts(runs, cube[:, 1:])
        return cls(E=floor, **{name: getattr(law, name) for name, _, _ in declared(base)})


@cache
def with_floor(law: type[Law]) -> type[Law]:
    """The law with a floor E that its loss approaches: ``L = E + L_base``.

    Raises:
        ValueError: the law has a parameter E.

    Example:
        >>> import farseer_jax as fj
        >>> law = with_floor(fj.law("N | A/N**alpha", name="power"))
        >>> law.name, law.parameter_names()
        ('power+floor', ('E', 'A', 'alpha'))
    """
    if any(name == "E" for name, _, _ in declared(law)):
        raise ValueError(f"the law {law.name} has a parameter E: it needs no other floor")
    annotations = {"E": Positive, **annotations_of(law)}
    names = {"E", *(name for name, _, _ in declared(law))}
    space = {
        "__module__": __name__,
        "__annotations__": {name: own for name, own in annotations.items() if name in names},
        "__doc__": f"{law.name} with a floor.",
        "name": f"{law.name}{SUFFIX}",
        "formula": f"E + ({law.formula.partition('= ')[2] or law.formula})",
        "base": law,
    }
    return cast(type[Law], cast(Any, type(Law))("LawWithFloor", (LawWithFloor,), space))


def has_floor(law: type[Law]) -> bool:
    """Whether a parameter is added to the loss, whatever the inputs are, or is named E."""
    names = law.parameter_names()
    if "E" in names:
        return True
    numbers = [name for name, kind in law.inputs().items() if kind not in ("mixture", "category")]
    if len(numbers) < len(law.inputs()):
        return True
    points = {
        name: _SHARES if law.inputs()[name] in ("real", "fraction") else _POINTS * (1.0 + place)
        for place, name in enumerate(numbers)
    }

    def loss(**changed: float) -> np.ndarray:
        own = law(**{name: np.float64(changed.get(name, 0.5)) for name in names})
        return np.broadcast_to(np.asarray(own.loss(**points), dtype=float), _POINTS.shape)

    with np.errstate(all="ignore"):
        change = [np.abs(loss(**{name: 0.75}) - loss()) for name in names]
    return any(bool(np.allclose(own, 0.25, rtol=1e-4)) for own in change)
