"""``choose_forms``: every form of the curves A(N), B(N) and U(N), tried and ranked."""

from collections.abc import Sequence

import numpy as np

from farseer_jax.diagnostics.form_choice import Criterion, Form, FormChoice
from farseer_jax.diagnostics.form_law import ChosenLaw, CurveSpec, chosen_law
from farseer_jax.diagnostics.size_table import SizeTable, points_of, scales_of
from farseer_jax.diagnostics.transforms import Transform, as_transforms
from farseer_jax.fitting.fit import fit
from farseer_jax.fitting.type_checks import instance_of, runs_over_N_and_D
from farseer_jax.laws.catalogue.farseer import Farseer
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.methods.piecewise.method import Piecewise
from farseer_jax.runs.runs import Runs

_MIN_SIZES = 4  # one more than the parameters of a curve


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

    The data term of the law gives each size an exponent A_N and a coefficient B_N, and the rest of
    the losses is G(N), an estimate of U(N). A form is a straight line between a transformed value
    and a transformed N, ``g(A_N) = a · h(N) + b``: log and log is a power law, log and power the
    stretched exponential of the paper. Every pair of transformations is tried for each curve, in
    one batched operation. Source: Li et al., Algorithm 1 and App. C.3–C.4 (Tables 2 and 3).

    Lines are least squares in transformed values, as in the paper; exponents are searched, and
    forms ranked, by the mean relative error of the value itself, which the paper's tables show.
    For A and B together the two errors are added. The same is repeated without the largest size,
    the two largest and so on, and the errors at the sizes left out are averaged: the best form on
    the fitted sizes need not extrapolate best.

    Args:
        runs: the runs, on a grid that :class:`Piecewise` can fit.
        transforms: transformations to try, each a :class:`Transform` or the name of a usual one;
            None takes identity, log and power, ``Transform.usual()``.
        value_exponents: whether transformations with an exponent are tried on values as well. They
            add a parameter, and have log and identity as special cases.
        criterion: ranks forms by the ``"relative"`` error on the fitted sizes, as in the paper, or
            by the ``"held-out"`` error.
        num_held_out: largest number of sizes left out; None takes a quarter.
        method: method that finds A_N, B_N and G(N).

    Returns:
        The forms, and the law of the best.

    Raises:
        TypeError: ``runs`` is not :class:`Runs`, ``method`` is not :class:`Piecewise`, or one of
            ``transforms`` is neither a :class:`Transform` nor a name.
        ValueError: a name is unknown or given twice, no transformation can be applied to values, a
            setting is out of range, or the runs have too few sizes.

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
        raise ValueError("transforms: expected at least one, got none (None takes the usual ones)")
    names = [t.name for t in of_N]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ValueError(f"transforms: the name {twice[0]!r} is given twice")
    if not of_values:
        raise ValueError(
            "transforms: all have exponents, so that none applies to values: add one without, such "
            "as 'log', or pass value_exponents=True"
        )
    if criterion not in ("relative", "held-out"):
        raise ValueError(f"criterion: expected 'relative' or 'held-out', got {criterion!r}")


def _num_held_out(asked: int | None, num_sizes: int) -> int:
    most = num_sizes - _MIN_SIZES
    if most < 1:
        raise ValueError(
            f"runs: expected at least {_MIN_SIZES + 1} sizes with an A_N and a B_N, got "
            f"{num_sizes}: add sizes with several D each, or lower the method's min_pairs"
        )
    if asked is None:
        return max(1, min(num_sizes // 4, most))
    if not 1 <= asked <= most:
        raise ValueError(
            f"num_held_out: expected 1 to {most} of the {num_sizes} sizes, got {asked}"
        )
    return asked


def law_of_forms(
    runs: Runs, table: SizeTable, values: dict[str, np.ndarray], best: dict[str, Form]
) -> tuple[ChosenLaw, tuple[float, float]]:
    """The law, and its mean relative errors on all runs and on those left out.

    A and B are the curves of the best forms. U has its best form too, but is refitted to the losses
    minus the data term of these curves (Eq. 12), because the G(N) of Stage 3 belongs to the paper's
    curves.
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
