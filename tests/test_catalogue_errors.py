"""The mean errors on real runs that the catalogue's page gives, by each law's own objective."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj

WIDTHS = (512, 768, 768, 1024, 1536, 2048)  # of the six sizes of Tao et al.


def mean_error(law: type[fj.Law], runs: pd.DataFrame, by: str | list[str] = ()) -> list[float]:
    """Mean relative errors in per cent, one for each group."""
    method = dataclasses.replace(fj.published_method(law), num_starts=4)
    fits = fj.fit(law, runs, method, by=by)
    found = []
    for fit in fits if by else [fits]:
        inputs = {name: fit.runs.inputs[name] for name in law.inputs()}
        found.append(100.0 * float(np.mean(np.abs(fit.predict(**inputs) / fit.runs.loss - 1.0))))
    return found


def table(shared_data: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(shared_data / "named_inputs" / name)


def test_vocabularies(shared_data: Path) -> None:
    runs = table(shared_data, "vocabulary.csv")
    sizes = dict(zip(np.unique(runs["N_nonvocab"]), WIDTHS, strict=True))
    runs["width"] = runs["N_nonvocab"].map(sizes)
    for law, expected in ((fj.Vocabulary, 1.7), (fj.VocabularyWidth, 1.9)):
        assert [round(error, 1) for error in mean_error(law, runs)] == [expected]


def test_fine_tuning(shared_data: Path) -> None:
    runs = table(shared_data, "finetuning.csv")
    errors = mean_error(fj.FineTuning, runs, ["model", "dataset"])
    assert round(float(np.mean(errors)), 2) == 0.54


@pytest.mark.parametrize(
    ("law", "expected"),
    [(fj.Overtraining, [2.0, 1.8, 1.8]), (fj.OvertrainingOneCoefficient, [2.8, 2.8, 2.7])],
)
def test_overtraining(shared_data: Path, law: type[fj.Law], expected: list[float]) -> None:
    runs = pd.read_csv(shared_data / "gadre_overtrain.csv")
    assert [round(error, 1) for error in mean_error(law, runs, "corpus")] == expected


@pytest.mark.parametrize(
    ("law", "expected"), [(fj.LearningRateBatch, 0.91), (fj.AsymmetricLearningRateBatch, 0.66)]
)
def test_learning_rates(shared_data: Path, law: type[fj.Law], expected: float) -> None:
    runs = table(shared_data, "learning_rate_batch.csv")
    assert [round(error, 2) for error in mean_error(law, runs)] == [expected]
