"""A fit as a person reads it: what the runs determine first, raw parameters last."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._evaluate import evaluate, evaluate_curves
from farseer_jax._numbers import loss_text, number_text, quantity_text
from farseer_jax.laws.farseer import Farseer

if TYPE_CHECKING:
    from farseer_jax._result import Fit

_NUM_REFERENCE_SIZES = 5


def fit_text(fit: "Fit") -> str:
    """The whole text of ``print(fit)``."""
    parts = [_headline(fit), _curves(fit), _errors(fit), _warnings(fit), _parameters(fit)]
    return "\n\n".join(part for part in parts if part)


def _headline(fit: "Fit") -> str:
    runs = fit.runs
    sizes = np.unique(runs.N)
    return (
        f"Farseer law  L(N, D) = U(N) + B(N) · D^(−A(N))  fitted by {fit.method.name}, "
        f"{fit.method.criterion} criterion\n"
        f"{len(runs)} runs, {len(sizes)} sizes from {quantity_text(sizes[0])} to "
        f"{quantity_text(sizes[-1])}, D from {quantity_text(runs.D.min())} to "
        f"{quantity_text(runs.D.max())}"
    )


def _curves(fit: "Fit") -> str:
    assert isinstance(fit.law, Farseer)
    sizes = np.unique(fit.runs.N)
    picks = np.unique(np.linspace(0, len(sizes) - 1, _NUM_REFERENCE_SIZES).round().astype(int))
    N = sizes[picks]
    middle_D = float(np.exp(np.log(fit.runs.D).mean()))
    columns = [
        [quantity_text(n) for n in N],
        *([f"{value:#.5g}" for value in curve] for curve in evaluate_curves(fit.law, N)),
        [loss_text(loss) for loss in evaluate(fit.law, N, middle_D)],
    ]
    header = ["N", "U(N)", "B(N)", "A(N)", f"L(N, {quantity_text(middle_D)})"]
    return _tables.text(header, list(zip(*columns, strict=True)))


def _errors(fit: "Fit") -> str:
    found = fit.diagnostics
    rows = [
        ["mean relative error", f"{fit.mean_relative_error:.3e}"],
        ["largest relative error", f"{fit.max_relative_error:.3e}"],
        ["median R² of Stage 1", f"{np.nanmedian(found.r_squared):.4f}"],
        ["residual scatter of L", f"{_root_mean_square(found.residual_scatter):.2e}"],
        ["pairs of runs used", f"{int(found.num_pairs.sum())} (D in steps of {found.ratio:.3g})"],
    ]
    rows += [
        [f"  left out: {note}", str(found.left_out_note.count(note))]
        for note in sorted(set(found.left_out_note))
    ]
    if found.num_copies:
        rows.append(["copied rows, counted once", str(found.num_copies)])
    if found.num_repeats:
        rows.append(["repeated runs, averaged", str(found.num_repeats)])
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _warnings(fit: "Fit") -> str:
    return "\n".join(f"Warning: {sentence}" for sentence in fit.warnings)


def _parameters(fit: "Fit") -> str:
    assert isinstance(fit.law, Farseer)
    numbers = fit.law.parameters()
    rows = [
        [formula, *(f"{name} = {number_text(numbers[name], 6)}" for name in names)]
        for formula, names in (
            ("A = exp(a1·N^α + b1)", ("a1", "alpha", "b1")),
            ("B = exp(a2·N^β + b2)", ("a2", "beta", "b2")),
            ("U = exp(a3·N^γ + b3)", ("a3", "gamma", "b3")),
        )
    ]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    lines = ["  ".join(f"{cell:<{w}}" for cell, w in zip(row, widths, strict=True)) for row in rows]
    title = "Parameters of the paper (weakly identified, too rounded here to compute with)"
    return "\n".join([title, *(line.rstrip() for line in lines)])


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
