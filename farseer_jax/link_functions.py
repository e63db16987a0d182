"""The scale on which a response's errors are comparable: log, identity or logit.

    link(predicted) = link(observed) + error

Everything here works on NumPy and on JAX arrays.
"""

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from farseer_jax.close_names import unknown_name

if TYPE_CHECKING:
    import numpy as np


NAMES = ("log", "identity", "logit")


@dataclass(frozen=True)
class Link:
    """The link function of a response.

    Args:
        name: ``"log"`` for positive losses with relative errors; ``"identity"`` for responses of
            either sign; ``"logit"`` for accuracies between a floor and a ceiling.
        floor: lower limit of the logit link, such as the accuracy of guessing.
        ceiling: upper limit of the logit link.

    Raises:
        ValueError: the name is unknown, or the floor is not below the ceiling.

    Example:
        >>> from farseer_jax import Link
        >>> import numpy as np
        >>> accuracy = Link("logit", floor=0.25)
        >>> round(float(accuracy.inverse(accuracy.forward(np.array(0.6)))), 6)
        0.6
    """

    name: str = "log"
    floor: float = 0.0
    ceiling: float = 1.0

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise ValueError(unknown_name("link", self.name, NAMES))
        if not (math.isfinite(self.floor) and self.floor < self.ceiling < math.inf):
            raise ValueError(
                f"the link's floor must be below its ceiling, got {self.floor!r}, {self.ceiling!r}"
            )

    def forward(self, response: Any) -> Any:
        """A response on the link's scale; NaN or infinite outside the response's range."""
        if self.name == "identity":
            return response
        if self.name == "log":
            return namespace(response).log(response)
        return namespace(response).log((response - self.floor) / (self.ceiling - response))

    def inverse(self, scaled: Any) -> Any:
        """The inverse of :meth:`forward`; infinite where it is too large for a number."""
        if self.name == "identity":
            return scaled
        if self.name == "log":
            return _exp(scaled)
        return self.floor + (self.ceiling - self.floor) / (1.0 + _exp(-scaled))

    def slope(self, response: Any) -> Any:
        """``d link / d response``: converts a standard error to the link's scale."""
        if self.name == "identity":
            return 1.0 + 0.0 * response
        if self.name == "log":
            return 1.0 / response
        return 1.0 / (response - self.floor) + 1.0 / (self.ceiling - response)

    def check(self, response: "np.ndarray") -> "np.ndarray":
        """True for each finite response outside the link's range."""
        import numpy as np

        if self.name == "identity":
            return np.zeros(np.shape(response), bool)
        if self.name == "log":
            return np.asarray(response) <= 0.0
        return (np.asarray(response) <= self.floor) | (np.asarray(response) >= self.ceiling)

    @property
    def requirement(self) -> str:
        """What responses must be, for messages."""
        if self.name == "log":
            return "positive"
        if self.name == "identity":
            return "finite"
        return f"between {self.floor:g} and {self.ceiling:g}"

    def to_dict(self) -> dict[str, Any]:
        """The link as a dictionary, for JSON."""
        ends = {"floor": self.floor, "ceiling": self.ceiling} if self.name == "logit" else {}
        return {"name": self.name, **ends}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Link":
        """The inverse of :meth:`to_dict`."""
        return cls(**content)


def as_link(link: "Link | str | Mapping[str, Any]") -> Link:
    """Convert a name, or what :meth:`Link.to_dict` gave, to a link.

    Raises:
        ValueError: the name is unknown.
        TypeError: neither a link nor a name.
    """
    if isinstance(link, Link):
        return link
    if isinstance(link, Mapping):
        return Link.from_dict(link)
    if not isinstance(link, str):
        raise TypeError(f"link must be a `Link(…)` or one of {', '.join(NAMES)}, got {link!r}")
    return Link(link)


def is_jax(values: Any) -> bool:
    """Whether this is a JAX array; JAX is not imported for the question."""
    jax = sys.modules.get("jax")
    return jax is not None and isinstance(values, jax.Array)


def _exp(values: Any) -> Any:
    """The exponential; infinite without a warning where it overflows."""
    import numpy as np

    with np.errstate(over="ignore"):
        return namespace(values).exp(values)


def namespace(values: Any) -> Any:
    """``jax.numpy`` for JAX arrays, ``numpy`` for all else."""
    if is_jax(values):
        return sys.modules["jax"].numpy
    import numpy as np

    return np
