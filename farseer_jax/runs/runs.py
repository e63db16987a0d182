"""A table of training runs: the one door for data, with every check of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from farseer_jax.runs.checks import Floats, checked_columns
from farseer_jax.runs.columns import ROLES, find_columns, table_columns, without_roles
from farseer_jax.runs.extra import extra_columns, from_json, same_column, to_json
from farseer_jax.runs.selection import selected, without_copies
from farseer_jax.runs.text import summary

if TYPE_CHECKING:
    import pandas as pd

Columns = Mapping[str, NDArray[Any]]


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Runs:
    """Training runs, checked: every number is finite and positive.

    All computation is in float64, so that 6·N·D cannot overflow as it does in 64-bit integers.
    Two tables are equal when they hold the same numbers in the same order and the same extra
    columns. Arrays are read-only copies; `str` gives a summary.

    Attributes:
        N: number of parameters of each run, shape (run,).
        D: number of training tokens of each run, shape (run,).
        loss: final loss of each run, shape (run,).
        extra: further columns by name, each of shape (run,), of any type.
        loss_name: the column that the loss was taken from, where one was: no part of equality, but
            losses of two names are not compared unasked.

    Example:
        >>> runs = Runs(N=[1e8, 1e8, 4e8], D=[1e9, 2e9, 2e9], loss=[3.6, 3.4, 3.1])
        >>> print(runs)
        runs  3
        N     2 sizes, 1e8 to 4e8
        D     1e9 to 2e9
        loss  3.1 to 3.6
        >>> runs.select(max_N=2e8).loss
        array([3.6, 3.4])
    """

    N: Floats
    D: Floats
    loss: Floats
    extra: Mapping[str, NDArray[Any]]
    loss_name: str | None

    def __init__(
        self,
        N: ArrayLike,
        D: ArrayLike,
        loss: ArrayLike,
        extra: Mapping[str, ArrayLike] | None = None,
        *,
        N_unit: float | None = None,
        D_unit: float | None = None,
        loss_name: str | None = None,
    ) -> None:
        """Check the columns and copy them.

        Args:
            N: number of parameters, one per run.
            D: number of training tokens, one per run.
            loss: final loss, one per run, in any unit.
            extra: further columns, that stay with the runs.
            N_unit: what one unit of N is, in parameters (1e9 for billions). None means 1, and
                refuses a column that does not look like parameters.
            D_unit: what one unit of D is, in tokens, likewise.
            loss_name: what the loss is, such as the name of its column.

        Raises:
            ValueError: columns of unequal length or with no rows; values that are not numbers, NaN,
                infinite, zero or negative; N or D that look like thousands, millions or billions.
        """
        own = checked_columns({"N": N, "D": D, "loss": loss}, units={"N": N_unit, "D": D_unit})
        self._fill(own, extra_columns(extra or {}, own[0].size), loss_name)

    @classmethod
    def from_dataframe(
        cls,
        df: object,
        N: str | None = None,
        D: str | None = None,
        loss: str | None = None,
        N_unit: float | None = None,
        D_unit: float | None = None,
    ) -> Self:
        """Take runs from a pandas, polars or pyarrow table, or a mapping of names to columns.

        Args:
            df: the table, one row per run.
            N: the column with the number of parameters; None finds it by its name.
            D: the column with the number of training tokens, likewise.
            loss: the column with the loss, likewise.
            N_unit: what one unit of the column N is, in parameters; see `Runs`.
            D_unit: what one unit of the column D is, in tokens; see `Runs`.

        Returns:
            The runs. All other columns are in ``extra``; where another column than ``N`` is named
            as N, the column ``N`` is kept there as ``N_other`` (D and loss likewise).

        Raises:
            ValueError: a column is not found or ambiguous, or as for `Runs`.
            TypeError: ``df`` is no table in memory.

        Example:
            >>> import pandas as pd
            >>> df = pd.DataFrame({"size_B": [0.1, 0.4], "tokens": [1e9, 2e9], "bpc": [0.8, 0.7]})
            >>> Runs.from_dataframe(df, N="size_B", N_unit=1e9).N
            array([1.e+08, 4.e+08])
        """
        columns = df if isinstance(df, Mapping) else table_columns(df)
        found = find_columns(list(columns), N=N, D=D, loss=loss)
        chosen = {role: columns[name] for role, name in found.items()}
        own = checked_columns(chosen, names=found, units={"N": N_unit, "D": D_unit})
        others = {name: columns[name] for name in columns if name not in found.values()}
        extra = extra_columns(without_roles(others), own[0].size)
        return cls._trusted(own, extra, found["loss"])

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Self:
        """Build runs from what `to_dict` gave, exactly.

        Args:
            content: lists ``"N"``, ``"D"``, ``"loss"`` and, if any, ``"extra"``.

        Returns:
            Runs equal to those that were written.

        Raises:
            ValueError: a part is missing, or the numbers are not those of runs.

        Example:
            >>> runs = Runs([1e8], [1e9], [3.1])
            >>> Runs.from_dict(runs.to_dict()) == runs
            True
        """
        missing = [role for role in ROLES if role not in content]
        if missing:
            raise ValueError(f"not a table of runs: it has no {', '.join(map(repr, missing))}")
        extra = {name: from_json(values) for name, values in content.get("extra", {}).items()}
        N, D, loss = (content[role] for role in ROLES)
        name = content.get("loss_name")
        return cls(N, D, loss, extra, N_unit=1.0, D_unit=1.0, loss_name=name)

    def to_dict(self) -> dict[str, Any]:
        """Write the runs as lists that JSON keeps exactly.

        Returns:
            Lists ``"N"``, ``"D"``, ``"loss"``, and ``"extra"`` with a list per further column.
            There NaN becomes None, and what JSON does not know becomes text. ``"loss_name"`` is
            there where one is known.

        Example:
            >>> Runs([1e8], [1e9], [3.1], {"arm": ["mla"]}).to_dict()
            {'N': [100000000.0], 'D': [1000000000.0], 'loss': [3.1], 'extra': {'arm': ['mla']}}
        """
        columns = {role: column.tolist() for role, column in self._own_columns().items()}
        named = {} if self.loss_name is None else {"loss_name": self.loss_name}
        extra = {name: to_json(self.extra[name]) for name in self.extra}
        return {**columns, "extra": extra, **named}

    def to_dataframe(self) -> pd.DataFrame:
        """Write the runs as a pandas table with columns N, D, loss and the extra ones.

        Returns:
            One row per run, in order.

        Example:
            >>> Runs([1e8], [1e9], [3.1], {"arm": ["mla"]}).to_dataframe().columns.tolist()
            ['N', 'D', 'loss', 'arm']
        """
        import pandas as pd

        return pd.DataFrame({**self._own_columns(), **self.extra})

    def select(
        self,
        *,
        min_N: float | None = None,
        max_N: float | None = None,
        min_D: float | None = None,
        max_D: float | None = None,
        mask: ArrayLike | None = None,
    ) -> Self:
        """Keep the runs within bounds, the bounds included.

        Args:
            min_N: smallest number of parameters kept.
            max_N: largest number of parameters kept.
            min_D: smallest number of tokens kept.
            max_D: largest number of tokens kept.
            mask: True for each run kept, shape (run,).

        Returns:
            The runs that meet all conditions, in order, with their extra columns.

        Raises:
            ValueError: no run is left, or the mask does not fit.

        Example:
            >>> runs = Runs([1e8, 2e8, 4e8], [1e9, 2e9, 2e9], [3.6, 3.4, 3.1])
            >>> len(runs.select(min_N=2e8, mask=runs.loss < 3.2))
            1
        """
        bounds = {"min_N": min_N, "max_N": max_N, "min_D": min_D, "max_D": max_D}
        keep = selected(self.N, self.D, bounds, mask)
        extra = {name: column[keep] for name, column in self.extra.items()}
        own = self.N[keep], self.D[keep], self.loss[keep]
        return self._trusted(own, extra, self.loss_name)

    @property
    def flops(self) -> Floats:
        """Training compute 6·N·D of each run, in floating-point operations, shape (run,).

        Example:
            >>> Runs(N=[10**11], D=[10**12], loss=[1.9]).flops
            array([6.e+23])
        """
        return 6.0 * self.N * self.D

    @property
    def num_sizes(self) -> int:
        """Number of different model sizes N.

        Example:
            >>> Runs([1e8, 1e8, 4e8], [1e9, 2e9, 2e9], [3.6, 3.4, 3.1]).num_sizes
            2
        """
        return int(np.unique(self.N).size)

    @property
    def num_copies(self) -> int:
        """Number of runs that are exact copies of an earlier one in N, D and loss.

        Example:
            >>> Runs([1e8, 1e8, 1e8], [1e9, 1e9, 1e9], [3.6, 3.6, 3.5]).num_copies
            1
        """
        return len(self) - int(without_copies(self.N, self.D, self.loss).sum())

    def __len__(self) -> int:
        return self.N.size

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Runs):
            return NotImplemented
        mine = {**self._own_columns(), **self.extra}
        theirs = {**other._own_columns(), **other.extra}
        return mine.keys() == theirs.keys() and all(
            same_column(mine[name], theirs[name]) for name in mine
        )

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"Runs({len(self)} runs, {self.num_sizes} size{'s'[: self.num_sizes != 1]})"

    def __str__(self) -> str:
        return summary(self.N, self.D, self.loss, self.num_copies, list(self.extra))

    def __reduce__(self) -> tuple[Any, ...]:
        # Neither a mapping proxy nor the read-only flag of an array survives pickling.
        own = self.N, self.D, self.loss
        return type(self)._trusted, (own, dict(self.extra), self.loss_name)

    @classmethod
    def _trusted(cls, own: Sequence[Floats], extra: Columns, loss_name: str | None) -> Self:
        """Make runs of N, D and loss that are checked already, and that nobody else holds."""
        runs = cls.__new__(cls)
        runs._fill(own, extra, loss_name)
        return runs

    def _fill(self, own: Sequence[Floats], extra: Columns, loss_name: str | None) -> None:
        """Set the attributes of a new object."""
        for array in (*own, *extra.values()):
            array.setflags(write=False)
        for name, column in zip(ROLES, own, strict=True):
            object.__setattr__(self, name, column)
        object.__setattr__(self, "extra", MappingProxyType(dict(extra)))
        object.__setattr__(self, "loss_name", loss_name)

    def _own_columns(self) -> dict[str, NDArray[Any]]:
        """The three columns that every table of runs has."""
        return {"N": self.N, "D": self.D, "loss": self.loss}
