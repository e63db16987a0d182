"""NIST StRD: all 27 nonlinear regression problems, from both certified starts, with one setting.

Data and certified values are those of the US National Institute of Standards and Technology
(public domain): https://www.itl.nist.gov/div898/strd/nls/nls_main.shtml
"""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
import pytest

from farseer_jax.solvers.fit_problem import FitProblem
from farseer_jax.solvers.levenberg_marquardt import minimise
from farseer_jax.solvers.numpy_jaxpr import NumpyFunction
from farseer_jax.solvers.optima import CONVERGED

DATA = json.loads((Path(__file__).parent / "nist_strd.json").read_text())
Model = Callable[[Any, dict[str, Any]], Any]


def gauss(b: Any, i: dict[str, Any]) -> Any:
    x = i["x"]
    first = b[2] * jnp.exp(-((x - b[3]) ** 2) / b[4] ** 2)
    second = b[5] * jnp.exp(-((x - b[6]) ** 2) / b[7] ** 2)
    return b[0] * jnp.exp(-b[1] * x) + first + second


def cubic_over_cubic(b: Any, i: dict[str, Any]) -> Any:
    x = i["x"]
    above = b[0] + b[1] * x + b[2] * x**2 + b[3] * x**3
    return above / (1 + b[4] * x + b[5] * x**2 + b[6] * x**3)


def three_exponentials(b: Any, i: dict[str, Any]) -> Any:
    x = i["x"]
    return sum(b[k] * jnp.exp(-b[k + 1] * x) for k in (0, 2, 4))


def chwirut(b: Any, i: dict[str, Any]) -> Any:
    return jnp.exp(-b[0] * i["x"]) / (b[1] + b[2] * i["x"])


def saturating(b: Any, i: dict[str, Any]) -> Any:
    return b[0] * (1 - jnp.exp(-b[1] * i["x"]))


def enso(b: Any, i: dict[str, Any]) -> Any:
    turn = 2 * jnp.pi * i["x"]
    total = b[0]
    for cosine, sine, period in ((b[1], b[2], 12.0), (b[4], b[5], b[3]), (b[7], b[8], b[6])):
        total = total + cosine * jnp.cos(turn / period) + sine * jnp.sin(turn / period)
    return total


MODELS: dict[str, Model] = {
    "Bennett5": lambda b, i: b[0] * (b[1] + i["x"]) ** (-1 / b[2]),
    "BoxBOD": saturating,
    "Chwirut1": chwirut,
    "Chwirut2": chwirut,
    "DanWood": lambda b, i: b[0] * i["x"] ** b[1],
    "ENSO": enso,
    "Eckerle4": lambda b, i: b[0] / b[1] * jnp.exp(-0.5 * ((i["x"] - b[2]) / b[1]) ** 2),
    "Gauss1": gauss,
    "Gauss2": gauss,
    "Gauss3": gauss,
    "Hahn1": cubic_over_cubic,
    "Kirby2": lambda b, i: (
        (b[0] + b[1] * i["x"] + b[2] * i["x"] ** 2) / (1 + b[3] * i["x"] + b[4] * i["x"] ** 2)
    ),
    "Lanczos1": three_exponentials,
    "Lanczos2": three_exponentials,
    "Lanczos3": three_exponentials,
    "MGH09": lambda b, i: (
        b[0] * (i["x"] ** 2 + i["x"] * b[1]) / (i["x"] ** 2 + i["x"] * b[2] + b[3])
    ),
    "MGH10": lambda b, i: b[0] * jnp.exp(b[1] / (i["x"] + b[2])),
    "MGH17": lambda b, i: b[0] + b[1] * jnp.exp(-i["x"] * b[3]) + b[2] * jnp.exp(-i["x"] * b[4]),
    "Misra1a": saturating,
    "Misra1b": lambda b, i: b[0] * (1 - (1 + b[1] * i["x"] / 2) ** -2),
    "Misra1c": lambda b, i: b[0] * (1 - (1 + 2 * b[1] * i["x"]) ** -0.5),
    "Misra1d": lambda b, i: b[0] * b[1] * i["x"] * (1 + b[1] * i["x"]) ** -1,
    "Nelson": lambda b, i: b[0] - b[1] * i["x1"] * jnp.exp(-b[2] * i["x2"]),
    "Rat42": lambda b, i: b[0] / (1 + jnp.exp(b[1] - b[2] * i["x"])),
    "Rat43": lambda b, i: b[0] / (1 + jnp.exp(b[1] - b[2] * i["x"])) ** (1 / b[3]),
    "Roszman1": lambda b, i: b[0] - b[1] * i["x"] - jnp.arctan(b[2] / (i["x"] - b[3])) / jnp.pi,
    "Thurber": cubic_over_cubic,
}


class Fits(NamedTuple):
    digits: list[float]
    converged: list[bool]


def problem_of(name: str) -> FitProblem:
    data = DATA[name]
    inputs = {key: np.array(data[key]) for key in ("x", "x1", "x2") if key in data}
    y = np.array(data["y"])
    y = np.log(y) if name == "Nelson" else y  # its response is log y
    model = NumpyFunction(MODELS[name], [()] * len(data["certified"]), dict.fromkeys(inputs, ()))
    return FitProblem(model, inputs, y, np.ones(len(y)))


@cache
def fits_of(name: str) -> Fits:
    """From both starts: digits that the worst parameter has in common with the certified one."""
    certified = np.array(DATA[name]["certified"])
    found = minimise(problem_of(name), np.array(DATA[name]["starts"]))
    errors = np.abs(found.free[0] / certified - 1.0).max(axis=-1)
    digits = -np.log10(np.maximum(errors, 1e-11))
    return Fits(digits.tolist(), (found.status[0] == CONVERGED).tolist())


def test_there_are_all_27_problems() -> None:
    assert sorted(DATA) == sorted(MODELS)
    assert len(DATA) == 27


@pytest.mark.parametrize("name", sorted(DATA))
def test_certified_residual_sum_of_squares(name: str) -> None:
    problem, data = problem_of(name), DATA[name]
    predicted = problem.bound.value(np.array([data["certified"]]))
    squares = np.sum((predicted - problem.target) ** 2)
    # 11 digits of the parameters: where residuals are 0, what is left is their rounding
    rounding = 1e-20 * np.sum(problem.target**2)
    assert squares == pytest.approx(data["residual_sum_of_squares"], rel=2e-10, abs=rounding)


def test_six_digits_from_at_least_50_of_54_starts() -> None:
    digits = np.array([fits_of(name).digits for name in sorted(DATA)])
    converged = np.array([fits_of(name).converged for name in sorted(DATA)])
    assert digits.shape == (27, 2)
    assert np.sum((digits >= 6.0) & converged) >= 50


@pytest.mark.parametrize("name", sorted(DATA))
def test_what_is_reported_as_converged_is_the_certified_optimum(name: str) -> None:
    fits = fits_of(name)
    assert [digits >= 6.0 for digits, converged in zip(*fits, strict=True) if converged] == [
        True
    ] * sum(fits.converged)
    assert fits.converged[1]  # the second start of every problem is near
