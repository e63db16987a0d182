"""Laws with the vocabulary size as an input, for the unigram-normalised losses of Tao et al."""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.domains import Exponent, Leaf, Positive, Real
from farseer_jax.laws.law import Law
from farseer_jax.objectives import Objective
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array

_LARGEST_VOCABULARY = 200_000  # beyond it, the authors' tokens per character stay the same
_AuthorsExponent = Annotated[Leaf, Domain(0.1, 1.0)]
_RAW_HUBER = Objective(residual="absolute", delta=1e-3)


class Vocabulary(Law):
    """``L = −E + A1/N^α1 + A2/V^α2 + B/(H·V^h)^α1``: the vocabulary law without widths.

    The loss is normalised by that of a unigram model, so that vocabularies can be compared: it is
    negative, and its errors are absolute (link ``"identity"``, the law's default).
    H counts characters; ``V^h`` turns them into tokens, up to a constant factor, so h is negative:
    with a larger vocabulary a text has fewer tokens.

    Source: Tao et al., *Scaling Laws with Vocabulary* (arXiv 2407.13623), whose
    :class:`VocabularyWidth` needs the embedding width. Tables without it, such as the one of
    SLDBench, have V alone. Here the exponent of V in the second term absorbs the width, and h
    replaces the authors' formula for the number of tokens. As in the authors' law, N and the data
    share an exponent: with separate exponents, that of N tends to 0 and E to infinity.

    Attributes:
        E: how far the loss lies below that of a unigram model in the limit.
        A1: coefficient of the term of N, the parameters outside the vocabulary.
        A2: coefficient of the term of V.
        B: coefficient of the data term.
        alpha1: exponent of N and of the data.
        alpha2: exponent of V.
        h: exponent of V in the number of tokens.

    Example:
        >>> from farseer_jax import Vocabulary
        >>> law = Vocabulary(E=5.7, A1=480.0, A2=79.0, B=3000.0, alpha1=0.4, alpha2=0.7, h=-0.3)
        >>> round(float(law(N=1e9, V=32768, characters=1e11)), 2)
        -5.11
    """

    name: ClassVar[str] = "vocabulary"
    formula: ClassVar[str] = "L(N, V, H) = −E + A1/N^α1 + A2/V^α2 + B/(H·V^h)^α1, H characters"
    response_link: ClassVar[str] = "identity"
    published_objective: ClassVar[Objective | str] = _RAW_HUBER

    E: Positive
    A1: Positive
    A2: Positive
    B: Positive
    alpha1: Exponent
    alpha2: Exponent
    h: Real

    def loss(self, N: Any, V: Any, characters: Any) -> Array:
        """Falls with N and with the characters; in V it has a minimum where h is positive."""
        return (
            self.A1 / N**self.alpha1
            + self.A2 / V**self.alpha2
            + self.B / (characters * V**self.h) ** self.alpha1
            - self.E
        )


class VocabularyWidth(Law):
    """``L = −E + A1/N^α1 + A2/(V·d)^α2 + B/D^α1``: the vocabulary law of its authors.

    V·d is the number of embedding parameters, d the width. The loss is normalised by that of a
    unigram model, hence negative, and its errors are absolute (link ``"identity"``, the law's
    default).

    Source: Tao et al., *Scaling Laws with Vocabulary* (arXiv 2407.13623), with the exponents of N
    and D tied as in their code. The paper counts tokens as ``D = H·q(ln V)``, H the characters
    and q a quadratic of their tokenisers (.00639222, −.15811069, 1.20470122; constant from V =
    200,000). Their code (``approach3_isoloss.py``) passes V in thousands to q, and so does this
    law. The published parameters are those of the code, converted to units of one parameter, one
    entry and one token. Their rms error on the 1,080 runs is .106 (R² .982); with q(ln V) it is
    .754. As in their code, exponents lie between .1 and 1; otherwise a fit to the smallest runs has
    alpha2 tend to 0 and E to infinity.

    Attributes:
        E: how far the loss lies below that of a unigram model in the limit.
        A1: coefficient of the term of N, the parameters outside the vocabulary.
        A2: coefficient of the term of the embedding parameters.
        B: coefficient of the data term.
        alpha1: exponent of N and of the data.
        alpha2: exponent of V·d.

    Example:
        >>> from farseer_jax import VocabularyWidth
        >>> law = VocabularyWidth.published()
        >>> round(float(law(N=302e6, V=16384, width=1024, characters=4.3e10)), 2)
        -4.93
    """

    name: ClassVar[str] = "vocabulary-width"
    formula: ClassVar[str] = (
        "L(N, V, d, H) = −E + A1/N^α1 + A2/(V·d)^α2 + B/D^α1, D = H·q(ln V/1000), H characters"
    )
    response_link: ClassVar[str] = "identity"
    published_objective: ClassVar[Objective | str] = _RAW_HUBER
    published_parameters: ClassVar[Mapping[str, Mapping[str, Any]]] = {
        "Tao et al.": {
            "E": 5.5327846803337435,
            "A1": 1.8313851559554126 * 1e6**0.44660634152009615,  # fitted in millions of N,
            "A2": 0.19584238398665638 * 1e6**0.6707374679896795,  # thousands of V and of d,
            "B": 2.1241123120064955 * 1e9**0.44660634152009615,  # and billions of tokens
            "alpha1": 0.44660634152009615,
            "alpha2": 0.6707374679896795,
        }
    }

    E: Positive
    A1: Positive
    A2: Positive
    B: Positive
    alpha1: _AuthorsExponent
    alpha2: _AuthorsExponent

    def loss(self, N: Any, V: Any, width: Any, characters: Any) -> Array:
        """Falls with N, V, the width and the characters."""
        return (
            self.A1 / N**self.alpha1
            + self.A2 / (V * width) ** self.alpha2
            + self.B / (characters * _tokens_per_character(V)) ** self.alpha1
            - self.E
        )


def _tokens_per_character(V: Any) -> Any:
    """As the authors' code has it, with V in thousands."""
    x = jnp.log(jnp.minimum(V, _LARGEST_VOCABULARY) / 1000.0)
    return (0.00639222 * x - 0.15811069) * x + 1.20470122
