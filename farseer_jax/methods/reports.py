"""What the methods report about a fit: lines of its text, warnings, and JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any, ClassVar, NamedTuple, Self, get_args, get_origin

import numpy as np
from numpy.typing import NDArray

from farseer_jax.laws.law import Law
from farseer_jax.link_functions import Link
from farseer_jax.methods.end_to_end.layout import distinct_errors, distinct_rows
from farseer_jax.methods.method import Method, weights_of
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.agreement import AGREEMENT
from farseer_jax.runs.checks import Range
from farseer_jax.runs.runs import Runs
from farseer_jax.solvers.search import Search

LARGEST_NOISE = 0.01  # relative difference of repeats that run-to-run noise explains
# Public grids that end-to-end fits follow leave 0.2 % and 2–7 %; those that nothing follows closely
# leave 1–4 % and 13–35 %.
LARGEST_ERROR = 5e-3
_MOST_DIGITS, _LEAST_ROUNDED = 6, 5  # decimals looked for, and losses that show them
_LEAST_ROUNDING = 5e-4  # of the loss: usual run-to-run noise

Counts = NDArray[np.int_]  # arrays of whole numbers in reports
Rows = Sequence[Sequence[str]]  # lines of text, each a name and a value


class Fitted(NamedTuple):
    """A fit, as its report sees it; ``in_group`` where it is that of one of several groups."""

    law: Law
    runs: Runs
    method: Method
    outcome: Outcome
    mean_relative_error: float
    in_group: bool = False


class Domain(NamedTuple):
    """Where a law is constrained to decrease: smallest and largest N and D."""

    N: Range
    D: Range


class Remarks:
    """What a report says about a fit; the base class says nothing, for a user's own method."""

    def how(self, method: Method, link: Link, outcome: Outcome) -> str:
        """A few words on how the law was fitted."""
        del outcome
        return str(method.describe(link)) if hasattr(method, "describe") else ""

    def rows_about_error(self) -> Rows:
        """Lines below the mean error."""
        return []

    def rows(self) -> Rows:
        """Lines below the errors."""
        return []

    def doubts(self, fitted: Fitted) -> list[str]:
        """Warnings about how the method ended, the worst first."""
        del fitted
        return []

    def misfits(self, fitted: Fitted) -> list[str]:
        """Warnings about rounded losses, repeats with other losses, and large errors."""
        return [
            *rounded(fitted.runs, fitted.mean_relative_error),
            *repeats(type(fitted.law), fitted.runs),
            *large_error(fitted.mean_relative_error),
        ]

    def monotone_over(self, outcome: Outcome) -> Domain | None:
        """The domain over which the law is constrained to decrease; None without one."""
        del outcome
        return None


class Report(Remarks):
    """A frozen dataclass of numbers, arrays and text, to and from JSON.

    Attributes:
        missing: the value of null in JSON, where numbers that are not finite become null.
    """

    missing: ClassVar[float] = np.nan

    def errors(self, fitted: Fitted) -> np.ndarray:
        """``|predicted / observed − 1|`` of the fitted runs, computed from the law and the runs."""
        runs = fitted.runs
        return distinct_errors(fitted.law, runs, runs.loss, weights_of(runs) > 0)

    def check_belongs(self, fitted: Fitted) -> None:
        """Refuse a report that is not of this fit, by what follows from the law and the runs.

        Raises:
            ValueError: a number is another.
        """

    def to_dict(self) -> dict[str, Any]:
        """The fields, for JSON; numbers that are not finite become None."""
        return {field.name: to_plain(getattr(self, field.name)) for field in fields(self)}  # type: ignore[arg-type]

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """The inverse of :meth:`to_dict`."""
        own = {}
        for field in fields(cls):  # type: ignore[arg-type]
            try:
                own[field.name] = _restored(field.type, content[field.name], cls.missing)
            except (TypeError, ValueError, OverflowError) as error:
                raise ValueError(f"diagnostics.{field.name}: {error}") from None
        return cls(**own)


def as_remarks(found: object) -> Remarks:
    """A method's report; for a user's own method, which may return anything, an empty one."""
    return found if isinstance(found, Remarks) else Remarks()


def large_error(mean_relative_error: float) -> list[str]:
    """Warn where the law does not describe its own runs."""
    if mean_relative_error <= LARGEST_ERROR:
        return []
    return [
        f"the fitted law misses its own runs by {mean_relative_error:.1%} on average: the "
        "losses are noisy, or do not follow the law."
    ]


