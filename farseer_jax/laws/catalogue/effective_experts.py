"""The effective number of experts, which saturates."""

from typing import Annotated, Any, TypeAlias

from farseer_jax.laws.domains import Leaf
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array

# Starts where the authors' fits lie. The bounds keep the two apart, and end the flat tail of a
# limit that the runs do not show.
EffectiveOfOne: TypeAlias = Annotated[Leaf, Domain(0.0, 30.0, start=(1.0, 6.0))]
MostEffective: TypeAlias = Annotated[Leaf, Domain(30.0, 1e5, start=(30.0, 300.0))]


def effective_experts(experts: Any, E_start: Any, E_max: Any) -> Array:
    """``1/Ê = 1/(X − 1 + 1/(1/E_start − 1/E_max)) + 1/E_max``: from E_start at X = 1 up to E_max.

    Source: Clark et al., arXiv 2202.01169, Eq. 1; the same transformation in Ludziejewski et al.,
    arXiv 2502.05172, Eq. 4.

    Args:
        experts: number of experts X.
        E_start: effective number for a single expert.
        E_max: limit of the effective number for many experts, above ``E_start``.

    Example:
        >>> round(effective_experts(1, 1.847, 314.478), 3)
        1.847
        >>> round(effective_experts(64, 1.847, 314.478), 1)
        53.8
    """
    shifted: Array = experts - 1.0 + 1.0 / (1.0 / E_start - 1.0 / E_max)
    return 1.0 / (1.0 / shifted + 1.0 / E_max)
