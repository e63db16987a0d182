"""Forms of the curves, ranked, and the law of the best."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from farseer_jax.diagnostics.form_law import CurveSpec
from farseer_jax.laws.law import Law
from farseer_jax.results.table import aligned

if TYPE_CHECKING:
    import pandas as pd


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
        slope: of the transformed value over the transformed N.
        N_exponent: of the transformation of N; NaN where it has none.
        value_exponent: of the transformation of the value; NaN where it has none.
        at_edge: whether an exponent ended at an end of its range.
        relative_error: mean over the sizes of |curve / value − 1|, the tables' criterion.
        squared_error: residual sum of squares of the transformed value, Algorithm 1's ℓ. Values
            transformed otherwise have another unit: it ranks no forms of different ``of_value``.
        held_out_error: the relative error at the largest sizes when they are left out.
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
        """Such as ``log/power``: of the value, of N."""
        return f"{self.of_value}/{self.of_N}"

    @property
    def name(self) -> str:
        """Such as ``stretched exponential``; the label where it has none."""
        return _NAMES.get((self.of_value, self.of_N), self.label)

    @property
    def num_parameters(self) -> int:
        """Level, slope and the exponents that are searched."""
        return len(self.spec.parameters)

    @property
    def numbers(self) -> dict[str, float]:
        """Its parameters by name."""
        every = {
            "level": self.level,
            "slope": self.slope,
            "exponent": self.N_exponent,
            "power": self.value_exponent,
        }
        return {name: every[name] for name in self.spec.parameters}

    def rank(self, criterion: Criterion) -> float:
        """The error that ranks it; a curve that does not exist somewhere comes last."""
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
        """The two errors added."""
        return self.A.relative_error + self.B.relative_error

    @property
    def held_out_error(self) -> float:
        """Of the largest sizes when they are left out, likewise added."""
        return self.A.held_out_error + self.B.held_out_error


@dataclass(frozen=True, eq=False, repr=False)
class FormChoice:
    """Every form of A(N), B(N) and U(N), ranked. Prints as two tables.

    Attributes:
        N: sizes, ``(size,)``.
        values: ``A``, ``B`` and ``U``: A_N and B_N of Stage 1 and G(N) of Stage 3, ``(size,)``
            each; NaN where a size has none.
        forms: of each curve, the best first.
        criterion: what ranks them, ``"relative"`` or ``"held-out"``.
        num_held_out: up to how many of the largest sizes were left out.
        law: the law of the best forms, a function of N and D.
        mean_relative_error: of that law on the runs.
        held_out_error: of that law on the runs of the largest sizes when they are left out.

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
    law: Law
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
        raise KeyError(f"no form {label!r} of {curve!r}: curves are A, B and U, forms {known}")

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to know before trusting the choice; empty where nothing is odd."""
        return sentences(self)

    def to_dict(self) -> dict[str, Any]:
        """Sizes with values, forms of each curve and the law's errors, for JSON; NaN is None."""
        return {
            "N": self.N.tolist(),
            "values": {name: [_or_none(v) for v in values] for name, values in self.values.items()},
            "criterion": self.criterion,
            "num_held_out": self.num_held_out,
            "forms": {name: [_record(f) for f in forms] for name, forms in self.forms.items()},
            "best": {"A": self.best.A.label, "B": self.best.B.label, "U": self.best_U.label},
            "mean_relative_error": _or_none(self.mean_relative_error),
            "held_out_error": _or_none(self.held_out_error),
            "warnings": list(self.warnings),
        }

    def to_dataframe(self) -> "pd.DataFrame":
        """One row per quadruple for A and B, then per form of U."""
        import pandas as pd

        rows = [{"A": p.A.label, "B": p.B.label, "U": None, **_errors(p)} for p in self.pairs] + [
            {"A": None, "B": None, "U": f.label, **_errors(f)} for f in self.forms["U"]
        ]
        return pd.DataFrame(rows)

    def __str__(self) -> str:
        return text(self)

    def __repr__(self) -> str:
        return (
            f"FormChoice(A {self.best.A.label}, B {self.best.B.label}, U {self.best_U.label}, "
            f"relative error {self.best.relative_error:.4f} and "
            f"{self.best_U.relative_error:.4f})"
        )


def _errors(row: Form | FormPair) -> dict[str, float]:
    return {"relative_error": row.relative_error, "held_out_error": row.held_out_error}


def _record(form: Form) -> dict[str, Any]:
    numbers = ("level", "slope", "N_exponent", "value_exponent", "relative_error",
               "squared_error", "held_out_error")  # fmt: skip
    return {
        "of_value": form.of_value,
        "of_N": form.of_N,
        "name": form.name,
        "num_parameters": form.num_parameters,
        **{name: _or_none(getattr(form, name)) for name in numbers},
        "at_edge": form.at_edge,
    }


def _or_none(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None


_SHOWN = 8


def text(found: "FormChoice") -> str:
    """The whole of ``print(choice)``."""
    errors = ["relative error", "held out"]
    pairs = [
        [p.A.label, p.B.label, f"{p.A.name}, {p.B.name}", *_error_cells(p, 4)]
        for p in found.pairs[:_SHOWN]
    ]
    of_U = [[f.label, f.name, *_error_cells(f, 5)] for f in found.forms["U"][:_SHOWN]]
    by = "relative error" if found.criterion == "relative" else "held-out error"
    parts = [
        f"Forms of A(N) and B(N) at {len(found.N)} sizes, ranked by {by}",
        "log/power: ln of the value is a straight line in a power of N",
        "",
        aligned(["A", "B", "", *errors], pairs, left=3),
        *_more(len(found.pairs)),
        "",
        aligned(["U", "", *errors], of_U, left=2),
        *_more(len(found.forms["U"])),
        "",
        _closing(found),
        *(f"warning: {sentence}" for sentence in found.warnings),
    ]
    return "\n".join(parts)


def _more(num: int) -> list[str]:
    return [f"… and {num - _SHOWN} more"] if num > _SHOWN else []


def _error_cells(row: "Form | FormPair", digits: int) -> list[str]:
    return [_error(row.relative_error, digits), _error(row.held_out_error, digits)]


def _error(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "–"


def _closing(found: "FormChoice") -> str:
    sizes = (
        "1 largest size" if found.num_held_out == 1 else f"1 to {found.num_held_out} largest sizes"
    )
    return (
        f"Held out: the error at the {sizes} left out. The law of the best forms misses the runs "
        f"by {found.mean_relative_error:.3%},\nthose left out by {found.held_out_error:.3%}."
    )


def sentences(found: "FormChoice") -> tuple[str, ...]:
    """What to know before trusting the choice."""
    said = []
    chosen = {"A": found.best.A, "B": found.best.B, "U": found.best_U}
    for curve, form in chosen.items():
        if form.at_edge:
            said.append(
                f"an exponent of {curve}(N), {form.label}, ended at an end of its range: the form "
                "hardly fits, or wants a wider one."
            )
    others = {"A": found.forms["A"], "B": found.forms["B"], "U": found.forms["U"]}
    for curve, form in chosen.items():
        held = _best_held_out(others[curve])
        if held.label != form.label and held.held_out_error < form.held_out_error:
            said.append(
                f"{curve}(N): {held.label} ({held.name}) does better where sizes are held out, "
                f"{_error(held.held_out_error, 5)} against {_error(form.held_out_error, 5)}."
            )
    return tuple(said)


def _best_held_out(forms: "tuple[Form, ...]") -> "Form":
    return min(forms, key=lambda form: np.nan_to_num(form.held_out_error, nan=np.inf))
