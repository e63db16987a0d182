"""Draws as a table: its columns, and refits to it and back."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import jax
import numpy as np

from farseer_jax.fitting.fit_batch import BatchFit
from farseer_jax.laws.law import Law
from farseer_jax.laws.parameter_columns import column_names, numbers_by_column
from farseer_jax.methods.outcome import Outcome

if TYPE_CHECKING:
    import pyarrow as pa

Range = tuple[int, int]  # of resamples, the end excluded

RESAMPLE, OUTCOME, ERROR = "resample", "outcome", "mean_relative_error"
OUTCOMES = [outcome.name for outcome in Outcome]


def columns_of(law: Law) -> list[str]:
    """The columns of a law's parameters."""
    names = column_names(law)
    return [name for own in names for name in ([own] if isinstance(own, str) else own)]


def schema_of(columns: Sequence[str]) -> "pa.Schema":
    """The columns of draws: resample, outcome, error, and the parameters by name."""
    import pyarrow as pa

    kinds = {
        RESAMPLE: pa.int64(),
        OUTCOME: pa.dictionary(pa.int32(), pa.string()),
        ERROR: pa.float64(),
        **dict.fromkeys(columns, pa.float64()),
    }
    return pa.schema([pa.field(name, kind, nullable=False) for name, kind in kinds.items()])


def to_table(batch: BatchFit, first: int) -> "pa.Table":
    """One row per refit: its position, outcome, error, and parameters by name."""
    import pyarrow as pa

    place_of = {outcome.code: place for place, outcome in enumerate(Outcome)}
    places = np.array([place_of[code] for code in batch.outcome_code.tolist()], dtype=np.int32)
    numbers = numbers_by_column(batch.law)
    columns = {
        RESAMPLE: first + np.arange(len(batch)),
        OUTCOME: pa.DictionaryArray.from_arrays(places, OUTCOMES),
        ERROR: batch.mean_relative_error,
        **numbers,
    }
    return pa.table(columns, schema=schema_of([*numbers]))


def from_table(table: "pa.Table", template: Law) -> BatchFit:
    """The inverse of :func:`to_table`."""
    structure = jax.tree.structure(template)
    leaves = [
        table[names].to_numpy()
        if isinstance(names, str)
        else np.stack([table[name].to_numpy() for name in names], axis=1)
        for names in column_names(template)
    ]
    code_of = {outcome.name: outcome.code for outcome in Outcome}
    return BatchFit(
        law=jax.tree.unflatten(structure, leaves),
        outcome_code=np.array([code_of[name] for name in table[OUTCOME].to_pylist()]),
        mean_relative_error=table[ERROR].to_numpy(),
    )
