"""Fit files: exact round trips, whole files or none, and one clear sentence for a bad one."""

import json
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.results.digest import json_text

N, D = np.geomspace(1e8, 1e12, 40)[:, None], np.geomspace(1e9, 1e14, 30)


@pytest.fixture(scope="module")
def result() -> fj.Fit:
    return fj.fit(fj.Farseer, fj.example_runs())


@pytest.fixture
def fit_file(result: fj.Fit, tmp_path: Path) -> Path:
    path = tmp_path / "fit.json"
    result.to_json(path)
    return path


def assert_same_fit(first: fj.Fit, second: fj.Fit) -> None:
    np.testing.assert_array_equal(first.predict(N, D), second.predict(N, D))
    np.testing.assert_array_equal(first.relative_error, second.relative_error)
    assert first.runs == second.runs
    assert first.method == second.method
    assert first.outcome is second.outcome
    assert first.warnings == second.warnings
    assert str(first) == str(second)
    assert first.to_json() == second.to_json()


# Round trips


def test_round_trip_through_text_is_exact(result: fj.Fit) -> None:
    assert_same_fit(fj.Fit.from_json(result.to_json()), result)


@pytest.mark.parametrize("kind", [str, Path])
def test_round_trip_through_a_file_is_exact(
    result: fj.Fit, tmp_path: Path, kind: Callable[[Path], Any]
) -> None:
    path = tmp_path / "fit.json"
    text = result.to_json(kind(path))
    assert path.read_text(encoding="utf-8") == text
    assert_same_fit(fj.Fit.from_json(kind(path)), result)


@pytest.mark.parametrize(
    "method",
    [fj.Piecewise.released_code(), fj.Piecewise(rounds="joint"), fj.Piecewise(ratio=1.5)],
    ids=["released code", "joint", "ratio"],
)
def test_round_trip_keeps_the_settings(method: fj.Piecewise) -> None:
    sizes, tokens = np.geomspace(2e8, 6e9, 6), 1e9 * 1.4 ** np.arange(7)
    points = np.repeat(sizes, 7), np.tile(tokens, 6)
    runs = fj.simulate(fj.example_law(), *points, noise=0, seed=0)
    result = fj.fit(fj.Farseer, runs, method)
    assert_same_fit(fj.Fit.from_json(result.to_json()), result)


def test_round_trip_keeps_an_odd_fit() -> None:
    sizes, tokens = np.geomspace(2e8, 6e9, 6), 1e9 * 2.0 ** np.arange(6)
    points = np.repeat(sizes, 6), np.tile(tokens, 6)
    runs = fj.simulate(fj.example_law(), *points, noise=5e-3, seed=0)
    rows = np.append(np.arange(3, len(runs)), [7, 7])  # a size with two pairs; copies
    runs = fj.Runs(
        runs.N[rows],
        runs.D[rows],
        runs.loss[rows],
        {"arm": ["a", "é", "b"] * 11 + ["a", "b"], "lr": np.where(rows % 2, 1e-3, np.nan)},
    )
    result = fj.fit(fj.Farseer, runs)
    assert np.isnan(result.diagnostics.A).any()  # JSON has no NaN
    assert result.warnings
    assert_same_fit(fj.Fit.from_json(result.to_json()), result)


def test_round_trip_at_an_exponent_of_exactly_zero() -> None:
    flat = fj.StretchedExponential(level=-0.8, slope=-0.12, exponent=0.0, pivot=1e9)
    law = fj.example_law()
    runs = fj.simulate(fj.Farseer(U=flat, B=law.B, A=law.A), *fj.paper_grid(), noise=0, seed=0)
    result = fj.fit(fj.Farseer, runs, fj.Piecewise(search_U=fj.Grid(-0.5, 0.5, 100)))
    content = json.loads(result.to_json())
    assert content["curves"]["U"]["exponent"] == 0.0
    assert content["parameters"]["gamma"] == 0.0
    assert content["parameters"]["a3"] is None  # infinite: the paper's form does not exist there
    assert_same_fit(fj.Fit.from_json(result.to_json()), result)


