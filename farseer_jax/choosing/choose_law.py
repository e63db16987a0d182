"""``choose_law``: the laws for a table when no law is named."""

import warnings as python_warnings
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from farseer_jax.choosing.averaged_fit import AveragedFit, AveragedMember
from farseer_jax.choosing.candidates import (
    Candidate,
    NotServed,
    columns_for,
    general_forms,
    needs_text,
    refuse_unknown_inputs,
    served_laws,
)
from farseer_jax.choosing.choice_parts import choice_parts, runs_of
from farseer_jax.choosing.fit_members import (
    ChoicePart,
    Trial,
    fit_candidate,
    starts_of_parts,
)
from farseer_jax.choosing.law_choice import LawChoice, TriedLaw
from farseer_jax.choosing.scores import log_miss, probability_best, promising, weights_of
from farseer_jax.choosing.small_groups import without_small_groups
from farseer_jax.choosing.survey_table import named_columns, surveyed_table
from farseer_jax.choosing.table_checks import refuse_lengths, too_few_text
from farseer_jax.choosing.table_reading import TableReading, numbers_of
from farseer_jax.fitting.arguments import columns_of_table, names_of
from farseer_jax.link_functions import Link, as_link
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.find_columns import match_columns
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.progress import report
from farseer_jax.runtime.threads import one_blas_thread
from farseer_jax.tables.columns import Columns

_MANY_RUNS, _MOST_CORRELATED = 600, 4  # beyond so many runs only the best laws get a misfit


def choose_law(
    table: object,
    *,
    response: str | Sequence[str] | None = None,
    by: str | Sequence[str] | None = None,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    link: Link | str | None = None,
    units: Mapping[str, float | None] | None = None,
) -> LawChoice:
    """Choose laws for a table by how well each predicts the largest runs from the others.

    Columns are recognised by their names and values. Every law of the catalogue whose inputs the
    table has is tried, as well as general sums and products of powers. Each law is fitted with
    independent errors, and the best ones also with correlated errors (:class:`CorrelatedErrors`):
    to all runs, and without the hold-outs, the largest values of each input. Outliers are
    down-weighted, and weak priors regularise floors and exponents that the runs do not determine.
    The result is an average of the laws, weighted by their errors on the hold-outs.

    Args:
        table: a pandas, polars or pyarrow table, a mapping of names to columns, or :class:`Runs`.
        response: the columns to fit; by default the loss, or all losses, found by name.
        by: columns to group by, with a fit for each group; by default the text columns that the
            inputs do not determine. ``()`` for no groups.
        columns_of: columns of inputs that are not found by name: ``{"U": "unique_tokens", "h":
            "share_*"}``.
        link: scale of the response's errors; None is ``"log"`` for positive responses, else
            ``"identity"``.
        units: factors of inputs: ``{"N": 1e9}`` for a column in billions. Units in names, such as
            ``params_B``, apply without it.

    Raises:
        TableError: the table cannot be read as it is; the error has all problems and options.
        ValueError: a column is missing or invalid, the table lacks an input of every law, or there
            are too few runs for a hold-out.
        TypeError: not a table.

    Example:
        >>> import numpy as np
        >>> import farseer_jax as fj
        >>> N, P = (x.ravel() for x in np.meshgrid([5e8, 7e8, 1e9, 1.6e9, 2.8e9], [1, 2, 4, 8]))
        >>> loss = 1.29 + (1.97e8 / (N * (0.33 * np.log(P) + 1))) ** 0.196
        >>> choice = fj.choose_law({"params": N, "P": P, "val_loss": loss})
        >>> float(choice.predict({"params": [4.4e9], "P": [8]}).round(2)[0])  # the law: 1.781
        1.78
    """
    columns = _columns(table)
    refuse_lengths(columns)
    refuse_unknown_inputs(list(columns_of or {}))
    own_link = None if link is None else as_link(link)
    columns, reading = surveyed_table(
        columns,
        response=response,
        by=None if by is None else _groups_of(columns, names_of(by)),
        columns_of=columns_of,
        link=own_link,
        units={"N": 1.0, "D": 1.0} if isinstance(table, Runs) else units,
    )
    named = named_columns(columns, columns_of or {})
    kept, reading = without_small_groups(columns, reading)
    own_link = own_link or as_link(reading.link)
    numbers = numbers_of(kept, reading)
    single = {name: own for name, own in named.items() if isinstance(own, str)}
    along = _along(reading, single)
    parts = choice_parts(numbers, reading, own_link, along)
    candidates, others = _candidates(numbers, reading, single, own_link)
    if candidates and not any(part.holdouts for part in parts):
        raise ValueError(too_few_text(max(len(part.loss) for part in parts)))
    with one_blas_thread(), python_warnings.catch_warnings():
        python_warnings.simplefilter("ignore", RuntimeWarning)
        trials, refused = _try_all(candidates, parts, numbers, reading, own_link)
    if not trials:
        raise ValueError(_nothing_serves(others, refused, columns))
    return _choice(trials, refused, others, parts, reading, own_link, along)


