"""Whether the parts of a fit belong together: what follows from law and runs is computed again."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from farseer_jax.laws.evaluate import evaluate_runs
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.objective_at import objective_at
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.reports import Fitted
from farseer_jax.results.agreement import AGREEMENT, require_close

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit


def check_fit(fit: "Fit", by: Sequence[str]) -> None:
    """Refuse a fit whose parts do not belong together.

    Args:
        fit: a fit from a file.
        by: the grouping columns of all fits of the file.

    Raises:
        ValueError: a parameter is outside its domain, or the errors, the method's report or the
            group are not those of law and runs; the message names the part.
    """
    check_domains(fit.law)
    if not np.isfinite(evaluate_runs(fit.law, fit.runs)).all():
        raise ValueError("parameters: the law has no finite loss at its runs")
    if set(fit.group) != set(by):
        raise ValueError(f"group: expected {', '.join(by) or 'no label'}, got {dict(fit.group)}")
    for name, label in fit.group.items():
        labels = {str(own) for own in fit.runs.extra.get(name, ())}
        if labels and labels != {str(label)}:
            raise ValueError(f"group: {name} is {label!r}, but its runs have {labels}")
    if fit.response != (fit.runs.loss_name or "loss"):
        raise ValueError(f"response: expected {fit.runs.loss_name!r}, got {fit.response!r:.60}")
    fitted = fitted_of(fit, in_group=bool(by))
    errors = fit.diagnostics.errors(fitted)
    # of predicted / observed, a number about 1
    require_close("relative_error", fit.relative_error, errors, AGREEMENT)
    fit.diagnostics.check_belongs(fitted)


def fitted_of(fit: "Fit", *, in_group: bool = False) -> Fitted:
    """A fit, as the report of its method sees it."""
    return Fitted(
        fit.law, fit.runs, fit.method, fit.outcome, fit.mean_relative_error, in_group=in_group
    )


def check_domains(law: Law) -> None:
    """Refuse parameters that are not finite, or outside their domains.

    Raises:
        ValueError: there are some; the message names the first.
    """
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(law)):
        raise ValueError("a parameter of its law is not finite")
    numbers = flat(law.parameters())
    for name, domain in type(law).domains().items():
        value = numbers.get(name, domain.lower)
        if not domain.lower <= value <= domain.upper:
            raise ValueError(
                f"parameters.{name} is {value:.6g}, outside its domain from {domain.lower:g} to "
                f"{domain.upper:g}"
            )


def check_fits(fits: Sequence["Fit"], by: Sequence[str], shared: Sequence[str]) -> None:
    """Refuse fits that cannot be those of one table.

    Raises:
        ValueError: two have the same group and response, or shared parameters differ.
    """
    for fit in fits:
        check_fit(fit, by)
    places = [(tuple(str(fit.group[name]) for name in by), fit.response) for fit in fits]
    if len(set(places)) < len(places):
        raise ValueError("fits: two of them have the same group and response")
    names = type(fits[0].law).parameter_names()
    unknown = [
        own for own in shared if own not in {n.partition("[")[0] for n in names} | set(names)
    ]
    if unknown or (shared and not by):
        raise ValueError(f"shared: the law has no parameter {unknown}, or there are no groups")
    for response in dict.fromkeys(fit.response for fit in fits) if shared else ():
        _check_shared([fit for fit in fits if fit.response == response], shared)


def _check_shared(fits: Sequence["Fit"], shared: Sequence[str]) -> None:
    """Refuse groups of one response that do not share what they should."""
    numbers = [flat(fit.law.parameters()) for fit in fits]
    for name, value in numbers[0].items():
        if name in shared or name.partition("[")[0] in shared:
            for own in numbers[1:]:
                require_close(f"shared: {name}", own[name], value)
    parts = [objective_at(fitted_of(fit, in_group=True)) for fit in fits]
    total, rounding = (sum(numbers) for numbers in zip(*parts, strict=True))
    for fit in fits:
        found = getattr(fit.diagnostics, "objective", None)
        require_close("diagnostics.objective", found, total, rounding)


def flat(parameters: Mapping[str, Any]) -> dict[str, float]:
    """Parameters by name, with entries of vectors as ``C[web]``."""
    found: dict[str, float] = {}
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            found |= {f"{name}[{entry}]": number for entry, number in value.items()}
        else:
            found[name] = value
    return found


def outcome_of(content: Any) -> Outcome:
    """The outcome of its name and message.

    Raises:
        ValueError: the outcome is unknown.
    """
    name = content["name"]
    if name not in Outcome.__members__:
        raise ValueError(
            f"outcome: expected one of {', '.join(Outcome.__members__)}, got {name!r:.40}"
        )
    return Outcome[name]