class Square(fj.Law):
    """A law of the user's own."""

    name = "square"

    E: fj.Positive
    B: fj.Positive

    def loss(self, N: Any, D: Any) -> Any:
        return self.E + self.B / jnp.sqrt(D) + 0.0 * N

    @classmethod
    def starts(cls, runs: fj.Runs, cube: np.ndarray) -> "Square":
        return cls(runs.loss.min() * (0.1 + 0.8 * cube[:, 0]), 1e3 * (1.0 + cube[:, 1]))


@pytest.mark.parametrize(
    "law", [fj.Farseer, fj.Chinchilla, fj.Coupled, fj.Kaplan, fj.RawFarseer, Square]
)
def test_round_trip_of_end_to_end_fits(law: type[fj.Law]) -> None:
    method = fj.LeastSquares("huber", num_starts=4, max_steps=60)
    result = fj.fit(law, fj.example_runs(), method)
    again = fj.Fit.from_json(result.to_json(), law=law)
    assert type(again.law) is law
    assert_same_fit(again, result)
    found, read = result.diagnostics, again.diagnostics
    assert isinstance(found, fj.StartReport)
    assert isinstance(read, fj.StartReport)
    assert read.objective == found.objective
    pd.testing.assert_frame_equal(read.to_dataframe(), found.to_dataframe())
    content = json.loads(result.to_json())
    assert content["method"]["name"] == "least-squares"
    assert ("curves" in content) == (law is fj.Farseer)


def test_a_law_of_ones_own_is_read_by_its_class() -> None:
    result = fj.fit(Square, fj.example_runs(), fj.LeastSquares(num_starts=2))
    text = result.to_json()
    assert json.loads(text)["parameters"] == {"E": float(result.law.E), "B": float(result.law.B)}
    with pytest.raises(ValueError, match=r"the law 'square'; .* Fit\.from_json\(…, law=…\)"):
        fj.Fit.from_json(text)
    with pytest.raises(ValueError, match="the law 'square'"):
        fj.Fit.from_json(text, law=fj.Chinchilla)
    with pytest.raises(TypeError, match="law must be a law's class"):
        fj.Fit.from_json(text, law=result.law)  # type: ignore[arg-type]


@pytest.mark.parametrize("damage", [None, "1e999", "missing"])
def test_damaged_parameters(damage: str | None) -> None:
    method = fj.LeastSquares(num_starts=2)
    content = json.loads(fj.fit(fj.Chinchilla, fj.example_runs(), method).to_json())
    (own,) = content["fits"]
    assert own["parameters"] == content["parameters"]  # what is read, and a copy for the reader
    if damage == "missing":
        del own["parameters"]["E"]
    else:
        own["parameters"]["E"] = damage
    with pytest.raises(ValueError, match=r"the fit is damaged .*; write it again"):
        fj.Fit.from_json(json_text(content))


def test_the_file_has_the_promised_keys(result: fj.Fit) -> None:
    content = json.loads(result.to_json())
    promised = {
        "law",
        "parameters",
        "curves",
        "metrics",
        "diagnostics",
        "runs",
        "method",
        "version",
    }
    assert promised <= set(content)
    assert content["law"] == "farseer"
    names = ["a1", "alpha", "b1", "a2", "beta", "b2", "a3", "gamma", "b3"]
    assert sorted(content["parameters"]) == sorted(names)
    assert content["metrics"]["mean_relative_error"] == result.mean_relative_error
    assert content["runs"]["N"] == result.runs.N.tolist()
    law = fj.Farseer.from_parameters(content["parameters"])
    far = np.asarray(law(np.float32([1e9, 1e10]), np.float32(1e11)))
    np.testing.assert_allclose(far, result.predict([1e9, 1e10], 1e11), rtol=1e-5)


def test_the_file_is_strict_json(result: fj.Fit) -> None:
    def refuse(name: str) -> None:
        raise AssertionError(f"{name} is not JSON")

    text = result.to_json()
    json.loads(text, parse_constant=refuse)
    assert text.endswith("}\n")


