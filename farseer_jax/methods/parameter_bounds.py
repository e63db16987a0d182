"""Which parameters of a fitted law ended at a bound, in sentences."""

from collections.abc import Mapping, Sequence

import jax
import numpy as np

from farseer_jax.laws.expression_law import ExpressionLaw
from farseer_jax.laws.law import Law


def bound_sentences(
    law: Law,
    bounds: Mapping[str, tuple[float, float]],
    fixed: Sequence[str] = (),
    vanished: Sequence[str] = (),
) -> list[str]:
    """Warnings about parameters at a bound.

    Args:
        law: the fitted law.
        bounds: the bounds that replace a parameter's domain.
        fixed: names of parameters that were not fitted.
        vanished: names of positive parameters that went to 0 in their logarithm.
    """
    kind = type(law)
    values = np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(law)])
    if len(values) != len(kind.parameter_names()):  # parameters that are not the law's own fields
        return []
    zeros, others = [], []
    for (name, domain), value in zip(kind.domains().items(), values, strict=True):
        low, high = bounds.get(name, (domain.lower, domain.upper))
        if name in fixed:
            continue
        if value == low == 0.0 or name in vanished:
            zeros.append(name)
        elif np.isclose(value, low, rtol=1e-9, atol=0.0) or np.isclose(value, high, rtol=1e-9):
            others.append(f"{name} = {value:.4g}")
    return [*_at_zero(zeros, issubclass(kind, ExpressionLaw)), *_elsewhere(others)]


def _at_zero(names: Sequence[str], is_text: bool) -> list[str]:
    if not names:
        return []
    its, them = ("its term", "it") if len(names) == 1 else ("their terms", "them")
    fixed = ", ".join(f"{name!r}: 0.0" for name in names)
    others = (
        ", drop that term, or allow negative values (real=)"
        if is_text
        else ", or use a law without that term"
    )
    return [
        f"{' and '.join(names)} ended at 0, the least allowed: the runs show nothing of {its}, nor "
        f"of other parameters there; fix {them} (fixed={{{fixed}}}){others}."
    ]


def _elsewhere(values: Sequence[str]) -> list[str]:
    if not values:
        return []
    return [
        f"{' and '.join(values)} ended at a bound: the runs favour values beyond it; widen the "
        "bounds (bounds=), or extrapolate with care."
    ]
