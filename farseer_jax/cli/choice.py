"""``--law auto``: options for choosing laws, and predictions by the chosen laws."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.errors import Refusal
from farseer_jax.cli.model import AUTO, METHODS
from farseer_jax.cli.options import Settings, named, option, spelled
from farseer_jax.cli.predictions import of_groups, usable_rows
from farseer_jax.cli.runs import (
    check_runs,
    columns_of,
    drop,
    naming,
    read_table,
    select,
    units_of,
)
from farseer_jax.cli.values import labels
from farseer_jax.close_names import unknown_name
from farseer_jax.tables.number_texts import number_of

if TYPE_CHECKING:
    from farseer_jax.choosing.law_choice import LawChoice
    from farseer_jax.fitting.prediction import Prediction
    from farseer_jax.fitting.result import Fit
    from farseer_jax.tables.columns import Columns

_OWN_SETTINGS = (
    "real", "kinds", "method", "shared", "num_resamples", "monotone_over", "weights",
    "standard_error", "keep_copies", "drop_outliers",
)  # fmt: skip
_FORMAT = "farseer_jax.LawChoice"
_SHOWN = 6


GROUP_OF_FIT = option("--group groups", labels, "Group of the fit, such as corpus=pile.")


class ChoiceTask(NamedTuple):
    """A table for which laws are chosen.

    Attributes:
        table: the selected rows.
        options: arguments of ``farseer_jax.choose_law``.
        dropped: runs that ``--drop`` left out, by name.
    """

    table: Any
    options: dict[str, Any]
    dropped: tuple[str, ...] = ()

    def choose(self) -> "LawChoice":
        """The laws chosen."""
        import farseer_jax

        chosen: LawChoice = farseer_jax.choose_law(self.table, **self.options)
        return chosen


def check_choice(settings: Settings) -> None:
    """Refuse options of a law or a method, which ``--law auto`` chooses itself.

    Raises:
        UsageError: there is such an option.
    """
    check_runs(settings)
    of_methods = dict.fromkeys(name for own in METHODS.values() for name in own)
    for name in (*_OWN_SETTINGS, *of_methods):
        if name in settings and named(name):
            raise click.UsageError(
                f"{spelled(name)} does not go with --law {AUTO}, which chooses its own settings: "
                "leave it out, or name a law."
            )


def read_choice(settings: Settings) -> ChoiceTask:
    """The table and the options of a choice.

    Raises:
        ValueError: no run is left.
    """
    options = naming(settings)
    if settings.get("by"):
        options["by"] = settings["by"]
    columns, units = options.get("columns_of", {}), options.get("units", {})
    kinds = {
        name: "positive" for name in ("N", "D") if name in columns or _has_bound(name, settings)
    }
    bound = {name: own for name, own in columns.items() if name in kinds}
    selected = select(read_table(settings), kinds, settings, bound, units)
    table, dropped = drop(selected, settings)
    if isinstance(table, Mapping) and isinstance(selected, Mapping):
        own = {name: values for name, values in table.items() if name in selected}
        table = replace(table, values_by_name=own)  # without the numbers of rows
    return ChoiceTask(table, options, dropped)


def is_choice(path: Path) -> bool:
    """Whether a file holds laws that were chosen for a table."""
    from farseer_jax.results.json_file import parse_json

    try:
        content = parse_json(str(path), path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False  # the reader of fits says what is wrong
    return isinstance(content, dict) and content.get("format") == _FORMAT


def read_one_fit(path: Path, groups: Mapping[str, str] | None, response: str | None) -> "Fit":
    """The fit of a file, of the group and the response that options name.

    Raises:
        Refusal: several fits are left, or none.
    """
    from farseer_jax import Fits

    if is_choice(path):
        raise Refusal(
            f"{path}: expected the fit of one law, got laws that were chosen and averaged: fit the "
            "best of them (farseer fit RUNS --law NAME --json FIT.json)"
        )
    fits = of_groups(Fits.from_json(path), groups or {})
    responses = list(dict.fromkeys(fit.response for fit in fits))
    if response is not None and response not in responses:
        raise Refusal(f"--response {response}: {unknown_name('response', response, responses)}")
    own = [fit for fit in fits if response in (None, fit.response)]
    if len(own) > 1:
        option_name = "--response" if len(responses) > 1 and response is None else "--group"
        raise Refusal(f"{path}: expected one fit, got {len(own)}: choose one by {option_name}")
    return own[0]


def at_rows(choice: "LawChoice", table: "Columns", settings: Settings) -> "Prediction":
    """Predictions for the rows of a table.

    Raises:
        ValueError: a column or a group is missing, or a value is invalid.
    """
    from farseer_jax.runs.input_names import column_of_input

    columns, units = columns_of(settings), units_of(settings)
    named = {choice.input_of(name) or name: own for name, own in columns.items()}
    bound = {
        name: own
        for name in ("N", "D")
        if _has_bound(name, settings)
        and (own := columns.get(name) or column_of_input(choice.input_of(name) or name, [*table]))
    }
    inputs = [
        own
        for name in choice.reading.inputs
        if (own := named.get(name) or column_of_input(name, [*table]))
    ]
    table = usable_rows(table, inputs, choice.reading.responses)
    rows: Any = select(table, dict.fromkeys(bound, "positive"), settings, bound, units)
    observed = settings["loss"] or settings["response"]
    return choice.evaluate(
        rows,
        observed if isinstance(observed, str) else None,
        columns_of=columns,
        units=units,
    )


def at_points(
    choice: "LawChoice", values: Mapping[str, Sequence[str]], groups: Mapping[str, str]
) -> "Prediction":
    """Predictions at points given by options, for every group that they name.

    Args:
        choice: the laws chosen.
        values: values of each input or share, as texts; a single one is used for all points.
        groups: labels of groups.

    Raises:
        Refusal: an input is missing or unknown, a value is not a number, or no group has these
            labels.
    """
    import numpy as np

    from farseer_jax.fitting.prediction import Prediction
    from farseer_jax.runs.input_names import unit_of_name

    needed = (*choice.reading.inputs, *choice.reading.shares)
    names = {written: choice.input_of(written) or written for written in values}
    wrong = [written for written, name in names.items() if name not in needed]
    missing = [name for name in needed if name not in names.values()]
    if wrong or missing:
        what = f"have no input {wrong[0]}" if wrong else f"also need {', '.join(missing)}"
        raise Refusal(f"the chosen laws {what}: give a value of each input ({', '.join(needed)})")
    num = max(map(len, values.values()))
    points: dict[str, Any] = {}
    for written, texts in values.items():
        name, numbers = names[written], [number_of(text) for text in texts]
        if name in points:
            raise Refusal(f"{written} and another option both give {name}: leave one of them out")
        if None in numbers or len(texts) not in (1, num):
            raise Refusal(f"{written}: expected one number or {num}, got {', '.join(texts)}")
        own = np.array(numbers * (num // len(texts)), dtype=float)
        unit = unit_of_name(written, "", own)  # numbers are in parameters and tokens otherwise
        points[name] = own * (unit / choice.reading.units.get(name, 1.0))
    fits = [
        fit
        for fit in choice
        if all(str(fit.group.get(name)) == label for name, label in groups.items())
    ]
    if not fits:
        labels = list(dict.fromkeys(str(dict(fit.group)) for fit in choice))[:_SHOWN]
        raise Refusal(f"--group: no fit has these labels; choose from {'; '.join(labels)}")
    found = []
    for fit in fits:
        table = {**points, **{name: np.array([label] * num) for name, label in fit.group.items()}}
        found.append(choice.evaluate(table, response=fit.response))
    return Prediction.joined(found)


def _has_bound(name: str, settings: Settings) -> bool:
    return any(settings.get(f"{end}_{name}") is not None for end in ("min", "max"))
