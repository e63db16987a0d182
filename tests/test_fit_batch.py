"""Many refits in one call: the same as a loop, the same digits whatever the batch."""

from functools import cache
from typing import Any

import jax
import numpy as np
import pytest

from farseer_jax import (
    BatchFit,
    Chinchilla,
    Farseer,
    Grid,
    LeastSquares,
    Outcome,
    Piecewise,
    Runs,
    example_law,
    fit,
    fit_batch,
    simulate,
)
from farseer_jax.methods.method import Solved

NUM_SIZES, NUM_D = 11, 6
NUM_RUNS = NUM_SIZES * NUM_D


@cache
def runs() -> Runs:
    N, D = np.meshgrid(2e8 * 2 ** np.arange(0, 5.5, 0.5), 1e9 * 2.0 ** np.arange(6), indexing="ij")
    return simulate(example_law(), N.ravel(), D.ravel(), seed=3)


@cache
def stacks() -> tuple[np.ndarray, np.ndarray]:
    """70 perturbed losses; 70 weights: whole numbers, fractions, and a size held out each."""
    rng = np.random.default_rng(0)
    losses = runs().loss * np.exp(5e-4 * rng.standard_normal((70, NUM_RUNS)))
    weights = rng.integers(1, 4, (70, NUM_RUNS)).astype(float)
    weights[20:45] = rng.dirichlet(np.ones(NUM_RUNS), 25) * NUM_RUNS
    for i in range(45, 70):
        weights[i] = runs().N != np.unique(runs().N)[i % NUM_SIZES]
    return losses, weights


def alone(loss: np.ndarray, weight: np.ndarray, method: Piecewise | None = None) -> Solved:
    method = Piecewise() if method is None else method
    return method.fit_one(method.prepare(Farseer, runs()), loss, weight)


def assert_member(batch: BatchFit, index: int, expected: Solved) -> None:
    N, D = np.append(runs().N, 3e10), np.append(runs().D, 1e12)
    with jax.enable_x64(True):
        losses = np.asarray(expected.law(N, D))
    np.testing.assert_allclose(batch.predict(N, D)[index], losses, rtol=1e-10)
    assert batch.outcome(index) is expected.outcome
    own = batch.law_at(index)
    for name in ("A", "B", "U"):
        found, known = getattr(own, name).to_dict(), getattr(expected.law, name).to_dict()
        assert found == pytest.approx(known, rel=1e-9, abs=1e-10)


@cache
def whole_batch(kind: str) -> BatchFit:
    losses, weights = stacks()
    given: dict[str, Any] = {"losses": losses, "weights": weights}
    chosen = given if kind == "both" else {kind: given[kind]}
    return fit_batch(Farseer, runs(), **chosen)


@pytest.mark.parametrize("kind", ["losses", "weights", "both"])
def test_batch_equals_a_loop(kind: str) -> None:
    losses, weights = stacks()
    batch = whole_batch(kind)
    assert len(batch) == 70
    assert batch.usable.all()
    for i in range(0, 70, 3):
        loss = runs().loss if kind == "weights" else losses[i]
        weight = np.ones(NUM_RUNS) if kind == "losses" else weights[i]
        assert_member(batch, i, alone(loss, weight))


def test_batch_equals_a_loop_of_fit() -> None:
    """Through the public door: other losses are other runs, held-out sizes are fewer runs."""
    losses, weights = stacks()
    by_losses, by_weights = whole_batch("losses"), whole_batch("weights")
    N, D = runs().N, runs().D
    for i in (0, 31, 32, 69):
        expected = fit(Farseer, Runs(N, D, losses[i]))
        np.testing.assert_allclose(by_losses.predict(N, D)[i], expected.predict(N, D), rtol=1e-10)
        assert by_losses.mean_relative_error[i] == pytest.approx(
            expected.mean_relative_error, rel=1e-9
        )
    for i in (45, 50, 64, 69):
        expected = fit(Farseer, runs().select(mask=weights[i] > 0))
        np.testing.assert_allclose(by_weights.predict(N, D)[i], expected.predict(N, D), rtol=1e-10)
        assert by_weights.mean_relative_error[i] == pytest.approx(
            expected.mean_relative_error, rel=1e-9
        )


def test_other_settings_in_a_batch() -> None:
    method = Piecewise(criterion="relative", search=Grid(-0.5, 0.5, 1000))
    losses, weights = stacks()
    batch = fit_batch(Farseer, runs(), losses=losses[:5], weights=weights[:5], method=method)
    for i in range(5):
        assert_member(batch, i, alone(losses[i], weights[i], method))


@pytest.mark.parametrize("num", [1, 31, 32, 33, 70])
def test_same_digits_whatever_the_batch(num: int) -> None:
    """Also in another order."""
    losses, weights = stacks()
    whole = whole_batch("both")
    rows = np.arange(num) if num < 70 else np.arange(70)[::-1]
    part = fit_batch(Farseer, runs(), losses=losses[rows], weights=weights[rows])
    assert len(part) == num
    for found, expected in zip(jax.tree.leaves(part.law), jax.tree.leaves(whole.law), strict=True):
        assert found.dtype == np.float64
        np.testing.assert_array_equal(found, expected[rows])
    np.testing.assert_array_equal(part.mean_relative_error, whole.mean_relative_error[rows])
    np.testing.assert_array_equal(part.outcome_code, whole.outcome_code[rows])


