"""The benchmark of an accelerator, run with a CPU in its place."""

import json
import sys
import threading
from pathlib import Path

import jax
import numpy as np
import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def gpu(monkeypatch):
    monkeypatch.syspath_prepend(str(FOLDER))
    for name in ("gpu", "_timing", "piecewise"):  # other benchmarks may be loaded by these names
        monkeypatch.delitem(sys.modules, name, raising=False)
    import gpu

    return gpu


def test_small_sections_agree_and_are_written(gpu, tmp_path, capsys):
    names = ["predictions", "grid search", "30,000 starts", "schedules, float32"]
    file = tmp_path / "results" / "gpu.json"
    assert gpu.main([str(file), "--small", "--only", *names]) == 0
    written = json.loads(file.read_text("utf-8"))
    assert json.loads(capsys.readouterr().out) == written
    assert list(written["sections"]) == names
    assert set(written["exp_per_second"]) == {"float64", "float32"}
    for name, found in written["sections"].items():
        assert found["agrees"], name
        assert found["tolerance"] == (1e-5 if "float32" in name else 1e-10)
        for own in (found["device"], found["cpu"]):
            assert own["elements"] == gpu.SIZES[name][2]
            assert own["first_seconds"] >= own["compile_seconds"] > 0.0 or own is found["cpu"]
    counted = [n for n, f in written["sections"].items() if "share_of_exp_rate" in f["device"]]
    assert counted == ["grid search", "30,000 starts"]


def test_every_section_has_sizes(gpu):
    assert set(gpu.SIZES) == set(gpu.SECTIONS)


def test_a_section_that_fails_or_takes_too_long_does_not_end_the_rest(gpu, monkeypatch, capsys):
    wait, rest = threading.Event(), []

    def fails(num, dtype):
        raise RuntimeError("out of memory")

    def hangs(num, dtype):
        wait.wait()
        raise RuntimeError("it was given up")

    def differs(num, dtype):
        rest.append(jax.config.jax_default_device)
        return gpu.Task(lambda: {"value": np.full(num, 1.0 + 1e-9 * len(rest), dtype)})

    makes = {"predictions": fails, "grid search": hangs, "schedules": differs}
    sections = {name: gpu.Section(make) for name, make in makes.items()}
    monkeypatch.setattr(gpu, "SECTIONS", sections)
    monkeypatch.setattr(gpu, "exp_rate", lambda *rest: {"per_second": 1.0})
    assert gpu.main(["--small", "--minutes", "0.05", "--only", *makes]) == 1
    wait.set()
    failed, late, differing = json.loads(capsys.readouterr().out)["sections"].values()
    assert failed == {"error": "RuntimeError: out of memory"}
    assert late["error"].startswith("took longer than 2 seconds")
    assert differing["difference"] == pytest.approx(1e-9, rel=1e-3)
    assert not differing["agrees"]
    assert rest == [jax.devices()[0], jax.devices("cpu")[-1]]


def test_nothing_is_run_without_time(gpu, monkeypatch, capsys):
    monkeypatch.setattr(gpu, "exp_rate", lambda *rest: {"per_second": 1.0})
    assert gpu.main(["--minutes", "0", "--only", "predictions"]) == 1
    assert json.loads(capsys.readouterr().out)["sections"] == {
        "predictions": {"error": "no time was left"}
    }


def test_differences_are_relative_to_the_larger_values(gpu):
    expected = {"a": np.array([1.0, 1e-6, np.nan])}
    assert gpu.difference({"a": np.array([1.0 + 1e-12, 1e-6, np.nan, 5.0])}, expected) < 2e-12
    assert gpu.difference({"a": np.array([1.0, 1e-6 + 1e-9, np.nan])}, expected) < 2e-6
    assert gpu.difference({"a": np.array([1.0, np.nan, np.nan])}, expected) == np.inf
    assert gpu.difference({"a": np.array([np.nan])}, {"a": np.array([np.nan])}) == np.inf
