"""What a resampling scheme is: how a set of runs is made anew."""

import json
from dataclasses import asdict
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import numpy as np

from farseer_jax.uncertainty.resampled_runs import Setting


class Draw(NamedTuple):
    """Losses and weights of resamples, each ``(resample, run)``; None where they are the runs' own.

    Attributes:
        losses: other losses.
        weights: other weights.
    """

    losses: np.ndarray | None = None
    weights: np.ndarray | None = None


@runtime_checkable
class Scheme(Protocol):
    """How resamples are drawn: immutable settings with a name."""

    @property
    def name(self) -> str:
        """How files and the shell call the scheme."""
        ...

    def draw(self, setting: Setting, rng: np.random.Generator, index: np.ndarray) -> Draw:
        """The resamples at these positions; only ``rng`` makes them random."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        ...


def as_json_has_it(settings: dict[str, Any]) -> dict[str, Any]:
    """Settings as they come back from JSON: tuples are lists there."""
    content: dict[str, Any] = json.loads(json.dumps(settings))
    return content


class Named:
    """Settings of a dataclass as a dictionary."""

    name: ClassVar[str]

    def to_dict(self) -> dict[str, Any]:
        """The settings, for JSON."""
        return {"name": self.name, **asdict(self)}  # type: ignore[call-overload]
