"""Test which law and method extrapolate best, by extrapolations within the data."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax.diagnostics.candidates import Candidate, Candidates, as_candidates
from farseer_jax.diagnostics.extrapolation import Extrapolation
from farseer_jax.diagnostics.holdout_errors import judged
from farseer_jax.diagnostics.holdout_predictions import predict_holdouts
from farseer_jax.diagnostics.holdout_split import Split, split_runs
from farseer_jax.diagnostics.order_of_runs import default_order
from farseer_jax.diagnostics.small_groups import split_without_small_groups
from farseer_jax.fitting.several_laws import as_laws_and_parts
from farseer_jax.laws.catalogue.chinchilla import Chinchilla
from farseer_jax.link_functions import Link
from farseer_jax.runs.binding import Part
from farseer_jax.runs.copies import Copies
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs


def extrapolate(
    runs: object,
    candidates: Candidates | None = None,
    *,
    along: str | None = None,
    held_out: float | None = None,
    limits: ArrayLike | None = None,
    min_fitted: int | None = None,
    targets: object = None,
    by: str | Sequence[str] = (),
    response: str | Sequence[str] | None = None,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    link: Link | str | None = None,
    weights: str | None = None,
    standard_error: str | None = None,
    kinds: Mapping[str, str] | None = None,
    real: str | Sequence[str] = (),
    units: Mapping[str, float | None] | None = None,
    copies: Copies = "average",
) -> Extrapolation:
    """Fit the runs up to each of several limits, and predict larger ones (paper, Figs. 1a, 6–8).

    The largest runs are held out. Each candidate is fitted to the runs up to each limit below
    them, and predicts the rest. The best candidate is chosen by its errors on the inner hold-outs,
    the runs between a limit and the held-out ones. The held-out runs take no part in this choice,
    and test it. All refits of a law are one batch, over all groups and responses; a forecast
    (:func:`forecast`) is made anew from the runs up to each limit. Exact copies count once.

    Args:
        runs: :class:`Runs`, or a table as for :func:`fit`.
        candidates: laws (classes, names or expressions, over any inputs of the table), pairs
            ``(law, method)``, ``"forecast"`` or ``(law, "forecast")``, or a mapping of names to
            these; None takes the forecast, Farseer by :class:`Piecewise` and
            :class:`LeastSquares`, and Chinchilla, Coupled and Kaplan by ``LeastSquares("huber")``
            (Hoffmann et al.'s objective).
        along: quantity that orders the runs: an input, ``"C"`` (compute 6·N·D), a column, a cost
            as text (``"6*N*D*P"``), or a mixture, by the distance from the mean mixture; None
            takes N, or else the laws' first input.
        held_out: runs from this value on are held out; None takes the largest value, or as many of
            the largest values as have five runs and a fiftieth of all.
        limits: runs up to each of these values are fitted; None takes the distinct values below the
            held-out runs, from a third of all on, and at most 6 of them, evenly.
        min_fitted: number of distinct values in the smallest fitted range, if ``limits`` is None.
        targets: further runs to predict one by one, from each limit and from all runs; for one
            group and one response.
        by: columns to group by; each group is fitted by itself, and errors are means over all.
            Groups with fewer runs up to the largest limit than a law has parameters are left out,
            with a warning.
        response: the column to fit, or several, fitted one by one.
        columns_of: columns of inputs that are not found by name.
        link: the scale on which errors of the response are comparable; errors are relative for
            ``"log"``, and absolute for others.
        weights: a column of weights of the runs.
        standard_error: a column of standard errors of the response, instead of weights.
        kinds: kinds of inputs of expressions that are not positive numbers.
        real: parameters of expressions that may have either sign.
        units: factors of inputs.
        copies: rows of a table that are equal in all inputs and the response count once, or each
            (``"keep"``).

    Raises:
        ValueError: nothing is held out, nothing is left to fit, the table lacks an input of a law,
            a target is among the runs, or two candidates have the same name.
        TypeError: ``runs`` or ``targets`` is neither runs nor a table of them; a candidate is
            neither a law, nor a pair, nor ``"forecast"``.

    Example:
        >>> from farseer_jax import Chinchilla, Farseer, example_runs, extrapolate
        >>> found = extrapolate(example_runs(), [Farseer, Chinchilla], limits=[1e9, 2e9, 4e9])
        >>> found.best.name, found["Farseer, piecewise"].held_out_error.shape
        ('Farseer, piecewise', (3,))
    """
    chosen = as_candidates(candidates)
    naming: dict[str, Any] = {
        "columns_of": columns_of, "link": link, "weights": weights, "units": units,
        "standard_error": standard_error, "kinds": kinds, "real": real, "copies": copies,
        "response": response,
    }  # fmt: skip
    try:
        chosen, parts = _bound(chosen, runs, naming, by)
    except ValueError as error:
        if candidates is not None:
            raise
        raise ValueError(f"{error}; or give laws over other columns (candidates=)") from None
    if copies == "average":
        parts = [part._replace(runs=_distinct(part.runs)) for part in parts]
    along = default_order(parts[0].runs) if along is None else along
    most = max(0 if own.law is None else _num_parameters(own, parts) for own in chosen)
    split, parts, left_out = split_without_small_groups(
        parts,
        lambda own: split_runs(own, along, held_out, limits, min_fitted, most),
        along,
        most,
    )
    checked = None if targets is None else _targets(targets, chosen, parts, naming)
    relative = parts[0].runs.link.name == "log"
    observed = np.concatenate([part.runs.loss for part in parts])
    found = predict_holdouts(parts, chosen, _rows(split, parts), [checked] * len(parts))
    return Extrapolation(
        along=along,
        parts=tuple(parts),
        values=split.values,
        limits=split.limits,
        fitted=split.fitted,
        held_out=split.held_out,
        following=split.following,
        targets=checked,
        noise=noise_if_shown(parts[0].runs) if len(parts) == 1 else None,
        results=tuple(
            judged(candidate, own, observed, split, relative=relative)
            for candidate, own in zip(chosen, found, strict=True)
        ),
        left_out=left_out,
    )


def _bound(
    candidates: Sequence[Candidate], runs: object, naming: Mapping[str, Any], by: Any
) -> tuple[list[Candidate], list[Part]]:
    """The candidates with their laws' classes, and the runs of each group and response."""
    laws = [Chinchilla if own.law is None else own.law for own in candidates]
    classes, parts = as_laws_and_parts(laws, runs, by=by, **naming)
    found = [
        own if own.law is None else own._replace(law=law)
        for own, law in zip(candidates, classes, strict=True)
    ]
    return found, parts


def _num_parameters(candidate: Candidate, parts: Sequence[Part]) -> int:
    """Parameters of a candidate's law that are fitted."""
    from farseer_jax.fitting.arguments import with_entries

    assert isinstance(candidate.law, type)  # bound to the runs
    fixed = getattr(candidate.method, "fixed", None) or ()
    return len(with_entries(candidate.law, parts).parameter_names()) - len(fixed)


def _distinct(runs: Runs) -> Runs:
    """The runs without exact copies of earlier ones."""
    return runs if not runs.num_copies else runs.select(mask=~runs.is_copy)


def _rows(split: Split, parts: Sequence[Part]) -> list[np.ndarray]:
    """Which runs of each part are fitted for each limit and, last, all: ``(limit + 1, run)``."""
    rows = np.concatenate([split.fitted, np.ones((1, len(split.values)), bool)])
    cuts = np.cumsum([len(part.runs) for part in parts])[:-1]
    return np.split(rows, cuts, axis=1)


def _targets(
    targets: object, candidates: Sequence[Candidate], parts: Sequence[Part], naming: Any
) -> Runs:
    """The targets, bound as the runs; none of them may be among the runs."""
    if len(parts) > 1:
        raise ValueError(
            f"targets: expected one group and one response, got {len(parts)}: predict the targets "
            "by `fit` and `predict`, or take one group and one response"
        )
    try:
        own = {} if isinstance(targets, Runs) else naming
        _, bound = _bound(candidates, targets, own, ())
    except (TypeError, ValueError) as error:
        raise type(error)(f"targets: {str(error).removeprefix('runs: ')}") from None
    found = _distinct(bound[0].runs)
    _refuse_fitted(parts[0].runs, found)
    return found


def _refuse_fitted(runs: Runs, targets: Runs) -> None:
    """Refuse targets that are among the runs."""
    known, points = (
        list(zip(*(map(_key, own.inputs[name]) for name in targets.inputs), strict=True))
        for own in (runs, targets)
    )
    both = [point for point in points if point in set(known)]
    if both:
        shown = ", ".join(
            f"{name} = {value:.4g}" if isinstance(value, float) else f"{name} = {value}"
            for name, value in zip(targets.inputs, both[0], strict=True)
        )
        raise ValueError(
            f"targets: {len(both)} of {len(targets)} {'is' if len(both) == 1 else 'are'} among the "
            f"runs, the first at {shown}; leave them out of either table"
        )


def _key(value: Any) -> Any:
    """A value of an input, to compare."""
    plain = np.asarray(value).tolist()
    return tuple(plain) if isinstance(plain, list) else plain
