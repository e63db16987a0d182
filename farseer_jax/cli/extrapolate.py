"""``farseer extrapolate``: which law and method predict larger runs best."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from farseer_jax.cli.analysis import Source
from farseer_jax.cli.command_factory import command
from farseer_jax.cli.model import (
    AUTO,
    EXPRESSION_OPTIONS,
    FITS,
    LAWS,
    METHODS,
    OBJECTIVES,
    OF_EXPRESSIONS,
    is_expression,
    law_text,
)
from farseer_jax.cli.options import FROM_1, POSITIVE, Group, Settings, option, reads
from farseer_jax.cli.runs import (
    DATA,
    EXAMPLE,
    READING_GROUPS,
    RUNS,
    check_runs,
    checked,
    drop,
    naming,
    read_table,
    select,
)
from farseer_jax.cli.values import named_run, names, positives
from farseer_jax.close_names import unknown_name

if TYPE_CHECKING:
    from farseer_jax.cli.runs import Table

Named = tuple[str, str | None, str | None]
FORECAST = "forecast"


@reads("forecast|LAW[:METHOD[:OBJECTIVE]]", names=(FORECAST, *LAWS))
def candidate(text: str) -> Named | str:
    """The forecast, or a law, possibly with a method and an objective.

    Raises:
        BadParameter: a name is unknown, or the names do not go together.
    """
    if text == FORECAST:
        return text
    name, *rest = text.split(":")
    law: str = law_text.read(name)
    if law == AUTO:
        raise click.BadParameter(
            f"{AUTO} is for `farseer fit`: name laws to compare (--law NAME, may be repeated), or "
            "leave --law out for the usual ones."
        )
    method = rest[0] if rest else None
    objectives = rest[1:]
    objective = ":".join(objectives) if objectives else None
    for value, known, what in (
        (method, (*METHODS, FORECAST, None), "method"),
        (objective, (*OBJECTIVES, None), "objective"),
    ):
        if value not in known:
            names = [name for name in known if name]
            raise click.BadParameter(f"{unknown_name(what, str(value), names)}.")
    if method is None or method == FORECAST:
        return law, method, objective
    fits = method in OF_EXPRESSIONS if is_expression(law) else law in FITS.get(method, LAWS)
    if not fits:
        what = "an expression" if is_expression(law) else f"the law {law}"
        raise click.BadParameter(f"the method {method} does not fit {what}.")
    if objective is not None and "objective" not in METHODS[method]:
        raise click.BadParameter(f"the method {method} has no objective; leave {objective!r} out.")
    return law, method, objective


class Question(NamedTuple):
    """Selected runs, and the candidates.

    Attributes:
        runs: selected runs, or rows of a table.
        candidates: as ``farseer_jax.extrapolate`` takes them; None for the usual ones.
        options: how the table is read.
        dropped: runs that ``--drop`` left out, by name.
    """

    runs: "Table"
    candidates: list[Any] | None
    options: dict[str, Any]
    dropped: tuple[str, ...] = ()


def _read(settings: Settings) -> Question:
    """The runs that the options select, and the candidates."""
    table = read_table(settings)
    options = naming(settings) if isinstance(table, Mapping) else dict[str, Any]()
    options |= {name: settings[name] for name in ("by", "kinds", "real") if settings[name]}
    candidates = [candidate_of(one) for one in settings["candidates"]] or None
    inputs = _inputs(candidates, table, options)
    bound, units = options.get("columns_of", {}), options.get("units", {})
    table = checked(table, inputs, settings)
    runs, dropped = drop(select(table, inputs, settings, bound, units), settings)
    return Question(runs, candidates, options, dropped)


def candidate_of(one: Named | str) -> Any:
    """A candidate for the library."""
    if isinstance(one, str):
        return one
    law, method, objective = one
    if method is None or method == FORECAST:
        return law if method is None else (law, method)
    from farseer_jax.fitting.registry import METHODS as CLASSES

    return law, CLASSES[method](**({} if objective is None else {"objective": objective}))


def _inputs(
    candidates: list[Any] | None, table: "Table", options: Mapping[str, Any]
) -> dict[str, Any]:
    """The inputs of all candidates, with their kinds."""
    from farseer_jax.diagnostics.candidates import as_candidates
    from farseer_jax.fitting.several_laws import as_laws, inputs_of

    columns = [*table] if isinstance(table, Mapping) else [*table.inputs, *table.extra]
    laws = [own.law for own in as_candidates(candidates) if own.law is not None]
    found = as_laws(
        laws,
        columns,
        columns_of=options.get("columns_of") or (),
        kinds=options.get("kinds"),
        real=options.get("real") or (),
    )
    return inputs_of(found) or {"N": "positive", "D": "positive"}


_LAWS = Group(
    "Laws",
    option(
        "--law candidates",
        candidate,
        f"Law to compare: {', '.join(LAWS)}, or an expression such as 'E + A/(N*P)**a'; optionally "
        "with a method and an objective, as in chinchilla:least-squares:huber; forecast, or "
        "LAW:forecast (may be repeated); the forecast and five usual laws unless given.",
        multiple=True,
    ),
    *EXPRESSION_OPTIONS,
)
_OPTIONS = Group(
    "Extrapolation",
    option(
        "--along",
        "INPUT|C|COLUMN|COST",
        "Quantity that orders the runs: an input, compute C (6 N D), a column, a cost such as "
        "'6*N*D*P', or a mixture, by the distance from the mean mixture; N unless given, or the "
        "first input.",
    ),
    option(
        "--held-out",
        POSITIVE,
        "Runs from this value on are held out; the largest value unless given.",
    ),
    option(
        "--limit limits",
        positives,
        "Fit the runs up to this value, or to each of several, 1B,3B (may be repeated); all values "
        "above the smallest third unless given.",
    ),
    option("--min-fitted", FROM_1, "Distinct values in the smallest fitted range; 3 unless given."),
    option(
        "--target targets",
        named_run,
        "Further run to predict, not among RUNS: N,D,LOSS, or inputs by name, N=4B,P=8,loss=2.1 "
        "(may be repeated).",
        multiple=True,
    ),
)
_BY = Group(
    "Groups",
    option(
        "--by",
        names,
        "Column whose values make groups, each fitted separately; or several: model,dataset.",
        metavar="COLUMN",
    ),
)


def _check(settings: Settings) -> None:
    if settings["limits"] and settings["min_fitted"] is not None:
        raise click.UsageError("--min-fitted does not go with --limit: leave one of them out.")


@command(
    Source(
        arguments=[RUNS],
        options=[EXAMPLE],
        groups=[*READING_GROUPS, _BY],
        title=DATA,
        check=check_runs,
        read=_read,
        files=["path"],
    ),
    _LAWS,
    _OPTIONS,
    summary="Which law and method, or the forecast, predicts larger runs best.",
    json="all errors",
    delivers="Errors",
    figure="plot_extrapolation",
    examples=[
        "farseer extrapolate runs.csv",
        "farseer extrapolate runs.csv --along C --json errors.json",
        "farseer extrapolate runs.csv --law forecast \\",
        "    --law chinchilla:least-squares:huber --target 25.1B,500B,0.4116",
        'farseer extrapolate runs.csv --law "E + (A/(N*(k*log(P)+1)))**a" \\',
        '    --law "E + A/N**a/P**b" --along "6*N*P" --by corpus',
    ],
    check=_check,
)
def extrapolate(
    question: Question, candidates: Any, limits: Any, targets: Any, **options: Any
) -> Any:
    """Show which law and method to trust beyond the runs.

    The largest runs are held out. Each law is fitted to the runs up to each of
    several sizes. The runs between such a size and the held-out ones choose the
    best law, and the held-out runs test this choice.
    """
    import farseer_jax

    own = {name: value for name, value in options.items() if name not in ("kinds", "real")}
    return farseer_jax.extrapolate(
        question.runs,
        question.candidates,
        limits=limits,
        targets=_targets(targets) if targets else None,
        **question.options,
        **own,
    )


def _targets(targets: tuple[dict[str, float], ...]) -> dict[str, list[float]]:
    """The targets as a table.

    Raises:
        UsageError: they name different inputs.
    """
    for other in targets[1:]:
        if set(other) != set(targets[0]):
            raise click.UsageError(
                f"One --target names {', '.join(targets[0])}, another {', '.join(other)}: name the "
                "same inputs."
            )
    return {name: [own[name] for own in targets] for name in targets[0]}
