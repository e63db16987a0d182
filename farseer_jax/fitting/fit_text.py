"""A fit as text: what the runs determine first, raw parameters last."""

from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax.laws.evaluate import evaluate, evaluate_curves
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.numbers import capitalised, loss_text, number_text, quantity_text
from farseer_jax.results.table import Column, Table, evenly

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit

_NUM_REFERENCE_SIZES = 5
_NUM_REFERENCE_TOKENS = 4


def parts(fit: "Fit") -> list[str | Table]:
    """The paragraphs and the table that ``print(fit)`` shows."""
    parameters = "\n".join(fit.law.parameter_lines())
    numbers, warnings = [_reference_table(fit), _errors(fit)], _warnings(fit)
    first = fit.outcome is Outcome.undetermined  # the numbers are then one choice among many
    own = [warnings, *numbers] if first else [*numbers, warnings]
    return [part for part in (_headline(fit), *own, parameters) if part]


def _headline(fit: "Fit") -> str:
    runs = fit.runs
    notes = "".join(f"\n{note}" for note in runs.notes)
    title = (f"{capitalised(fit.law.name)} law", fit.law.formula, f"fitted by {_method(fit)}")
    first = "  ".join(part for part in title if part)
    if not over_N_and_D(fit):
        inputs = "; ".join(
            line for line in (_input(fit, name) for name in type(fit.law).inputs()) if line
        )
        return f"{first}\n{len(runs)} runs; {inputs}{notes}"
    sizes = np.unique(runs.N)
    return (
        f"{first}\n"
        f"{len(runs)} runs, {len(sizes)} sizes from {quantity_text(sizes[0])} to "
        f"{quantity_text(sizes[-1])}, D from {quantity_text(runs.D.min())} to "
        f"{quantity_text(runs.D.max())}{notes}"
    )


def _method(fit: "Fit") -> str:
    how = fit.remarks.how(fit.method, fit.runs.link, fit.outcome)
    return f"{fit.method.name}, {how}" if how else fit.method.name


def over_N_and_D(fit: "Fit") -> bool:
    """Whether the inputs of the law are N and D alone."""
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


def _reference_table(fit: "Fit") -> Table | None:
    """Fitted losses at some sizes, with the law's curves or at several D."""
    law: Any = fit.law
    kind = type(law)
    if not (kind.curve_headings or over_N_and_D(fit)):
        return None
    sizes = np.unique(fit.runs.N)
    N, log_D = sizes[evenly(len(sizes), _NUM_REFERENCE_SIZES)], np.log(fit.runs.D)
    columns = [Column("N", N, quantity_text)]
    if kind.curve_headings:
        curves = zip(kind.curve_headings, evaluate_curves(law, N), strict=True)
        columns += [Column(name, values, "{:#.5g}".format) for name, values in curves]
        tokens = np.exp([log_D.mean()])
    else:
        tokens = np.geomspace(fit.runs.D.min(), fit.runs.D.max(), _NUM_REFERENCE_TOKENS)
    losses = evaluate(law, N[:, None], tokens)
    columns += [
        Column(f"L(N, {quantity_text(D)})", own, loss_text)
        for D, own in zip(tokens, losses.T, strict=True)
    ]
    return Table(columns)


def _errors(fit: "Fit") -> str:
    found, own = fit.diagnostics, fit.remarks
    rows = [
        ("mean relative error", f"{fit.mean_relative_error:.3e}"),
        *own.rows_about_error(),
        ("largest relative error", f"{fit.max_relative_error:.3e}"),
        *own.rows(),
    ]
    num_copies = getattr(found, "num_copies", 0)  # your own method need not count them
    if num_copies:
        rows.append(("copied rows, counted once", str(num_copies)))
    if fit.num_left_out:
        rows.append(("runs without a response, left out", str(fit.num_left_out)))
    num_repeats = getattr(found, "num_repeats", 0)
    if num_repeats:
        rows.append(("repeated runs, averaged", str(num_repeats)))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)


def _warnings(fit: "Fit") -> str:
    return "\n".join(f"Warning: {sentence}" for sentence in fit.warnings)