def _columns(table: object) -> Columns:
    """The columns of a table, or of runs."""
    if not isinstance(table, Runs):
        return columns_of_table(table)
    inputs = {name: np.asarray(own) for name, own in flat_inputs(table, table.inputs).items()}
    extra = {name: np.asarray(own) for name, own in table.extra.items()}
    return Columns({**inputs, table.loss_name or "loss": table.loss, **extra})


def _groups_of(columns: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    """The columns to group by, which the table must have."""
    return match_columns(list(columns), list(names), "as a group") if names else []


def _along(reading: TableReading, named: Mapping[str, str]) -> str | None:
    """The column of the size, each of whose values has a random effect of its own."""
    found = columns_for("N", "positive", reading, named)
    return found[0] if found else None


def _candidates(
    numbers: Mapping[str, Any], reading: TableReading, named: Mapping[str, str], link: Link
) -> tuple[list[Candidate], list[NotServed]]:
    """The laws whose inputs the table has, and general forms; and the laws that lack an input."""
    candidates, others = served_laws(reading, named)
    inputs = {name: np.asarray(numbers[name], dtype=float) for name in reading.inputs}
    response = np.asarray(numbers[reading.responses[0]], dtype=float)
    with np.errstate(all="ignore"):
        target = link.forward(response)
    return [*candidates, *general_forms(reading, inputs, target)], others


def _try_all(
    candidates: Sequence[Candidate],
    parts: Sequence[ChoicePart],
    numbers: Mapping[str, Any],
    reading: TableReading,
    link: Link,
) -> tuple[list[Trial], dict[str, str]]:
    """Fit every candidate with independent errors, and the best, or all, with correlated ones."""
    plain, refused = list[Trial](), dict[str, str]()
    known: dict[str, tuple[list[Runs], list[np.ndarray]]] = {}
    total = 2 * len(candidates)
    for place, candidate in enumerate(candidates):
        report(place, total)
        try:
            runs = runs_of(candidate, parts, numbers, reading, link)
            starts = starts_of_parts(candidate, runs)
            plain.append(fit_candidate(candidate, parts, runs, correlated=False, starts=starts))
        except ValueError as error:
            refused[candidate.name] = str(error)
            continue
        known[candidate.name] = runs, starts
    if not plain or parts[0].errors is None:
        return plain, refused
    many = sum(len(part.loss) for part in parts) > _MANY_RUNS
    best = promising(
        [log_miss(own.misses) for own in plain], _MOST_CORRELATED if many else len(plain)
    )
    correlated = list[Trial]()
    for count, place in enumerate(best):
        report(len(candidates) + count, total)
        candidate = plain[place].candidate
        runs, starts = known[candidate.name]
        optima = [own.free for own in plain[place].parts]
        found = fit_candidate(candidate, parts, runs, correlated=True, starts=starts, optima=optima)
        correlated.append(found)
    report(total, total)
    return [*plain, *correlated], refused


def _choice(
    trials: Sequence[Trial],
    refused: Mapping[str, str],
    others: Sequence[NotServed],
    parts: Sequence[ChoicePart],
    reading: TableReading,
    link: Link,
    along: str | None,
) -> LawChoice:
    """The average of the trials, weighted by their errors on the hold-outs."""
    misses = np.array([log_miss(own.misses) for own in trials])
    weights, best = weights_of(misses), probability_best(misses)
    tried = [
        TriedLaw(
            own.candidate.name,
            own.candidate.law.formula,
            own.correlated,
            float(np.exp(log.mean())),
            float(weight),
            float(chance),
        )
        for own, log, weight, chance in zip(trials, misses, weights, best, strict=True)
    ]
    fits = tuple(
        AveragedFit(
            part.group,
            part.response,
            link,
            part.inputs,
            part.loss,
            along,
            _members(trials, weights, place),
        )
        for place, part in enumerate(parts)
    )
    return LawChoice(
        reading,
        fits,
        tuple(sorted(tried, key=lambda own: own.error)),
        tuple(trials[0].misses),
        {own.name: " and ".join(own.lacks) for own in others},
        dict(refused),
    )


def _members(
    trials: Sequence[Trial], weights: np.ndarray, place: int
) -> tuple[AveragedMember, ...]:
    """The laws of an average for one part, by their share."""
    kept = [k for k in np.argsort(-weights, kind="stable") if weights[k] > 0.0]
    return tuple(
        AveragedMember(
            trials[k].candidate.name,
            trials[k].parts[place].law,
            dict(trials[k].candidate.columns),
            trials[k].correlated,
            float(weights[k]),
            trials[k].parts[place].coefficients,
            trials[k].parts[place].noise,
            trials[k].parts[place].floor_sd,
        )
        for k in kept
    )


def _nothing_serves(
    others: Sequence[NotServed], refused: Mapping[str, str], columns: Mapping[str, Any]
) -> str:
    reasons = [f"{name}: {why}" for name, why in refused.items()]
    reasons += needs_text(others)
    return (
        f"no law of the catalogue can be fitted to the columns {', '.join(map(repr, columns))}: "
        'name the columns of its inputs, columns_of={"N": "column"}; ' + "; ".join(reasons[:12])
    )