# Files are whole or not there


def fail_at(monkeypatch: pytest.MonkeyPatch, function: str, error: BaseException) -> None:
    def fail(*_: Any) -> None:
        raise error

    monkeypatch.setattr(os, function, fail)


@pytest.mark.parametrize("function", ["fsync", "replace", "chmod"])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(
    result: fj.Fit,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    function: str,
    error: BaseException,
) -> None:
    path = tmp_path / "fit.json"
    path.write_text("the old file")
    fail_at(monkeypatch, function, error)
    with pytest.raises(type(error)):
        result.to_json(path)
    assert os.listdir(tmp_path) == ["fit.json"]
    assert path.read_text() == "the old file"
    with pytest.raises(type(error)):
        result.to_json(tmp_path / "new.json")
    assert os.listdir(tmp_path) == ["fit.json"]


def test_nobody_ever_sees_half_a_file(
    result: fj.Fit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "fit.json"
    path.write_text("the old file")
    seen: list[str] = []
    sync = os.fsync

    def look(handle: int) -> None:
        seen.append(path.read_text())
        sync(handle)

    monkeypatch.setattr(os, "fsync", look)
    text = result.to_json(path)
    assert seen == ["the old file"]
    assert path.read_text(encoding="utf-8") == text
    assert os.listdir(tmp_path) == ["fit.json"]


def test_a_written_file_has_the_usual_permissions(fit_file: Path) -> None:
    (fit_file.parent / "usual").touch()
    usual = stat.S_IMODE((fit_file.parent / "usual").stat().st_mode)
    assert stat.S_IMODE(fit_file.stat().st_mode) == usual


def test_paths_that_cannot_be_written(result: fj.Fit, tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError, match="it is a directory; name a file in it"):
        result.to_json(tmp_path)
    missing = tmp_path / "missing" / "fit.json"
    with pytest.raises(FileNotFoundError, match=r"cannot write .*missing.fit\.json"):
        result.to_json(missing)
    assert os.listdir(tmp_path) == []


# Files that are no fit


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.9999])
def test_a_truncated_file(fit_file: Path, share: float) -> None:
    text = fit_file.read_text(encoding="utf-8").rstrip()
    fit_file.write_text(text[: int(share * len(text))], encoding="utf-8")
    with pytest.raises(ValueError, match=r"fit\.json is not valid JSON .* truncated"):
        fj.Fit.from_json(fit_file)


def test_truncated_text(result: fj.Fit) -> None:
    with pytest.raises(ValueError, match="the JSON text is not valid JSON"):
        fj.Fit.from_json(result.to_json()[:5000])


def rewrite(path: Path, change: Callable[[dict[str, Any]], Any]) -> Path:
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json_text(content), encoding="utf-8")  # with a digest of its own
    return path


def test_a_file_of_a_later_version(fit_file: Path) -> None:
    rewrite(fit_file, lambda content: content.update(version=3))
    with pytest.raises(ValueError, match=r"fit\.json has version 3 .* upgrade farseer_jax"):
        fj.Fit.from_json(fit_file)


def test_a_file_of_an_earlier_version(fit_file: Path) -> None:
    rewrite(fit_file, lambda content: content.update(version=1))
    with pytest.raises(ValueError, match=r"fit\.json has version 1 .*: fit again"):
        fj.Fit.from_json(fit_file)


def test_a_file_of_another_law(fit_file: Path) -> None:
    rewrite(fit_file, lambda content: content.update(law="unheard-of"))
    with pytest.raises(ValueError, match=r"fit\.json holds a fit of the law 'unheard-of'"):
        fj.Fit.from_json(fit_file)


def test_a_file_of_a_method_of_ones_own(fit_file: Path) -> None:
    rewrite(fit_file, lambda content: content["method"].update(name="guess"))
    with pytest.raises(ValueError, match=r"fit\.json holds a fit by the method 'guess'"):
        fj.Fit.from_json(fit_file)


DAMAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no curves": lambda content: content.pop("curves"),
    "no level": lambda content: content["curves"]["U"].pop("level"),
    "no runs": lambda content: content.pop("runs"),
    "a bad run": lambda content: content["runs"]["loss"].__setitem__(3, -1.0),
    "no diagnostics": lambda content: content["diagnostics"].pop("G"),
    "unknown outcome": lambda content: content["fits"][0]["outcome"].update(name="fine"),
    "no fits": lambda content: content.pop("fits"),
    "no fit": lambda content: content.update(fits=[]),
    "inputs a list": lambda content: content.update(inputs=[1, 2]),
    "unknown setting": lambda content: content["method"].update(speed=1),
    "curves a list": lambda content: content.update(curves=[1, 2]),
    "unknown search": lambda content: content["method"].update(search={"name": "random"}),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file(fit_file: Path, damage: str) -> None:
    rewrite(fit_file, DAMAGES[damage])
    with pytest.raises(ValueError, match=r"fit\.json: the fit is damaged .*; write it again"):
        fj.Fit.from_json(fit_file)


EXPRESSION_DAMAGES: dict[str, Callable[[dict[str, Any]], Any]] = {
    "no kind": lambda content: content["inputs"]["N"].pop("kind"),
    "an unknown kind": lambda content: content["inputs"]["N"].update(kind="strange"),
    "an input a number": lambda content: content["inputs"].update(N=3),
    "no expression": lambda content: content.update(expression="E + __import__('os')"),
    "an expression of a number": lambda content: content.update(expression=5),
    "another expression": lambda content: content.update(expression="E + B/N**alpha"),
    "other inputs": lambda content: content.update(expression="E + A/M**alpha"),
    "real parameters a number": lambda content: content.update(real=3),
    "a parameter a vector": lambda content: content["fits"][0]["parameters"].update(E={"a": 1.0}),
}


@pytest.fixture(scope="module")
def text_fit() -> fj.Fit:
    """Of a law as text."""
    N = np.geomspace(1e8, 1e10, 8)
    return fj.fit("E + A/N**alpha", {"N": N, "loss": 2.0 + 50.0 / N**0.25 + 1e-4 * np.sin(N)})


def test_a_law_as_text_is_read_back_without_its_class(text_fit: fj.Fit) -> None:
    text = text_fit.to_json()
    assert json.loads(text)["expression"] == "E + A/N**alpha"
    again = fj.Fit.from_json(text)
    assert type(again.law) is type(text_fit.law)
    assert again.predict(1e11) == text_fit.predict(N=1e11)
    assert again.to_json() == text


@pytest.mark.parametrize("damage", EXPRESSION_DAMAGES)
def test_a_damaged_law_as_text(text_fit: fj.Fit, tmp_path: Path, damage: str) -> None:
    path = tmp_path / "fit.json"
    text_fit.to_json(path)
    rewrite(path, EXPRESSION_DAMAGES[damage])
    with pytest.raises(ValueError, match=r"fit\.json: the fit is damaged .*; write it again"):
        fj.Fit.from_json(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not valid JSON"),
        (b"N,D,loss\n1e9,1e10,3\n", "is not valid JSON"),
        (b"[1, 2]", 'expected a fit file with "format"'),
        (b'{"law": "farseer"}', 'expected a fit file with "format"'),
        (bytes(range(256)), "expected JSON in UTF-8"),
        (b"\0" * 100, "is not valid JSON"),
        (b"\x1f\x8b\x08\x00\xff\xfe", "expected JSON in UTF-8"),
    ],
    ids=["empty", "csv", "list", "other JSON", "binary", "zeros", "gzip"],
)
def test_a_file_that_is_no_fit(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "runs.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=message) as caught:
        fj.Fit.from_json(path)
    assert "runs.json" in str(caught.value)


def test_a_path_without_a_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"nothing\.json: no such file"):
        fj.Fit.from_json(tmp_path / "nothing.json")
    with pytest.raises(IsADirectoryError, match="is a directory; give the path of a file"):
        fj.Fit.from_json(tmp_path)
