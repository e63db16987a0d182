"""A fit as a person reads it: what the runs determine first, raw parameters last."""

from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.fitting.registry import METHODS
from farseer_jax.laws.evaluate import evaluate, evaluate_curves
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.methods.end_to_end.start_report import StartReport
from farseer_jax.methods.isoflop.report import IsoFLOPReport
from farseer_jax.methods.monotone.method import MonotoneOver
from farseer_jax.methods.monotone.report import MonotoneReport
from farseer_jax.methods.outcome import Outcome
from farseer_jax.methods.piecewise.diagnostics import Diagnostics
from farseer_jax.methods.variable_projection.report import ProfileReport
from farseer_jax.results.numbers import loss_text, number_text, quantity_text
from farseer_jax.results.table import aligned

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit

_NUM_REFERENCE_SIZES = 5
_NUM_REFERENCE_TOKENS = 4


def fit_text(fit: "Fit") -> str:
    """The whole text of ``print(fit)``."""
    parts = [_headline(fit), _curves(fit), _errors(fit), _warnings(fit), _parameters(fit)]
    return "\n\n".join(part for part in parts if part)


def _headline(fit: "Fit") -> str:
    runs = fit.runs
    title = (f"{fit.law.name.title()} law", fit.law.formula, f"fitted by {_method(fit)}")
    first = "  ".join(part for part in title if part)
    if not over_N_and_D(fit):
        inputs = "; ".join(
            line for line in (_input(fit, name) for name in type(fit.law).inputs()) if line
        )
        return f"{first}\n{len(runs)} runs; {inputs}"
    sizes = np.unique(runs.N)
    return (
        f"{first}\n"
        f"{len(runs)} runs, {len(sizes)} sizes from {quantity_text(sizes[0])} to "
        f"{quantity_text(sizes[-1])}, D from {quantity_text(runs.D.min())} to "
        f"{quantity_text(runs.D.max())}"
    )


def _method(fit: "Fit") -> str:
    method: Any = fit.method
    link = fit.runs.link
    if isinstance(method, MonotoneOver):
        how = method.describe(link, holds=fit.outcome is not Outcome.not_monotone)
        return f"{method.name}, {how}"
    known = isinstance(method, tuple(METHODS.values()))
    return f"{method.name}, {method.describe(link)}" if known else method.name


def over_N_and_D(fit: "Fit") -> bool:
    """Whether the inputs of the law are N and D, and nothing else."""
    return set(type(fit.law).inputs()) == {"N", "D"}


def _input(fit: "Fit", name: str) -> str:
    values = fit.runs.inputs[name]
    entries = dict(type(fit.law).shares).get(name)
    if entries is not None:
        return f"{name} of {len(entries)}: {', '.join(entries)}"
    low, high = (
        quantity_text(x) if name in ("N", "D") else number_text(float(x), 3)
        for x in (values.min(), values.max())
    )
    return f"{name} from {low} to {high}"


def _losses(fit: "Fit") -> str:
    if not over_N_and_D(fit):
        return ""
    sizes = np.unique(fit.runs.N)
    picks = np.unique(np.linspace(0, len(sizes) - 1, _NUM_REFERENCE_SIZES).round().astype(int))
    tokens = np.geomspace(fit.runs.D.min(), fit.runs.D.max(), _NUM_REFERENCE_TOKENS)
    losses = evaluate(fit.law, sizes[picks][:, None], tokens)
    header = ["N", *(f"L(N, {quantity_text(D)})" for D in tokens)]
    rows = [
        [quantity_text(N), *map(loss_text, row)]
        for N, row in zip(sizes[picks], losses, strict=True)
    ]
    return aligned(header, rows)


def _curves(fit: "Fit") -> str:
    if not isinstance(fit.law, Farseer):
        return _losses(fit)
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
    return aligned(header, list(zip(*columns, strict=True)))


def _errors(fit: "Fit") -> str:
    found: Any = fit.diagnostics
    rows = [
        ["mean relative error", f"{fit.mean_relative_error:.3e}"],
        ["largest relative error", f"{fit.max_relative_error:.3e}"],
    ]
    if isinstance(found, MonotoneReport):
        if found.projected:
            rows.insert(1, ["  before it was held", f"{found.error_without:.3e}"])
        found = found.found
    if isinstance(found, Diagnostics):
        rows += _piecewise_rows(found)
    if isinstance(found, StartReport):
        rows += _start_rows(found)
    if isinstance(found, IsoFLOPReport):
        rows += _budget_rows(found)
    if isinstance(found, ProfileReport):
        rows += _profile_rows(found)
    if getattr(found, "num_copies", 0):  # a method of the user's own may not count them
        rows.append(["copied rows, counted once", str(found.num_copies)])
    if fit.num_left_out:
        rows.append(["runs without a response, left out", str(fit.num_left_out)])
    if isinstance(found, Diagnostics) and found.num_repeats:
        rows.append(["repeated runs, averaged", str(found.num_repeats)])
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _start_rows(found: StartReport) -> list[list[str]]:
    return [
        ["objective, summed", f"{found.objective:.7e}"],
        ["starts converged", f"{found.num_converged} of {found.num_starts}"],
        ["starts at the best optimum", f"{found.fraction_at_best():.0%} (to 1e-6)"],
    ]


def _budget_rows(found: IsoFLOPReport) -> list[list[str]]:
    rows = [
        ["compute budgets used", f"{found.num_budgets} of {len(found.compute)}"],
        ["N_opt ∝ C^a, D_opt ∝ C^b", f"a = {found.a:.4f}, b = {found.b:.4f}"],
        ["L_opt = E + K·C^−γ", f"γ = {found.gamma:.4f}"],
    ]
    if found.num_left_out:
        rows.append(["runs of no budget, left out", str(found.num_left_out)])
    return rows


def _profile_rows(found: ProfileReport) -> list[list[str]]:
    names = " and ".join(found.exponents)
    return [
        ["objective, summed", f"{found.objective:.7e}"],
        ["candidates", f"{found.num_candidates} of {names}"],
        ["minima found", str(found.num_minima)],
    ]


def _piecewise_rows(found: Diagnostics) -> list[list[str]]:
    rows = [
        ["median R² of Stage 1", f"{np.nanmedian(found.r_squared):.4f}"],
        ["residual scatter of L", f"{_root_mean_square(found.residual_scatter):.2e}"],
        ["pairs of runs used", f"{int(found.num_pairs.sum())} (D in steps of {found.ratio:.3g})"],
    ]
    rows += [
        [f"  left out: {note}", str(found.left_out_note.count(note))]
        for note in sorted(set(found.left_out_note))
    ]
    return rows


def _warnings(fit: "Fit") -> str:
    return "\n".join(f"Warning: {sentence}" for sentence in fit.warnings)


def _parameters(fit: "Fit") -> str:
    if not isinstance(fit.law, Farseer):
        return _plain_parameters(fit.law)
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


def _plain_parameters(law: Law) -> str:
    values = [np.ravel(getattr(law, field.name)) for field in type(law).fields()]
    numbers = dict(zip(type(law).parameter_names(), np.concatenate(values).tolist(), strict=True))
    width = max(map(len, numbers))
    lines = [f"{name:<{width}}  {number_text(value, 6)}" for name, value in numbers.items()]
    return "\n".join(["Parameters (too rounded here to compute with)", *lines])


def _root_mean_square(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
