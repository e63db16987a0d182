"""What doubling does is what the law says at twice the point."""

from pathlib import Path

import numpy as np
import pytest
from commands import farseer

import farseer_jax as fj
from farseer_jax.plots import plot_doublings


@pytest.fixture(scope="module")
def found(example: fj.Fit) -> fj.Doublings:
    return fj.doublings(example, [1e9, 7e9], 1e12)


def test_changes_are_ratios_of_predictions(example: fj.Fit, found: fj.Doublings) -> None:
    expected = example.predict([2e9, 14e9], 1e12) / example.predict([1e9, 7e9], 1e12) - 1
    np.testing.assert_allclose(found.double_N, expected, rtol=1e-13)
    assert (found.double_both < np.minimum(found.double_N, found.double_D)).all()


def test_the_result_goes_to_json_and_back_to_pandas_and_to_html(found: fj.Doublings) -> None:
    back = fj.Doublings.from_json(found.to_json())
    assert str(back) == str(found)
    assert back.to_dataframe().equals(found.to_dataframe())
    assert "twice both" in found._repr_html_()


def test_the_command_prints_and_draws_it(fit_file: Path, folder: Path, found: fj.Doublings) -> None:
    result = farseer(
        "doublings", fit_file, "--at", "1e9,1e12", "--at", "7e9,1e12", "--save", "d.svg"
    )
    assert result.stdout == f"{found}\n"
    assert (folder / "d.svg").stat().st_size > 0


def test_the_figure_has_three_bars_for_each_point(found: fj.Doublings) -> None:
    assert len(plot_doublings(found).patches) == 6
