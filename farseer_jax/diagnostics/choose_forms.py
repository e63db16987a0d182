"""``choose_forms``: every form of the curves A(N), B(N) and U(N), tried and ranked."""

from collections.abc import Sequence

import numpy as np

from farseer_jax.diagnostics.form_choice import Criterion, Form, FormChoice
from farseer_jax.diagnostics.form_law import ChosenLaw, CurveSpec, chosen_law
from farseer_jax.diagnostics.size_table import SizeTable, points_of, scales_of
from farseer_jax.diagnostics.transforms import Transform, as_transforms
from farseer_jax.fitting.fit import fit
from farseer_jax.fitting.type_checks import instance_of, runs_over_N_and_D
from farseer_jax.laws.farseer import Farseer
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.runs import Runs

_MIN_SIZES = 4  # one more than a curve has parameters


def choose_forms(
    runs: Runs,
    *,
    transforms: Sequence[Transform | str] | None = None,
    value_exponents: bool = False,
    criterion: Criterion = "relative",
    num_held_out: int | None = None,
    method: Piecewise | None = None,
) -> FormChoice:
    """Try every form of the curves A(N), B(N) and U(N) of the law, and rank them.

    The law's term in D gives each size an exponent A_N and a coefficient B_N, and what it leaves
    of the losses is G(N), about U(N). A form is a straight line between a transformed value and a
    transformed N, ``g(A_N) = a · h(N) + b``: log and log is a power law, log and power the
    stretched exponential of the paper. Every pair of transformations is tried for each curve, all
    in one batched operation. Source: Li et al., Algorithm 1 and App. C.3–C.4 (Tables 2 and 3).

    Lines are least squares in transformed values, as in the paper; exponents are searched, and
    forms ranked, by the mean relative error of the value itself, which the paper's tables show.
    For A and B together the two errors are added. The same is done with the largest sizes left
    out, one, two and so on, and the errors at those sizes are averaged: what ranks first on the
    fitted sizes need not extrapolate.

    Args:
        runs: the runs, on a grid that :class:`Piecewise` can fit.
        transforms: the dictionary of transformations; None takes identity, log and power,
            ``Transform.usual()``, each of which its name stands for.
        value_exponents: whether transformations with an exponent are tried on values as well. They
            have a parameter more there, and log and identity as special cases.
        criterion: what ranks: ``"relative"`` error on the fitted sizes, as in the paper, or
            ``"held-out"``.
        num_held_out: up to how many of the largest sizes are left out; None takes a quarter.
        method: how A_N, B_N and G(N) are found.

    Returns:
        The forms, and the law of the best.

    Raises:
        TypeError: expected :class:`Runs`, a :class:`Piecewise` as ``method``; or one of
            ``transforms`` is neither a :class:`Transform` nor a name.
        ValueError: a name is unknown or given twice, no transformation serves values, a setting is
            out of its range, or the runs have too few sizes.

    Example:
        >>> from farseer_jax import choose_forms, example_runs
        >>> found = choose_forms(example_runs())
        >>> found.form("B", "log/power").name
        'stretched exponential'
        >>> found.form("B", "log/log").relative_error > found.form("B", "log/power").relative_error
        True
    """
    runs = runs_over_N_and_D(runs, "runs")
    of_N = as_transforms(transforms)
    if method is not None:
        method = instance_of(Piecewise, method, "method", "which finds A_N, B_N and G(N)")
    of_values = tuple(t for t in of_N if value_exponents or not t.is_searched)
    _check(of_N, of_values, criterion)
    _num_held_out(num_held_out, runs.num_sizes)  # before anything is computed
    found = fit(Farseer, runs, method or Piecewise()).diagnostics
    assert isinstance(found, Diagnostics)
    num = _num_held_out(num_held_out, int(np.isfinite(found.A).sum()))
    index = np.arange(len(found.N))
    keep = index < len(found.N) - np.arange(num + 1)[:, None]
    table = SizeTable(found.N, keep, of_values, of_N)
    values = {"A": found.A, "B": found.B, "U": found.G}
    forms = {
        curve: tuple(sorted(table.forms(of_sizes), key=lambda form: form.rank(criterion)))
        for curve, of_sizes in values.items()
    }
    law, errors = law_of_forms(runs, table, values, {c: every[0] for c, every in forms.items()})
    return FormChoice(
        N=found.N,
        values=values,
        forms=forms,
        criterion=criterion,
        num_held_out=num,
        law=law,
        mean_relative_error=errors[0],
        held_out_error=errors[1],
    )


def _check(of_N: tuple[Transform, ...], of_values: tuple[Transform, ...], criterion: str) -> None:
    if not of_N:
        raise ValueError("transforms: there is none: give some, or None for the usual ones")
    names = [t.name for t in of_N]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"transforms: the name {twice[0]!r} is given twice")
    if not of_values:
        raise ValueError(
            "transforms: all have exponents, and none is left for values: add one without, such "
            "as the logarithm, or say value_exponents=True"
        )
    if criterion not in ("relative", "held-out"):
        raise ValueError(f"criterion: choose 'relative' or 'held-out', got {criterion!r}")


def _num_held_out(asked: int | None, num_sizes: int) -> int:
    most = num_sizes - _MIN_SIZES
    if most < 1:
        raise ValueError(
            f"runs: {num_sizes} sizes have an A_N and B_N, and forms need {_MIN_SIZES + 1}: add "
            "sizes with several D each, or lower the method's min_pairs"
        )
    if asked is None:
        return max(1, min(num_sizes // 4, most))
    if not 1 <= asked <= most:
        raise ValueError(
            f"num_held_out: {asked} of {num_sizes} sizes cannot be left out: choose 1 to {most}"
        )
    return asked


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
    i, j = _position(table, best["U"])
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
    i, j = _position(table, form)
    return np.asarray(lines.curve[:, i, j])


def _position(table: SizeTable, form: Form) -> tuple[int, int]:
    names = [t.name for t in table.of_values], [t.name for t in table.of_N]
    return names[0].index(form.of_value), names[1].index(form.of_N)
