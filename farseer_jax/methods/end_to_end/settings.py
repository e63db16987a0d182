"""Settings that the end-to-end methods share, and what they mean for a table of runs."""

import abc
from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any, ClassVar, Self

import numpy as np

from farseer_jax.link_functions import Link
from farseer_jax.methods.correlated_errors import CorrelatedErrors
from farseer_jax.methods.end_to_end.free_parameters import Free, build_free
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.method import is_count
from farseer_jax.objectives import Objective, as_objective


class EndToEndMethod(abc.ABC):
    """Base of the methods that fit all parameters at once; each is a frozen dataclass.

    Attributes:
        name: the method's name in files and in the shell.
        objective: what is minimised.
        fixed: parameters at fixed values.
        tied: groups of parameters that share a value.
        bounds: of parameters.
        tolerance: relative decrease of the objective below which a search has converged.
    """

    name: ClassVar[str]

    objective: Objective | str
    fixed: Any
    tied: Any
    bounds: Any
    tolerance: float

    def normalise(self, least: Mapping[str, int]) -> None:
        """Check the settings and make them hashable, in place, at construction.

        Args:
            least: the smallest value of each count, by its name.

        Raises:
            ValueError, TypeError: a setting is wrong.
        """
        put = object.__setattr__  # settings are frozen: compared and hashed
        put(self, "objective", as_objective(self.objective))
        put(self, "fixed", tuple((n, float(v)) for n, v in dict(self.fixed).items()))
        put(self, "tied", tuple(tuple(group) for group in self.tied))
        bounds = dict(self.bounds).items()
        put(self, "bounds", tuple((n, (float(low), float(high))) for n, (low, high) in bounds))
        for name, lowest in least.items():
            value = getattr(self, name)
            if not is_count(value, lowest):
                raise ValueError(f"{name} must be a whole number from {lowest}, got {value!r}")
            put(self, name, int(value))
        if isinstance(self.tolerance, bool) or not 0.0 <= self.tolerance < 1e-3:
            raise ValueError(f"tolerance must lie in [0, 1e-3), got {self.tolerance!r}")

    def describe(self, link: Link) -> str:
        """A few words for reports."""
        return as_objective(self.objective).describe(link)

    def not_converged(self) -> str:
        """The remedy where a search has not converged, for warnings."""
        return "Raise max_steps, or fix a parameter that diverges (fixed=)."

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON; ``starts`` are not kept."""
        own: Any = self
        return {
            "name": self.name,
            **{f.name: getattr(self, f.name) for f in fields(own) if f.name != "starts"},
            "objective": as_objective(self.objective).to_dict(),
            **({"errors": asdict(own.errors)} if getattr(own, "errors", None) else {}),
            "fixed": dict(self.fixed),
            "tied": [list(group) for group in self.tied],
            "bounds": {n: [v if np.isfinite(v) else None for v in own] for n, own in self.bounds},
        }

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`."""
        own = {key: value for key, value in settings.items() if key != "name"}
        own["objective"] = Objective.from_dict(own["objective"])
        if own.get("errors") is not None:
            own["errors"] = CorrelatedErrors(**own["errors"])
        own["bounds"] = {
            name: (-np.inf if low is None else low, np.inf if high is None else high)
            for name, (low, high) in own["bounds"].items()
        }
        return cls(**own)


def free_of(method: EndToEndMethod, layout: Layout, **options: bool) -> Free:
    """The free parameters of a method's settings; options as for :func:`build_free`."""
    fixed, bounds = dict(method.fixed), dict(method.bounds)
    return build_free(layout.law, layout.center, fixed, method.tied, bounds, **options)


def check_number(layout: Layout, weights: np.ndarray, free: Free) -> None:
    """Refuse fewer runs than free parameters.

    Raises:
        ValueError: there are too few runs.
    """
    distinct = len(layout.runs) - layout.num_copies
    num, needed = min(int((weights > 0).sum()), distinct), free.basis.shape[1]
    if num < needed:
        raise ValueError(
            f"{num} {'run' if num == 1 else 'runs'} cannot determine the {needed} free "
            f"{'parameter' if needed == 1 else 'parameters'} of the law {layout.law.name!r}: add "
            "runs, or fix parameters (fixed=, tied=)"
        )
