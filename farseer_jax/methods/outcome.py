"""How a fit ended, as data."""

import enum


class Outcome(enum.Enum):
    """The outcome of a fit; ``outcome.message`` is a sentence, ``outcome.usable`` a bool.

    Example:
        >>> from farseer_jax import Outcome
        >>> Outcome.exponent_at_edge.usable, Outcome.too_few_sizes.usable
        (True, False)
        >>> print(Outcome.too_few_sizes.message)
        Fewer than three sizes have enough usable pairs of runs.
    """

    success = 0, "The fit succeeded.", True
    exponent_at_edge = 1, "An exponent ended at a bound of its search.", True
    exponent_unresolved = 2, "The search of an exponent did not resolve its minimum.", True
    too_few_sizes = 3, "Fewer than three sizes have enough usable pairs of runs.", False
    not_finite = 4, "The fit met numbers that are not finite.", False
    not_converged = 5, "The best start did not converge within its steps.", True
    bound_active = 6, "A parameter ended at a bound.", True
    too_few_runs = 7, "Fewer runs with weight than free parameters.", False
    too_few_budgets = 8, "Fewer than three budgets have an optimum within their sizes.", False
    no_allocation = (
        9,
        "The budgets' optima do not follow power laws with positive exponents.",
        False,
    )
    not_monotone = 10, "The law rises within the domain over which it should decrease.", False
    undetermined = 11, "The runs do not determine the law: other parameters fit them as well.", True

    def __init__(self, code: int, message: str, usable: bool) -> None:
        self.code = code
        self.message = message
        self.usable = usable  # whether there is a law to use; doubts about it are warnings

    @classmethod
    def usable_codes(cls) -> tuple[int, ...]:
        """The codes of the usable outcomes."""
        return tuple(outcome.code for outcome in cls if outcome.usable)

    @classmethod
    def from_code(cls, code: int) -> "Outcome":
        """The outcome of a kernel's integer code."""
        return _BY_CODE[int(code)]


_BY_CODE = {outcome.code: outcome for outcome in Outcome}
