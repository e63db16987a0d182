"""The effective number of parameters of a model that is trained in low precision."""

from typing import Annotated, Any, ClassVar, TypeAlias

import jax.numpy as jnp

from farseer_jax.laws.domains import Leaf
from farseer_jax.laws.effective_inputs import EffectiveInput
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array

Bits: TypeAlias = Annotated[Leaf, Domain(0.05, 100.0, start=(0.5, 4.0))]
Offset: TypeAlias = Annotated[Leaf, Domain(start=(-1.0, 3.0))]


def share_kept(bits: Any, gamma: Any, n: Any) -> Array:
    """``1 − e^(n − p/γ)`` for p bits; 0 where that is negative."""
    return jnp.maximum(-jnp.expm1(n - bits / gamma), 0.0)


class LowPrecisionParameters(EffectiveInput):
    """``N_eff = N·Π_x (1 − e^(n_x − p_x/γ_x))`` over weights (w), activations (a), KV cache (kv).

    Source: Kumar et al., *Scaling Laws for Precision*, arXiv 2411.04330, Eq. 4. p_x is the
    precision during training in bits. The offsets n_x are not in the paper's equations, but in its
    fits (Appendix K), which do not state their sign. With the sign used here, 3-bit weights have 56 %
    of the parameters, and the KV cache becomes sensitive at 4 to 5 bits, as the paper says. For the
    equation as printed, fix the offsets at 0.

    Attributes:
        gamma_w: bits of the weights per factor e.
        n_w: offset of the weights.
        gamma_a: bits of the activations per factor e.
        n_a: offset of the activations.
        gamma_kv: bits of the KV cache per factor e.
        n_kv: offset of the KV cache.

    Example:
        >>> from farseer_jax import LowPrecisionParameters
        >>> gammas = dict(gamma_w=2.6745, gamma_a=2.2102, gamma_kv=0.9578)
        >>> term = LowPrecisionParameters(n_w=0.3037, n_a=1.4072, n_kv=2.4185, **gammas)
        >>> [float(f"{term.value(N=1e9, p_w=p, p_a=16, p_kv=16) / 1e9:.2f}") for p in (3, 4, 8, 16)]
        [0.56, 0.69, 0.93, 0.99]
    """

    name: ClassVar[str] = "low-precision-parameters"
    replaces: ClassVar[str] = "N"
    formula: ClassVar[str] = "N·Π_x (1 − e^(n_x − p_x/γ_x)), x = w, a, kv"

    gamma_w: Bits
    n_w: Offset
    gamma_a: Bits
    n_a: Offset
    gamma_kv: Bits
    n_kv: Offset

    def value(self, N: Any, p_w: Any, p_a: Any, p_kv: Any) -> Array:
        """The effective number of parameters; all inputs positive and broadcastable."""
        weights = share_kept(p_w, self.gamma_w, self.n_w)
        activations = share_kept(p_a, self.gamma_a, self.n_a)
        return N * weights * activations * share_kept(p_kv, self.gamma_kv, self.n_kv)
