"""Memory: blocks within a budget, and refusals ahead."""

import numpy as np
import pytest

from farseer_jax.runtime import memory


def test_blocks_hold_the_budget_and_cover_everything_in_order():
    slices = list(memory.blocks(1_000_003, 4096.0))
    rows = np.concatenate([np.arange(one.start, one.stop) for one in slices])
    lengths = [one.stop - one.start for one in slices]
    assert np.array_equal(rows, np.arange(1_000_003))
    assert max(lengths) * 4096 <= memory.BUDGET
    assert max(lengths) - min(lengths) <= 1


def test_parallel_blocks_share_the_budget():
    assert memory.block_length(1 << 20, at_once=4) == memory.block_length(1 << 20) // 4


def test_a_block_has_at_least_one_row():
    assert memory.block_length(1e15) == 1
    assert list(memory.blocks(2, 1e15)) == [slice(0, 1), slice(1, 2)]
    assert list(memory.blocks(0, 8.0)) == []


def test_what_needs_more_than_there_is_is_refused_with_the_remedy():
    needed = 2.0 * memory.total()
    with pytest.raises(memory.TooLargeError, match=r"the matrix needs about .* GB .*; fit fewer"):
        memory.require(needed, "the matrix", "fit fewer runs")
    memory.require(1e6, "the matrix", "fit fewer runs")


def test_the_limit_of_a_container_counts(tmp_path, monkeypatch):
    (tmp_path / "memory.max").write_text("500000000\n")
    monkeypatch.setattr(memory, "_LIMITS", (tmp_path / "memory.max", tmp_path / "none"))
    assert memory.total() == 5e8
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.total() > 5e8


def test_sizes_are_written_in_round_units():
    assert [memory.text(n) for n in (3e8, 1.23e9, 41e9)] == ["300 MB", "1.2 GB", "41 GB"]
