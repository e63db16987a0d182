"""Influence and error bars: against refits, bootstraps, and what they refuse."""

import json
from functools import cache

import jax
import numpy as np
import pytest
from commands import farseer, refused
from compiling import compilations

from farseer_jax import (
    Bootstrap,
    Farseer,
    Fit,
    Grid,
    Influence,
    NoDerivativeError,
    ParametricBootstrap,
    Piecewise,
    Runs,
    WildBootstrap,
    bootstrap,
    error_bars,
    example_runs,
    fit,
    fit_batch,
    influence,
)

TARGET = (25.1e9, 5e11)


@cache
def runs() -> Runs:
    return example_runs(noise=5e-4)


@cache
def fitted() -> Fit:
    return fit(Farseer, runs())


@cache
def other() -> Fit:
    """A recipe that is better at small scale and worse at large."""
    loss = runs().loss * (runs().N / 25.1e9) ** -0.004 * 0.9995
    return fit(Farseer, Runs(runs().N, runs().D, loss))


@cache
def found() -> Influence:
    return influence(fitted(), at=TARGET)


def with_losses(step: float, positions: np.ndarray) -> np.ndarray:
    losses = np.tile(runs().loss, (len(positions), 1))
    losses[np.arange(len(positions)), positions] *= 1 + step
    return losses


def test_change_per_noise_is_that_of_refits() -> None:
    some = np.array([0, 40, 133, 200, 336])
    up, down = (
        fit_batch(Farseer, runs(), losses=with_losses(step, some)).predict(*TARGET)
        for step in (1e-6, -1e-6)
    )
    expected = (up - down) / 2e-6 * found().noise[some]
    np.testing.assert_allclose(found().change_per_noise[some], expected, rtol=1e-6)


def test_change_if_removed_is_that_of_leaving_each_run_out() -> None:
    left_out = fit_batch(Farseer, runs(), weights=1 - np.eye(len(runs()))).predict(*TARGET)
    change = left_out - fitted().predict(*TARGET)
    np.testing.assert_allclose(found().change_if_removed, change, rtol=1e-9, atol=1e-14)
    most = int(np.abs(change).argmax())
    assert most in found().largest(3)


@pytest.mark.parametrize(
    ("of", "at"), [("U", 25.1e9), ("B", 1e9), ("A", 25.1e9), ("tokens_per_parameter", 1e22)]
)
def test_other_quantities_move_as_in_refits(of: str, at: float) -> None:
    own = influence(fitted(), at=at, of=of, noise=1e-3)
    position = int(np.abs(own.change_per_noise).argmax())

    def value(step: float) -> float:
        law = fit_batch(Farseer, runs(), losses=with_losses(step, np.array([position]))).law_at(0)
        with jax.enable_x64(True):
            if of == "tokens_per_parameter":
                from farseer_jax.laws.compute_optimal import optimal_ratio

                return float(jax.jit(optimal_ratio)(law, at))
            return float(getattr(law, of)(at))

    expected = (value(1e-6) - value(-1e-6)) / 2e-6 * 1e-3
    assert own.change_per_noise[position] == pytest.approx(expected, rel=1e-5)
    assert own.value == pytest.approx(value(0.0), rel=1e-9)


def test_a_function_of_a_law_is_asked_like_a_loss() -> None:
    own = influence(fitted(), of=lambda law: law(*TARGET))
    np.testing.assert_allclose(own.change_if_removed, found().change_if_removed, atol=1e-14)
    np.testing.assert_allclose(own.change_per_noise, found().change_per_noise, rtol=1e-9)


def test_two_fits_are_compared_by_their_losses() -> None:
    near = influence(fitted(), at=(1e9, 1e11), against=other())
    assert near.value == pytest.approx(
        np.log(fitted().predict(1e9, 1e11) / other().predict(1e9, 1e11)), abs=1e-12
    )
    # against itself the sign hangs on every run
    even = influence(fitted(), at=TARGET, against=fitted())
    assert abs(even.value) < 1e-12
    np.testing.assert_allclose(
        even.change_per_noise, found().change_per_noise / found().value, rtol=1e-9
    )
    close = influence(fitted(), at=TARGET, against=other())
    flips = np.sign(close.value + close.change_if_removed) != np.sign(close.value)
    assert close.decisive.tolist() == np.flatnonzero(flips).tolist()
    assert "which of the two is better" in str(close)


def test_the_table_and_its_json() -> None:
    assert str(found()).startswith("loss at 25.1 B, 500 B: ")
    assert "beyond the runs, by 2.18 e-folds" in str(found())
    content = json.loads(json.dumps(found().to_dict(), allow_nan=False))
    assert set(content["runs"][0]) == {"N", "D", "change_per_noise", "change_if_removed"}
    assert [row["N"] for row in content["runs"]] == runs().N.tolist()
    assert found().to_dataframe().shape == (337, 6)
    again = Influence.from_json(found().to_json())
    assert str(again) == str(found())
    assert (again.at, again.value, again.warnings) == (found().at, found().value, found().warnings)
    np.testing.assert_equal(again.to_dataframe().to_dict(), found().to_dataframe().to_dict())
    assert "and the influence of each run" in found()._repr_html_()
    assert "far beyond" in "".join(influence(fitted(), at=(1e13, 1e14)).warnings)
    assert not influence(fitted(), at=(1e9, 1e11)).warnings


