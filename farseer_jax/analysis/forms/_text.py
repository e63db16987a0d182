"""Ranked forms as a person reads them."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables

if TYPE_CHECKING:
    from farseer_jax.analysis.forms._result import Form, FormChoice, FormPair

_SHOWN = 8


def text(found: "FormChoice") -> str:
    """The whole of ``print(choice)``."""
    errors = ["relative error", "held out"]
    pairs = [
        [p.A.label, p.B.label, f"{p.A.name}, {p.B.name}", *_errors(p, 4)]
        for p in found.pairs[:_SHOWN]
    ]
    of_U = [[f.label, f.name, *_errors(f, 5)] for f in found.forms["U"][:_SHOWN]]
    by = "relative error" if found.criterion == "relative" else "held-out error"
    parts = [
        f"Forms of A(N) and B(N) at {len(found.N)} sizes, ranked by {by}",
        "log/power: ln of the value is a straight line in a power of N",
        "",
        _tables.text(["A", "B", "", *errors], pairs, left=3),
        *_more(len(found.pairs)),
        "",
        _tables.text(["U", "", *errors], of_U, left=2),
        *_more(len(found.forms["U"])),
        "",
        _closing(found),
        *(f"warning: {sentence}" for sentence in found.warnings),
    ]
    return "\n".join(parts)


def _more(num: int) -> list[str]:
    return [f"… and {num - _SHOWN} more"] if num > _SHOWN else []


def _errors(row: "Form | FormPair", digits: int) -> list[str]:
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
