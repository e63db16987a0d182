"""Losses of diverged runs, of several data sets, and of both signs."""

import numpy as np
import pandas as pd
import pytest
from wild_tables import example_ladder, rows_of, true_rows, truth_of, ways_to_read

import farseer_jax as fj

RUNS = example_ladder()


@pytest.mark.parametrize("loss", [7.4, 10.83, 11.9])
@pytest.mark.parametrize("mark", ["", "diverged", "finished", "status"])
def test_a_diverged_run_is_left_out(loss: float, mark: str) -> None:
    table = RUNS.astype({"loss": float})
    table.loc[9, "loss"] = loss
    bad = table.index == 9
    if mark:
        words = np.where(bad, "killed", "done")
        table[mark] = words if mark == "status" else bad if mark == "diverged" else ~bad
    found, said = ways_to_read(table)
    assert found == [true_rows(truth_of(RUNS).drop(9))], said
    assert "perplexit" not in said
    assert f"{mark or 'loss'} " in said.partition("use where=")[2]


SCALES = {"code": 1.0, "text": 2.9}


@pytest.fixture
def two_corpora() -> pd.DataFrame:
    parts = [RUNS.assign(corpus=name, loss=scale * RUNS.loss / 3) for name, scale in SCALES.items()]
    return pd.concat(parts, ignore_index=True)


def test_losses_of_two_corpora_are_no_perplexities(two_corpora: pd.DataFrame) -> None:
    found, said = ways_to_read(two_corpora, by=("corpus",))
    assert len(found[0]) == 2 * len(RUNS)
    assert "perplexit" not in said
    with pytest.raises(fj.TableError, match="by column 'corpus'") as caught:
        fj.fit(fj.Kaplan, two_corpora)
    assert caught.value.options == {"by": "corpus"}


def test_perplexities_are_found_within_a_group(two_corpora: pd.DataFrame) -> None:
    rows = two_corpora.index[-4:]
    two_corpora.loc[rows, "loss"] = np.exp(two_corpora.loss[rows])
    with pytest.raises(fj.TableError, match="perplexities"):
        fj.fit(fj.Kaplan, two_corpora, by="corpus")


def test_losses_relative_to_another_are_fitted_as_they_are() -> None:
    table = RUNS.assign(loss=RUNS.loss - RUNS.loss.median())
    found, said = ways_to_read(table)
    assert found == [rows_of(table.N, table.D, table.loss)]
    assert 'link="identity"' in said


def test_the_large_losses_of_far_smaller_models_are_no_diverged_runs() -> None:
    small = RUNS.iloc[:4].assign(N=2e5, loss=[9.0, 9.2, 9.4, 9.6])
    table = pd.concat([small, RUNS], ignore_index=True)
    _, said = ways_to_read(table)
    assert "diverged" not in said
