"""``farseer predict``: losses by a fit, at points or for a table of runs."""

from typing import TYPE_CHECKING, Any

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.choice import at_points as choice_at_points
from farseer_jax.cli.choice import at_rows as choice_at_rows
from farseer_jax.cli.choice import is_choice
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.options import Group, Settings, option, spelled
from farseer_jax.cli.output import Output
from farseer_jax.cli.predictions import (
    at_points,
    at_rows,
    checked_rows,
    columns_of_fits,
    of_groups,
    of_responses,
)
from farseer_jax.cli.runs import (
    OF_COLUMNS,
    PREPARING,
    READING,
    SELECTING,
    SELECTING_BY_ANY,
    UNITS,
    check_columns,
    columns_of,
    read_table,
    runs_argument,
    select,
    units_of,
)
from farseer_jax.cli.target_table import runs_as_fitted
from farseer_jax.cli.tasks import file_argument
from farseer_jax.cli.values import columns, labels, patterns, values
from farseer_jax.runs.table_problems import TableError
from farseer_jax.tables.number_texts import number_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np

    from farseer_jax.choosing.law_choice import LawChoice
    from farseer_jax.fitting.fits import Fits
    from farseer_jax.fitting.prediction import Prediction
    from farseer_jax.fitting.result import Fit

_POINTS = Group(
    "Points or columns",
    option(
        "--N",
        "NUMBER|COLUMN",
        "Parameters, such as 7B or 7B,70B (may be repeated); with RUNS, their column.",
        multiple=True,
    ),
    option(
        "--D",
        "NUMBER|COLUMN",
        "Tokens, such as 500B or 500B,1T (may be repeated); with RUNS, their column.",
        multiple=True,
    ),
    option(
        "--given",
        values,
        "Value of another input or of a share of a mixture, such as P=8 or P=4,8 (may be "
        "repeated).",
    ),
    option(
        "--group groups",
        labels,
        "Group to predict for, such as corpus=pile; all unless given.",
    ),
)
_READING = Group(
    READING,
    option("--loss", "COLUMN", "Column with the observed loss."),
    option("--response", patterns, "As --loss; for a fit of several responses, which of them."),
    option(
        "--input columns_of",
        columns,
        "Column of an input that is not found by its name, such as P=parallel_size.",
    ),
)


def _check(settings: Settings) -> None:
    with_runs = settings["path"] is not None
    wrong = [name for name in (("given", "groups") if with_runs else OF_COLUMNS) if settings[name]]
    if wrong and with_runs:
        raise click.UsageError(
            f"{spelled(wrong[0])} is for points, while the columns of RUNS have all inputs: leave "
            "one of them out."
        )
    if wrong:
        raise click.UsageError(
            f"{spelled(wrong[0])} is for a table of runs: name a file RUNS after FIT.json, or "
            "leave it out."
        )
    if with_runs:
        settings |= {name: _column(name, settings[name]) for name in ("N", "D")}
        check_columns(settings)
    else:
        _check_points(settings)


def _column(name: str, texts: tuple[str, ...]) -> str | None:
    """The column of RUNS that an option names."""
    if len(texts) > 1:
        raise click.UsageError(
            f"--{name} was given {len(texts)} times: with a table RUNS it names one column."
        )
    return texts[0] if texts else None


def _values(name: str, text: str) -> list[str]:
    """The values of N or D that an option lists."""
    parts = text.split(",")
    if len(parts) > 1 and number_of(text) is not None:
        raise click.BadParameter(
            f"commas separate values: expected {text.replace(',', '')} without commas, or several "
            f"numbers such as 7B,70B, got {text!r}.",
            param_hint=f"'--{name}'",
        )
    for part in parts:
        value = number_of(part)
        if value is None or value <= 0:
            raise click.BadParameter(
                f"expected a positive number such as 7B, got {part!r} (a column only with a table "
                "RUNS).",
                param_hint=f"'--{name}'",
            )
    return parts


def _check_points(settings: Settings) -> None:
    for name in ("N", "D"):
        settings[name] = [part for text in settings[name] for part in _values(name, text)]
    if not (settings["N"] or settings["D"] or settings["given"]):
        raise click.UsageError(
            "Nothing to predict: give numbers --N and --D, other inputs by --given, or a table "
            "RUNS after FIT.json."
        )


