"""Laws of hyperparameters, vocabulary, breaks and data: slopes, files, published parameters."""

import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.laws.law_json import law_from_dict, law_to_dict

BEST = {"c_lr": 1.79, "lr_N": -0.713, "lr_D": 0.307, "c_B": 0.58, "B_N": 0.1, "B_D": 0.5}
SIZE = {"E": 1.7, "A": 400.0, "C": 410.0, "alpha": 0.34, "beta": 0.28}
BOWL = {**SIZE, **BEST, "k_lr": 0.03, "k_B": 0.02}
MIX = {**SIZE, "B": 300.0, "C": 0.2, "gamma": 0.4, "eta": 0.2, "epsilon": 0.1}
BREAK = {"a": 0.5, "b": 4.0, "c0": 0.1, "c1": 0.8, "d1": 1e9, "f1": 0.2}
WORDS = {"E": 5.7, "A1": 480.0, "A2": 79.0, "B": 3000.0, "alpha1": 0.4, "alpha2": 0.7}
RISE = {"steepness": 6.0, "midpoint": 0.9}
STEP = {"floor": 0.25, "ceiling": 0.95, "limit": 3.0, "N_scale": 8e9, "alpha": 0.35,
        "D_scale": 9e10, "beta": 0.3}  # fmt: skip
TUNED = {"N": 1e9, "D": 2e10, "lr": 2e-3, "B": 4e5}
LAWS = [
    (fj.Overtraining(E=1.5, a=140.0, b=190.0, eta=0.12), {"N": 1e9, "D": 2e10}),
    (fj.OvertrainingOneCoefficient(E=1.5, a=140.0, eta=0.12), {"N": 1e9, "D": 2e10}),
    (fj.Vocabulary(**WORDS, h=-0.3), {"N": 1e9, "V": 3e4, "characters": 1e11}),
    (fj.VocabularyWidth(**WORDS), {"N": 1e9, "V": 3e4, "width": 2048.0, "characters": 1e11}),
    (fj.FineTuning(E=1.5, B=60.0, D_l=20.0, beta=0.4), {"examples": 3000.0}),
    (fj.LearningRateBatch(**BOWL), TUNED),
    (fj.AsymmetricLearningRateBatch(**BOWL, s_lr=0.7, s_B=-0.3, lr_B=0.1), TUNED),
    (fj.OptimalHyperparameter(c=1.79, a=-0.713, b=0.307), {"N": 1e9, "D": 2e10}),
    (fj.OptimalHyperparameterOfCompute(c=0.3118, a=-0.125), {"C": 1e20}),
    (fj.BrokenPowerLaw(**BREAK), {"x": 2e9}),
    (fj.broken_power_law(2)(**BREAK, c2=-0.3, d2=1e11, f2=0.5), {"x": 2e9}),
    (fj.LogisticAccuracy(floor=0.25, ceiling=0.95, **RISE), {"task_loss": 0.8}),
    (fj.ExponentialAccuracy(epsilon=0.75, k=1.6, gamma=1.4), {"task_loss": 0.8}),
    (fj.SingleStepAccuracy(**STEP), {"N": 1e9, "D": 2e10}),
    (fj.ComputeAccuracy(floor=0.25, ceiling=0.95, C_half=1e21, exponent=0.5), {"C": 3e20}),
    (fj.ContinualPretraining(**MIX), {"N": 1e9, "D": 2e10, "r": 0.4}),
    (
        fj.CrossDomainContinualPretraining(**MIX, F=0.5, mu=0.6),
        {"N": 1e9, "D": 2e10, "r": 0.4, "K": 2.0},
    ),
]
IDS = [law.name for law, _ in LAWS]


@pytest.fixture(autouse=True)
def _float64():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize(("law", "at"), LAWS, ids=IDS)
def test_gradients_agree_with_differences(law, at):
    numbers = {name: np.float64(value) for name, value in law.parameters().items()}

    def loss(parameters, inputs):
        return jnp.asarray(type(law)(**parameters).loss(**inputs))

    for argument, own in enumerate((numbers, at)):
        slopes = jax.grad(loss, argnums=argument)(numbers, at)
        for name, value in own.items():
            step = 1e-5 * (abs(value) or 1.0)
            ends = [{**own, name: value + side * step} for side in (1.0, -1.0)]
            both = [(end, at) if argument == 0 else (numbers, end) for end in ends]
            difference = float(loss(*both[0]) - loss(*both[1])) / (2.0 * step)
            assert float(slopes[name]) == pytest.approx(difference, rel=1e-5, abs=1e-12), name


@pytest.mark.parametrize(("law", "at"), LAWS, ids=IDS)
def test_files_and_pickles_keep_it(law, at):
    for again in (law_from_dict(law_to_dict(law)), pickle.loads(pickle.dumps(law))):
        assert type(again) is type(law)
        assert float(again(**at)) == float(law(**at))


@pytest.mark.parametrize(("law", "at"), LAWS, ids=IDS)
def test_the_formula_names_the_inputs(law, at):
    assert list(type(law).inputs()) == list(at)
    assert law.formula.partition(" =")[0][0] in "Ly"


@pytest.mark.parametrize(("law", "at"), LAWS, ids=IDS)
def test_published_laws_have_values(law, at):
    known = type(law).published_parameters
    for name in known:
        assert np.isfinite(float(type(law).published(name)(**at)))
    if not known:
        with pytest.raises(ValueError, match="has no published parameters: fit it to runs"):
            type(law).published()
