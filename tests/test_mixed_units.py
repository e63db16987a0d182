"""Rows of N or D in another unit than the others, whatever the column's name says."""

import numpy as np
import pytest
from wild_tables import rows_of, ways_to_read

import farseer_jax as fj

N, D = (own.ravel() for own in np.meshgrid(1e8 * 2.0 ** np.arange(5), 2e9 * 2.0 ** np.arange(5)))
NOISE = 1.0 + 1e-3 * np.random.default_rng(0).standard_normal(25)
LOSS = (1.7 + 406.4 / N**0.34 + 410.7 / D**0.28) * NOISE
TRUE = rows_of(N, D, LOSS)


@pytest.mark.parametrize("row", [0, 2, 4, 12, 20, 24])
@pytest.mark.parametrize("role", ["N", "D"])
def test_one_row_in_thousands(role: str, row: int) -> None:
    table = {"N": N.copy(), "D": D.copy(), "loss": LOSS}
    table[role][row] /= 1e3
    found, said = ways_to_read(table)
    assert found == [TRUE], said
    assert "mixes units" in said


@pytest.mark.parametrize(("name", "unit", "factor"), [("params_B", 1e9, 1e3), ("N_M", 1e6, 1e-3)])
def test_rows_in_another_unit_than_the_name_says(name: str, unit: float, factor: float) -> None:
    values = N / unit
    values[::3] *= factor
    found, said = ways_to_read({name: values, "D": D, "loss": LOSS})
    assert found == [TRUE], said


def test_a_unit_that_is_proposed_replaces_that_of_the_name() -> None:
    table = {"params_M": N / 1e6, "tokens_M": D / 1e9, "loss": LOSS}  # these are billions
    with pytest.raises(fj.TableError, match="in billions, give D_unit=1e9") as caught:
        fj.read_runs(table)
    assert caught.value.options == {"units": {"D": 1e9}}
    assert ways_to_read(table)[0] == [TRUE]


def test_a_column_that_spans_many_sizes_is_read_as_it_is() -> None:
    wide = np.concatenate([N, 1e3 * N])
    tokens = np.concatenate([D, D])
    loss = 1.7 + 406.4 / wide**0.34 + 410.7 / tokens**0.28
    found, said = ways_to_read({"N": wide, "D": tokens, "loss": loss})
    assert (found, said) == ([rows_of(wide, tokens, loss)], "")