def test_a_second_fit_or_table_compiles_nothing() -> None:
    again = fit(Farseer, Runs(runs().N, runs().D, runs().loss * 1.01))
    part = fit(Farseer, runs().select(max_N=4e9))
    found()
    error_bars(fitted()).standard_error(*TARGET)
    with compilations() as compiled:
        influence(again, at=(7e9, 1e12))
        error_bars(again).standard_error(7e9, 1e12)
        influence(part, at=(7e9, 1e12))
        error_bars(part).standard_error(7e9, 1e12)
    assert not compiled


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "a pair of N and D"),
        ({"at": 1e9}, "a pair of N and D"),
        ({"at": (1e9, -1.0)}, "positive and finite"),
        ({"at": (1e9, np.nan)}, "positive and finite"),
        ({"at": "here"}, "a pair of N and D"),
        ({"at": (1e9, 1e11), "of": "U"}, "a size N"),
        ({"at": (1e9, 1e11), "of": "loss_of"}, "of must be one of loss, U, B, A"),
        ({"at": 1e22, "of": "tokens_per_parameter", "against": "fit"}, "compared by their losses"),
        ({"at": TARGET, "of": lambda law: law(*TARGET)}, "leave `at` out"),
        (
            {"of": lambda law: law(np.array([1e9, 2e9]), 1e11)},
            "expected a function that returns a number",
        ),
        ({"at": TARGET, "noise": 0.0}, "noise must be positive"),
        ({"at": 1e3, "of": "tokens_per_parameter"}, "expected a finite number at this point"),
    ],
)
def test_bad_questions_are_refused(settings: dict, words: str) -> None:
    if "against" in settings:
        settings = {**settings, "against": fitted()}
    with pytest.raises(ValueError, match=words):
        influence(fitted(), **settings)


def test_fits_without_a_derivative_are_refused() -> None:
    grid = fit(Farseer, runs(), Piecewise(search=Grid(-0.5, 0.5, 200)))
    for ask in (lambda: influence(grid, at=TARGET), lambda: error_bars(grid)):
        with pytest.raises(NoDerivativeError, match="grid search jump"):
            ask()


# Error bars


@cache
def wild() -> Bootstrap:
    return bootstrap(fitted(), 10_000, WildBootstrap(), seed=1)


POINTS = ([25.1e9, 6.37e9, 1e9], [5e11, 1e11, 1e11])


def test_the_sandwich_is_near_ten_thousand_wild_resamples() -> None:
    own = error_bars(fitted(), "sandwich").standard_error(*POINTS)
    np.testing.assert_allclose(own, wild().standard_error(*POINTS), rtol=0.1)


def test_the_delta_method_is_near_ten_thousand_parametric_resamples() -> None:
    """Where the fit hardly bends within the noise: its logarithms of differences bend first."""
    refits = bootstrap(fitted(), 10_000, ParametricBootstrap(1e-4), seed=1)
    own = error_bars(fitted(), noise=1e-4)
    np.testing.assert_allclose(
        own.standard_error(*POINTS), refits.standard_error(*POINTS), rtol=0.03
    )
    ratio = own.allocation(1e22)["tokens per parameter"]
    by_draws = refits.allocation(1e22, kind="normal")["tokens per parameter"]
    width, expected = (x.upper - x.lower for x in (ratio, by_draws))
    assert width == pytest.approx(expected, rel=0.03)


def test_intervals_curves_and_covariances_belong_together() -> None:
    bars = error_bars(fitted(), "jackknife", by_size=True)
    error = bars.standard_error(*POINTS)
    intervals = bars.interval(*POINTS, level=0.9)
    np.testing.assert_allclose(intervals.upper - intervals.estimate, 1.6448536 * error, rtol=1e-6)
    covariance = bars.covariance_of(lambda law: law(np.array(POINTS[0]), np.array(POINTS[1])))
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), error, rtol=1e-9)
    assert np.linalg.eigvalsh(covariance)[0] > -1e-12 * covariance.max()
    by_function = bars.interval_of(lambda law: law.U(25.1e9))
    assert by_function.upper[0] == pytest.approx(bars.curves(25.1e9)["U"].upper[0], rel=1e-9)
    assert "no resamples (jackknife)" in str(intervals)
    assert bars.standard_error(1e9, 1e11).shape == ()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"kind": "bootstrap"}, "kind must be one of delta, sandwich, jackknife"),
        ({"noise": -1.0}, "noise: expected a positive finite"),
        ({"kind": "sandwich", "noise": 1e-3}, "for kind 'delta' only"),
        ({"by_size": True}, "noise is independent between runs"),
    ],
)
def test_bad_error_bars_are_refused(settings: dict, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        error_bars(fitted(), **settings)
    with pytest.raises(ValueError, match="level"):
        error_bars(fitted()).interval(*TARGET, level=1.0)


def test_in_the_shell(tmp_path) -> None:
    target = tmp_path / "influence.json"
    result = farseer("influence", "--example", "--at", "25.1e9,5e11", "--json", target)
    assert result.exit_code == 0, result.stderr
    content = json.loads(target.read_text())
    assert len(content["runs"]) == 337
    assert content["value"] == pytest.approx(
        float(fit(Farseer, example_runs(noise=5e-4)).predict(*TARGET))
    )
    refused(farseer("influence", "--example", "--at", "25.1e9"), "expected a point N,D")
    refused(farseer("influence", "--example"), "--at")
