"""What decisions are made from: a law, with the fit and the bootstrap that it comes from."""

import jax
import numpy as np

from farseer_jax.fitting.fits import Fits
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import name_a_law, shown
from farseer_jax.laws.law import Law, batch_shape
from farseer_jax.uncertainty.bootstrap_result import Bootstrap


def law_fit_bootstrap(
    source: object, what: str, expected: str
) -> tuple[Law, Fit | None, Bootstrap | None]:
    """The law, and the fit and the bootstrap that it comes from.

    Args:
        source: a bootstrap, a fit or a law.
        what: what needs it, as the subject of a sentence.
        expected: all that it takes, in words.

    Raises:
        TypeError: none of them.
        ValueError: a stack of laws.
    """
    if isinstance(source, Bootstrap):
        return source.fit.law, source.fit, source
    if isinstance(source, Fit):
        return source.law, source, None
    if not isinstance(source, Law):
        several = "; choose one of them, such as fits[0]" if isinstance(source, Fits) else ""
        remedy = name_a_law(source) or several
        raise TypeError(f"{what}: expected {expected}, got {shown(source)}{remedy}")
    if batch_shape(source) != () or any(np.ndim(leaf) > 1 for leaf in jax.tree.leaves(source)):
        raise ValueError(f"{what}: expected one law, got a stack of laws (arrays of parameters)")
    return source, None, None
