"""Optima of laws of mixtures on public runs, against SciPy from starts of its own."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.optimize import least_squares

import farseer_jax as fj

DELTA = 1e-3


def whole(p: np.ndarray, n: np.ndarray, d: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E + A/N**alpha + B/D**beta, and its derivatives."""
    size, data = np.exp(p[1] - p[2] * n), np.exp(p[3] - p[4] * d)
    slopes = [np.ones_like(n), size, -n * size, data, -d * data]
    return p[0] + size + data, np.stack(slopes, axis=-1)


def powers(h: np.ndarray, t: np.ndarray, c: np.ndarray) -> tuple[np.ndarray, ...]:
    """The sum of c h**t, and its derivatives in c and t."""
    terms, log_h = h**t, np.log(np.where(h > 0, h, 1.0))  # 0**t does not depend on t
    return terms @ c, terms, c * terms * log_h


def additive(
    p: np.ndarray, n: np.ndarray, d: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    value, slopes = whole(p, n, d)
    total, of_c, of_t = powers(h, p[12:], p[5:12])
    of_mixture = -np.hstack([of_c, of_t]) / total[:, None] ** 2
    return value + 1.0 / total, np.hstack([slopes, of_mixture])


def factor(
    p: np.ndarray, n: np.ndarray, d: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    value, slopes = whole(p, n, d)
    c = np.append(p[5:11], 1.0 - p[5:11].sum())
    total, of_c, of_t = powers(h, p[11:], c)
    of_mixture = -np.hstack([of_c[:, :6] - of_c[:, 6:], of_t]) / total[:, None]
    result = value / total
    return result, np.hstack([slopes / total[:, None], of_mixture * result[:, None]])


def slopes_of_log(value: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    return slopes / value[:, None]


def first_guesses(name: str) -> list[np.ndarray]:
    """Starts drawn without a look at the runs."""
    rng, starts = np.random.default_rng(0), []
    for _ in range(2 if name == "optimal-mixture" else 3):
        ranges = [(0.3, 1.2), (-1, 0), (0.1, 0.4), (-2, -1), (0.5, 1.0)]
        p = [rng.uniform(low, high) for low, high in ranges]
        if name == "optimal-mixture":
            shares = [rng.uniform(0.5, 3.0, 7), rng.uniform(0.2, 0.8, 7)]
        else:
            shares = [rng.dirichlet(np.ones(7))[:6], rng.uniform(0.05, 0.8, 7)]
        starts.append(np.concatenate([p, *shares]))
    return starts


def by_scipy(name: str, table: dict[str, Any], response: str, start: np.ndarray) -> float:
    """Huber's objective at SciPy's optimum."""
    known = np.isfinite(table[response])
    table = {key: column[known] for key, column in table.items()}
    n, d = np.log(table["model_size"] / 3e8), np.log(table["n_tokens"] / 1e10)
    h = np.stack([table[key] for key in table if key.startswith("weight_")], axis=1)
    log_loss = np.log(table[response])
    law = {"optimal-mixture": additive, "mixture-factor": factor}[name]
    lower = np.zeros(len(start))
    lower[[1, 3]] = -np.inf  # the logarithms of A and B
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        found = least_squares(
            lambda p: np.log(law(p, n, d, h)[0]) - log_loss, start,
            lambda p: slopes_of_log(*law(p, n, d, h)), (lower, np.inf), loss="huber",
            f_scale=DELTA, x_scale="jac", xtol=1e-12, ftol=1e-12, gtol=1e-15, max_nfev=250,
        )  # fmt: skip
    return float(found.cost)


@pytest.fixture(scope="module")
def slimpajama(shared_data: Path) -> dict[str, Any]:
    path = shared_data / "named_inputs" / "mixture_slimpajama.csv"
    rows = np.genfromtxt(path, delimiter=",", names=True)
    return {name: rows[name] for name in rows.dtype.names}


@pytest.mark.parametrize("name", ["optimal-mixture", "mixture-factor"])
def test_no_start_of_scipy_finds_less(name: str, slimpajama: dict[str, Any]) -> None:
    fit = fj.fit(
        name, slimpajama, fj.LeastSquares("huber", num_starts=16), response="github_loss",
        columns_of={"h": "weight_*", "N": "model_size", "D": "n_tokens"},
    )  # fmt: skip
    assert fit.outcome.name == "success"
    others = [by_scipy(name, slimpajama, "github_loss", start) for start in first_guesses(name)]
    assert min(others) == pytest.approx(fit.diagnostics.objective, rel=1e-8)
