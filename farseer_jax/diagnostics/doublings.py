"""What doubling the parameters, the tokens or both does to the loss."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import fit_of
from farseer_jax.laws.law import require_N_and_D
from farseer_jax.results.numbers import loss_text, percent_text, quantity_text
from farseer_jax.results.result import Result
from farseer_jax.results.table import Column, Table

_HEADINGS = {"double_N": "twice N", "double_D": "twice D", "double_both": "twice both"}


@dataclass(frozen=True, eq=False)
class Doublings(Result):
    """Relative changes of the loss where N, D or both double. Prints as a table.

    Attributes:
        law: name of the law.
        N: parameters, ``(point,)``.
        D: tokens, ``(point,)``.
        loss: predicted, ``(point,)``.
        double_N: change of the loss with twice the parameters, ``(point,)``.
        double_D: with twice the tokens, likewise.
        double_both: with both, likewise.
    """

    law: str
    N: np.ndarray
    D: np.ndarray
    loss: np.ndarray
    double_N: np.ndarray
    double_D: np.ndarray
    double_both: np.ndarray

    def table(self) -> Table:
        """One row per point."""
        changes = [
            Column(name, getattr(self, name), percent_text, heading)
            for name, heading in _HEADINGS.items()
        ]
        return Table(
            [
                Column("N", self.N, quantity_text),
                Column("D", self.D, quantity_text),
                Column("loss", self.loss, loss_text),
                *changes,
            ],
            noun="points",
        )

    def text_parts(self) -> Sequence[str | Table]:
        """The law, and its table."""
        return f"{self.law.title()} law: change of the loss with twice as much", self.table()


def doublings(fit: Fit, N: ArrayLike, D: ArrayLike) -> Doublings:
    """What twice the parameters or twice the tokens change at points.

    Args:
        fit: the fit.
        N: parameters of the points.
        D: tokens; broadcasts with N.

    Raises:
        ValueError: the law has other inputs than N and D.

    Example:
        >>> from farseer_jax import Farseer, doublings, example_runs, fit
        >>> print(doublings(fit(Farseer, example_runs()), 7e9, 1e12).table())
          N     D      loss   twice N   twice D   twice both
        ────────────────────────────────────────────────────
        7 B   1 T   0.41829   -3.128%   -2.383%      -5.874%
    """
    fit = fit_of(fit)
    require_N_and_D("doublings", type(fit.law))
    N, D = (np.ravel(own) for own in np.broadcast_arrays(*map(np.asarray, (N, D))))
    loss, more_N, more_D, both = (
        np.asarray(fit.predict(a * N, b * D)) for a, b in ((1, 1), (2, 1), (1, 2), (2, 2))
    )
    return Doublings(
        fit.law.name, N, D, loss, *(own / loss - 1.0 for own in (more_N, more_D, both))
    )
