"""The Farseer law (paper Eq. 3)."""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from farseer_jax.laws.catalogue.stretched_exponential import StretchedExponential
from farseer_jax.laws.declarations import Parameter
from farseer_jax.laws.law import Center, spread
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.results.numbers import number_text
from farseer_jax.runs.runs import Runs
from farseer_jax.runtime.arrays import library_of
from farseer_jax.solvers.random_starts import Domain
from farseer_jax.types import Array


class Farseer(OneDataTerm):
    """``L(N, D) = U(N) + B(N) · D^(−A(N))``, each curve a :class:`StretchedExponential`.

    Source: Li et al., *Predictable Scale: Part II, Farseer*, Eq. 3. D must be in tokens: in
    another unit the law describes a different family of curves. N may be in any unit.

    Attributes:
        U: loss of a model of size N with unlimited data (the paper's E + U(N)).
        B: coefficient of the data term.
        A: exponent of the data term.

    Example:
        >>> from farseer_jax import Farseer
        >>> law = Farseer.published()
        >>> round(float(law(1e9, 1e11)), 3)
        0.499
        >>> sorted(law.parameters())[:3]
        ['a1', 'a2', 'a3']
    """

    name: ClassVar[str] = "farseer"
    formula: ClassVar[str] = "L(N, D) = U(N) + B(N) · D^(−A(N))"

    curve_headings: ClassVar[tuple[str, ...]] = ("U(N)", "B(N)", "A(N)")

    U: StretchedExponential
    B: StretchedExponential
    A: StretchedExponential

    @classmethod
    def fields(cls) -> tuple[Parameter, ...]:
        """``U.level``, ``U.slope``, ``U.exponent``, and so on for B and A."""
        names = (f"{curve}.{number}" for curve in _CURVES for number in _NUMBERS)
        return tuple(Parameter(name, Domain(), None, log=False) for name in names)

    @classmethod
    def linear(cls) -> tuple[str, ...]:
        """None: every parameter is inside an exponential."""
        return ()

    def to_vector(self) -> Array:
        """Level, slope and exponent of each curve, ``(9, …)``."""
        numbers = [getattr(getattr(self, c), number) for c in _CURVES for number in _NUMBERS]
        return library_of(*numbers).stack(numbers)

    @classmethod
    def from_vector(cls, vector: Array, center: Center | None = None) -> "Farseer":
        """The inverse of :meth:`to_vector`, with the curves' pivot at the centre of the runs."""
        assert center is not None
        pivot = library_of(vector).full_like(vector[0], center.N)
        return cls(
            **{
                curve: StretchedExponential(
                    vector[3 * i], vector[3 * i + 1], vector[3 * i + 2], pivot
                )
                for i, curve in enumerate(_CURVES)
            }
        )

    def of_size(self, N: Array) -> tuple[Array, ...]:
        """``ln U``, ``ln B`` and A."""
        return self.U.log(N), self.B.log(N), self.A(N)

    @classmethod
    def starts(cls, runs: Runs, cube: np.ndarray) -> "Farseer":
        """Curves that decrease with N, with about the typical loss at the centre of the runs.

        A start with increasing A(N) often ends at constant B, a poorer local optimum.
        """
        center, typical = Center.of(runs), float(np.exp(np.log(runs.loss).mean()))
        share = spread(cube, 0, 0.05, 0.6)  # of the data term in the loss
        A_level, A_slope = np.log(spread(cube, 6, 0.1, 0.6)), spread(cube, 7, -0.4, -0.03)
        # B and A compensate each other, so draw the data term at the centre, B · D0^−A
        lever = np.exp(A_level) * np.log(center.D)
        B_level = np.log(typical * share) + lever + spread(cube, 3, -0.5, 0.5)
        columns = {
            "U": (np.log(typical * (1.0 - share)), spread(cube, 1, -0.3, 0.0)),
            "B": (B_level, spread(cube, 4, -0.5, 0.2) + lever * A_slope),
            "A": (A_level, A_slope),
        }
        pivot = np.full(len(cube), center.N)
        return cls(
            **{
                curve: StretchedExponential(level, slope, spread(cube, 3 * i + 2, -0.5, 0.5), pivot)
                for i, (curve, (level, slope)) in enumerate(columns.items())
            }
        )

    def parameters(self) -> dict[str, float]:
        """The paper's nine numbers (Eq. 3), float64.

        They are weakly identified and nearly singular as an exponent tends to 0 (infinite at
        exactly 0). The data determine the curves ``U``, ``B``, ``A``; store those.
        """
        numbers: dict[str, float] = {}
        for index, exponent, curve in _PAPER_NAMES:
            a, p, b = getattr(self, curve).to_raw()
            numbers |= {f"a{index}": a, exponent: p, f"b{index}": b}
        return numbers

    def parameter_lines(self) -> list[str]:
        """The paper's numbers, one line per curve."""
        numbers = self.parameters()
        rows = [
            [formula, *(f"{name} = {number_text(numbers[name])}" for name in names)]
            for formula, names in (
                ("A = exp(a1·N^α + b1)", ("a1", "alpha", "b1")),
                ("B = exp(a2·N^β + b2)", ("a2", "beta", "b2")),
                ("U = exp(a3·N^γ + b3)", ("a3", "gamma", "b3")),
            )
        ]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = (
            "  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows
        )
        title = "Parameters of the paper (weakly identified, too rounded here to compute with)"
        return [title, *(line.rstrip() for line in lines)]

    @classmethod
    def from_parameters(cls, numbers: Mapping[str, float], *, pivot: float = 1e9) -> "Farseer":
        """Build from the paper's nine numbers: ``a1, alpha, b1, a2, beta, b2, a3, gamma, b3``.

        Raises:
            ValueError: names are missing or unknown.
        """
        expected = {n for i, p, _ in _PAPER_NAMES for n in (f"a{i}", p, f"b{i}")}
        if set(numbers) != expected:
            raise ValueError(
                f"the Farseer law needs exactly the parameters {sorted(expected)}, "
                f"got {sorted(numbers)}"
            )
        curves = {
            curve: StretchedExponential.from_raw(
                numbers[f"a{i}"], numbers[p], numbers[f"b{i}"], pivot
            )
            for i, p, curve in _PAPER_NAMES
        }
        return cls(**curves)

    @classmethod
    def published(cls, name: str | None = None) -> "Farseer":
        """The law as printed in the paper (Eq. 15).

        Its numbers are printed with two to four digits, which is too few: its mean error on the
        runs of its fit (the English BPC grid of 0.2–6.4 B) is 2.5 %, that of the unrounded fit
        0.2 %. Use it to compare formulas, never as a reference for a fit.
        """
        if name is not None:
            raise ValueError(f"the law farseer has one set of published parameters; got {name!r}")
        return cls.from_parameters(_PUBLISHED)

    def exact_numbers(self) -> dict[str, Any]:
        """The curves, since the paper's numbers lose digits."""
        return {"curves": self.to_dict()}

    @classmethod
    def from_numbers(cls, content: Mapping[str, Any]) -> "Farseer":
        """The law of ``content["curves"]``."""
        return cls.from_dict(content["curves"])

    def to_dict(self) -> dict[str, dict[str, float]]:
        """The three curves by name, exact."""
        return {name: getattr(self, name).to_dict() for name in _CURVES}

    @classmethod
    def from_dict(cls, curves: Mapping[str, Mapping[str, float]]) -> "Farseer":
        """The inverse of :meth:`to_dict`."""
        return cls(**{name: StretchedExponential.from_dict(curves[name]) for name in _CURVES})


_CURVES = ("U", "B", "A")
_NUMBERS = ("level", "slope", "exponent")
_PAPER_NAMES = ((1, "alpha", "A"), (2, "beta", "B"), (3, "gamma", "U"))
_PUBLISHED = {
    "a1": -0.124, "alpha": 0.123, "b1": 0.424,
    "a2": 88.01, "beta": -0.1, "b2": -6.287,
    "a3": -0.021, "gamma": 0.169, "b3": -0.091,
}  # fmt: skip