def test_one_row_is_shared_by_all() -> None:
    losses, weights = stacks()
    shared = fit_batch(Farseer, runs(), losses=losses[:3], weights=weights[:1])
    spelled_out = fit_batch(Farseer, runs(), losses=losses[:3], weights=weights[[0, 0, 0]])
    np.testing.assert_array_equal(shared.predict(1e9, 1e11), spelled_out.predict(1e9, 1e11))
    flat = fit_batch(Farseer, runs(), losses=losses[0])
    assert len(flat) == 1
    assert flat.predict(1e9, 1e11)[0] == whole_batch("losses").predict(1e9, 1e11)[0]


def test_predictions_have_the_broadcast_shape() -> None:
    batch = whole_batch("losses")
    assert batch.predict(1e9, 1e11).shape == (70,)
    assert batch.predict([[1e9], [2e9]], [1e10, 1e11, 1e12]).shape == (70, 2, 3)
    one = batch.law_at(4)
    with jax.enable_x64(True):
        expected = float(one(2e9, 1e12))
    assert batch.predict([[1e9], [2e9]], [1e10, 1e11, 1e12])[4, 1, 2] == pytest.approx(
        expected, rel=1e-14
    )


def test_hopeless_refits_are_codes_and_leave_their_neighbours_alone() -> None:
    """No weight at all, two sizes left, one run per size left, losses that rise with D."""
    good_losses, good_weights = (stack[:8] for stack in stacks())
    losses, weights = good_losses.copy(), good_weights.copy()
    sizes = np.unique(runs().N)
    weights[1] = 0
    weights[3] = np.isin(runs().N, sizes[:2])
    weights[4] = runs().D == 1e9
    losses[6] = 1 / losses[6]
    batch = fit_batch(Farseer, runs(), losses=losses, weights=weights)
    hopeless = [1, 3, 4, 6]
    assert np.flatnonzero(~batch.usable).tolist() == hopeless
    assert all(batch.outcome(i) is Outcome.too_few_sizes for i in hopeless)
    reference = fit_batch(Farseer, runs(), losses=good_losses, weights=good_weights)
    for i in (0, 2, 5, 7):
        for found, expected in zip(
            jax.tree.leaves(batch.law_at(i)), jax.tree.leaves(reference.law_at(i)), strict=True
        ):
            assert found == expected


def test_three_sizes_are_the_least_that_can_be_fitted() -> None:
    sizes = np.unique(runs().N)
    weights = np.isin(runs().N, sizes[[0, 5, 10]]).astype(float)
    batch = fit_batch(Farseer, runs(), weights=weights)
    assert batch.usable.tolist() == [True]
    assert np.all(np.isfinite(batch.predict(runs().N, runs().D)))


ONES = np.ones(NUM_RUNS)


def with_value(value: float) -> np.ndarray:
    stack = np.ones((3, NUM_RUNS))
    stack[1, 5] = value
    return stack


@pytest.mark.parametrize(
    ("stacks", "message"),
    [
        ({}, "give losses, weights or both"),
        ({"weights": np.ones((2, 5))}, r"weights: expected shape \(batch, 66\), got \(2, 5\)"),
        ({"losses": np.ones((2, 3, NUM_RUNS))}, r"losses: expected shape \(batch, 66\)"),
        ({"weights": np.ones((0, NUM_RUNS))}, r"weights: expected shape .*got \(0, 66\)"),
        ({"losses": np.ones((2, NUM_RUNS)), "weights": np.ones((3, NUM_RUNS))}, "got 2 and 3"),
        ({"weights": with_value(-1.0)}, "weights: refit 1, run 5 is -1.0; .*not negative"),
        ({"weights": with_value(np.nan)}, "weights: refit 1, run 5 is nan"),
        ({"weights": with_value(np.inf)}, "weights: refit 1, run 5 is inf"),
        ({"losses": with_value(0.0)}, "losses: refit 1, run 5 is 0.0; .*positive"),
        ({"losses": with_value(-3.0)}, "losses: refit 1, run 5 is -3.0"),
        ({"losses": with_value(np.nan)}, "losses: refit 1, run 5 is nan"),
    ],
)
def test_bad_stacks_are_refused(stacks: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        fit_batch(Farseer, runs(), **stacks)


def test_summary() -> None:
    assert repr(whole_batch("both")) == "BatchFit(farseer, 70 refits, 70 usable)"


@pytest.mark.parametrize("num", [1, 9])
def test_same_digits_of_least_squares_whatever_the_batch(num: int) -> None:
    _, weights = stacks()
    method = LeastSquares(num_starts=8)
    whole = fit_batch(Chinchilla, runs(), weights=weights, method=method)
    part = fit_batch(Chinchilla, runs(), weights=weights[-num:], method=method)
    for found, expected in zip(jax.tree.leaves(part.law), jax.tree.leaves(whole.law), strict=True):
        np.testing.assert_array_equal(found, expected[-num:])


def test_devices_are_named_or_refused() -> None:
    _, weights = stacks()
    named = fit_batch(Farseer, runs(), weights=weights, devices=jax.local_devices())
    np.testing.assert_array_equal(
        named.predict(1e9, 1e11), whole_batch("weights").predict(1e9, 1e11)
    )
    with pytest.raises(ValueError, match="devices: expected at least one, got none"):
        fit_batch(Farseer, runs(), weights=weights, devices=[])
