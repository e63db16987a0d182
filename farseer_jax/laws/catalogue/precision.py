"""The law of low precision in training and after it."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp
import numpy as np

from farseer_jax.laws.domains import Exponent, Leaf, Positive
from farseer_jax.laws.effective.low_precision_parameters import (
    Bits,
    LowPrecisionParameters,
    Offset,
)
from farseer_jax.laws.law import Law
from farseer_jax.solvers.random_starts import Domain


class Precision(Law):
    """``L = E + A/N_eff^α + B/D^β + C_T·D^γ_D/N_eff^γ_N·e^(−p_post/γ_post)``.

    N_eff is the effective number of parameters in low-precision training,
    :class:`LowPrecisionParameters`. The last term is the increase of the loss by quantising the
    weights to p_post bits after training; it grows with the number of tokens. Without such
    quantisation, p_post is the precision of the weights, such as 16.

    Source: Kumar et al., *Scaling Laws for Precision*, arXiv 2411.04330, Eqs. 2–4 and Table 2
    (Appendix K, with ``α = β``), with the published parameters. The paper's further offset b is
    equivalent to a factor of C_T and included in it here, ``0.0598·e^1.1277``. The authors expect
    the trends to be useful rather than the values. :class:`UnifiedPrecision` has the paper's
    additional factor for models trained in low precision.

    Attributes:
        E: irreducible loss.
        A: coefficient of the size term.
        B: coefficient of the data term.
        alpha: exponent of the size term.
        beta: exponent of the data term.
        gamma_w: bits of the weights per factor e.
        n_w: offset of the weights.
        gamma_a: bits of the activations per factor e.
        n_a: offset of the activations.
        gamma_kv: bits of the KV cache per factor e.
        n_kv: offset of the KV cache.
        C_T: coefficient of quantisation after training.
        gamma_D: its exponent of D.
        gamma_N: its exponent of N_eff.
        gamma_post: its bits per factor e.

    Example:
        >>> from farseer_jax import Precision
        >>> law, bits = Precision.published(), dict(p_w=16, p_a=16, p_kv=16)
        >>> [round(float(law(N=2e8, D=D, p_post=16, **bits)), 3) for D in (4e9, 2e10)]
        [3.399, 3.23]
        >>> [round(float(law(N=2e8, D=D, p_post=3, **bits)), 3) for D in (4e9, 2e10)]
        [3.518, 3.497]
    """

    name: ClassVar[str] = "precision"
    formula: ClassVar[str] = (
        "L = E + A/N_eff^α + B/D^β + C_T·D^γ_D/N_eff^γ_N·e^(−p_post/γ_post), "
        "N_eff = N·Π_x (1 − e^(n_x − p_x/γ_x)), x = w, a, kv"
    )
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "Kumar et al.": {
            "E": 2.7648, "A": 4.299e3, "B": 1.806e4, "alpha": 0.4965, "beta": 0.4965,
            "gamma_w": 2.6745, "n_w": 0.3037, "gamma_a": 2.2102, "n_a": 1.4072,
            "gamma_kv": 0.9578, "n_kv": 2.4185,
            "C_T": 0.0598 * float(np.exp(1.1277)),
            "gamma_D": 0.5068, "gamma_N": 0.3439, "gamma_post": 0.5907,
        }
    }  # fmt: skip
    published_objective: ClassVar[str] = "huber"

    E: Positive
    A: Positive
    B: Positive
    alpha: Exponent
    beta: Exponent
    gamma_w: Bits
    n_w: Offset
    gamma_a: Bits
    n_a: Offset
    gamma_kv: Bits
    n_kv: Offset
    C_T: Positive
    gamma_D: Exponent
    gamma_N: Exponent
    gamma_post: Annotated[Leaf, Domain(0.05, 100.0, start=(0.3, 1.5))]

    def loss(self, N: Any, D: Any, p_w: Any, p_a: Any, p_kv: Any, p_post: Any) -> Any:
        """Chinchilla's law of the effective parameters, and the loss by quantisation."""
        size = self._term().value(N, p_w, p_a, p_kv)
        trained = self.E + self.A * size**-self.alpha + self.B * D**-self.beta
        return trained + self.quantised(size, D, p_post)

    def quantised(self, size: Any, D: Any, p_post: Any) -> Any:
        """The increase of the loss by quantisation after training."""
        ratio = self.gamma_D * jnp.log(D) - self.gamma_N * jnp.log(size)
        return self.C_T * jnp.exp(ratio - p_post / self.gamma_post)

    def _term(self) -> LowPrecisionParameters:
        return LowPrecisionParameters(
            gamma_w=self.gamma_w,
            n_w=self.n_w,
            gamma_a=self.gamma_a,
            n_a=self.n_a,
            gamma_kv=self.gamma_kv,
            n_kv=self.n_kv,
        )
