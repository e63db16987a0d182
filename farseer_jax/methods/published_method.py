"""The method by which the authors of a law fitted it."""

from farseer_jax.laws.law import Law
from farseer_jax.laws.registry import law_named, refuse_unknown_word
from farseer_jax.methods.least_squares.method import LeastSquares


def published_method(law: type[Law] | str) -> LeastSquares:
    """Least squares with the objective of the law's authors.

    Only the objective is theirs: the search is this library's, which finds its minimum.

    Args:
        law: the law's class, or its name.

    Raises:
        ValueError: the name is not that of a law.
        TypeError: neither a class of laws nor a name.

    Example:
        >>> from farseer_jax import Chinchilla, published_method
        >>> published_method(Chinchilla).objective.delta
        0.001
    """
    if isinstance(law, str):
        refuse_unknown_word(law)
        law = law_named(law) or law
    if not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(
            "law: expected a law's class or name, such as `Chinchilla` or 'chinchilla', got "
            f"{law!r}"
        )
    return LeastSquares(law.published_objective)
