"""A law at its free numbers, run by run, for a refit that is differentiated."""

import equinox as eqx
import jax.numpy as jnp

from farseer_jax._types import Array
from farseer_jax.laws.law import AbstractLaw, Center


class Surface(eqx.Module):
    """``ln L`` of all runs as a function of the free numbers.

    Attributes:
        N: of each run, ``(run,)``.
        log_D: logarithm of the tokens, ``(run,)``.
        basis: parameters = offset + basis · free ones, ``(parameter, free)``.
        offset: ``(parameter,)``.
        lower: bounds of the free ones, ``(free,)``.
        upper: likewise.
        center: N and D of the runs' centre, ``(2,)``.
        law_type: the law's class.
        natural: the parameters stand for themselves and the loss is a sum of the law's ``terms``,
            so that coefficients may be 0; else they are those of ``from_vector``.
    """

    N: Array
    log_D: Array
    basis: Array
    offset: Array
    lower: Array
    upper: Array
    center: Array
    law_type: type[AbstractLaw] = eqx.field(static=True)
    natural: bool = eqx.field(static=True)

    def law(self, free: Array) -> AbstractLaw:
        """The law of free numbers ``(free,)``; leaves ``()``."""
        vector = self.offset + self.basis @ free
        if self.natural:
            return self.law_type(**dict(zip(self.law_type.parameter_names(), vector, strict=True)))
        N, D = self.center
        return self.law_type.from_vector(vector, Center(N, D))

    def log_losses(self, free: Array) -> Array:
        """``ln L`` of all runs, ``(run,)``."""
        if self.natural:
            return self._log_sum(free)
        law = self.law(free)
        if law.curve_parameters:
            return law.combine(law.of_size(self.N), self.log_D)
        return law.log_loss(self.N, jnp.exp(self.log_D))

    def _log_sum(self, free: Array) -> Array:
        names = self.law_type.parameter_names()
        values = dict(zip(names, self.offset + self.basis @ free, strict=True))
        # terms do not depend on the linear parameters, and logarithms of some of these do not exist
        ones = {name: jnp.ones_like(values[name]) for name in self.law_type.linear}
        terms = self.law_type(**{**values, **ones}).terms(self.N, jnp.exp(self.log_D))
        parts = zip(self.law_type.linear, terms, strict=True)
        return jnp.log(sum((values[n] * t for n, t in parts), jnp.zeros_like(self.log_D)))
