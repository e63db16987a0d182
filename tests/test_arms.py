"""Arms without a label, by numbers, and repeats that no column separates."""

import numpy as np
import pandas as pd
import pytest
from wild_tables import example_ladder, read, several_arms, true_rows, truth_of, ways_to_read

import farseer_jax as fj
from farseer_jax.runs.survey.arms import arms

RUNS = example_ladder()


@pytest.mark.parametrize("label", ["muon", 0.95])
def test_the_arm_without_a_label(label: object) -> None:
    kind = object if isinstance(label, str) else float
    table = several_arms(RUNS, {"none": 1.0, "own": 0.97}, "opt")
    table["opt"] = np.where(table.opt == "own", label, None).astype(kind)
    found, said = ways_to_read(table)
    assert found == [
        true_rows(truth_of(RUNS, loss=0.97 * RUNS.loss)),
        true_rows(truth_of(RUNS)),
    ], said


def test_numbers_of_tokens_are_no_groups() -> None:
    N, tokens = np.repeat([1e8, 2e8, 4e8], 5), np.tile(2e9 * 2.0 ** np.arange(5), 3)
    loss = 1.7 + 410.7 / tokens**0.28
    assert arms({"tokens": tokens}, [N], loss) is None
    table = {"N": N, "tokens": tokens, "loss": loss}
    (note,) = fj.fit("E + A/N**a", table).runs.notes
    assert "differ by up to" in note
    assert "'tokens'" in note


def test_repeats_that_differ_by_a_setting_are_told() -> None:
    decay = np.linspace(0.0, 0.3, 10)
    parts = [RUNS.assign(weight_decay=own, loss=RUNS.loss * (1.0 + 0.6 * own)) for own in decay]
    rows, said = read(pd.concat(parts, ignore_index=True))
    assert len(rows) == 10 * len(RUNS)
    assert "losses differ by up to 18 %" in said
    assert "'weight_decay'" in said


@pytest.mark.parametrize(
    "changed", [{"loss": np.where(RUNS.index % 2, np.exp(RUNS.loss), RUNS.loss)}, {"role": "x"}]
)
def test_a_refusal_says_how_to_read_the_table_as_it_is(changed: dict[str, object]) -> None:
    table = RUNS.assign(**changed)
    table.loc[3, "role"] = "target"
    with pytest.raises(fj.TableError, match="right as it is, use as_is=True"):
        fj.fit(fj.Kaplan, table)
    assert read(table, as_is=True)[0] == true_rows(table)
