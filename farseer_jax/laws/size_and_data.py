"""Laws with terms ``A / N^α`` and ``B / D^β`` among others: what makes them well conditioned."""

import numpy as np

from farseer_jax.laws.declarations import Parameter
from farseer_jax.laws.law import Center, Law

_TERMS = (("A", "alpha", "N"), ("B", "beta", "D"))


class PowerLawTerms(Law):
    """A law with terms ``A / N^α`` and ``B / D^β``: solvers search the terms at the centre."""

    @classmethod
    def fields(cls) -> tuple[Parameter, ...]:
        """The parameters; solvers search the logarithms of A and B, although L is linear in them.

        A changes by orders of magnitude where α changes a little.
        """
        terms = [coefficient for coefficient, _, _ in _TERMS]
        return tuple(f._replace(log=f.log or f.name in terms) for f in super().fields())

    @classmethod
    def centering(cls, center: Center | None) -> np.ndarray:
        """Replace A and B by their terms at the centre of the runs."""
        names, matrix = cls.parameter_names(), np.eye(len(cls.parameter_names()))
        if center is None:
            return matrix
        for coefficient, exponent, value in _TERMS:
            if coefficient in names:
                row, column = names.index(coefficient), names.index(exponent)
                matrix[row, column] = -np.log(getattr(center, value))
        return matrix