def rounded(runs: Runs, mean_relative_error: float) -> list[str]:
    """Warn where the losses' rounding is not small, and makes up most of the errors."""
    losses, typical = runs.loss, float(np.abs(runs.loss).mean())
    exact = (k for k in range(_MOST_DIGITS) if np.allclose(losses, losses.round(k), 1e-12, 0.0))
    digits = next(exact, _MOST_DIGITS)
    error = 10.0**-digits / np.sqrt(12.0) / typical  # of numbers rounded evenly
    if error < _LEAST_ROUNDING or len(losses) < _LEAST_ROUNDED or mean_relative_error > 2.0 * error:
        return []
    places = {0: "whole numbers", 1: "one decimal"}.get(digits, f"{digits} decimals")
    return [
        f"the column {runs.loss_name!r} has {places}: its rounding, {error:.1%} of the loss, "
        "outweighs the runs' noise, and the fit follows it; give the losses with more digits."
    ]


def repeats(law: type[Law], runs: Runs) -> list[str]:
    """Warn of repeats that differ by more than run-to-run noise: several recipes in one table."""
    if runs.link.name != "log":
        return []
    pairs, index, counts = np.unique(
        distinct_rows(law, runs, runs.loss)[:-1], axis=1, return_inverse=True, return_counts=True
    )
    lowest, highest = np.full(pairs.shape[1], np.inf), np.zeros(pairs.shape[1])
    np.minimum.at(lowest, index.ravel(), runs.loss)
    np.maximum.at(highest, index.ravel(), runs.loss)
    spread = highest / lowest - 1.0
    if spread.max() <= LARGEST_NOISE:
        return []
    num_repeats = int(counts[spread > 0.0].sum() - np.count_nonzero(spread))
    names = tuple(law.inputs())
    inputs = "an (N, D)" if names == ("N", "D") else f"the same {', '.join(names)}"
    return [
        f"{num_repeats} rows repeat {inputs} with losses that differ by up to "
        f"{spread.max():.1%}: all were fitted; if they are different recipes, select one before "
        "fitting."
    ]


def some_notes(notes: Sequence[tuple[str, str]]) -> str:
    """The first four of the sizes or budgets that were not used, each with its note."""
    named = "; ".join(f"{what}: {note}" for what, note in notes[:4])
    return f"{named}; and {len(notes) - 4} more" if len(notes) > 4 else named


def to_plain(value: Any) -> Any:
    """A field in JSON's types."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [to_plain(item) for item in value]
    if isinstance(value, float):
        return value if np.isfinite(value) else None
    return value.to_dict() if hasattr(value, "to_dict") else value


def _restored(kind: Any, value: Any, missing: float) -> Any:
    origin, of = get_origin(kind), get_args(kind)
    is_list = kind is np.ndarray or origin in (np.ndarray, tuple)
    if is_list and not isinstance(value, list):
        raise ValueError(f"expected a list, got {value!r:.50}")
    if origin is tuple:
        return tuple(_restored(of[0], item, missing) for item in value)
    if kind is Counts:
        return np.array([_restored(int, item, missing) for item in value], dtype=int)
    if kind is np.ndarray:
        return np.array([_number_or_row(item, missing) for item in value], dtype=float)
    if kind is float:
        return _number_or_row(value, missing)
    if kind in (int, bool, str) and type(value) is not kind:
        raise ValueError(f"expected {_IN_WORDS[kind]}, got {value!r:.50}")
    return value


def _number_or_row(value: Any, missing: float) -> Any:
    """A number, missing where it is null; or a row of them."""
    if isinstance(value, list):
        return [_number_or_row(item, missing) for item in value]
    if value is None:
        return missing
    if type(value) not in (int, float):
        raise ValueError(f"expected a number, got {value!r:.50}")
    return float(value)


_IN_WORDS = {int: "a whole number", bool: "true or false", str: "text"}


def require_lengths(report: Any, *names: str) -> None:
    """Refuse arrays of one axis that have different lengths.

    Raises:
        ValueError: they have.
    """
    lengths = {name: np.shape(getattr(report, name))[:1] for name in names}
    first = names[0]
    for name, length in lengths.items():
        if length != lengths[first]:
            raise ValueError(f"diagnostics: {name} and {first} have different lengths")


def require_within(name: str, found: Any, search: Search) -> None:
    """Refuse exponents beyond the bounds of their search, or missing ones.

    Raises:
        ValueError: there are some.
    """
    values, margin = np.asarray(found, dtype=float), AGREEMENT * (search.upper - search.lower)
    if not ((values >= search.lower - margin) & (values <= search.upper + margin)).all():
        raise ValueError(
            f"diagnostics: {name} lies outside its search, [{search.lower:g}, {search.upper:g}]"
        )


def require_at_least(report: Any, lowest: float, *names: str) -> None:
    """Refuse numbers below a limit; missing ones (NaN) are allowed.

    Raises:
        ValueError: there are some.
    """
    for name in names:
        if (np.asarray(getattr(report, name)) < lowest).any():
            raise ValueError(f"diagnostics: {name} is below {lowest:g}")
