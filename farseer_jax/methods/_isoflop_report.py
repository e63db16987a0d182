"""What Approach 2 found at each compute budget, as plain NumPy arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from farseer_jax import _tables
from farseer_jax._numbers import loss_text, number_text, quantity_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class IsoFLOPReport:
    """Evidence behind a fit by :class:`IsoFLOP`. Prints as a table.

    Attributes:
        compute: of each budget in floating-point operations, ascending, ``(budget,)``; the arrays
            down to ``note`` are per budget.
        num_runs: distinct runs.
        N_min: smallest size; NaN without runs.
        N_max: largest size; NaN likewise.
        N_opt: size at the parabola's vertex; NaN where the budget took no part.
        D_opt: ``C / (6 · N_opt)``; NaN likewise.
        loss_opt: loss at the vertex; NaN likewise.
        curvature: ``d²L/d(ln N)²`` of the parabola.
        note: why the budget took no part in the power laws; empty where it did.
        a: exponent of ``N_opt = G · (C/6)^a``.
        b: exponent of ``D_opt``, ``1 − a``.
        gamma: exponent of ``L_opt = E + K · C^−γ``.
        coefficient: G.
        num_left_out: runs that belong to no budget.
        num_copies: rows that copy another row exactly, which count once.

    Example:
        >>> from farseer_jax import Chinchilla, IsoFLOP, example_runs, fit
        >>> found = fit(Chinchilla, example_runs(), IsoFLOP()).diagnostics
        >>> N, D = found.optimum(1e21)
        >>> round(found.a, 2), f"{float(N):.1e}", f"{float(D):.1e}"
        (0.53, '2.1e+09', '7.9e+10')
    """

    compute: np.ndarray
    num_runs: np.ndarray
    N_min: np.ndarray
    N_max: np.ndarray
    N_opt: np.ndarray
    D_opt: np.ndarray
    loss_opt: np.ndarray
    curvature: np.ndarray
    note: tuple[str, ...]
    a: float
    b: float
    gamma: float
    coefficient: float
    num_left_out: int
    num_copies: int

    @property
    def num_budgets(self) -> int:
        """How many budgets took part in the power laws."""
        return sum(not note for note in self.note)

    def optimum(self, compute: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
        """N and D of least loss for this compute, by the power laws."""
        size_tokens = np.asarray(compute, dtype=float) / 6.0
        N = self.coefficient * size_tokens**self.a
        return N, size_tokens / N

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per budget."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in _PER_BUDGET})

    def __str__(self) -> str:
        header = ["compute", "runs", "N_opt", "D_opt", "loss", "note"]
        rows = [
            [
                f"{self.compute[i]:.3g}",
                str(self.num_runs[i]),
                *(
                    "–" if self.note[i] else quantity_text(value)
                    for value in (self.N_opt[i], self.D_opt[i])
                ),
                "–" if self.note[i] else loss_text(self.loss_opt[i]),
                self.note[i],
            ]
            for i in range(len(self.compute))
        ]
        exponents = " ".join(
            f"{name} = {number_text(value, 4)}"
            for name, value in (("a", self.a), ("b", self.b), ("γ", self.gamma))
        )
        laws = f"N_opt ∝ C^a, D_opt ∝ C^b, L_opt = E + K·C^−γ:  {exponents}"
        return f"{_tables.text(header, rows)}\n\n{laws}"

    def __repr__(self) -> str:
        return (
            f"IsoFLOPReport({self.num_budgets} of {len(self.compute)} budgets used, "
            f"a={self.a:.4g}, b={self.b:.4g})"
        )

    def to_dict(self) -> dict[str, Any]:
        """Lists and numbers for JSON; NaN becomes None."""
        return {field.name: _to_json(getattr(self, field.name)) for field in fields(self)}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "IsoFLOPReport":
        """The inverse of :meth:`to_dict`."""
        return cls(**{field.name: _from_json(field.name, content) for field in fields(cls)})


_PER_BUDGET = (
    "compute", "num_runs", "N_min", "N_max", "N_opt", "D_opt", "loss_opt", "curvature", "note",
)  # fmt: skip


def _to_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_to_json(item) for item in value.tolist()]
    if isinstance(value, tuple):
        return list(value)
    return None if isinstance(value, float) and np.isnan(value) else value


def _from_json(name: str, content: Mapping[str, Any]) -> Any:
    value = content[name]
    if name == "note":
        return tuple(value)
    if name in _PER_BUDGET:
        dtype = int if name == "num_runs" else float
        return np.array([np.nan if item is None else item for item in value], dtype=dtype)
    return np.nan if value is None else value
