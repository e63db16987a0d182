"""The scale on which the errors of a response are alike: log, identity or logit.

    link(predicted) = link(observed) + error

Everything here works on NumPy and on JAX arrays.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # the shell reads the names before it knows whether anything is to be computed
    import numpy as np

NAMES = ("log", "identity", "logit")


@dataclass(frozen=True)
class Link:
    """A response's link.

    Args:
        name: ``"log"`` for positive losses, whose errors are relative; ``"identity"`` for responses
            of any sign; ``"logit"`` for accuracies, between a floor and a ceiling.
        floor: least value, of logit; the accuracy of guessing, say.
        ceiling: largest value, of logit.

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
            raise ValueError(f"unknown link {self.name!r}; choose from {', '.join(NAMES)}")
        if not (math.isfinite(self.floor) and self.floor < self.ceiling < math.inf):
            raise ValueError(
                f"the link's floor must be below its ceiling, got {self.floor!r}, {self.ceiling!r}"
            )

    def forward(self, response: Any) -> Any:
        """A response on the link's scale; NaN or infinite outside the response's range."""
        xp = _namespace(response)
        if self.name == "identity":
            return response
        if self.name == "log":
            return xp.log(response)
        return xp.log((response - self.floor) / (self.ceiling - response))

    def inverse(self, scaled: Any) -> Any:
        """The response of a number on the link's scale."""
        xp = _namespace(scaled)
        if self.name == "identity":
            return scaled
        if self.name == "log":
            return xp.exp(scaled)
        return self.floor + (self.ceiling - self.floor) / (1.0 + xp.exp(-scaled))

    def slope(self, response: Any) -> Any:
        """``d link / d response``: what turns a standard error into one on the link's scale."""
        if self.name == "identity":
            return 1.0 + 0.0 * response
        if self.name == "log":
            return 1.0 / response
        return 1.0 / (response - self.floor) + 1.0 / (self.ceiling - response)

    def check(self, response: "np.ndarray") -> "np.ndarray":
        """Which finite responses the link does not allow."""
        import numpy as np

        if self.name == "identity":
            return np.zeros(np.shape(response), bool)
        if self.name == "log":
            return np.asarray(response) <= 0.0
        return (np.asarray(response) <= self.floor) | (np.asarray(response) >= self.ceiling)

    @property
    def requirement(self) -> str:
        """What responses must be, as messages say it."""
        if self.name == "log":
            return "positive"
        if self.name == "identity":
            return "finite"
        return f"between {self.floor:g} and {self.ceiling:g}"

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        ends = {"floor": self.floor, "ceiling": self.ceiling} if self.name == "logit" else {}
        return {"name": self.name, **ends}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Link":
        """The inverse of :meth:`to_dict`."""
        return cls(**content)


def as_link(link: "Link | str | Mapping[str, Any]") -> Link:
    """A link, or the one of this name.

    Raises:
        ValueError: the name is unknown.
        TypeError: it is neither.
    """
    if isinstance(link, Link):
        return link
    if isinstance(link, Mapping):
        return Link.from_dict(link)
    if not isinstance(link, str):
        raise TypeError(f"link must be a `Link(…)` or one of {', '.join(NAMES)}, got {link!r}")
    return Link(link)


def _namespace(values: Any) -> Any:
    """NumPy for its own arrays and numbers, JAX's otherwise; without importing JAX for NumPy."""
    import numpy as np

    if isinstance(values, np.ndarray | np.generic | float | int):
        return np
    import jax.numpy as jnp

    return jnp
