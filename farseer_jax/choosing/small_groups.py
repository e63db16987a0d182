"""Groups with too few rows, which are left out of a choice of laws."""

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from farseer_jax.choosing.table_checks import LEAST_RUNS
from farseer_jax.choosing.table_reading import TableReading
from farseer_jax.runs.checks import floats_of
from farseer_jax.runs.groups_and_responses import group_text, groups_of
from farseer_jax.tables.row_numbers import shown_rows


def without_small_groups(
    columns: Mapping[str, np.ndarray], reading: TableReading
) -> tuple[dict[str, np.ndarray], TableReading]:
    """The rows of groups with enough values of every response; the reading says which are not.

    Args:
        columns: of the table.
        reading: what they are.

    Raises:
        ValueError: all groups are too small, or a label is missing.
    """
    num = len(next(iter(columns.values())))
    known = {
        name: np.isfinite(floats_of(columns[name], f"column {name!r}"))
        for name in reading.responses
    }
    kept, sentences, labels = np.ones(num, dtype=bool), list[str](), list[str]()
    for group, rows in groups_of(columns, list(reading.groups), num):
        fewest = min(reading.responses, key=lambda name: int(known[name][rows].sum()))
        count = int(known[fewest][rows].sum())
        if not group or count >= LEAST_RUNS:
            continue
        kept[rows] = False
        labels.append(group_text(group))
        of = f" of {fewest}" if len(reading.responses) > 1 or count < len(rows) else ""
        what = "value" if count == 1 and of else "values" if of else "run" if count == 1 else "runs"
        sentences.append(
            f"the group {labels[-1]} is left out: {count} {what}{of}, in {shown_rows(rows)}, are "
            f"fewer than {LEAST_RUNS}"
        )
    if not kept.any():
        raise ValueError(
            f"every group by {', '.join(reading.groups)} has fewer than {LEAST_RUNS} runs: add "
            "runs, or group by other columns"
        )
    found = {name: own[kept] for name, own in columns.items()}
    return found, replace(
        reading, left_out=(*reading.left_out, *sentences), small_groups=tuple(labels)
    )
