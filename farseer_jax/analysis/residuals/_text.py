"""Residuals as a person reads them: sizes, tests in sentences, outliers by name."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import percent_text, quantity_text

if TYPE_CHECKING:
    from farseer_jax.analysis.residuals._table import ResidualDiagnostics
    from farseer_jax.analysis.residuals._whiteness import Whiteness

_MAX_SIZES = 24
_MAX_OUTLIERS = 8
_CHANCE = 0.01


def text(found: "ResidualDiagnostics") -> str:
    """The whole of ``print(diagnostics)``."""
    title = (
        f"{found.law.title()} law by {found.method}: residuals of {len(found.row)} runs, "
        "ln predicted − ln observed"
    )
    tests = [_sentence(found.against_D, "size"), _sentence(found.against_N, "D")]
    parts = [title, "", _sizes(found), "", _total(found), *tests, _outliers(found)]
    return "\n".join(parts)


def _sizes(found: "ResidualDiagnostics") -> str:
    has_offset = bool(np.isfinite(found.G).any())
    header = ["N", "runs", "mean", "rms", "noise", "along D", "p"]
    header += ["G(N)", "U(N)", "rms of O − G"] if has_offset else []
    tested = {N: i for i, N in enumerate(found.against_D.group.tolist())}
    picks = np.unique(np.linspace(0, len(found.size) - 1, _MAX_SIZES).round().astype(int))
    rows = []
    for i in picks:
        j = tested.get(float(found.size[i]))
        test = ["–", "–"]
        if j is not None:
            test = [f"{found.against_D.ratio[j]:.2f}", f"{found.against_D.p_value[j]:.4f}"]
        row = [quantity_text(found.size[i]), str(found.num_runs[i]), f"{found.mean[i]:+.3%}"]
        row += [percent_text(found.rms[i]), percent_text(found.size_noise[i]), *test]
        if has_offset:
            row += [f"{found.G[i]:.5f}", f"{found.U[i]:.5f}", f"{found.offset_rms[i]:.1e}"]
        rows.append(row)
    return _tables.text(header, rows)


def _total(found: "ResidualDiagnostics") -> str:
    if found.noise is None:
        return f"rms {found.total_rms:.3%}; these runs do not show their run-to-run noise"
    return (
        f"rms {found.total_rms:.3%}: run-to-run noise {found.noise.pooled:.3%}, "
        f"misfit {found.misfit:.3%}"
    )


def _sentence(test: "Whiteness", shared: str) -> str:
    """What a test says, with its probability."""
    if not len(test.group):
        return f"along {test.along}: no test, no {shared} has 4 runs"
    least = 1 / (test.num_permutations + 1)
    p = f"p < {2 * least:.1g}" if test.mean_p_value <= least else f"p = {test.mean_p_value:.3g}"
    verdict = (
        f"neighbours are alike, at the level of {_CHANCE:g}: the law misses a pattern"
        if test.mean_p_value < _CHANCE
        else f"no pattern that chance would not make, at the level of {_CHANCE:g}"
    )
    return (
        f"along {test.along}, within each {shared}: mean ratio {test.mean_ratio:.2f} (white: 2), "
        f"{p}; {verdict}"
    )


def _outliers(found: "ResidualDiagnostics") -> str:
    indices = found.outliers
    if not len(indices):
        return "no outliers"
    shown = [
        f"row {found.row[i]} ({quantity_text(found.N[i])}, {quantity_text(found.D[i])}) "
        f"{found.residual[i]:+.3%}, z = {found.z_score[i]:+.1f}"
        for i in indices[:_MAX_OUTLIERS]
    ]
    more = len(indices) - len(shown)
    tail = [f"… and {more} more"] if more > 0 else []
    return "\n".join(["outliers (of their size):", *(f"  {line}" for line in [*shown, *tail])])
