"""A table of training runs, checked on construction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.flops import training_flops
from farseer_jax.link_functions import Link, as_link
from farseer_jax.runs.checks import Floats
from farseer_jax.runs.columns import same_column
from farseer_jax.runs.copies import Copies
from farseer_jax.runs.groups_and_responses import Binding, table_parts
from farseer_jax.runs.inputs import Kinds, Shares, as_kinds, labels_of, refuse_single_labels
from farseer_jax.runs.response import checked_response
from farseer_jax.runs.row_labels import dropped_rows, refuse_none
from farseer_jax.runs.selection import Bound, selected, without_copies
from farseer_jax.runs.survey.row_notes import notes_of_columns
from farseer_jax.runs.survey.survey import surveyed
from farseer_jax.runs.table import (
    Table,
    checked_table,
    flat_columns,
    numeric_columns,
    summary,
    table_from_dict,
    table_to_dict,
)
from farseer_jax.tables.read import as_columns

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Runs:
    """Checked training runs: named inputs, and the response that a law is fitted to.

    N and D are the usual inputs; there may be others instead or in addition. An input has a kind:
    ``"positive"`` (the default) and ``"real"`` numbers, which are finite; a ``"count"``, a whole
    number from 1; a ``"fraction"``, from 0 to 1; a ``"mixture"``, shares that sum
    to 1; a ``"category"``, any label.

    Numbers are float64, so that 6·N·D cannot overflow as it does in 64-bit integers. Two tables
    are equal if they have the same numbers in the same order, the same kinds, link and weights,
    and the same extra columns. Arrays are read-only copies; `str` summarises.

    Attributes:
        loss: the response of each run, shape (run,); usually its final loss.
        extra: other columns by name, each of shape (run,), of any type.
        inputs: the inputs by name: float64 of shape (run,); a mixture (run, share); a category
            objects of shape (run,).
        kinds: the kind of each input.
        shares: the names of the columns of each mixture.
        link: the scale on which errors of the response are comparable: log (for a positive
            response), identity (any finite number), or logit (strictly between a floor and a
            ceiling).
        weights: weight of each run in a fit, shape (run,); None for equal weights.
        loss_name: the column that the loss was taken from, if any. Equality ignores it, but losses
            with different names are only compared on request.
        notes: how a table was read: columns taken by their usual names, rows left out; a selection
            has no notes on rows.

    Example:
        >>> runs = Runs(N=[1e8, 1e8, 4e8], D=[1e9, 2e9, 2e9], loss=[3.6, 3.4, 3.1])
        >>> print(runs)
        runs  3
        N     2 sizes, 1e8 to 4e8
        D     1e9 to 2e9
        loss  3.1 to 3.6
        >>> runs.select(max_N=2e8).loss
        array([3.6, 3.4])
        >>> print(Runs(loss=[-1.2, -1.5], inputs={"V": [4096, 8192]}, link="identity"))
        runs  2
        V     4.1e3 to 8.19e3
        loss  -1.5 to -1.2
        link  identity
    """

    loss: Floats
    extra: Columns
    inputs: Columns
    kinds: Kinds
    shares: Shares
    link: Link
    weights: Floats | None
    loss_name: str | None
    notes: tuple[str, ...]

    def __init__(
        self,
        N: ArrayLike | None = None,
        D: ArrayLike | None = None,
        loss: ArrayLike | None = None,
        extra: Mapping[str, ArrayLike] | None = None,
        *,
        inputs: Mapping[str, Any] | None = None,
        kinds: Mapping[str, str] | None = None,
        shares: Mapping[str, Sequence[str]] | None = None,
        link: Link | str = "log",
        weights: ArrayLike | None = None,
        N_unit: float | None = None,
        D_unit: float | None = None,
        loss_name: str | None = None,
        notes: Sequence[str] = (),
    ) -> None:
        """Check the columns and copy them.

        Args:
            N: number of parameters, one per run; None if it is not an input.
            D: number of training tokens, one per run; None if it is not an input.
            loss: the response, one per run, in any unit.
            extra: other columns to keep with the runs.
            inputs: further inputs by name; a mixture as an array of shape (run, share), or as a
                mapping of the names of shares to columns.
            kinds: kinds of inputs that are not ``"positive"``.
            shares: names of the shares of each mixture given as an array.
            link: the scale of the response's errors: ``"log"``, ``"identity"``, ``"logit"``, or a
                `Link` with a floor and a ceiling.
            weights: weights of the runs, not negative and not all 0.
            N_unit: parameters per unit of N (1e9 for billions). None means 1, and refuses numbers
                too small to be parameters.
            D_unit: tokens per unit of D, in the same way.
            loss_name: a name for the loss, such as that of its column.
            notes: sentences on where the runs come from, printed with them.

        Raises:
            ValueError: columns of unequal length or without rows; values that are not numbers, NaN,
                infinite, or not of their input's kind; a category with a single label; N or D that
                look like thousands, millions or billions.
        """
        columns = {name: x for name, x in (("N", N), ("D", D)) if x is not None}
        for name, values in (inputs or {}).items():
            if name in columns or name == "loss":
                raise ValueError(f"inputs: {name!r} is given twice; give it once")
            columns[name] = values
        if loss is None:
            raise ValueError("loss: expected the response of each run, got none")
        table = checked_table(
            columns,
            as_kinds(list(columns), kinds),
            loss,
            extra or {},
            shares=shares,
            link=as_link(link),
            weights=weights,
            units={"N": N_unit, "D": D_unit},
            loss_name=loss_name,
        )
        labels = {name: f"input {name!r}" for name in table.inputs}
        refuse_single_labels(table.inputs, table.kinds, labels)
        self._fill(table._replace(notes=tuple(notes)))

    @classmethod
    def from_dataframe(
        cls,
        df: object,
        N: str | None = None,
        D: str | None = None,
        loss: str | None = None,
        N_unit: float | None = None,
        D_unit: float | None = None,
        *,
        inputs: Mapping[str, str] | Sequence[str] = ("N", "D"),
        columns_of: Mapping[str, str | Sequence[str]] | None = None,
        response: str | None = None,
        link: Link | str = "log",
        weights: str | None = None,
        standard_error: str | None = None,
        copies: Copies = "average",
        units: Mapping[str, float | None] | None = None,
    ) -> Self:
        """Take runs from a pandas, polars or pyarrow table, or a mapping of names to columns.

        Args:
            df: the table, one row per run.
            N: the column with the number of parameters; None finds it by its name.
            D: the column with the number of training tokens; None finds it by its name.
            loss: the column with the response; None finds the loss by its name.
            N_unit: parameters per unit of the column N; see `Runs`.
            D_unit: tokens per unit of the column D; see `Runs`.
            inputs: the inputs to take, or a mapping of inputs to kinds.
            columns_of: columns of further inputs that are not found by name; for a mixture a
                pattern such as ``"share_*"``, a comma-separated list, or a sequence.
            response: the same as ``loss``, for a response other than a loss.
            link: the scale of the response's errors, see `Runs`.
            weights: a column of weights of the runs.
            standard_error: a column of standard errors of the response, instead of weights.
            copies: rows that are equal in all inputs and the response count once (``"average"``),
                unless a column such as ``seed`` tells them apart; ``"keep"`` counts each.
            units: factors of inputs, ``{"U": 1e9}``.

        Returns:
            The runs. All other columns are in ``extra``; if a column other than ``N`` is named as
            N, the column ``N`` is kept there as ``N_other`` (and so for D and loss).

        Raises:
            ValueError: a column is not found or ambiguous, or as for `Runs`.
            TypeError: ``df`` is not a table in memory.

        Example:
            >>> import pandas as pd
            >>> df = pd.DataFrame({"size_B": [0.1, 0.4], "tokens": [1e9, 2e9], "bpc": [0.8, 0.7]})
            >>> Runs.from_dataframe(df, N="size_B", N_unit=1e9).N
            array([1.e+08, 4.e+08])
        """
        if loss is not None and response is not None:
            raise ValueError("loss and response are both given; name one of the two")
        named = {name: column for name, column in (("N", N), ("D", D)) if column is not None}
        scaled = {name: unit for name, unit in (("N", N_unit), ("D", D_unit)) if unit is not None}
        binding = Binding(
            as_kinds(inputs),
            columns_of={**named, **(columns_of or {})},
            response=response if loss is None else loss,
            link=as_link(link),
            weights=weights,
            standard_error=standard_error,
            units={**(units or {}), **scaled},
            leave_out=False,
            copies=copies,
        )
        survey = surveyed(as_columns(df), binding, one_fit=False)
        parts = table_parts(survey.columns, survey.binding)
        if len(parts) > 1:
            raise ValueError(
                f"response: expected one column, got {len(parts)} for {loss or response!r}"
            )
        return cls._trusted(parts[0].table._replace(notes=survey.notes))

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Build runs from the output of `to_dict`, exactly.

        Args:
            content: lists ``"N"``, ``"D"``, ``"loss"`` and, if any, ``"extra"``; without N and D a
                mapping ``"inputs"``.

        Raises:
            ValueError: a part is missing, or as for `Runs`.

        Example:
            >>> runs = Runs([1e8], [1e9], [3.1])
            >>> Runs.from_dict(runs.to_dict()) == runs
            True
        """
        return cls._trusted(table_from_dict(content))

    def to_dict(self) -> dict[str, Any]:
        """Write the runs as lists that JSON preserves exactly.

        Returns:
            Lists ``"N"`` and ``"D"`` (if they are inputs), ``"loss"``, and ``"extra"`` with a list
            per column, in which NaN becomes None and what JSON cannot represent becomes text;
            ``"inputs"`` with the other inputs, a mixture as a list per share; ``"kinds"``,
            ``"link"``, ``"weights"`` and ``"loss_name"`` if they are not the defaults.

        Example:
            >>> Runs([1e8], [1e9], [3.1], {"arm": ["mla"]}).to_dict()
            {'N': [100000000.0], 'D': [1000000000.0], 'loss': [3.1], 'extra': {'arm': ['mla']}}
        """
        return table_to_dict(self._table)

    def to_dataframe(self) -> pd.DataFrame:
        """One row per run: inputs (a column for each share), loss, weights if any, extra columns.

        Example:
            >>> Runs([1e8], [1e9], [3.1], {"arm": ["mla"]}).to_dataframe().columns.tolist()
            ['N', 'D', 'loss', 'arm']
        """
        import pandas as pd

        return pd.DataFrame({**flat_columns(self._table), **self.extra})

    def select(
        self,
        *,
        min_N: float | None = None,
        max_N: float | None = None,
        min_D: float | None = None,
        max_D: float | None = None,
        mask: ArrayLike | None = None,
        at_least: Mapping[str, float] | None = None,
        at_most: Mapping[str, float] | None = None,
        drop: str | int | Sequence[str | int] = (),
    ) -> Self:
        """Keep the runs within bounds (inclusive), in order and with their extra columns.

        Args:
            min_N: smallest number of parameters kept.
            max_N: largest number of parameters kept.
            min_D: smallest number of tokens kept.
            max_D: largest number of tokens kept.
            mask: True for each run kept, shape (run,).
            at_least: the smallest value kept of inputs, shares or ``"loss"``, by name.
            at_most: the largest value kept, by name.
            drop: runs to leave out, by their label (in a column such as ``run_id``) or by their
                row, counted from 0.

        Raises:
            ValueError: no run is left, a bound is on an unknown column, the mask is invalid, or
                there is no such run to leave out.

        Example:
            >>> runs = Runs([1e8, 2e8, 4e8], [1e9, 2e9, 2e9], [3.6, 3.4, 3.1])
            >>> len(runs.select(min_N=2e8, mask=runs.loss < 3.2))
            1
            >>> len(runs.select(at_most={"loss": 3.5}))
            2
            >>> runs.select(drop=1).loss
            array([3.6, 3.1])
        """
        ends = (("min_N", min_N), ("max_N", max_N), ("min_D", min_D), ("max_D", max_D))
        bounds = [
            Bound(text, text[-1], value, text.startswith("min"))
            for text, value in ends
            if value is not None
        ]
        for word, named in (("at_least", at_least), ("at_most", at_most)):
            bounds += [
                Bound(f"{word} {name}", name, value, word == "at_least")
                for name, value in (named or {}).items()
            ]
        keep = selected(numeric_columns(self._table), bounds, mask)
        keep &= ~dropped_rows(self.extra, len(self), drop)
        refuse_none(keep)
        notes = self.notes if keep.all() else notes_of_columns(self.notes)
        return self._trusted(self._table.take(keep)._replace(notes=notes))

    def with_loss(self, loss: ArrayLike, loss_name: str | None = None) -> Self:
        """The same runs with another response, checked by the same link.

        Args:
            loss: the response, one per run.
            loss_name: its name.

        Raises:
            ValueError: as for `Runs`.

        Example:
            >>> Runs([1e8], [1e9], [3.1]).with_loss([2.9]).loss
            array([2.9])
        """
        values = checked_response(loss, "column 'loss'", self.link)
        if len(values) != len(self):
            raise ValueError(f"loss: expected one value per run ({len(self)}), got {len(values)}")
        return self._trusted(self._table._replace(loss=values, loss_name=loss_name))

    @property
    def N(self) -> Floats:
        """Number of parameters of each run, shape (run,).

        Raises:
            ValueError: it is not an input of the runs.
        """
        return self.inputs["N"] if "N" in self.inputs else self._refuse_absent("N")

    @property
    def D(self) -> Floats:
        """Number of training tokens of each run, shape (run,).

        Raises:
            ValueError: it is not an input of the runs.
        """
        return self.inputs["D"] if "D" in self.inputs else self._refuse_absent("D")

    @property
    def labels(self) -> dict[str, tuple[Any, ...]]:
        """The distinct values of each category, in order of first appearance.

        Example:
            >>> Runs(loss=[3.0, 2.9], inputs={"arm": ["b", "a"]}, kinds={"arm": "category"}).labels
            {'arm': ('b', 'a')}
        """
        return {
            name: labels_of(self.inputs[name])
            for name, kind in self.kinds.items()
            if kind == "category"
        }

    @property
    def flops(self) -> Floats:
        """Training compute 6·N·D of each run, in floating-point operations, shape (run,).

        Example:
            >>> Runs(N=[10**11], D=[10**12], loss=[1.9]).flops
            array([6.e+23])
        """
        return training_flops(self.N, self.D)

    @property
    def num_sizes(self) -> int:
        """Number of different model sizes N.

        Example:
            >>> Runs([1e8, 1e8, 4e8], [1e9, 2e9, 2e9], [3.6, 3.4, 3.1]).num_sizes
            2
        """
        return int(np.unique(self.N).size)

    @property
    def is_copy(self) -> NDArray[np.bool_]:
        """True for each run that equals an earlier one in all inputs and the loss, shape (run,).

        Example:
            >>> Runs([1e8, 1e8, 1e8], [1e9, 1e9, 1e9], [3.6, 3.6, 3.5]).is_copy
            array([False,  True, False])
        """
        return ~without_copies(*self.inputs.values(), self.loss)

    @property
    def num_copies(self) -> int:
        """Number of runs that are exact copies of an earlier one in all inputs and the loss.

        Example:
            >>> Runs([1e8, 1e8, 1e8], [1e9, 1e9, 1e9], [3.6, 3.6, 3.5]).num_copies
            1
        """
        return int(self.is_copy.sum())

    def __len__(self) -> int:
        return self.loss.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Runs):
            return NotImplemented
        facts = [(runs.kinds, runs.shares, runs.link) for runs in (self, other)]
        if facts[0] != facts[1]:
            return False
        mine, theirs = ({**flat_columns(runs._table), **runs.extra} for runs in (self, other))
        return mine.keys() == theirs.keys() and all(
            same_column(mine[name], theirs[name]) for name in mine
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        if "N" in self.inputs:
            return f"Runs({len(self)} runs, {self.num_sizes} size{'s'[: self.num_sizes != 1]})"
        return f"Runs({len(self)} runs of {', '.join(self.inputs) or 'no input'})"

    def __str__(self) -> str:
        return summary(self._table, self.num_copies)

    def __reduce__(self) -> tuple[Any, ...]:
        # Mapping proxies cannot be pickled, and arrays lose their read-only flag.
        return type(self)._trusted, (self._table,)

    @classmethod
    def _trusted(cls, table: Table) -> Self:
        """Make runs from a table that is already checked and has no other references."""
        runs = cls.__new__(cls)
        runs._fill(table)
        return runs

    def _fill(self, table: Table) -> None:
        """Set the attributes of a new object."""
        weights = () if table.weights is None else (table.weights,)
        for array in (*table.inputs.values(), table.loss, *table.extra.values(), *weights):
            array.setflags(write=False)
        for name, value in table._asdict().items():
            shown = MappingProxyType(dict(value)) if isinstance(value, Mapping) else value
            object.__setattr__(self, name, shown)

    @property
    def _table(self) -> Table:
        """The contents, in picklable dictionaries."""
        return Table(
            dict(self.inputs), self.loss, dict(self.extra), dict(self.kinds), dict(self.shares),
            self.link, self.weights, self.loss_name, self.notes,
        )  # fmt: skip

    def _refuse_absent(self, name: str) -> NoReturn:
        """Raise the error about a missing input."""
        raise ValueError(
            f"the runs have no input {name}, only {', '.join(self.inputs) or 'a response'}; "
            f"read the table with {name} among the inputs, and name its column "
            f'({name}="column" in Python or --{name} column in the shell)'
        )
