"""What a method's report says of a fit: lines of its text, and warnings."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.end_to_end.layout import distinct_rows
from farseer_jax.methods.method import Method
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.checks import Range
from farseer_jax.runs.runs import Runs

LARGEST_NOISE = 0.01  # relative difference of repeats that run-to-run noise explains
# Public grids that end-to-end fits follow leave 0.2 % and 2–7 %; those that nothing follows closely
# leave 1–4 % and 13–35 %.
_LARGEST_ERROR = 5e-3


Rows = Sequence[Sequence[str]]  # of text: a name and a value each


class Fitted(NamedTuple):
    """What a fit came to, for those who judge it."""

    law: Law
    runs: Runs
    method: Method
    outcome: Outcome
    mean_relative_error: float


class Domain(NamedTuple):
    """Where a law was held to fall: smallest and largest N and D."""

    N: Range
    D: Range


class Remarks:
    """The base of all reports; by itself for a method of the user's own, which says nothing."""

    def how(self, method: Method, link: Link, outcome: Outcome) -> str:
        """A few words on how the method fitted."""
        del outcome
        return str(method.describe(link)) if hasattr(method, "describe") else ""

    def rows_about_error(self) -> Rows:
        """Lines under the mean error, as a name and a text."""
        return []

    def rows(self) -> Rows:
        """Lines under the errors."""
        return []

    def doubts(self, fitted: Fitted) -> list[str]:
        """Warnings about how the method ended, the worst first."""
        del fitted
        return []

    def misfits(self, fitted: Fitted) -> list[str]:
        """Warnings about runs that repeat with other losses, and about large errors."""
        return [*repeats(type(fitted.law), fitted.runs), *large_error(fitted.mean_relative_error)]

    def held_over(self, outcome: Outcome) -> Domain | None:
        """The domain over which the law was held to fall; None where it was not."""
        del outcome
        return None


def as_remarks(found: object) -> Remarks:
    """A report; of a method of the user's own, which may give anything, one that says nothing."""
    return found if isinstance(found, Remarks) else Remarks()


def large_error(mean_relative_error: float) -> list[str]:
    """Warn of a law that misses its own runs."""
    if mean_relative_error <= _LARGEST_ERROR:
        return []
    return [
        f"the fitted law misses its own runs by {mean_relative_error:.1%} on average: the "
        "losses are noisy, or do not follow the law."
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
    """The first four of what took no part, each with its note."""
    named = "; ".join(f"{what}: {note}" for what, note in notes[:4])
    return f"{named}; and {len(notes) - 4} more" if len(notes) > 4 else named
