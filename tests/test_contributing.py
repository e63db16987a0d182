"""The law that CONTRIBUTING.md shows does what the page says of it."""

import re
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import farseer_jax as fj

ROOT = Path(__file__).resolve().parents[1]
TRUE = {"E": 1.3, "A": 1.6e8, "k": 0.35, "alpha": 0.22}
N, P = np.repeat(np.geomspace(5e7, 5e10, 7), 4), np.tile([1.0, 2.0, 4.0, 8.0], 7)


def shown_law() -> str:
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    section = text[text.index("## Adding a law") : text.index("## Adding a method")]
    (block,) = re.findall(r"^```python\n(.*?)^```$", section, re.DOTALL | re.MULTILINE)
    return str(block)


@pytest.fixture(scope="module")
def law() -> Iterator[type[fj.Law]]:
    """The law of the page, from a module of its own, as a file would be."""
    module = types.ModuleType("shown_in_contributing")
    sys.modules[module.__name__] = module
    exec(compile(shown_law(), "CONTRIBUTING.md", "exec"), module.__dict__)
    yield module.ParallelStreams
    del sys.modules[module.__name__]


@pytest.fixture(scope="module")
def losses() -> np.ndarray:
    """Written out in NumPy, so that the page's formula is checked as well."""
    reduced = TRUE["A"] / (N * (TRUE["k"] * np.log(P) + 1.0))
    return np.asarray(TRUE["E"] + reduced ** TRUE["alpha"])


@pytest.fixture(scope="module")
def noisy(law: type[fj.Law], losses: np.ndarray) -> fj.Fit:
    noise = 1e-3 * np.random.default_rng(0).standard_normal(len(N))
    fit = fj.fit(law, {"N": N, "P": P, "loss": losses * np.exp(noise)})
    assert isinstance(fit, fj.Fit)
    return fit


def test_a_law_with_a_new_input_is_a_file_of_at_most_thirty_lines() -> None:
    assert len(shown_law().splitlines()) <= 30


def test_simulated_runs_give_their_parameters_back(
    law: type[fj.Law], losses: np.ndarray, noisy: fj.Fit
) -> None:
    exact = fj.fit(law, {"N": N, "P": P, "loss": losses})
    for name, value in TRUE.items():
        assert float(getattr(exact.law, name)) == pytest.approx(value, rel=1e-5)
        assert float(getattr(noisy.law, name)) == pytest.approx(value, rel=0.1)
    assert noisy.success
    assert noisy.predict(N=N, P=P) == pytest.approx(losses, rel=2e-3)
    assert noisy.diagnostics.fraction_at_best() >= 0.8  # type: ignore[union-attr]


def test_a_fit_of_it_goes_to_json_and_back(law: type[fj.Law], noisy: fj.Fit) -> None:
    again = fj.Fit.from_json(noisy.to_json(), law=law)
    assert again.to_json() == noisy.to_json()
    assert np.array_equal(again.predict(N=N, P=P), noisy.predict(N=N, P=P))
    with pytest.raises(ValueError, match="to read a fit of your own law, give its class"):
        fj.Fit.from_json(noisy.to_json())


def test_a_report_says_what_law_it_is(law: type[fj.Law], noisy: fj.Fit) -> None:
    assert law.formula in str(noisy)
    assert "28 runs; N from 50 M to 50 B; P from 1 to 8" in str(noisy)


def test_a_table_without_its_input_is_refused(law: type[fj.Law], losses: np.ndarray) -> None:
    with pytest.raises(ValueError, match="no column was recognised as P"):
        fj.fit(law, {"N": N, "loss": losses})
