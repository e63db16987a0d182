"""Predictions of fits, for the rows of a table or at points given by options."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.runs import flat_inputs, print_notes
from farseer_jax.tables.number_texts import number_of

if TYPE_CHECKING:
    from farseer_jax.fitting.fits import Fits
    from farseer_jax.fitting.prediction import Prediction
    from farseer_jax.fitting.result import Fit
    from farseer_jax.laws.law import Law
    from farseer_jax.runs.binding import Points
    from farseer_jax.runs.survey.survey import Survey
    from farseer_jax.tables.columns import Columns

_MAX_SHOWN = 6  # groups that a message names


def usable_rows(table: "Columns", inputs: Sequence[str], responses: Sequence[str]) -> "Columns":
    """With --drop-missing the rows that have a number in all inputs; all rows without.

    Args:
        table: of points.
        inputs: the columns of inputs that are numbers.
        responses: columns of responses, in which text is missing then.
    """
    if not table.drop_missing:
        return table
    import numpy as np

    from farseer_jax.tables.number_texts import numbers_of
    from farseer_jax.tables.row_numbers import shown_rows

    numbers = {
        name: numbers_of(table[name]).numbers for name in (*inputs, *responses) if name in table
    }
    bad = np.zeros(table.num_rows, dtype=bool)
    for name in inputs:
        bad |= ~np.isfinite(numbers[name]) if name in numbers else False
    table = table.with_columns(numbers, ())
    if not bad.any():
        return table
    click.echo(f"left out: {shown_rows(table.row_numbers()[bad])}, without a number.", err=True)
    return table.take(~bad)


def checked_rows(
    fits: "Fits",
    table: "Columns",
    columns_of: Mapping[str, Any],
    units: Mapping[str, float],
    observed: str | None,
) -> "Survey":
    """The rows of a table, checked as runs are; prints how they are read.

    Args:
        fits: all fits, or those of the requested responses.
        table: columns by name, with or without the response.
        columns_of: columns of inputs that are not found by their names.
        units: factors of inputs.
        observed: column of the response, if its name is not that of the fit.

    Raises:
        TableError: the table cannot be read as it is.
        ValueError: an option names a column that is not there.
    """
    from farseer_jax.runs.groups_and_responses import Binding
    from farseer_jax.runs.survey.point_survey import surveyed_points

    law = type(fits[0].law)
    binding = Binding(
        law.inputs(),
        columns_of,
        link=fits[0].runs.link,
        by=[name for name in fits.by if name in table],
        units=units,
        law=law.name,
        single_labels=True,
    )
    responses = [fit.response for fit in fits] if observed is None else [observed]
    survey = surveyed_points(table, binding, list(dict.fromkeys(responses)))
    print_notes(survey.notes)
    return survey


def at_rows(
    fits: "Fits",
    table: Mapping[str, Any],
    columns_of: Mapping[str, Any],
    units: Mapping[str, float | None],
    observed: str | None,
) -> "Prediction":
    """Predictions for the rows of a table, in their order, each by the fit of its group.

    Args:
        fits: all fits, or those of the requested responses.
        table: columns by name, with or without the response.
        columns_of: columns of inputs that are not found by their names.
        units: factors of inputs.
        observed: column of the response, if its name is not that of the fit.

    Raises:
        ValueError: a column or a group is missing, or a value is invalid.
        Refusal: a fit has no finite loss at a row.
    """
    from farseer_jax.runs.binding import bind_points

    responses = list(dict.fromkeys(fit.response for fit in fits))
    if observed is not None:
        table = {**table, responses[0]: table[observed]}
    parts = bind_points(
        table,
        type(fits[0].law).inputs(),
        columns_of=columns_of,
        responses=responses,
        by=fits.by,
        units={**units},
    )
    asked = [(fits.of(part.group, name), part) for part in parts for name in responses]
    rows = [row for _, part in asked for row in part.rows.tolist()]
    return _joined([_at(fit, part, fit.response) for fit, part in asked], rows)


def at_points(fits: Sequence["Fit"], values: Mapping[str, Sequence[str]]) -> "Prediction":
    """Predictions of every fit at points.

    Args:
        fits: fits of one law.
        values: values of each input, or of each share of a mixture, as texts; a single value is
            used for all points.

    Raises:
        Refusal: an input is missing or unknown, or a fit has no finite loss there.
        ValueError: a value does not suit the kind of its input.
    """
    points = _points(type(fits[0].law), fits[0].runs.shares, values, fits[0].columns)
    return _joined([_at(fit, points, None) for fit in fits], None)


def bound_points(fit: "Fit", points: Sequence[Mapping[str, str]]) -> dict[str, Any]:
    """Points given by options as inputs of a law with finite losses there, ``(point,)`` each.

    Args:
        fit: a fit of the law.
        points: value of each input, or of each share of a mixture, as text.

    Raises:
        UsageError, Refusal: as for :func:`named_points`; or there is no finite loss at a point.
    """
    bound = named_points(type(fit.law), fit.runs.shares, points, fit.columns)
    _check_finite(_at(fit, bound, None))
    return bound.inputs


def named_points(
    law: "type[Law]",
    shares: Mapping[str, Sequence[str]],
    points: Sequence[Mapping[str, str]],
    columns: Mapping[str, str] | None = None,
) -> "Points":
    """Points given by options as inputs of a law.

    Args:
        law: the law's class.
        shares: columns of each mixture.
        points: value of each input, or of each share of a mixture, as text.
        columns: columns of inputs that were not found by their names.

    Raises:
        UsageError: the points name different inputs.
        Refusal: an input is missing or unknown.
        ValueError: a value does not suit the kind of its input.
    """
    for other in points[1:]:
        if set(other) != set(points[0]):
            raise click.UsageError(
                f"One --at names {', '.join(points[0])}, another {', '.join(other)}: name the same "
                "inputs."
            )
    values = {name: [own[name] for own in points] for name in points[0]}
    return _points(law, shares, values, columns or {})


def check_points(fit: "Fit", points: Sequence[tuple[float, float]]) -> None:
    """Check that a fit has finite losses at points N, D.

    Raises:
        Refusal: there is no finite loss at one of them.
    """
    if points:
        import numpy as np

        from farseer_jax import Prediction

        N, D = np.transpose(points)
        _check_finite(Prediction({"N": N, "D": D}, np.asarray(fit.predict(N, D))))


def _check_finite(prediction: "Prediction") -> None:
    """Check that predictions are finite, as JSON needs.

    Raises:
        Refusal: there is no finite loss at a point.
    """
    import numpy as np

    bad = np.flatnonzero(~np.isfinite(prediction.predicted))
    if bad.size:
        point = {name: values[bad[0]] for name, values in prediction.inputs.items()}
        where = ", ".join(
            f"{name}={value}" if isinstance(value, str) else f"{name}={value:g}"
            for name, value in point.items()
        )
        raise Refusal(f"the fit has no finite loss at {where}; choose less extreme points")


def _points(
    law: "type[Law]",
    shares: Mapping[str, Sequence[str]],
    values: Mapping[str, Sequence[str]],
    columns_of: Mapping[str, str],
) -> "Points":
    from farseer_jax.runs.binding import bind_points

    kinds = law.inputs()
    columns = {name: tuple(shares.get(name, (name,))) for name in kinds}
    values = by_input(values, [one for own in columns.values() for one in own], columns_of)
    table = _table_of(values, columns, kinds)
    # numbers on the command line are taken literally: no unit is guessed
    ones: dict[str, float | None] = {name: 1.0 for name in ("N", "D") if name in kinds}
    (points,) = bind_points(table, kinds, columns_of=shares, units=ones)
    return points


def by_input(
    values: Mapping[str, Sequence[str]],
    inputs: Sequence[str],
    columns: Mapping[str, str],
) -> dict[str, list[str]]:
    """Values given by options, by input; names may be column names or other usual names.

    Args:
        values: texts by name; ``params_B`` is in billions.
        inputs: names of the inputs, or of shares of a mixture.
        columns: the columns from which inputs were fitted.

    Raises:
        Refusal: two names refer to one input.
    """
    import numpy as np

    from farseer_jax.runs.input_names import input_named, unit_of_name

    found: dict[str, list[str]] = {}
    for written, texts in values.items():
        name = input_named(written, inputs, columns) or written
        if name in found:
            raise Refusal(f"{written} and another option both give {name}: leave one of them out")
        numbers = np.array([number_of(text) or np.nan for text in texts])
        unit = unit_of_name(written, name, numbers)
        found[name] = [*texts] if unit == 1.0 else [repr(float(own)) for own in unit * numbers]
    return found


def of_groups(fits: "Fits", groups: Mapping[str, str]) -> "Fits":
    """The fits of the groups that options name.

    Raises:
        Refusal: no fit has such a group.
    """
    from farseer_jax.fitting.fits import Fits
    from farseer_jax.runs.groups_and_responses import group_text

    unknown = [name for name in groups if name not in fits.by]
    if unknown:
        known = f"the groups are by {', '.join(fits.by)}" if fits.by else "the fit has no groups"
        raise Refusal(f"--group {unknown[0]}=…: {known}")
    own = tuple(
        fit for fit in fits if all(str(fit.group[n]) == value for n, value in groups.items())
    )
    if not own:
        labels = list(dict.fromkeys(group_text(fit.group) for fit in fits))
        more = f" and {len(labels) - _MAX_SHOWN} more" if len(labels) > _MAX_SHOWN else ""
        raise Refusal(
            f"the group {group_text(groups)} was not fitted; choose from "
            f"{'; '.join(labels[:_MAX_SHOWN])}{more}"
        )
    return Fits(own, fits.by, fits.shared)


def of_responses(
    fits: "Fits", table: Mapping[str, Any], named: str | Sequence[str] | None
) -> "tuple[Fits, str | None]":
    """The fits of the responses that options name, and the column of a single observed response.

    Args:
        fits: all fits.
        table: columns by name, with or without responses.
        named: the requested ones of several responses, or the column of a single response.

    Raises:
        ValueError: there is no such response or column.
    """
    from farseer_jax.fitting.fits import Fits
    from farseer_jax.runs.find_columns import match_columns

    responses = list(dict.fromkeys(fit.response for fit in fits))
    if named is None:
        return fits, None
    if len(responses) > 1:
        requested = match_columns(responses, named, "as a response")
        own = tuple(fit for fit in fits if fit.response in requested)
        return Fits(own, fits.by, fits.shared), None
    columns = match_columns(list(table), named, "as a response")
    if len(columns) > 1:
        raise Refusal(
            f"expected one column for the response {responses[0]!r}, got {', '.join(columns)}"
        )
    return fits, columns[0]


def columns_of_fits(
    fits: "Fits", table: Mapping[str, Any], named: Mapping[str, str]
) -> dict[str, Any]:
    """The columns of a table for the inputs of fits; a mixture keeps the columns of its fit.

    Raises:
        Refusal: other columns are named for a mixture.
    """
    from farseer_jax.runs.find_columns import match_columns

    shares = fits[0].runs.shares
    for name, columns in shares.items():
        if name in named and set(match_columns(list(table), named[name], "")) != set(columns):
            raise Refusal(
                f"--input {name}={named[name]}: the mixture was fitted with the columns "
                f"{', '.join(columns)}; rename those of RUNS"
            )
    known = {name: column for name, column in fits[0].columns.items() if column in table}
    return {**known, **named, **{name: tuple(columns) for name, columns in shares.items()}}


def _table_of(
    given: Mapping[str, Sequence[str]],
    columns: Mapping[str, tuple[str, ...]],
    kinds: Mapping[str, str],
) -> dict[str, Any]:
    """The points as a table; a single value of an input is repeated."""
    import numpy as np

    needed = {column: kinds[name] for name, own in columns.items() for column in own}
    _check_names(given, list(needed))
    num = max(map(len, given.values()))
    table: dict[str, Any] = {}
    for column, kind in needed.items():
        texts = list(given[column])
        if len(texts) not in (1, num):
            raise Refusal(
                f"{column} was given {len(texts)} times and another input {num} times: give "
                "equally many values, or one"
            )
        values = texts if kind == "category" else [_number(column, text, kind) for text in texts]
        table[column] = np.array(values * (num // len(values)))
    return table


def _check_names(given: Mapping[str, Sequence[str]], needed: Sequence[str]) -> None:
    """Check that points have exactly the law's inputs.

    Raises:
        Refusal: an input is unknown or missing.
    """
    unknown = [name for name in given if name not in needed]
    missing = [name for name in needed if name not in given]
    if unknown or missing:
        what = f"has no input {unknown[0]}" if unknown else f"also needs {', '.join(missing)}"
        raise Refusal(f"the law {what}: give a value of each input ({', '.join(needed)})")


def _number(name: str, text: str, kind: str) -> float:
    value = number_of(text)
    is_positive, is_fraction = kind in ("positive", "count"), kind == "fraction"
    if value is None or (is_positive and value <= 0) or (is_fraction and not 0.0 <= value <= 1.0):
        what = "positive number" if is_positive else "number"
        if is_fraction:
            raise Refusal(f"expected a number from 0 to 1 (such as {name}=0.5), got {name}={text}")
        raise Refusal(f"expected a {what} (such as {name}=4), got {name}={text}")
    return value


def _at(fit: "Fit", points: "Points", observed: str | None) -> "Prediction":
    from farseer_jax.fitting.prediction import Prediction

    predicted: Any = fit.predict(**points.inputs)
    known = None if observed is None else points.observed[observed]
    warnings = fit.check_points(**points.inputs)
    return Prediction(flat_inputs(points), predicted, known, fit.response, fit.group, warnings)


def _joined(parts: Sequence["Prediction"], rows: Sequence[int] | None) -> "Prediction":
    """All predictions as one, with its rows in the order of the table if there is one."""
    import numpy as np

    from farseer_jax.fitting.prediction import Prediction

    joined = Prediction.joined(parts)
    _check_finite(joined)
    if rows is None:
        return joined
    order = np.argsort(rows, kind="stable")
    responses, groups = list(joined.response), list(joined.group)
    observed = joined.observed
    none_known = observed is None or np.isnan(observed).all()
    return Prediction(
        {name: values[order] for name, values in joined.inputs.items()},
        joined.predicted[order],
        None if none_known else np.asarray(observed)[order],
        [responses[i] for i in order],
        [groups[i] for i in order],
        joined.warnings,
    )
