"""A law at its free numbers, run by run, for a refit that is differentiated."""

import equinox as eqx
import jax.numpy as jnp

from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.separable import Separable
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.problem import run_by_run
from farseer_jax.types import Array


class Surface(eqx.Module):
    """``ln L`` of all runs as a function of the free numbers.

    Attributes:
        inputs: of a law with curves ``N`` and ``log_D``, ``(run,)``; of others each input.
        basis: parameters = offset + basis · free ones, ``(parameter, free)``.
        offset: ``(parameter,)``.
        lower: bounds of the free ones, ``(free,)``.
        upper: likewise.
        center: N and D of the runs' centre, ``(2,)``.
        law_type: the law's class.
        link: the scale of predictions.
        natural: the parameters stand for themselves and the loss is a sum of the law's ``terms``,
            so that coefficients may be 0; else they are those of ``from_vector``.
    """

    inputs: dict[str, Array]
    basis: Array
    offset: Array
    lower: Array
    upper: Array
    center: Array
    law_type: type[Law] = eqx.field(static=True)
    link: Link = eqx.field(static=True)
    natural: bool = eqx.field(static=True)

    def law(self, free: Array) -> Law:
        """The law of free numbers ``(free,)``; leaves ``()``."""
        vector = self.offset + self.basis @ free
        if self.natural:
            return self.law_type(**dict(zip(self.law_type.parameter_names(), vector, strict=True)))
        N, D = self.center
        return self.law_type.from_vector(vector, Center(N, D))

    def predictions(self, free: Array) -> Array:
        """Predictions of all runs on the link's scale, ``(run,)``."""
        if self.natural:
            return self.link.forward(self._sum_of_terms(free))
        law = self.law(free)
        if "log_D" not in self.inputs:
            return run_by_run(law, self.link, self.inputs)
        assert isinstance(law, Separable)
        return law.combine(law.of_size(self.inputs["N"]), self.inputs["log_D"])

    def _sum_of_terms(self, free: Array) -> Array:
        """The loss, where coefficients may be 0, whose logarithm does not exist."""
        names, linear = self.law_type.parameter_names(), self.law_type.linear()
        values = dict(zip(names, self.offset + self.basis @ free, strict=True))
        # terms do not depend on the linear parameters
        ones = {name: jnp.ones_like(values[name]) for name in linear}
        inputs = dict(self.inputs)
        if "log_D" in inputs:
            inputs["D"] = jnp.exp(inputs.pop("log_D"))
        terms = self.law_type(**{**values, **ones}).terms(**inputs)
        return sum(values[n] * t for n, t in zip(linear, terms, strict=True))
