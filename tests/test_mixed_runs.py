"""Runs of several arms: a fit refuses a table of them, and warns of them in `Runs`."""

from pathlib import Path

import numpy as np
import pytest

import farseer_jax as fj

ARMS = ["mla", "gqa"]


@pytest.fixture(scope="module")
def table() -> dict[str, list[object]]:
    N, D = (x.ravel() for x in np.meshgrid([1e8, 2e8, 4e8, 8e8], [1e9, 2e9, 4e9]))
    loss = 1.7 + (2e7 / N) ** 0.3 + (3e8 / D) ** 0.35
    return {
        "N": [*N, *N],
        "D": [*D, *D],
        "loss": [*loss, *(0.98 * loss)],
        "arm": [own for own in ARMS for _ in N],
    }


def test_a_table_is_refused_by_a_fit_with_the_options_that_read_it(
    table: dict[str, object],
) -> None:
    with pytest.raises(fj.TableError, match="by column 'arm'") as caught:
        fj.fit(fj.Chinchilla, table)
    assert caught.value.options == {"by": "arm"}
    assert [fit.group["arm"] for fit in fj.fit(fj.Chinchilla, table, by="arm")] == ARMS


def test_a_file_is_read_since_runs_may_be_selected_later(
    table: dict[str, object], tmp_path: Path
) -> None:
    fj.Runs.from_dataframe(table).to_dataframe().to_csv(tmp_path / "arms.csv", index=False)
    runs = fj.read_runs(tmp_path / "arms.csv")
    assert len(runs) == 24
    one = runs.select(mask=runs.extra["arm"] == "mla")
    assert fj.fit(fj.Chinchilla, one).warnings == ()


def test_a_fit_and_a_forecast_of_such_runs_say_so_first(table: dict[str, object]) -> None:
    runs = fj.Runs.from_dataframe(table)
    for result in (fj.fit(fj.Chinchilla, runs), fj.forecast(runs)):
        assert "differ by up to 2 %, by column 'arm' ('mla', 'gqa')" in result.warnings[0]