def _read(settings: Settings) -> "tuple[Fits | LawChoice, Any, Settings]":
    """The fits, the table of runs or None, and the settings, which name its columns."""
    table = None if settings["path"] is None else read_table(settings)
    from farseer_jax import Fits, LawChoice

    if is_choice(settings["fit_path"]):
        return LawChoice.from_json(settings["fit_path"]), table, settings
    return Fits.from_json(settings["fit_path"]), table, settings


@command(
    Source(
        arguments=[
            file_argument("fit_path", "FIT.json"),
            runs_argument("[RUNS]"),
        ],
        groups=[*PREPARING, _READING, UNITS, SELECTING, SELECTING_BY_ANY],
        check=_check,
        read=_read,
        files=["fit_path", "path"],
    ),
    _POINTS,
    summary="Predict losses from a fit, at points or for a table of runs.",
    json="the predictions",
    delivers="Predictions",
    figure="plot_prediction",
    examples=[
        "farseer predict fit.json --N 25.1B --D 500B,1T",
        "farseer predict fit.json runs.csv --min-N 6e9",
        "farseer predict fit.json --N 4e9 --given P=8 --group corpus=pile",
    ],
)
def predict(
    read: "tuple[Fits | LawChoice, Any, Settings]", N: Any, D: Any, given: Any, groups: Any
) -> Output:
    """Predict losses by a fit written by `farseer fit --json FIT.json`.

    Without RUNS, --N, --D and --given are values of the law's inputs: several
    values pair up, and a single one is used for all points.

    With a table RUNS (as for `farseer fit`), --N and --D name columns. If the
    table has losses, they are shown next to the predictions, with the errors.
    Every run is predicted by the fit of its group.
    """
    from farseer_jax import LawChoice

    fits, table, settings = read
    if table is not None:
        if isinstance(fits, LawChoice):
            return Output(choice_at_rows(fits, table, settings), drawn=fits)
        return _drawn(fits, _for_runs(fits, table, settings))
    values: dict[str, list[str]] = {}
    for name, text in [*(("N", text) for text in N), *(("D", text) for text in D), *(given or ())]:
        values.setdefault(name, []).append(text)
    if isinstance(fits, LawChoice):
        return Output(choice_at_points(fits, values, groups or {}), drawn=fits)
    own = of_groups(fits, groups or {})
    return _drawn(own, at_points(own, values))


def _drawn(fits: "Fits", prediction: "Prediction") -> Output:
    """A prediction, drawn as the fit with these runs where they have losses, or at these points."""
    fit = fits[0] if len(fits) == 1 else fits
    observed = prediction.observed
    if len(fits) == 1 and observed is not None and set(prediction.inputs) == {"N", "D"}:
        held_out = runs_as_fitted(prediction.inputs, observed, fits[0])
        return Output(prediction, drawn=fit, drawing={"held_out": held_out}, figure="plot_fit")
    return Output(prediction, drawn=fit, drawing={"targets": _by_input(fits[0], prediction.inputs)})


def _by_input(fit: "Fit", columns: "Mapping[str, np.ndarray]") -> "dict[str, np.ndarray]":
    """Columns of a prediction as inputs of the law; the shares of a mixture side by side."""
    import numpy as np

    found = {}
    for name in type(fit.law).inputs():
        own = fit.runs.shares.get(name, ())
        if own:
            found[name] = np.stack([columns[share] for share in own], axis=1)
        else:
            found[name] = columns[name if name in columns else fit.columns[name]]
    return found


def _for_runs(fits: "Fits", table: Any, settings: Settings) -> "Prediction":
    fits, observed = of_responses(fits, table, settings["loss"] or settings["response"])
    try:
        columns = columns_of_fits(fits, table, columns_of(settings))
        survey = checked_rows(fits, table, columns, units_of(settings), observed)
        columns, units = dict(survey.binding.columns_of), dict(survey.binding.units)
        kinds = type(fits[0].law).inputs()
        rows: Any = select(survey.columns, kinds, settings, columns, units)
        return at_rows(fits, rows, columns, units, observed)
    except TableError:
        raise
    except ValueError as error:
        name = f"{table.source}: " if table.source else ""
        mixed_up = [name for name in ("N", "D") if settings[name] and number_of(settings[name])]
        if not mixed_up:
            raise Refusal(f"{name}{error}") from None
        raise Refusal(
            f"with a table RUNS, --{mixed_up[0]} {settings[mixed_up[0]]} names a column (leave "
            f"RUNS out to predict at numbers): {error}"
        ) from None
