"""Laws with the size of the vocabulary: unigram-normalised losses of Tao et al."""

from collections.abc import Mapping
from typing import Any, ClassVar

import jax.numpy as jnp

from farseer_jax.laws.domains import Exponent, Positive, Real
from farseer_jax.laws.law import Law
from farseer_jax.objectives import Objective
from farseer_jax.types import Array, ArrayLike

_LARGEST_VOCABULARY = 200_000  # beyond it, tokens per character stay the same
_RAW_HUBER = Objective(residual="absolute", delta=1e-3)


def tokens_per_character(V: ArrayLike) -> Array:
    """Tokens that a byte-pair encoding of V entries makes of a character of English text.

    Source: Tao et al. (below), a quadratic in ln V that they fitted to their tokenisers of 1,024 to
    a million entries; constant from 200,000 on.

    Args:
        V: size of the vocabulary, any shape.

    Example:
        >>> from farseer_jax import tokens_per_character
        >>> [round(1 / float(tokens_per_character(V)), 2) for V in (4096, 32768)]  # characters
        [3.02, 3.98]
    """
    x = jnp.log(jnp.minimum(V, _LARGEST_VOCABULARY))
    return (0.00639222 * x - 0.15811069) * x + 1.20470122


class Vocabulary(Law):
    """``L = −E + A1/N^α1 + A2/V^α2 + B/(H·V^h)^β``: the vocabulary law where widths are unknown.

    The loss is normalised by that of a unigram model, so that vocabularies can be compared: it is
    negative, and its errors are those of the loss itself (link ``"identity"``). H counts characters;
    ``V^h`` turns them into tokens, up to a constant factor, so h is negative: larger vocabularies
    make fewer tokens of a text.

    Source: Tao et al., *Scaling Laws with Vocabulary* (arXiv 2407.13623), Eq. 5, whose
    :class:`VocabularyWidth` needs the embedding width. Tables without it, such as the one of
    SLDBench, have V alone: the power of V in the second term absorbs the width, and h replaces the
    authors' count of tokens.

    Attributes:
        E: how far the loss lies below that of a unigram model in the limit.
        A1: coefficient of the term of N, the parameters outside the vocabulary.
        A2: coefficient of the term of V.
        B: coefficient of the data term.
        alpha1: exponent of N.
        alpha2: exponent of V.
        beta: exponent of the data.
        h: exponent of V in the number of tokens.

    Example:
        >>> from farseer_jax import Vocabulary
        >>> law = Vocabulary(E=5.6, A1=9e2, A2=80.0, B=3e4, alpha1=0.45, alpha2=0.7, beta=0.45, h=-0.1)
        >>> round(float(law(N=1e9, V=32768, characters=1e11)), 2)
        -5.07
    """

    name: ClassVar[str] = "vocabulary"
    formula: ClassVar[str] = "L(N, V, H) = −E + A1/N^α1 + A2/V^α2 + B/(H·V^h)^β, H characters"
    response_link: ClassVar[str] = "identity"
    published_objective: ClassVar[Objective | str] = _RAW_HUBER

    E: Positive
    A1: Positive
    A2: Positive
    B: Positive
    alpha1: Exponent
    alpha2: Exponent
    beta: Exponent
    h: Real

    def loss(self, N: Any, V: Any, characters: Any) -> Array:
        """Falls with N and with the characters; in V it has a minimum where h is negative."""
        tokens = characters * V**self.h
        return (
            self.A1 / N**self.alpha1
            + self.A2 / V**self.alpha2
            + self.B / tokens**self.beta
            - self.E
        )


class VocabularyWidth(Law):
    """``L = −E + A1/N^α1 + A2/(V·d)^α2 + B/D^β``: the vocabulary law of its authors.

    V·d is the number of embedding parameters, D the tokens that a tokeniser of V entries makes of H
    characters (:func:`tokens_per_character`). The loss is normalised by that of a unigram model,
    hence negative, and its errors are those of the loss itself (link ``"identity"``).

    Source: Tao et al., *Scaling Laws with Vocabulary* (arXiv 2407.13623), Eq. 5. The authors tie
    ``alpha1`` and ``beta`` (``tied=[("alpha1", "beta")]``) and fit in millions of N, thousands of V
    and d, and billions of characters and tokens. :attr:`published` parameters are those of their
    code (``optimal_Nv_predict.py``), converted to single parameters, entries and tokens.

    Attributes:
        E: how far the loss lies below that of a unigram model in the limit.
        A1: coefficient of the term of N, the parameters outside the vocabulary.
        A2: coefficient of the term of the embedding parameters.
        B: coefficient of the data term.
        alpha1: exponent of N.
        alpha2: exponent of V·d.
        beta: exponent of the tokens.

    Example:
        >>> from farseer_jax import VocabularyWidth
        >>> law = VocabularyWidth.published()
        >>> round(float(law(N=302e6, V=16384, width=1024, characters=4.3e10)), 2)
        -4.91
    """

    name: ClassVar[str] = "vocabulary-width"
    formula: ClassVar[str] = (
        "L(N, V, d, H) = −E + A1/N^α1 + A2/(V·d)^α2 + B/D^β, D the tokens of H characters"
    )
    response_link: ClassVar[str] = "identity"
    published_objective: ClassVar[Objective | str] = _RAW_HUBER
    published_parameters: ClassVar[Mapping[str, Mapping[str, float]]] = {
        "approach 3": {
            "E": 5.5327846803337435,
            "A1": 1.8313851559554126 * 1e6**0.44660634152009615,
            "A2": 0.19584238398665638 * 1e6**0.6707374679896795,  # thousands of V times of d
            "B": 2.1241123120064955 * 1e9**0.44660634152009615,
            "alpha1": 0.44660634152009615,
            "alpha2": 0.6707374679896795,
            "beta": 0.44660634152009615,
        }
    }

    E: Positive
    A1: Positive
    A2: Positive
    B: Positive
    alpha1: Exponent
    alpha2: Exponent
    beta: Exponent

    def loss(self, N: Any, V: Any, width: Any, characters: Any) -> Array:
        """Falls with N, V, the width and the tokens."""
        tokens = characters * tokens_per_character(V)
        return (
            self.A1 / N**self.alpha1
            + self.A2 / (V * width) ** self.alpha2
            + self.B / tokens**self.beta
            - self.E
        )
