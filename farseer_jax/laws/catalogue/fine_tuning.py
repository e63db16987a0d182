"""The rectified law of fine-tuning."""

from typing import Any, ClassVar

from farseer_jax.laws.domains import Exponent, Positive
from farseer_jax.laws.law import Law
from farseer_jax.types import Array


class FineTuning(Law):
    """``L(D) = E + B / (D_l + D^β)``: the loss after fine-tuning on D examples.

    Up to about ``D_l^(1/β)`` examples, the loss falls slowly, since pre-training has the effect of
    that many examples. Beyond, it falls as a power law. Fit one curve for each
    model and data set, in one call: ``by=["model", "dataset"]``.

    Source: Lin et al., *Selecting Large Language Model to Fine-tune via Rectified Scaling Law*
    (arXiv 2402.02314). The law on the project's page has an additional exponent α; the paper's law,
    and this one, do not.

    Attributes:
        E: loss with unlimited examples.
        B: coefficient of the data term; without examples, the loss is ``E + B/D_l``.
        D_l: the pre-learned data size, in units of ``D^β``.
        beta: exponent of the examples.

    Example:
        >>> from farseer_jax import FineTuning
        >>> law = FineTuning(E=1.5, B=60.0, D_l=20.0, beta=0.4)
        >>> [round(float(law(examples)), 2) for examples in (200, 12_800, 819_200)]
        [3.62, 2.44, 1.74]
    """

    name: ClassVar[str] = "fine-tuning"
    formula: ClassVar[str] = "L(D) = E + B/(D_l + D^β), D examples"

    E: Positive
    B: Positive
    D_l: Positive
    beta: Exponent

    def loss(self, examples: Any) -> Array:
        """Falls with the number of examples."""
        value: Array = self.E + self.B / (self.D_l + examples**self.beta)
        return value
