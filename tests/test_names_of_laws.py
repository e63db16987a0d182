"""Names of laws that are unknown, and averages of laws where one law is expected."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import farseer_jax as fj

RUNS = {"N": [1e8, 2e8, 4e8], "D": [1e10, 2e10, 4e10], "loss": [3.4, 3.1, 2.9]}
UNKNOWN: list[Callable[[str], Any]] = [
    lambda name: fj.fit(name, RUNS),
    lambda name: fj.suggest_runs(RUNS, "largest", RUNS, 1e22, law=name),
    lambda name: fj.extrapolate(RUNS, [name]),
    lambda name: fj.published_method(name),
]


@pytest.mark.parametrize("call", UNKNOWN)
def test_a_word_that_is_not_a_law(call: Callable[[str], Any]) -> None:
    near = r"unknown law 'chinchila'; did you mean 'chinchilla'\? Choose from farseer, chinchilla"
    with pytest.raises(ValueError, match=near):
        call("chinchila")
    with pytest.raises(ValueError, match="unknown law 'xyzzy'; choose from farseer"):
        call("xyzzy")


def test_a_published_method_by_name() -> None:
    assert fj.published_method("chinchilla") == fj.published_method(fj.Chinchilla)
    with pytest.raises(TypeError, match=r"law: expected a law's class or name, .* got 3"):
        fj.published_method(3)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def choice() -> fj.LawChoice:
    N, D = (x.ravel() for x in np.meshgrid(np.geomspace(1e8, 3e9, 5), np.geomspace(2e9, 1e11, 4)))
    return fj.choose_law({"N": N, "D": D, "loss": 1.7 + 400 / N**0.34 + 410 / D**0.28})


@pytest.mark.parametrize(
    "call",
    [
        lambda own: fj.bootstrap(own, 10),
        lambda own: fj.optimise(own, ["N", "D"], budget=1e21),
        lambda own: fj.allocate(own, 1e21),
    ],
)
def test_an_average_of_laws_is_not_a_fit(choice: fj.LawChoice, call: Callable[[Any], Any]) -> None:
    remedy = r"an average of several laws: name a law, as in fj\.fit\('[\w-]+', …\)"
    for own in (choice, choice[0]):
        with pytest.raises(TypeError, match=remedy):
            call(own)
