"""Training FLOPs: 6 N D, or a transformer's with attention and output layer."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

    from farseer_jax.types import Array, ArrayLike


# Table 4 of the paper (Li et al. 2025): N without embeddings, N_layer, d_model
_PAPER = (
    (201228288, 16, 1024), (239005312, 17, 1088), (284207616, 18, 1152), (336994944, 19, 1216),
    (397772800, 20, 1280), (476931840, 22, 1344), (568468736, 23, 1472), (676012032, 24, 1536),
    (798470400, 26, 1600), (956354688, 27, 1728), (1125938688, 29, 1792), (1338278400, 30, 1920),
    (1608122368, 32, 2048), (1911894528, 34, 2176), (2273495040, 36, 2304), (2697992704, 38, 2432),
    (3184435200, 40, 2560), (3816352512, 42, 2752), (4504118400, 45, 2880), (5354047488, 47, 3072),
    (6369572352, 47, 3328),
)  # fmt: skip


def training_flops(N: Any, D: Any) -> Any:
    """``6 N D``: forward and backward through N weights for each of D tokens (Kaplan et al. 2020).

    For NumPy and JAX arrays. Pass N and D as floats: 64-bit integers overflow.

    Example:
        >>> training_flops(1e9, 2e10)
        1.2e+20
    """
    return 6.0 * N * D


def size_at_ratio(compute: np.ndarray, tokens_per_parameter: Any) -> np.ndarray:
    """The N that spends a budget of ``6 N D`` FLOPs at a given D/N."""
    return np.sqrt(compute / (6.0 * tokens_per_parameter))


@dataclass(frozen=True)
class TransformerFLOPs:
    """FLOPs of training a transformer on D tokens, for :func:`allocate`'s ``flops``.

    Per token ``6 N + 6 · num_layers · width · sequence_length + 6 · vocabulary · width``: forward
    and backward through the weights, through causal attention (half of the full
    ``12 · num_layers · width · sequence_length`` of Chowdhery et al. 2022, App. B), and through the
    output layer. If you give a vocabulary, N must not include embeddings; if N includes the output
    layer, leave the vocabulary at 0.

    The terms besides 6 N are known for a table of architectures and interpolated in N: exact at its
    sizes, smooth and monotone between them (a cubic in logarithms), a power law beyond.

    Attributes:
        N: parameters of each size in the table, ascending.
        num_layers: layers of each size.
        width: width of each size's residual stream (d_model).
        sequence_length: tokens of one sequence.
        vocabulary: entries of the output layer; 0 leaves it out.
        causal: whether attention to later tokens is skipped; if False, it is counted.

    Raises:
        ValueError: fewer than two sizes, unequal lengths, sizes not in ascending order, or numbers
            that are not positive.

    Example:
        >>> from farseer_jax import TransformerFLOPs
        >>> flops = TransformerFLOPs.paper()
        >>> N, D = 1608122368.0, 1e11  # 32 layers, 2048 wide
        >>> print(f"{flops(N, D) / (6 * N * D):.3f}")
        1.167
    """

    N: tuple[float, ...]
    num_layers: tuple[float, ...]
    width: tuple[float, ...]
    sequence_length: float
    vocabulary: float = 0
    causal: bool = True

    def __post_init__(self) -> None:
        columns = {}
        for name in ("N", "num_layers", "width"):
            try:
                columns[name] = np.asarray(getattr(self, name), dtype=np.float64).ravel()
            except (TypeError, ValueError):
                raise ValueError(f"{name}: expected numbers, one per size") from None
            object.__setattr__(self, name, tuple(columns[name].tolist()))  # hashable
        if len({len(column) for column in columns.values()}) > 1 or len(columns["N"]) < 2:
            counts = ", ".join(f"{name} has {len(column)}" for name, column in columns.items())
            raise ValueError(
                f"expected at least two sizes and columns of one length: {counts} values"
            )
        for name, column in columns.items():
            if not (np.isfinite(column) & (column > 0)).all():
                raise ValueError(f"{name}: values must be positive and finite, got {column}")
        if not (np.diff(columns["N"]) > 0).all():
            raise ValueError("N: sizes must be ascending; sort the table and list each size once")
        _check("sequence_length", self.sequence_length, least=1)
        _check("vocabulary", self.vocabulary, least=0)

    @classmethod
    def paper(cls, sequence_length: float = 2048, vocabulary: float = 65536) -> "TransformerFLOPs":
        """The architectures of the paper's Table 4; its sequences and its vocabulary (§3)."""
        sizes, layers, width = zip(*_PAPER, strict=True)
        return cls(sizes, layers, width, sequence_length, vocabulary)

    @classmethod
    def from_table(
        cls,
        table: "pd.DataFrame | Mapping[str, ArrayLike]",
        sequence_length: float,
        vocabulary: float = 0,
        *,
        causal: bool = True,
    ) -> "TransformerFLOPs":
        """Build from a table with columns ``N``, ``num_layers`` and ``width``; rows in any order.

        Raises:
            ValueError: a column is missing, or as for :class:`TransformerFLOPs`.

        Example:
            >>> from farseer_jax import TransformerFLOPs
            >>> table = {"N": [2e8, 6.4e9], "num_layers": [16, 47], "width": [1024, 3328]}
            >>> flops = TransformerFLOPs.from_table(table, sequence_length=8192)
            >>> print(f"{flops(1e9, 1.0) / 6e9:.2f}")
            1.38
        """
        names = ("N", "num_layers", "width")
        missing = [name for name in names if name not in table]
        if missing:
            raise ValueError(
                f"the table of architectures has no column {missing[0]!r}; give {', '.join(names)}"
            )
        columns: list[Any] = [np.asarray(table[name]) for name in names]
        order = np.argsort(columns[0])
        sizes, layers, width = (tuple(column[order].tolist()) for column in columns)
        return cls(sizes, layers, width, sequence_length, vocabulary, causal)

    def __call__(self, N: "ArrayLike", D: "ArrayLike") -> "Array":
        """FLOPs of training; N and D positive and broadcastable."""
        import jax  # not at the top: tables of runs need no JAX

        xp: Any = jax.numpy if any(isinstance(x, jax.Array) for x in (N, D)) else np
        knots, layers, width = (np.asarray(c) for c in (self.N, self.num_layers, self.width))
        pairs = 6.0 if self.causal else 12.0
        beside = pairs * self.sequence_length * layers * width + 6.0 * self.vocabulary * width
        N, D = (x if isinstance(x, jax.Array) else np.asarray(x, np.float64) for x in (N, D))
        log_beside = _interpolate(xp, xp.log(N), np.log(knots), np.log(beside))
        return (6.0 * N + xp.exp(log_beside)) * D

    def __str__(self) -> str:
        terms = ["6 N", f"{'causal' if self.causal else 'full'} attention"]
        terms += ["output layer"] if self.vocabulary else []
        at = f"sequences of {self.sequence_length:,.0f}"
        at += f", vocabulary of {self.vocabulary:,.0f}" if self.vocabulary else ""
        return f"D ({' + '.join(terms)}), {at}"


