"""The law of low precision in which low-precision training reduces the loss from quantisation."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.catalogue.precision import Precision
from farseer_jax.laws.domains import Leaf
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array

_Rate = Annotated[Leaf, Domain(0.0, 50.0, start=(0.2, 1.5))]


class UnifiedPrecision(Precision):
    """:class:`Precision` with its last term times ``Π_x (1 − e^(−C_x·(p_x − p_post)))``.

    Quantisation increases the loss of models trained in few bits less, and not at all unless p_post
    is below the precision in training. Source: Kumar et al., *Scaling Laws for Precision*, arXiv
    2411.04330, Eq. 9. The paper gives no values of C_x, so that there are no published parameters.

    Attributes:
        C_w: rate, per bit, for the weights.
        C_a: rate for the activations.
        C_kv: rate for the KV cache.

    Example:
        >>> from farseer_jax import Precision, UnifiedPrecision
        >>> known = Precision.published().parameters()
        >>> law = UnifiedPrecision(**known, C_w=0.7, C_a=2.0, C_kv=2.0)
        >>> point = dict(N=2e8, D=2e10, p_a=16, p_kv=16, p_post=3)
        >>> [round(float(law(p_w=p, **point)), 3) for p in (3, 4, 16)]
        [3.338, 3.446, 3.497]
    """

    name: ClassVar[str] = "precision-unified"
    formula: ClassVar[str] = (
        "L = E + A/N_eff^α + B/D^β + C_T·D^γ_D/N_eff^γ_N·e^(−p_post/γ_post)"
        "·Π_x (1 − e^(−C_x·(p_x − p_post))), N_eff = N·Π_x (1 − e^(n_x − p_x/γ_x)), x = w, a, kv"
    )
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {}

    C_w: _Rate
    C_a: _Rate
    C_kv: _Rate

    def loss(self, N: Any, D: Any, p_w: Any, p_a: Any, p_kv: Any, p_post: Any) -> Array:
        """As :class:`Precision`, with less loss by quantisation after training in few bits."""
        size = self._term().value(N, p_w, p_a, p_kv)
        lost = self.quantised(size, D, p_post)
        for rate, bits in ((self.C_w, p_w), (self.C_a, p_a), (self.C_kv, p_kv)):
            lost = lost * -jnp.expm1(-rate * jnp.maximum(bits - p_post, 0.0))
        return self.E + self.A * size**-self.alpha + self.B * D**-self.beta + lost
