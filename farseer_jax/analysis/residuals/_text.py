"""Residuals as a person reads them: sizes, tests in sentences, outliers by name."""

from typing import TYPE_CHECKING

import numpy as np

from farseer_jax import _tables
from farseer_jax._numbers import percent_text, quantity_text
from farseer_jax.resampling._intervals import cell_text

if TYPE_CHECKING:
    from farseer_jax.analysis.residuals._table import ResidualDiagnostics
    from farseer_jax.analysis.residuals._whiteness import Whiteness
    from farseer_jax.links import Link

_MAX_SIZES = 24
_MAX_OUTLIERS = 8
_CHANCE = 0.01


def text(found: "ResidualDiagnostics") -> str:
    """The whole of ``print(diagnostics)``."""
    title = (
        f"{found.law.title()} law by {found.method}: residuals of {len(found.row)} runs, "
        f"{difference_text(found.link)}"
    )
    tests = [_sentence(test, _shared(found, name)) for name, test in found.against.items()]
    # sizes of one run each, as N is called that counts what a further input adds, say nothing
    told = set(found.inputs) == {"N", "D"} or (found.num_runs > 1).any()
    sizes = [_sizes(found), ""] if told else []
    return "\n".join([title, "", *sizes, _total(found), *tests, _outliers(found)])


def difference_text(link: "Link") -> str:
    """What residuals are, in words."""
    of = {"log": "ln ", "identity": "", "logit": "logit "}[link.name]
    return f"{of}predicted − {of}observed"


def _shared(found: "ResidualDiagnostics", along: str) -> str:
    """What runs share that are tested along an input; empty where there is nothing else."""
    others = [name for name in found.inputs if name != along]
    return "size" if others == ["N"] else " and ".join(others)


def _amount(found: "ResidualDiagnostics", value: float, sign: str = "") -> str:
    """A residual: relative where it is one of logarithms."""
    if found.link.name == "log":
        return percent_text(value, sign)
    return f"{value:{sign}.3g}" if np.isfinite(value) else "–"


def _sizes(found: "ResidualDiagnostics") -> str:
    has_offset = bool(np.isfinite(found.G).any())
    along_D = found.against["D"] if set(found.inputs) == {"N", "D"} else None
    header = ["N", "runs", "mean", "rms", "noise"]
    header += ["along D", "p"] if along_D else []
    header += ["G(N)", "U(N)", "rms of O − G"] if has_offset else []
    tested = {N: i for i, N in enumerate(along_D.group.tolist())} if along_D else {}
    picks = np.unique(np.linspace(0, len(found.size) - 1, _MAX_SIZES).round().astype(int))
    rows = []
    for i in picks:
        j = tested.get(float(found.size[i]))
        test = ["–", "–"] if along_D else []
        if along_D and j is not None:
            test = [f"{along_D.ratio[j]:.2f}", f"{along_D.p_value[j]:.4f}"]
        row = [quantity_text(found.size[i]), str(found.num_runs[i])]
        row += [_amount(found, found.mean[i], "+"), _amount(found, found.rms[i])]
        row += [_amount(found, found.size_noise[i]), *test]
        if has_offset:
            row += [f"{found.G[i]:.5f}", f"{found.U[i]:.5f}", f"{found.offset_rms[i]:.1e}"]
        rows.append(row)
    return _tables.text(header, rows)


def _total(found: "ResidualDiagnostics") -> str:
    if found.noise is None:
        rms = _amount(found, found.total_rms)
        return f"rms {rms}; these runs do not show their run-to-run noise"
    return (
        f"rms {found.total_rms:.3%}: run-to-run noise {found.noise.pooled:.3%}, "
        f"misfit {found.misfit:.3%}"
    )


def _sentence(test: "Whiteness", shared: str) -> str:
    """What a test says, with its probability."""
    if not len(test.group):
        none = f"no {shared} has 4 runs" if shared else "there are less than 4 runs"
        return f"along {test.along}: no test, {none}"
    least = 1 / (test.num_permutations + 1)
    p = f"p < {2 * least:.1g}" if test.mean_p_value <= least else f"p = {test.mean_p_value:.3g}"
    verdict = (
        f"neighbours are alike, at the level of {_CHANCE:g}: the law misses a pattern"
        if test.mean_p_value < _CHANCE
        else f"no pattern that chance would not make, at the level of {_CHANCE:g}"
    )
    return (
        f"along {test.along}{f', within each {shared}' if shared else ''}: "
        f"mean ratio {test.mean_ratio:.2f} (white: 2), {p}; {verdict}"
    )


def _outliers(found: "ResidualDiagnostics") -> str:
    indices = found.outliers
    if not len(indices):
        return "no outliers"
    shown = [
        f"row {found.row[i]} ({_place(found, i)}) "
        f"{_amount(found, found.residual[i], '+')}, z = {found.z_score[i]:+.1f}"
        for i in indices[:_MAX_OUTLIERS]
    ]
    more = len(indices) - len(shown)
    tail = [f"… and {more} more"] if more > 0 else []
    of = " (of their size)" if len(found.size) else ""
    return "\n".join([f"outliers{of}:", *(f"  {line}" for line in [*shown, *tail])])


def _place(found: "ResidualDiagnostics", i: int) -> str:
    """Where a run lies; of N and D without their names."""
    texts = {name: cell_text(name, column[i]) for name, column in found.inputs.items()}
    if set(texts) == {"N", "D"}:
        return f"{texts['N']}, {texts['D']}"
    return ", ".join(f"{name} {text}" for name, text in texts.items())
