"""Every door computes in float64 whatever JAX is set to, and leaves the setting alone."""

from collections.abc import Callable, Iterator
from typing import Any

import jax
import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj


@pytest.fixture(scope="module")
def result() -> fj.Fit:
    return fj.fit(fj.Farseer, fj.example_runs())


@pytest.fixture(params=[False, True], ids=["x64 off", "x64 on"])
def x64(request: pytest.FixtureRequest) -> Iterator[bool]:
    before = jax.config.jax_enable_x64
    jax.config.update("jax_enable_x64", request.param)
    yield request.param
    jax.config.update("jax_enable_x64", before)


def doors(result: fj.Fit) -> dict[str, Callable[[], Any]]:
    runs = result.runs
    return {
        "fit": lambda: fj.fit(fj.Farseer, runs).law,
        "fit_batch": lambda: fj.fit_batch(fj.Farseer, runs, losses=runs.loss[None]).law,
        "law_at": lambda: fj.fit_batch(fj.Farseer, runs, losses=runs.loss[None]).law_at(0),
        "batch predict": lambda: fj.fit_batch(fj.Farseer, runs, losses=runs.loss[None]).predict(
            1e9, 1e11
        ),
        "relative_error": lambda: fj.fit(fj.Farseer, runs).relative_error,
        "predict": lambda: result.predict([1e9, 25.1e9], 1e11),
        "predict float32": lambda: result.predict(np.float32([1e9]), np.float32(1e11)),
        "predict pandas": lambda: result.predict(pd.Series([1e9]), 1e11).to_numpy(),
        "evaluate": lambda: result.evaluate(runs).predicted,
        "to_dataframe": lambda: result.to_dataframe()["predicted"].to_numpy(),
        "from_json": lambda: fj.Fit.from_json(result.to_json()).law,
        "simulate": lambda: fj.simulate(fj.example_law(), runs.N, runs.D, seed=0).loss,
        "example_runs": lambda: fj.example_runs().loss,
        "published": lambda: fj.Farseer.published(),
    }


DOORS = (
    "fit", "fit_batch", "law_at", "batch predict", "relative_error", "predict", "predict float32",
    "predict pandas", "evaluate", "to_dataframe", "from_json", "simulate", "example_runs",
    "published",
)  # fmt: skip


@pytest.mark.parametrize("door", DOORS)
def test_every_door_computes_in_float64(result: fj.Fit, x64: bool, door: str) -> None:
    with jax.enable_x64(True):
        expected = jax.tree.leaves(doors(result)[door]())
    leaves = jax.tree.leaves(doors(result)[door]())
    assert jax.config.jax_enable_x64 is x64
    assert leaves
    for leaf, value in zip(leaves, expected, strict=True):
        assert isinstance(leaf, np.ndarray | np.float64)
        assert leaf.dtype == np.float64
        np.testing.assert_array_equal(leaf, value)


def test_all_doors_are_listed(result: fj.Fit) -> None:
    assert tuple(doors(result)) == DOORS


def test_an_error_leaves_the_setting_alone(x64: bool) -> None:
    runs = fj.example_runs()
    with pytest.raises(ValueError, match="the loss does not fall"):
        fj.fit(fj.Farseer, fj.Runs(runs.N, runs.D, 1 / runs.loss))
    assert jax.config.jax_enable_x64 is x64


def test_a_law_called_on_jax_arrays_follows_their_precision(result: fj.Fit) -> None:
    losses = result.law(jax.numpy.asarray([1e9, 25.1e9], jax.numpy.float32), 1e11)
    assert losses.dtype == jax.numpy.float32
    np.testing.assert_allclose(losses, result.predict([1e9, 25.1e9], 1e11), rtol=1e-5)