def _check(name: str, value: float, least: float) -> None:
    if not (np.isfinite(value) and value >= least):
        raise ValueError(f"{name} must be at least {least}, got {value!r}")


def _interpolate(xp: Any, z: "Array", knots: np.ndarray, values: np.ndarray) -> "Array":
    """A monotone cubic through the values (Fritsch & Butland 1984), straight lines beyond.

    The lines have the slope of the whole table: the slope between its last two sizes depends on
    how layers were rounded to whole numbers.
    """
    gaps = np.diff(knots)
    secants = np.diff(values) / gaps
    slopes = _slopes(gaps, secants, (values[-1] - values[0]) / (knots[-1] - knots[0]))
    first, last = slopes[:-1], slopes[1:]
    quadratic = (3 * secants - 2 * first - last) / gaps
    cubic = (first + last - 2 * secants) / gaps**2
    table = np.stack([knots[:-1], values[:-1], first, quadratic, cubic], axis=-1)
    inside = xp.clip(z, knots[0], knots[-1])
    # counted, not searched: a table is short, and a search compiles to a loop
    place = xp.sum(inside[..., None] > knots[1:-1], axis=-1)
    left, *coefficients = xp.moveaxis(xp.asarray(table)[place], -1, 0)
    t = inside - left
    a, b, c, d = coefficients
    beyond = xp.where(z > inside, slopes[-1], slopes[0]) * (z - inside)
    return a + t * (b + t * (c + t * d)) + beyond


def _slopes(gaps: np.ndarray, secants: np.ndarray, overall: float) -> np.ndarray:
    """Slopes at the knots that keep the cubic monotone."""
    before, after = secants[:-1], secants[1:]
    w1, w2 = 2 * gaps[1:] + gaps[:-1], gaps[1:] + 2 * gaps[:-1]
    same = before * after > 0
    with np.errstate(divide="ignore", invalid="ignore"):
        harmonic = np.where(same, (w1 + w2) / (w1 / before + w2 / after), 0.0)
    ends = [_bounded(overall, secants[0]), _bounded(overall, secants[-1])]
    return np.concatenate([ends[:1], harmonic, ends[1:]])


def _bounded(slope: float, secant: float) -> float:
    """Clip a slope to the range that keeps a cubic with this secant monotone."""
    low, high = sorted((0.0, 3.0 * secant))
    return float(np.clip(slope, low, high))
