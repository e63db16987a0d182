"""The method by which the authors of a law fitted it."""

from farseer_jax.laws.law import Law
from farseer_jax.methods.least_squares.method import LeastSquares


def published_method(law: type[Law]) -> LeastSquares:
    """Least squares with the objective of the law's authors.

    Only the objective is theirs: the search is this library's, which finds its minimum.

    Args:
        law: the law's class.

    Example:
        >>> from farseer_jax import Chinchilla, published_method
        >>> published_method(Chinchilla).objective.delta
        0.001
    """
    return LeastSquares(law.published_objective)
