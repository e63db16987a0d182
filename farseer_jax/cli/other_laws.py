"""Tables without an input of a law: the law of the catalogue whose inputs they have."""

from typing import TYPE_CHECKING

from farseer_jax.cli.model import LAWS
from farseer_jax.runs.groups_and_responses import Binding
from farseer_jax.runs.table_problems import TableError, Way

if TYPE_CHECKING:
    from farseer_jax.laws.law import Law
    from farseer_jax.tables.columns import Columns

_FEWEST = 2  # inputs of a law that is worth a proposal


def with_another_law(
    error: TableError, columns: "Columns", binding: Binding, *, can_group: bool
) -> TableError:
    """The error, with the options that read the table for another law, if no others read it.

    Args:
        error: about the table, read for a law.
        columns: the table.
        binding: how it was read.
        can_group: whether the command fits groups.
    """
    if error.ways or binding.law not in LAWS:
        return error
    law = _law_of(columns, binding)
    if law is None:
        return error
    from farseer_jax.runs.survey.survey import surveyed

    inputs = ", ".join(law.inputs())
    *others, last = error.problems
    said = [*others, f"{last}; the law {law.name} needs only {inputs}, which it has"]
    is_compared = {*law.inputs()} == {"N", "D"}  # recipes are, over no other inputs
    can_group = can_group and (binding.num_groups is None or is_compared)
    own, ways = binding._replace(kinds=law.inputs(), law=law.name), [Way("", {})]
    try:
        surveyed(columns, own, one_fit=True, can_group=can_group)
    except TableError as further:
        said, ways = [*said, *further.problems], [*further.ways]
    ways = [Way(way.case, {"law": law.name, **way.options}) for way in ways]
    return TableError(said, ways, error.source)


def _law_of(columns: "Columns", binding: Binding) -> "type[Law] | None":
    """The law of the most inputs, all of which the table has."""
    from farseer_jax.inspection.servable_laws import reading_of, servable_laws

    named = {n: own for n, own in binding.columns_of.items() if isinstance(own, str)}
    reading = reading_of(columns, named)
    if reading is None:
        return None
    candidates = servable_laws(reading, named)[1]
    laws = [own.law for own in candidates if len(own.law.inputs()) >= _FEWEST]
    return max(laws, key=lambda law: len(law.inputs()), default=None)
