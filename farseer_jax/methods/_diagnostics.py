"""What the piecewise stages found, as plain NumPy arrays."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False, repr=False)
class Diagnostics:
    """Evidence behind a piecewise fit.

    Attributes:
        N: sizes, ascending, ``(size,)``; the arrays down to ``size_note`` are per size.
        num_runs: distinct (N, D) of each size.
        num_pairs: pairs of neighbouring D used in Stages 1 and 2.
        A: Stage 1's exponent A_N; NaN where the size has none.
        B: Stage 1's coefficient B_N; NaN where the size has none.
        r_squared: of Stage 1's log–log line; NaN where the size has none.
        G: Stage 3's ``mean over D of L − B · D^−A`` (paper Eq. 12).
        residual_scatter: root mean square over D of ``O − G`` (Eq. 13, Fig. 5).
        size_note: why a size has no A_N and B_N; empty where it has.
        round_alpha: α after the start of Stage 2 (NaN) and after each round.
        round_beta: β likewise.
        round_error: ℓ_R likewise: the sum of squared, or the mean of relative, errors.
        left_out_N: N of the pairs left out, ``(pair,)``.
        left_out_D: smaller D of the pairs left out.
        left_out_note: why each was left out.
        ratio: typical ratio λ of neighbouring D.
        num_copies: rows that copy another row exactly, which count once.
        num_repeats: further runs of an (N, D) already there, which are averaged.
        repeat_spread: largest relative difference of the losses of one (N, D).

    Example:
        >>> from farseer_jax import Farseer, example_runs, fit
        >>> found = fit(Farseer, example_runs()).diagnostics
        >>> int(found.num_pairs.sum()), round(found.ratio, 2), found.num_copies
        (314, 1.41, 0)
    """

    N: np.ndarray
    num_runs: np.ndarray
    num_pairs: np.ndarray
    A: np.ndarray
    B: np.ndarray
    r_squared: np.ndarray
    G: np.ndarray
    residual_scatter: np.ndarray
    size_note: tuple[str, ...]
    round_alpha: np.ndarray
    round_beta: np.ndarray
    round_error: np.ndarray
    left_out_N: np.ndarray
    left_out_D: np.ndarray
    left_out_note: tuple[str, ...]
    ratio: float
    num_copies: int
    num_repeats: int
    repeat_spread: float

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per size."""
        import pandas as pd

        return pd.DataFrame({name: getattr(self, name) for name in _PER_SIZE})

    def __repr__(self) -> str:
        num_live = sum(not note for note in self.size_note)
        return (
            f"Diagnostics({num_live} of {len(self.N)} sizes used, {int(self.num_pairs.sum())} "
            f"pairs, {len(self.left_out_N)} left out)"
        )

    def to_dict(self) -> dict[str, Any]:
        """Lists and numbers for JSON; NaN becomes None."""
        return {name: _to_json(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> "Diagnostics":
        """The inverse of :meth:`to_dict`."""
        return cls(**{name: _from_json(name, content[name]) for name in cls.__annotations__})


_COUNTS = ("num_runs", "num_pairs")
_PER_SIZE = (
    "N", "num_runs", "num_pairs", "A", "B", "r_squared", "G", "residual_scatter", "size_note",
)  # fmt: skip


def _to_json(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_to_json(item) for item in value.tolist()]
    return None if isinstance(value, float) and np.isnan(value) else value


def _from_json(name: str, value: Any) -> Any:
    if name.endswith("_note"):
        return tuple(value)
    if isinstance(value, list):
        dtype = int if name in _COUNTS else float
        return np.array([np.nan if item is None else item for item in value], dtype=dtype)
    return np.nan if value is None else value
