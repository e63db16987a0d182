"""Which rows of a table are meant."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from farseer_jax.cli._options import BOUNDS

if TYPE_CHECKING:
    from farseer_jax.cli._source_options import Source
    from farseer_jax.laws.law import Law
    from farseer_jax.runs.binding import Points
    from farseer_jax.runs.selection import Bound


def select(
    source: "Source",
    law: "type[Law]",
    settings: Mapping[str, Any],
    columns_of: Mapping[str, Any],
    units: Mapping[str, float | None],
) -> "Source":
    """The rows within the bounds that options name.

    Args:
        source: runs, or the columns of a table.
        law: whose inputs bounds may be of.
        settings: of the command.
        columns_of: columns of inputs that are not found by their names.
        units: factors of inputs.

    Raises:
        ValueError: a bound is of nothing there, or no row is left.
    """
    bounds = _bounds(settings)
    if not bounds:
        return source
    if not isinstance(source, Mapping):
        ends = {name: settings[name] for name in BOUNDS}
        at_least, at_most = settings.get("min_of"), settings.get("max_of")
        return source.select(**ends, at_least=at_least, at_most=at_most)
    from farseer_jax.runs.binding import bind_points
    from farseer_jax.runs.checks import floats_of
    from farseer_jax.runs.selection import selected

    (points,) = bind_points(source, law.inputs(), columns_of=columns_of, units=units)
    numbers = {name: values for name, values in flat_inputs(points).items() if _is_number(values)}
    asked = {bound.column for bound in bounds}
    for name, values in source.items():  # of texts only those that a bound is of, to say so
        if name not in numbers and (name in asked or values.dtype.kind in "iuf"):
            numbers[name] = floats_of(values, f"column {name!r}")
    keep = selected(numbers, bounds, None)
    return {name: values[keep] for name, values in source.items()}


def _bounds(settings: Mapping[str, Any]) -> "list[Bound]":
    from farseer_jax.runs.selection import Bound

    named = [
        Bound(name, name[-1], settings[name], name.startswith("min"))
        for name in BOUNDS
        if settings[name] is not None
    ]
    for word in ("min", "max"):
        given = settings.get(f"{word}_of") or {}
        named += [
            Bound(f"--{word} {name}", name, end, word == "min") for name, end in given.items()
        ]
    return named


def _is_number(values: Any) -> bool:
    return bool(values.dtype.kind == "f")


def flat_inputs(points: "Points") -> dict[str, Any]:
    """Inputs by column, ``(point,)``: a mixture as its shares."""
    flat: dict[str, Any] = {}
    for name, values in points.inputs.items():
        own = points.shares.get(name)
        flat |= {name: values} if own is None else dict(zip(own, values.T, strict=True))
    return flat
