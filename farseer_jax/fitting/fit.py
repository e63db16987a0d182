"""The entry point: one law, fitted to runs, or to each group and response of a table."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from farseer_jax.fitting.arguments import as_method, as_parts, held_over, names_of
from farseer_jax.fitting.fits import Fits
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.layout import Layout
from farseer_jax.methods.end_to_end.settings import check_number, free_of
from farseer_jax.methods.least_squares.method import LeastSquares
from farseer_jax.methods.method import Method, Solved, weights_of
from farseer_jax.runs.binding import Part


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
) -> Any:
    """Fit a law to runs.

    Computes in float64 whatever JAX is set to, and returns NumPy.

    Args:
        law: the law's class, such as :class:`Farseer`, what :func:`law` made, or the text of an
            expression, ``"E + A/N**alpha"``.
        runs: :class:`Runs`, or a pandas, polars or pyarrow table, or a mapping of columns, with
            the law's inputs and a response.
        method: how: :class:`Piecewise` (Farseer's default; Chinchilla too), :class:`LeastSquares`
            (that of all other laws), :class:`Restarts`, :class:`VariableProjection` (laws that are
            linear in some parameters), :class:`IsoFLOP` (Chinchilla), or an object of one's own
            with the same methods.
        monotone_over: ``((N_low, N_high), (D_low, D_high))``, a domain over which the fitted loss
            must fall with N and with D: short for ``method=MonotoneOver(method, N=…, D=…)``.
        by: columns whose values make groups: a fit for each.
        shared: parameters that all groups have in common: one fit of all groups together.
        response: the column that is fitted; several (``"loss_*"``, or a list) are fitted one by
            one; None finds the loss by its usual names.
        columns_of: columns of inputs that are not found by their names: ``{"U": "unique_tokens",
            "h": "share_*"}``.
        link: the scale on which errors of the response are alike; None is that of the runs, and
            ``"log"`` for tables.
        weights: a column of weights of runs.
        standard_error: a column of standard errors of the response, instead.
        kinds: kinds of an expression's inputs other than positive numbers: ``{"x": "real"}``.
        real: parameters of an expression that may have either sign.
        units: factors of inputs: ``{"N": 1e9}`` for a column in billions.

    Returns:
        A :class:`Fit`; of several groups or responses :class:`Fits`.

    Raises:
        ValueError: the runs cannot be fitted; the message says why and what to do.
        TypeError: the law is not a class, or the method does not fit it.

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
    )
    method = as_method(method, kind)
    if monotone_over is not None:
        method = held_over(method, monotone_over)
    by, shared = names_of(by), names_of(shared)
    if shared and not (len(parts) > 1 and isinstance(method, LeastSquares)):
        raise ValueError(
            f"shared: {', '.join(shared)} can be shared by groups only, fitted by LeastSquares: "
            "name the columns of groups (by=), or leave it out"
        )
    if isinstance(method, LeastSquares) and (by or len(parts) > 1):
        fits = _fit_batch(kind, parts, method, shared)
    else:
        fits = [_fit_one(kind, part, method) for part in parts]
    columns = _columns(kind, columns_of or {})
    fits = [replace(fit, columns=columns) for fit in fits]
    return fits[0] if len(fits) == 1 and not by else Fits(tuple(fits), by, shared)


def _columns(law: type[Law], columns_of: Mapping[str, Any]) -> dict[str, str]:
    """Columns that inputs were bound to by name; those of mixtures are the law's own."""
    mixtures = {name for name, kind in law.inputs().items() if kind == "mixture"}
    return {name: str(column) for name, column in columns_of.items() if name not in mixtures}


def _fit_one(law: type[Law], part: Part, method: Method) -> Fit:
    design = method.prepare(law, part.runs)
    solved = method.fit_one(design, part.runs.loss, weights_of(part.runs))
    return _result(part, method, solved)


def _fit_batch(
    law: type[Law], parts: Sequence[Part], method: LeastSquares, shared: Sequence[str]
) -> list[Fit]:
    """All parts in one batch; of each response all groups together where parameters are shared."""
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
        solved = method.fit_many(designs, losses, weights, shared)
    except ValueError:
        if not shared:
            _refuse_small(parts, method, designs)
        raise
    return [_result(part, method, own) for part, own in zip(parts, solved, strict=True)]


def _refuse_small(parts: Sequence[Part], method: LeastSquares, designs: Sequence[Layout]) -> None:
    """Name the group that has too few runs, where that is what is wrong.

    Raises:
        ValueError: there is one.
    """
    for part, design in zip(parts, designs, strict=True):
        try:
            check_number(design, weights_of(part.runs), free_of(method, design))
        except ValueError as error:
            own = [f"{name}={value}" for name, value in part.group.items()]
            raise ValueError(f"{', '.join([*own, part.response])}: {error}") from None


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
