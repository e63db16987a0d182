"""``fit``: a law fitted to runs, or to each group and response of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from farseer_jax.fitting.arguments import as_method, as_parts, monotone_over_domain, names_of
from farseer_jax.fitting.fits import Fits
from farseer_jax.fitting.outlier_warnings import without_outliers
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.settings import check_number, free_of
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import Method, Solved, weights_of
from farseer_jax.runs.binding import Part
from farseer_jax.runs.copies import Copies
from farseer_jax.runs.groups_and_responses import group_text
from farseer_jax.runtime.progress import stage


def fit(
    law: type[Law] | str,
    runs: object,
    method: Method | None = None,
    *,
    monotone_over: Any = None,
    by: str | Sequence[str] = (),
    shared: str | Sequence[str] = (),
    response: str | Sequence[str] | None = None,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    link: Link | str | None = None,
    weights: str | None = None,
    standard_error: str | None = None,
    kinds: Mapping[str, str] | None = None,
    real: str | Sequence[str] = (),
    units: Mapping[str, float | None] | None = None,
    copies: Copies = "average",
) -> Any:
    """Fit a law to runs.

    Computes in float64, regardless of JAX's precision, and returns NumPy arrays.

    Args:
        law: the law's class, such as :class:`Farseer` or one made by :func:`law`, or the text of
            an expression, ``"E + A/N**alpha"``.
        runs: :class:`Runs`, or a table (pandas, polars, pyarrow, or a mapping of columns) with
            the law's inputs and a response.
        method: :class:`Piecewise` (default for Farseer; also fits Chinchilla),
            :class:`LeastSquares` (default for all other laws), :class:`Restarts`,
            :class:`VariableProjection` (laws that are linear in some parameters),
            :class:`IsoFLOP` (Chinchilla), or your own object with the same methods.
        monotone_over: ``((N_low, N_high), (D_low, D_high))``, a domain over which the fitted loss
            must decrease with N and with D: short for ``method=MonotoneOver(method, N=…, D=…)``.
        by: columns to group by, with a fit for each group.
        shared: parameters with the same value in all groups, which are then fitted together.
        response: the column to fit; several (``"loss_*"``, or a list) are fitted separately; None
            finds the loss by its usual names.
        columns_of: columns of inputs that are not found by name: ``{"U": "unique_tokens",
            "h": "share_*"}``.
        link: the scale on which errors of the response are comparable; None is that of the runs,
            and ``"log"`` for tables.
        weights: a column of weights of the runs.
        standard_error: a column of standard errors of the response, instead of weights.
        kinds: kinds of an expression's inputs that are not positive numbers: ``{"x": "real"}``.
        real: parameters of an expression that may have either sign.
        units: factors of inputs: ``{"N": 1e9}`` for a column in billions.
        copies: rows of the table that are equal in all inputs and the response count once
            (``"average"``), unless a column such as ``seed`` tells them apart; ``"keep"`` counts
            each.

    Returns:
        A :class:`Fit`; for several groups or responses :class:`Fits`.

    Raises:
        ValueError: the runs cannot be fitted; the message says why and what to do.
        TypeError: not a law, or not a method that fits it.

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> result = fit(Farseer, example_runs())
        >>> result
        Fit(farseer, 337 runs, mean_relative_error=4.178e-04, outcome=success)
        >>> fit("E + A/N**alpha + B/D**beta", example_runs()).outcome.name
        'success'
    """
    kind, parts = as_parts(
        law,
        runs,
        by=by,
        response=response,
        columns_of=columns_of,
        link=link,
        weights=weights,
        standard_error=standard_error,
        kinds=kinds,
        real=real,
        units=units,
        copies=copies,
    )
    method = as_method(method, kind)
    if monotone_over is not None:
        method = monotone_over_domain(method, monotone_over)
    by, shared = names_of(by), names_of(shared)
    if shared and not (len(parts) > 1 and isinstance(method, LeastSquares)):
        raise ValueError(
            f"shared: {', '.join(shared)} can only be shared by groups fitted by LeastSquares: "
            "give the columns to group by (by=), or leave shared out"
        )
    if isinstance(method, LeastSquares) and (by or len(parts) > 1):
        fits = _fit_batch(kind, parts, method, shared)
    else:
        fits = [_fit_one(kind, part, method) for part in parts]
    columns = _columns(kind, columns_of or {})
    fits = [replace(fit, columns=columns) for fit in fits]
    return fits[0] if len(fits) == 1 and not by else Fits(tuple(fits), by, shared)


def _columns(law: type[Law], columns_of: Mapping[str, Any]) -> dict[str, str]:
    """Columns that inputs were bound to by name; the law stores those of mixtures itself."""
    mixtures = {name for name, kind in law.inputs().items() if kind == "mixture"}
    return {name: str(column) for name, column in columns_of.items() if name not in mixtures}


def _fit_one(law: type[Law], part: Part, method: Method) -> Fit:
    design = method.prepare(law, part.runs)
    try:
        with stage(f"fitting {law.name}"):
            solved = method.fit_one(design, part.runs.loss, weights_of(part.runs))
    except ValueError as error:
        raise without_outliers(error, law, part.runs, method) from None
    return _result(part, method, solved)


def _fit_batch(
    law: type[Law], parts: Sequence[Part], method: LeastSquares, shared: Sequence[str]
) -> list[Fit]:
    """All parts in one batch; with shared parameters, all groups of a response together."""
    if not shared:
        return _fit_parts(law, parts, method, ())
    responses = dict.fromkeys(part.response for part in parts)
    found: dict[int, Fit] = {}
    for response in responses:
        own = [i for i, part in enumerate(parts) if part.response == response]
        fits = _fit_parts(law, [parts[i] for i in own], method, shared)
        found |= dict(zip(own, fits, strict=True))
    return [found[i] for i in range(len(parts))]


def _fit_parts(
    law: type[Law], parts: Sequence[Part], method: LeastSquares, shared: Sequence[str]
) -> list[Fit]:
    designs = method.prepare_many(law, [part.runs for part in parts])
    losses = [part.runs.loss for part in parts]
    weights = [weights_of(part.runs) for part in parts]
    try:
        with stage(f"fitting {law.name}"):
            solved = method.fit_many(designs, losses, weights, shared)
    except ValueError:
        if not shared:
            _refuse_small(parts, method, designs)
        raise
    return [_result(part, method, own) for part, own in zip(parts, solved, strict=True)]


def _refuse_small(parts: Sequence[Part], method: LeastSquares, designs: Sequence[Layout]) -> None:
    """Refuse a group with too few runs, by name.

    Raises:
        ValueError: there is such a group.
    """
    for part, design in zip(parts, designs, strict=True):
        try:
            check_number(design, weights_of(part.runs), free_of(method, design))
        except ValueError as error:
            own = group_text(part.group)
            where = ", ".join(filter(None, [own, part.response]))
            raise ValueError(f"{where}: {error}") from None


def _result(part: Part, method: Method, solved: Solved) -> Fit:
    return Fit(
        law=solved.law,
        runs=part.runs,
        method=method,
        outcome=solved.outcome,
        relative_error=np.asarray(solved.relative_error),
        diagnostics=solved.diagnostics,
        group=part.group,
        response=part.response,
        num_left_out=part.num_left_out,
    )
