"""Reading tables of runs: columns from any source, derived columns, selected rows, and `Runs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any, Final

from farseer_jax.runs.prepare import prepared
from farseer_jax.runs.runs import Runs
from farseer_jax.runs.table_problems import TableError
from farseer_jax.tables.columns import Columns
from farseer_jax.tables.read import as_columns

_DATASET: Final = "dataset:"


def read_table(
    source: object,
    *,
    table: str | None = None,
    derive: str | Sequence[str] = (),
    where: str | None = None,
    last_by: str | Sequence[str] | None = None,
    drop_missing: bool = False,
    as_is: bool = False,
    history: bool = False,
    columns_of: Mapping[str, str | Sequence[str]] | None = None,
    units: Mapping[str, float | None] | None = None,
) -> Columns:
    """Read the columns of a table, for `fit`, `forecast` and every function that takes a table.

    The format is detected from the file's content: delimited text (any delimiter, decimal commas,
    comments, UTF-8, UTF-16 or Windows-1252), JSON, JSON lines, Parquet, Excel, DuckDB and SQLite
    databases, each also compressed (gzip, bzip2, zstd, lz4, zip).

    Args:
        source: path of a file; a pattern such as ``"runs/*.csv"``, or a list of paths, whose tables
            are put below each other, with a column ``file``; a folder of TensorBoard events,
            trainer states or offline runs of Weights & Biases; ``"wandb:entity/project"``;
            ``"dataset:farseer"`` for a public table of :mod:`farseer_jax.datasets`;
            ``"-"`` for standard input; or a table in memory (pandas with the named levels of its
            index, polars, pyarrow, a mapping of names to columns, a list of records).
        table: sheet of an Excel file, table of a database, or a query in SQL.
        derive: formulas for new columns, ``"D = tokens_per_param * N"``. Names are columns (in
            double quotes if they have characters other than letters, digits and ``_``), or inputs
            such as N, which stand for their column times its unit.
        where: a condition in SQL that rows must meet: ``"arm = 'attn' and N > 1e8"``.
        last_by: columns that identify a run and the one that orders its rows: ``"run,step"`` keeps
            the last checkpoint of each run, of those that meet the condition.
        drop_missing: leave out rows without a usable number in a column that is needed.
        as_is: read columns that do not look like what they are taken for, such as a perplexity
            as a loss, with a note instead of an error.
        history: of a folder of runs, a row for each logged step instead of one for each run.
        columns_of: columns of inputs that formulas use and that are not found by name.
        units: unit of each of these inputs, as a factor: 1e9 for billions.

    Returns:
        The columns by name, ``(row,)`` each, with notes on derived columns and selected rows.

    Raises:
        OSError, ValueError: the table cannot be read; the message names the file.
        TypeError: not a table.

    Example:
        >>> table = {"params": ["70M", "1.4B"], "tokens_per_param": [20, 40], "loss": [3.6, 2.9]}
        >>> columns = read_table(table, derive="D = tokens_per_param * N")
        >>> columns["D"]
        array([1.4e+09, 5.6e+10])
        >>> read_table(table, where="loss < 3")["params"].tolist()
        ['1.4B']
    """
    columns = as_columns(_loaded(source), table, history=history)
    name = f"{columns.source}: " if columns.source else ""
    try:
        columns = prepared(
            columns,
            derive=derive,
            where=where,
            last_by=last_by,
            columns_of=columns_of,
            units=units,
        )
    except ValueError as error:
        raise ValueError(f"{name}{error}") from None
    return columns.with_options(
        drop_missing=columns.drop_missing or drop_missing, as_is=columns.as_is or as_is
    )


def _loaded(source: object) -> object:
    """The columns of ``"dataset:NAME"``; any other source as it is."""
    text = str(source) if isinstance(source, str | PathLike) else ""
    if not text.startswith(_DATASET):
        return source
    from farseer_jax import datasets

    return replace(as_columns(datasets.load(text.removeprefix(_DATASET))), source=text)


def read_runs(
    source: object,
    *,
    N: str | None = None,
    D: str | None = None,
    loss: str | None = None,
    N_unit: float | None = None,
    D_unit: float | None = None,
    table: str | None = None,
    derive: str | Sequence[str] = (),
    where: str | None = None,
    last_by: str | Sequence[str] | None = None,
    drop_missing: bool = False,
    as_is: bool = False,
    **options: Any,
) -> Runs:
    r"""Read training runs over N and D, or over the inputs that ``inputs`` names.

    Rows that do not belong in one fit, such as several arms or checkpoints of one run, are read,
    because runs can be selected afterwards; fits and forecasts of such runs begin with a warning.

    Args:
        source: as for :func:`read_table`.
        N: the column with the number of parameters; None finds it by its name.
        D: the column with the number of training tokens; None finds it by its name.
        loss: the column with the loss; None finds it by its name.
        N_unit: parameters per unit of the column N (1e9 for billions); see `Runs`.
        D_unit: tokens per unit of the column D; see `Runs`.
        table: as for :func:`read_table`, as are ``derive``, ``where``, ``last_by``,
            ``drop_missing`` and ``as_is``.
        derive: formulas for new columns.
        where: a condition in SQL.
        last_by: columns that identify a run, then the one that orders its rows.
        drop_missing: leave out rows without a usable number.
        as_is: read columns whose values contradict their use.
        **options: ``inputs``, ``columns_of``, ``units``, ``response``, ``link``, ``weights``,
            ``standard_error`` and ``copies`` of `Runs.from_dataframe`.

    Returns:
        The runs. All other columns are in ``extra``; ``notes`` say how columns were read.

    Raises:
        OSError, ValueError: the table cannot be read; the message names the file, all problems, and
            the options that read it.
        TypeError: not a table.

    Example:
        >>> import pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "runs.csv")
        ...     _ = path.write_text("params_B;tokens_B;loss\n0,1;1;3,61\n0,4;2;3,10\n")
        ...     print(read_runs(path))
        runs  2
        N     2 sizes, 1e8 to 4e8
        D     1e9 to 2e9
        loss  3.1 to 3.61
        note  N is column 'params_B' in billions; D is column 'tokens_B' in billions
    """
    own = {name: column for name, column in (("N", N), ("D", D)) if column is not None}
    given: dict[str, Any] = {
        "table": table,
        "derive": [derive] if isinstance(derive, str) else [*derive],
        "where": where,
        "last_by": last_by,
        "drop_missing": drop_missing,
        "as_is": as_is,
    }
    columns = read_table(
        source,
        **given,
        columns_of={**own, **options.get("columns_of", {})},
        units={"N": N_unit, "D": D_unit, **options.get("units", {})},
    )
    try:
        return Runs.from_dataframe(columns, N, D, loss, N_unit, D_unit, **options)
    except TableError as error:
        is_path = isinstance(source, str | PathLike)
        raise error.of(
            columns.source,
            read=repr(str(source)) if is_path else "table",
            given={name: value for name, value in given.items() if value},
        ) from None
    except ValueError as error:
        name = f"{columns.source}: " if columns.source else ""
        raise ValueError(f"{name}{error}") from None
