"""What a forecast says: its numbers are those of its parts, and its sentences fit them."""

import re

import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.forecasting.forecast_table import number_format
from farseer_jax.forecasting.usual_laws import UsualLaw
from farseer_jax.results.numbers import level_text, share_text

POINTS = [(25.1e9, 5e11), (7e9, 2e11), (3e9, 1e11)]


@pytest.fixture(scope="module")
def runs() -> fj.Runs:
    own = fj.example_runs()
    return own.select(mask=np.isin(own.N, np.unique(own.N)[::4]))


@pytest.fixture(scope="module")
def found(runs: fj.Runs) -> fj.Forecast:
    return fj.forecast(runs, POINTS)


def usual(found: fj.Forecast, name: str) -> UsualLaw:
    return next(law for law in found.usual if law.name == name)


def test_levels_and_shares_are_written_in_per_cent() -> None:
    assert [level_text(level) for level in (0.9, 0.95, 0.999, 0.5)] == [
        "90 %",
        "95 %",
        "99.9 %",
        "50 %",
    ]
    shares = [share_text(value) for value in (0.0102, 0.00066, 0.123, 1.5, 0.0)]
    assert shares == ["1.0 %", "0.066 %", "12 %", "150 %", "0 %"]


def test_numbers_have_two_digits_of_the_narrowest_half_width() -> None:
    half = np.array([0.0123, 0.4, np.nan])
    assert number_format(half)(3.14159) == "3.142"
    assert number_format(np.array([30.0]))(1234.5) == "1234"
    assert number_format(np.array([0.0]))(0.5) == "0.50000"


def test_several_points_have_a_narrow_table_and_all_in_pandas(found: fj.Forecast) -> None:
    lines = str(found.table()).splitlines()
    assert max(map(len, lines)) <= 90
    frame = found.to_dataframe()
    shares = frame[["share_law", "share_misfit", "share_size", "share_noise"]].sum(axis=1)
    np.testing.assert_allclose(shares, 1.0, rtol=1e-12)
    assert "share" not in lines[0]
    assert "90 % interval" in lines[0]
    assert f"{frame.lower[0]:.4f} to {frame.upper[0]:.4f}" in str(found)


def test_warnings_of_several_points_name_how_many(found: fj.Forecast) -> None:
    far = int((found.beyond > np.log(2.0)).sum())
    assert 0 < far < 3
    (sentence,) = [own for own in found.warnings if "far beyond the runs" in own]
    assert sentence.startswith(f"{far} of 3 points lie")
    ratio = 25.1e9 / found.runs.N.max()
    assert f"N is {'up to ' if far > 1 else ''}{ratio:.2g} times" in sentence
    both = found.at(POINTS[:1] * 2).warnings
    assert any(own.startswith("both points lie far beyond") for own in both)


def test_usual_laws_are_those_of_fit(found: fj.Forecast, runs: fj.Runs) -> None:
    method = fj.LeastSquares("huber")
    own = fj.fit(fj.Chinchilla, runs, method)
    law = usual(found, "chinchilla")
    N, D = np.transpose(POINTS)
    np.testing.assert_allclose(law.predicted, own.predict(N, D), rtol=1e-6)
    errors = np.log(runs.loss / own.predict(runs.N, runs.D))
    assert law.misfit == pytest.approx(np.sqrt(np.mean(errors**2)), rel=1e-5)
    assert isinstance(own.law, fj.Chinchilla)
    assert law.asymptote == pytest.approx(float(own.law.E), rel=1e-5)
    times = f"misses its own runs by {law.misfit / found.noise:.2g} times their noise"
    (line,) = [line for line in str(found).splitlines() if line.startswith("chinchilla: ")]
    assert times in line
    assert f"cannot fall below {law.asymptote:.3g}" in line


