"""Residuals of a fit: their size compared with the noise, remaining patterns, and outliers."""

import numpy as np

from farseer_jax.diagnostics.residual_diagnostics import ResidualDiagnostics
from farseer_jax.diagnostics.whiteness import Whiteness, whiteness
from farseer_jax.fitting.result import Fit
from farseer_jax.fitting.type_checks import fit_of
from farseer_jax.laws.evaluate import evaluate_curves, evaluate_runs
from farseer_jax.laws.separable import OneDataTerm
from farseer_jax.runs.coverage import flat_inputs
from farseer_jax.runs.inputs import NUMBERS
from farseer_jax.runs.noise import noise_if_shown
from farseer_jax.runs.runs import Runs

_NUM_DRAWN = 100  # points of a curve
_SAME_D = 0.02  # difference of ln D: training steps are rounded


def diagnose_residuals(fit: Fit, *, seed: int = 0) -> ResidualDiagnostics:
    """Test the residuals of a fit for patterns and outliers (paper, Fig. 5).

    Residuals are ``ln predicted − ln observed``, or differences on the scale of another link. Their
    root mean square is compared with the run-to-run noise, which runs over N and D show. For each
    input, a rank von Neumann ratio is tested by 4,999 permutations, in the order of that input and
    among runs that are equal in all others: within each size in the order of D, and within each D
    (to 2 %) in the order of N. Small ratios mean that neighbours are alike, which noise does not
    explain. Laws of the form ``U(N) + B(N) · D^−A(N)`` also have G(N) and ``O − G``. Exact copies
    of runs count once. A robust fit of the law, which bad runs do not pull, predicts each run from
    the others: those that lie too far for chance among so many are outliers.

    Args:
        fit: the fit.
        seed: seed of the permutations.

    Raises:
        TypeError: ``fit`` is not a :class:`Fit`.

    Example:
        >>> from farseer_jax import Farseer, diagnose_residuals, example_runs, fit
        >>> found = diagnose_residuals(fit(Farseer, example_runs()))
        >>> found.residual.shape, found.total_rms < 1e-3
        ((337,), True)
    """
    fit = fit_of(fit, "fit")
    keep = ~fit.runs.is_copy
    runs = fit.runs.select(mask=keep)
    link, names = runs.link, type(fit.law).inputs()
    residual = np.asarray(link.forward(evaluate_runs(fit.law, runs)) - link.forward(runs.loss))
    noise = noise_if_shown(runs)
    if "N" in names:
        size, index, counts = np.unique(runs.N, return_inverse=True, return_counts=True)
    else:
        size, index, counts = np.zeros(0), np.zeros(len(runs), dtype=int), np.zeros(0, dtype=int)
    size_noise = np.full(len(size), np.nan) if noise is None else noise.per_size
    curve_N = np.geomspace(size[0], size[-1], _NUM_DRAWN) if len(size) else size
    offset, G, U, curve_U = _offsets(fit, runs, size, index, curve_N)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(index, values)[: len(size)] / counts

    return ResidualDiagnostics(
        law=fit.law.name,
        method=fit.method.name,
        link=link,
        row=np.flatnonzero(keep),
        inputs={name: np.array(column) for name, column in flat_inputs(runs, names).items()},
        loss=np.array(runs.loss),
        residual=residual,
        residual_without=fit.outliers.residual[keep],
        z_score=fit.outliers.z_score[keep],
        z_limit=fit.outliers.limit[keep],
        offset=offset,
        size=size,
        num_runs=counts,
        mean=mean(residual),
        rms=np.sqrt(mean(residual**2)),
        size_noise=size_noise,
        G=G,
        U=U,
        curve_N=curve_N,
        curve_U=curve_U,
        offset_rms=np.sqrt(mean(offset**2)),
        against=_tests(runs, tuple(names), residual, seed),
        noise=noise,
    )


def _tests(
    runs: Runs, names: tuple[str, ...], residual: np.ndarray, seed: int
) -> dict[str, Whiteness]:
    """Tests of the residuals in the order of each numeric input, D first."""
    columns = {name: _same_D(x) if name == "D" else x for name, x in runs.inputs.items()}
    ordered = [n for n in names if runs.kinds[n] in NUMBERS]
    return {
        name: whiteness(
            name,
            residual,
            _groups([columns[other] for other in names if other != name], len(runs)),
            runs.inputs[name],
            seed,
        )
        for name in sorted(ordered, key=lambda name: name != "D")
    }


def _groups(columns: list[np.ndarray], num_runs: int) -> np.ndarray:
    """Numbers that agree for runs equal in all columns, ``(run,)``: a single column's values."""
    if len(columns) == 1 and columns[0].dtype.kind == "f" and columns[0].ndim == 1:
        return columns[0]
    rows = [tuple(map(str, row)) for row in zip(*(x.tolist() for x in columns), strict=True)]
    codes: dict[tuple[str, ...], int] = {}
    return np.array([codes.setdefault(row, len(codes)) for row in rows or [()] * num_runs], float)


def _offsets(
    fit: Fit, runs: Runs, size: np.ndarray, index: np.ndarray, curve_N: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """``O − G``, ``(run,)``; G and U, ``(size,)``; and U along N. NaN without such terms."""
    if not isinstance(fit.law, OneDataTerm):
        nothing = np.full(len(size), np.nan)
        return np.full(len(runs), np.nan), nothing, nothing, np.full(len(curve_N), np.nan)
    num = len(size)
    U, B, A = evaluate_curves(fit.law, np.concatenate([size, curve_N]))
    data_free = runs.loss - B[index] * runs.D ** -A[index]
    G = np.bincount(index, data_free) / np.bincount(index)
    return data_free - G[index], G, U[:num], U[num:]


def _same_D(D: np.ndarray) -> np.ndarray:
    """For each D the smallest that equals it up to rounding."""
    distinct, index = np.unique(D, return_inverse=True)
    group = distinct.copy()
    for i in range(1, len(distinct)):
        if np.log(distinct[i] / group[i - 1]) < _SAME_D:
            group[i] = group[i - 1]
    return group[index]
