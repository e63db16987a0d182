"""From the best forms to a law, with its errors on the runs."""

import numpy as np

from farseer_jax.analysis.forms._law import ChosenLaw, CurveSpec, chosen_law
from farseer_jax.analysis.forms._result import Form
from farseer_jax.analysis.forms._table import SizeTable, points_of, scales_of
from farseer_jax.runs.runs import Runs


def law_of_forms(
    runs: Runs, table: SizeTable, values: dict[str, np.ndarray], best: dict[str, Form]
) -> tuple[ChosenLaw, tuple[float, float]]:
    """The law, and its mean relative errors on all runs and on those left out.

    The curves A and B are those of the forms. U is of its form too, but goes through what these
    very curves leave of the losses (Eq. 12): Stage 3's G(N) belongs to the paper's curves.
    """
    curves = {c: _curves(table, values[c], best[c]) for c in ("A", "B")}
    points = points_of(runs)
    data_term = curves["B"][:, points.size] * np.exp(-curves["A"][:, points.size] * points.log_D)
    G = points.over_D(points.loss - data_term, len(table.N))
    lines = table.search(G)
    i, j = _place(table, best["U"])
    error = np.abs((lines.curve[:, i, j][:, points.size] + data_term) / points.loss - 1.0)
    left_out = ~table.keep[1:, points.size]
    held_out = [float(row[out].mean()) for row, out in zip(error[1:], left_out, strict=True)]
    U = {
        "level": float(lines.level[0, i, j]),
        "slope": float(lines.slope[0, i, j]),
        "exponent": float(lines.N_exponent[0, i, j]),
        "power": float(lines.value_exponent[0, i, j]),
    }
    spec = best["U"].spec._replace(scale=float(scales_of(G[:1])[0]))
    specs: dict[str, CurveSpec] = {"U": spec, "B": best["B"].spec, "A": best["A"].spec}
    numbers = {"U": U, "B": best["B"].numbers, "A": best["A"].numbers}
    return chosen_law(specs, numbers), (float(error[0].mean()), float(np.mean(held_out)))


def _curves(table: SizeTable, values: np.ndarray, form: Form) -> np.ndarray:
    """The form's curve in every fit, ``(fit, size)``."""
    lines = table.search(np.broadcast_to(values, table.keep.shape))
    i, j = _place(table, form)
    return np.asarray(lines.curve[:, i, j])


def _place(table: SizeTable, form: Form) -> tuple[int, int]:
    names = [t.name for t in table.of_values], [t.name for t in table.of_N]
    return names[0].index(form.of_value), names[1].index(form.of_N)