def test_usual_laws_elsewhere_are_not_fitted_anew(
    found: fj.Forecast, runs: fj.Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    again = fj.forecast(runs, POINTS[:1]).usual
    monkeypatch.setattr("farseer_jax.forecasting.usual_laws.fit_usual_laws", None)
    for one, other in zip(found.at(POINTS[:1]).usual, again, strict=True):
        np.testing.assert_allclose(one.predicted, other.predicted, rtol=1e-9)
        np.testing.assert_allclose(one.miss, other.miss, rtol=1e-9)


def test_a_law_that_cannot_be_fitted_says_why_in_a_clause(runs: fj.Runs) -> None:
    ladder = runs.select(mask=np.isclose(runs.D / runs.N, 20.0, rtol=0.2))
    found = fj.forecast(ladder, POINTS[:1])
    law = usual(found, "farseer")
    assert law.law is None
    assert np.isnan(law.predicted).all()
    (line,) = [line for line in str(found).splitlines() if line.startswith("farseer: not fitted")]
    assert len(line) < 120
    assert any("runs are few" in sentence for sentence in found.warnings)


def test_observed_losses_are_counted(runs: fj.Runs) -> None:
    small, large = runs.select(max_N=3e9), runs.select(min_N=3e9)
    found = fj.forecast(small, large, usual=False)
    low, high = found.interval(large.N, large.D, new_run=True)
    predicted = found.predict(large.N, large.D)
    inside = int(((low <= large.loss) & (large.loss <= high)).sum())
    squares = ((predicted - large.loss) ** 2).sum() / ((large.loss - large.loss.mean()) ** 2).sum()
    text = str(found)
    assert f"{inside} of {len(large)} observed values" in text
    assert f"R² {1.0 - squares:.4f}" in text
    error = np.abs(predicted / large.loss - 1.0).mean()
    assert f"mean error {share_text(error)}" in text
    one = found.at(large.select(mask=np.arange(len(large)) == 0))
    where = "inside" if low[0] <= large.loss[0] <= high[0] else "outside"
    assert re.search(rf"observed {large.loss[0]:.3f}\d*, {where} the interval of a run", str(one))


def test_runs_that_hardly_count_are_named_by_their_label(runs: fj.Runs) -> None:
    loss = runs.loss.copy()
    loss[7] *= 1.2
    names = [f"run-{row}" for row in range(len(runs))]
    table = {"N": runs.N, "D": runs.D, "loss": loss, "run_id": names}
    found = fj.forecast(table, POINTS[:1], usual=False)
    (sentence,) = [own for own in found.warnings if "far from the others" in own]
    assert "run_id 'run-7' (N " in sentence


def test_the_forecast_is_judged_as_the_laws_are(found: fj.Forecast, runs: fj.Runs) -> None:
    """All rms errors on the fitted runs have the weights of the forecast."""
    spoilt = fj.Runs(runs.N, runs.D, runs.loss * np.where(np.arange(len(runs)) == 7, 1.3, 1.0))
    own = fj.forecast(spoilt, POINTS[:1])
    assert own.run_weights[7] < 0.01 < 0.3 < np.median(own.run_weights)
    assert usual(own, "chinchilla").misfit < 0.03  # about 0.04 with the outlier
    (line,) = [line for line in str(own).splitlines() if line.startswith("forecast: ")]
    assert line == "forecast: fits its own runs to within their noise"


def test_runs_of_one_holdout_are_one_check(found: fj.Forecast) -> None:
    num = len(np.unique(found.record.holdout))
    assert f"\nErrors of one hold-out move together: {num} check" in str(found)
    assert "; noise of a run about the laws " in str(found)


def test_sizes_of_observed_losses_are_counted(found: fj.Forecast, runs: fj.Runs) -> None:
    few = runs.select(max_N=float(np.unique(runs.N)[1]))
    text = str(found.at(few))
    assert f"errors within a size move together: 2 sizes to check, not {len(few)} runs" in text
    assert "to check" not in str(found.at(few.select(mask=np.arange(len(few)) == 0)))


def test_an_unused_column_that_varies_is_the_first_warning() -> None:
    N, D, U = (x.ravel() for x in np.meshgrid([1e8, 4e8, 1.6e9], [2e9, 8e9, 3.2e10], [1e9, 8e9]))
    loss = 1.7 + 400.0 * N**-0.34 + 410.0 * np.minimum(D, 2.0 * U) ** -0.28
    found = fj.forecast(fj.Runs(N, D, loss, {"U": U}), POINTS[:1], usual=False)
    first = found.warnings[0]
    assert first.startswith("column 'U' (unique tokens) varies and is not an input of the usual ")
    assert "use law='data-constrained', whose points are N, D and U" in first
    assert "use where='U = " in first
    assert not any("have the N and D of another" in own for own in found.warnings)
    one = fj.Runs(N[::2], D[::2], loss[::2], {"U": U[::2]})
    assert not any("column 'U'" in own for own in fj.forecast(one, POINTS[:1]).warnings)
