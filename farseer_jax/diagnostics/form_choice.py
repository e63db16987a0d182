"""``FormChoice``: ranked forms of the curves, and the law of the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any, Literal

import numpy as np

from farseer_jax.diagnostics.form_law import ChosenLaw, CurveSpec
from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import Result, pickled_as_file, warned
from farseer_jax.results.table import Column, Table

_SHOWN = 8  # rows printed of each table

Criterion = Literal["relative", "held-out"]
_NAMES = {
    ("identity", "identity"): "line",
    ("identity", "log"): "logarithm",
    ("identity", "power"): "constant + power law",
    ("log", "identity"): "exponential",
    ("log", "log"): "power law",
    ("log", "power"): "stretched exponential",
}


@dataclass(frozen=True, eq=False)
class Form:
    """A curve of N: a line between a transformed value and a transformed N.

    Attributes:
        of_value: name of the transformation of the value.
        of_N: name of the transformation of N.
        level: transformed value at the pivot (the sizes' geometric mean).
        slope: slope of the transformed value over the transformed N.
        N_exponent: exponent of the transformation of N; NaN without one.
        value_exponent: exponent of the transformation of the value; NaN without one.
        at_edge: whether an exponent is at an end of its range.
        relative_error: mean over the sizes of |curve / value − 1|, the criterion of the paper's
            tables.
        squared_error: residual sum of squares of the transformed value, Algorithm 1's ℓ. Its unit
            depends on ``of_value``: it compares only forms with the same ``of_value``.
        held_out_error: relative error at the largest sizes when they are left out.
        curve: the curve at every size, ``(size,)``.
        spec: transformations, pivot and scale.
    """

    of_value: str
    of_N: str
    level: float
    slope: float
    N_exponent: float
    value_exponent: float
    at_edge: bool
    relative_error: float
    squared_error: float
    held_out_error: float
    curve: np.ndarray
    spec: CurveSpec

    @property
    def label(self) -> str:
        """Such as ``log/power``: transformations of the value and of N."""
        return f"{self.of_value}/{self.of_N}"

    @property
    def name(self) -> str:
        """Such as ``stretched exponential``; the label if it has no name."""
        return _NAMES.get((self.of_value, self.of_N), self.label)

    @property
    def num_parameters(self) -> int:
        """Number of parameters: level, slope and the exponents that are searched."""
        return len(self.spec.parameters)

    @property
    def numbers(self) -> dict[str, float]:
        """The parameters by name."""
        every = {
            "level": self.level,
            "slope": self.slope,
            "exponent": self.N_exponent,
            "power": self.value_exponent,
        }
        return {name: every[name] for name in self.spec.parameters}

    def rank(self, criterion: Criterion) -> float:
        """The error that ranks it; infinite where the curve does not exist at some size."""
        error = self.relative_error if criterion == "relative" else self.held_out_error
        return error if np.isfinite(error) else np.inf


@dataclass(frozen=True, eq=False)
class FormPair:
    """Forms of A(N) and B(N): a quadruple of transformations, a row of the paper's Table 2.

    Attributes:
        A: form of the exponent.
        B: form of the coefficient.
    """

    A: Form
    B: Form

    @property
    def relative_error(self) -> float:
        """Sum of the two relative errors."""
        return self.A.relative_error + self.B.relative_error

    @property
    def held_out_error(self) -> float:
        """Sum of the two held-out errors."""
        return self.A.held_out_error + self.B.held_out_error


@dataclass(frozen=True, eq=False, repr=False)
class FormChoice(Result):
    """Every form of A(N), B(N) and U(N), ranked. Prints as two tables.

    Attributes:
        N: sizes, ``(size,)``.
        values: ``A``, ``B`` and ``U``: A_N and B_N of Stage 1 and G(N) of Stage 3, ``(size,)``
            each; NaN where a size has none.
        forms: forms of each curve, the best first.
        criterion: criterion of the ranking, ``"relative"`` or ``"held-out"``.
        num_held_out: largest number of sizes left out.
        law: the law of the best forms, a function of N and D.
        mean_relative_error: mean relative error of that law on the runs.
        held_out_error: its mean relative error on the runs of the largest sizes when they are left
            out.

    Example:
        >>> from farseer_jax import choose_forms, example_runs
        >>> found = choose_forms(example_runs())
        >>> len(found.pairs), found.best.B.name
        (36, 'stretched exponential')
        >>> print(f"{float(found.law(25.1e9, 5e11)):.2f}")
        0.41
    """

    N: np.ndarray
    values: dict[str, np.ndarray]
    forms: dict[str, tuple[Form, ...]]
    criterion: Criterion
    num_held_out: int
    law: ChosenLaw
    mean_relative_error: float
    held_out_error: float

    @cached_property
    def pairs(self) -> tuple[FormPair, ...]:
        """Every quadruple for A and B, the best first (Table 2)."""
        every = [FormPair(A, B) for A in self.forms["A"] for B in self.forms["B"]]
        return tuple(
            sorted(every, key=lambda p: p.A.rank(self.criterion) + p.B.rank(self.criterion))
        )

    @property
    def best(self) -> FormPair:
        """The best quadruple."""
        return self.pairs[0]

    @property
    def best_U(self) -> Form:
        """The best form of U (Table 3)."""
        return self.forms["U"][0]

    def form(self, curve: str, label: str) -> Form:
        """The form of a curve, such as ``form("A", "log/power")``."""
        for form in self.forms.get(curve, ()):
            if form.label == label:
                return form
        known = ", ".join(form.label for form in self.forms["U"])
        raise KeyError(
            f"unknown form {label!r} of {curve!r}; choose from the curves A, B and U and the forms "
            f"{known}"
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings about the choice; empty if there are none."""
        sentences = []
        chosen = {"A": self.best.A, "B": self.best.B, "U": self.best_U}
        for curve, form in chosen.items():
            if form.at_edge:
                sentences.append(
                    f"an exponent of {curve}(N), {form.label}, is at an end of its range: the form "
                    "hardly fits, or needs a wider range."
                )
        for curve, form in chosen.items():
            best = min(self.forms[curve], key=lambda form: form.rank("held-out"))
            if best.label != form.label and best.held_out_error < form.held_out_error:
                sentences.append(
                    f"{curve}(N): {best.label} ({best.name}) predicts held-out sizes better, "
                    f"{_error(best.held_out_error, 5)} against {_error(form.held_out_error, 5)}."
                )
        return tuple(sentences)

    __reduce__ = pickled_as_file

    def table(self) -> Table:
        """One row per quadruple for A and B, then per form of U."""
        pairs, of_U = self.pairs, self.forms["U"]
        rows: list[Form | FormPair] = [*pairs, *of_U]
        return Table(
            [
                Column("A", [*(pair.A.label for pair in pairs), *[None] * len(of_U)]),
                Column("B", [*(pair.B.label for pair in pairs), *[None] * len(of_U)]),
                Column("U", [*[None] * len(pairs), *(form.label for form in of_U)]),
                Column("relative_error", [row.relative_error for row in rows]),
                Column("held_out_error", [row.held_out_error for row in rows]),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Sizes with values, forms of each curve and the law's errors, for JSON; NaN is None."""
        return {
            "N": self.N.tolist(),
            "values": or_null(self.values),
            "criterion": self.criterion,
            "num_held_out": self.num_held_out,
            "forms": {name: _records(forms) for name, forms in self.forms.items()},
            "best": {"A": self.best.A.label, "B": self.best.B.label, "U": self.best_U.label},
            "mean_relative_error": or_null(self.mean_relative_error),
            "held_out_error": or_null(self.held_out_error),
            "warnings": list(self.warnings),
        }

    def text_parts(self) -> tuple[str | Table, ...]:
        """The best forms of A and B and of U, and the errors of their law."""
        pairs, of_U = self.pairs, self.forms["U"]
        by = "relative error" if self.criterion == "relative" else "held-out error"
        title = (
            f"Forms of A(N) and B(N) at {len(self.N)} sizes, ranked by {by}\n"
            "log/power: ln of the value is a straight line in a power of N"
        )
        names = [f"{pair.A.name}, {pair.B.name}" for pair in pairs]
        of_pairs = [
            Column("A", [pair.A.label for pair in pairs], left=True),
            Column("B", [pair.B.label for pair in pairs], left=True),
            Column("names", names, heading="", left=True),
            *_errors(pairs, 4),
        ]
        of_curve = [
            Column("U", [form.label for form in of_U], left=True),
            Column("name", [form.name for form in of_U], heading="", left=True),
            *_errors(of_U, 5),
        ]
        num = self.num_held_out
        sizes = "1 largest size" if num == 1 else f"1 to {num} largest sizes"
        summary = (
            f"Held out: the error at the {sizes} left out. Mean relative error of the law of the "
            f"best forms:\n{self.mean_relative_error:.3%} on the runs, {self.held_out_error:.3%} "
            "on those left out."
        )
        tables = (Table(own, most=_SHOWN, noun="", best=(0,)) for own in (of_pairs, of_curve))
        return title, *tables, warned(summary, self.warnings)

    def __repr__(self) -> str:
        return (
            f"FormChoice(A {self.best.A.label}, B {self.best.B.label}, U {self.best_U.label}, "
            f"relative error {self.best.relative_error:.4f} and "
            f"{self.best_U.relative_error:.4f})"
        )


def _records(forms: tuple[Form, ...]) -> list[dict[str, Any]]:
    names = (
        "of_value", "of_N", "name", "num_parameters", "level", "slope", "N_exponent",
        "value_exponent", "relative_error", "squared_error", "held_out_error", "at_edge",
    )  # fmt: skip
    return Table([Column(n, [getattr(form, n) for form in forms]) for n in names]).records()


def _errors(rows: Sequence[Form | FormPair], digits: int) -> list[Column]:
    write = partial(_error, digits=digits)
    return [
        Column("relative_error", [row.relative_error for row in rows], write, "relative error"),
        Column("held_out_error", [row.held_out_error for row in rows], write, "held out"),
    ]


def _error(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"
