"""Laws with further sizes: streams, repeated data, experts, precision, distillation."""

from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.laws.evaluate import evaluate
from farseer_jax.laws.registry import LAWS, law_named

Inputs = dict[str, np.ndarray]
NUM_STARTS = 16
EXPERTS = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0]


def grid(**axes: Any) -> Inputs:
    mesh = np.meshgrid(*axes.values(), indexing="ij")
    return {name: values.ravel() for name, values in zip(axes, mesh, strict=True)}


def repeated() -> Inputs:
    found = grid(
        N=np.geomspace(7e6, 4e9, 6), U=np.geomspace(1e8, 1e11, 4), D=[1.0, 4.0, 16.0, 64.0]
    )
    found["D"] = found["D"] * found["U"]
    return found


def in_few_bits() -> Inputs:
    bits = {"p_w": [3.0, 4.0, 6.0, 16.0], "p_a": [4.0, 6.0, 16.0], "p_kv": [4.0, 6.0, 16.0]}
    found = grid(N=[3e7, 1.1e8, 2.2e8], D=[1.5e9, 6.5e9, 2.6e10], **bits, p_post=[3.0, 4.0, 16.0])
    some = np.random.default_rng(0).permutation(len(found["N"]))[:250]
    return {name: values[some] for name, values in found.items()}


def students() -> Inputs:
    found = grid(
        N=np.geomspace(1.4e8, 7.7e9, 5),
        D=np.geomspace(4e9, 5e11, 5),
        teacher_loss=[1.9, 2.05, 2.2, 2.35, 2.6, 2.9],
    )
    alone = fj.Coupled(E=1.2, A=3000.0, B=18000.0, alpha=0.41, beta=0.43, k=0.45)
    return found | {"supervised_loss": evaluate(alone, found["N"], found["D"])}


PRECISION = fj.Precision.published().parameters()
SIZES = {"A": 3000.0, "B": 20000.0, "alpha": 0.35, "beta": 0.45, "gamma": 0.6}
CHINCHILLA = {"E": 1.7, "A": 406.0, "B": 410.0, "alpha": 0.34, "beta": 0.28}
# name of a law, its parameters (or the name of published ones), and the runs' inputs
WORLDS: dict[str, tuple[Any, Inputs]] = {
    "parscale": ("Pile", grid(N=np.geomspace(5e8, 4.5e9, 6), P=[1.0, 2.0, 4.0, 8.0])),
    "data-constrained": (None, repeated()),
    "moe-bilinear": (
        {"a": -0.082, "b": -0.108, "c": 0.009, "d": 1.104},
        grid(N=np.geomspace(1.5e7, 1.3e9, 6), experts=[1.0, 4.0, 16.0, 64.0]),
    ),
    "moe-saturating": (
        "S-Base",
        grid(N=np.geomspace(1.5e7, 1.3e9, 6), experts=[1.0, 2.0, 8.0, 32.0, 128.0, 512.0]),
    ),
    "moe-granularity": (
        "MoE",
        grid(
            N=np.geomspace(1e8, 4e9, 5), D=np.geomspace(1.6e10, 1.3e11, 4), G=[1.0, 2.0, 4.0, 16.0]
        ),
    ),
    "moe-sparsity": (
        None,
        grid(
            N=np.geomspace(1e8, 1e10, 6),
            D=np.geomspace(3e9, 3e11, 5),
            S=[0.0, 0.5, 0.75, 0.9, 0.98],
        ),
    ),
    "moe-joint": (
        None,
        grid(N_active=np.geomspace(8e7, 2.7e9, 5), D=np.geomspace(5e8, 3e10, 5), experts=EXPERTS),
    ),
    "moe-upcycling": (
        {"A": 30.0, "a": 0.2, "b": 0.2, "c": 0.008, "E": 2.0},
        grid(expansion=[1.0, 2.0, 4.0, 8.0, 16.0], N_active=np.geomspace(1e7, 1e9, 6)),
    ),
    "precision": (None, in_few_bits()),
    "precision-unified": (PRECISION | {"C_w": 0.7, "C_a": 0.9, "C_kv": 1.1}, in_few_bits()),
    "distillation": (dict(c0=1.5, c1=20.0, d1=1.2, f1=0.1, **SIZES), students()),
    "chinchilla(N=expert-parameters)": (
        CHINCHILLA | {"m": 0.35, "n": 0.05},
        grid(N=np.geomspace(8e7, 2.7e9, 5), D=np.geomspace(5e8, 3e10, 5), experts=EXPERTS),
    ),
    "chinchilla(N=excess-parameters, D=repeated-tokens)": (
        CHINCHILLA | {"R_N": 5.0, "G": 0.05, "h": 0.9, "R_D": 15.0},
        repeated(),
    ),
}


HARD = ("precision-unified", "chinchilla(N=excess-parameters, D=repeated-tokens)")


def law_of(name: str) -> tuple[type[fj.Law], fj.Law, Inputs]:
    kind = law_named(name)
    assert kind is not None
    known, inputs = WORLDS[name]
    return kind, kind(**known) if isinstance(known, dict) else kind.published(known), inputs


@cache
def fitted(name: str, noise: float) -> fj.Fit:
    kind, law, inputs = law_of(name)
    rng = np.random.default_rng(1)
    loss = evaluate(law, **inputs)
    table = inputs | {"loss": loss * np.exp(noise * rng.standard_normal(len(loss)))}
    found: fj.Fit = fj.fit(kind, table, fj.LeastSquares(num_starts=NUM_STARTS))
    return found


@pytest.mark.parametrize("name", WORLDS)
def test_recovers_the_parameters_without_noise(name: str) -> None:
    _, law, _ = law_of(name)
    found = fitted(name, 0.0)
    assert found.diagnostics.objective < 1e-24
    for own, value in law.parameters().items():
        assert found.law.parameters()[own] == pytest.approx(value, rel=1e-6), own


@pytest.mark.parametrize("name", WORLDS)
def test_recovers_the_losses_under_noise(name: str) -> None:
    _, law, inputs = law_of(name)
    found = fitted(name, 1e-3)
    truth = evaluate(law, **inputs)
    error = np.log(found.predict(**inputs) / truth)
    # the part of the noise that p parameters take up is p/n of its square
    expected = 1e-3 * np.sqrt(len(law.parameters()) / len(truth))
    assert np.sqrt(np.mean(error**2)) < 2.0 * expected
    assert found.diagnostics.objective <= 0.5 * np.sum((np.log(found.runs.loss / truth)) ** 2)


@pytest.mark.parametrize("name", WORLDS)
def test_most_starts_reach_the_best_optimum(name: str) -> None:
    least = 0.7 if name in HARD else 0.8
    assert fitted(name, 1e-3).diagnostics.fraction_at_best() >= least


@pytest.mark.parametrize("name", WORLDS)
def test_gradient_against_differences(name: str) -> None:
    kind, law, inputs = law_of(name)
    vector = np.asarray(law.to_vector())
    points = {own: values[:7] for own, values in inputs.items()}

    def losses(v: Any) -> Any:
        return jnp.log(jnp.asarray(kind.from_vector(v).loss(**points)))

    def plain(v: np.ndarray) -> np.ndarray:
        return np.log(evaluate(kind.from_vector(v), **points))

    with jax.enable_x64(True):
        exact = np.asarray(jax.jit(jax.jacfwd(losses))(jnp.asarray(vector)))
    for k, value in enumerate(vector):
        shift = 1e-6 * max(1e-3, abs(value)) * np.eye(len(vector))[k]
        slope = (plain(vector + shift) - plain(vector - shift)) / (2.0 * shift[k])
        np.testing.assert_allclose(exact[:, k], slope, rtol=2e-4, atol=1e-7)


def test_formulas() -> None:
    N, D, X = 7e8, 3e10, 8.0
    experts = 1 / (1 / (X - 1 + 1 / (1 / 1.847 - 1 / 314.478)) + 1 / 314.478)
    n, x = np.log10(N), np.log10(experts)
    assert evaluate(fj.MoESaturating.published("S-Base"), N=N, experts=X) == pytest.approx(
        10 ** (-0.082 * n - 0.108 * x + 0.009 * n * x + 1.104), rel=1e-12
    )
    x = np.log10(X)
    bilinear = fj.MoEBilinear(a=-0.082, b=-0.108, c=0.009, d=1.104)
    assert evaluate(bilinear, N=N, experts=X) == pytest.approx(
        10 ** (-0.082 * n - 0.108 * x + 0.009 * n * x + 1.104), rel=1e-12
    )
    assert evaluate(fj.MoEGranularity.published("MoE"), N=N, D=D, G=4) == pytest.approx(
        0.47 + (2.1 / 4**0.58 + 18.1) / N**0.115 + 30.8 / D**0.147, rel=1e-12
    )
    active = 1 - 0.875
    assert evaluate(fj.MoESparsity.published(), N=N, D=D, S=0.875) == pytest.approx(
        0.94
        + 16612.50 / N**0.5962
        + 5455.67 / D**0.3954
        + 0.4598 / active**-0.1666
        + 17.26 / (active**0.1603 * N**0.1595),
        rel=1e-12,
    )
    upcycled = fj.MoEUpcycling(A=30.0, a=0.2, b=0.25, c=0.008, E=2.0)
    assert evaluate(upcycled, expansion=8, N_active=N) == pytest.approx(
        30.0 * 8**-0.2 * N**-0.25 * np.exp(0.008 * np.log(8) * np.log(N)) + 2.0, rel=1e-12
    )


def test_the_joint_law_is_the_table_of_its_paper() -> None:
    """Table 4: Chinchilla's coefficients for each number of experts, printed with few digits."""
    table = {
        1: (30.3640, -0.1817, 53.9838, -0.1965),
        8: (21.8330, -0.1676, 119.9126, -0.2338),
        32: (16.5424, -0.1557, 234.6726, -0.2652),
    }
    law, N, D = fj.MoEJoint.published(), 1e9, 2e10
    for experts, (m, mu, n, nu) in table.items():
        expected = 1.3637 + m * N**mu + n * D**nu
        assert evaluate(law, N_active=N, D=D, experts=experts) == pytest.approx(expected, rel=1e-3)


def test_repeated_data_as_in_the_repository_of_its_authors() -> None:
    law = fj.DataConstrained.published()
    assert evaluate(law, N=6.34e9, D=242e9, U=25e9) == pytest.approx(2.2256440889984477, rel=1e-12)
    assert evaluate(law, N=8.67e9, D=178e9, U=25e9) == pytest.approx(2.2269634075087867, rel=1e-12)


def test_one_epoch_of_a_model_that_is_not_too_large_is_chinchilla() -> None:
    law = fj.DataConstrained.published()
    own = law.parameters()
    size = 0.5 * float(law.optimal_size(4e9))
    dense = fj.Chinchilla(*(own[name] for name in ("E", "A", "B", "alpha", "beta")))
    assert evaluate(law, N=size, D=4e9, U=4e9) == pytest.approx(float(evaluate(dense, size, 4e9)))


def test_the_optimal_size_is_that_of_chinchilla() -> None:
    """For D = U tokens, no other N and D of the same compute have a lower loss."""
    law = fj.DataConstrained(E=1.8, A=400.0, B=900.0, alpha=0.34, beta=0.3, R_D=9.0, R_N=5.0)
    dense = fj.Chinchilla(E=1.8, A=400.0, B=900.0, alpha=0.34, beta=0.3)
    N, D = float(law.optimal_size(2e10)), 2e10
    factors = np.exp(np.linspace(-0.5, 0.5, 101))
    assert np.argmin(evaluate(dense, N * factors, D / factors)) == 50


def test_effective_experts_are_the_bilinear_law() -> None:
    """A dense model of the effective size has the loss of the mixture of experts."""
    a, b, c, d = -0.082, -0.108, 0.009, 1.104
    term = fj.ExpertParameters(m=(b + 9.0 * c) / a, n=-c / (a * np.log(10.0)))
    law = fj.MoEBilinear(a=a, b=b, c=c, d=d)
    for N in (2e7, 1e9):
        size = float(term.value(N=np.float64(N), experts=64.0))
        assert evaluate(law, N=N, experts=64) == pytest.approx(
            float(evaluate(law, N=size, experts=1)), rel=1e-5
        )


def test_quantisation_of_models_trained_in_few_bits() -> None:
    law = fj.UnifiedPrecision(**PRECISION, C_w=0.7, C_a=50.0, C_kv=50.0)
    trained = {"N": 2e8, "D": 2e10, "p_a": 16.0, "p_kv": 16.0}
    same = evaluate(law, p_w=4.0, p_post=4.0, **trained)
    none = evaluate(fj.Precision.published(), p_w=4.0, p_post=100.0, **trained)
    assert same == pytest.approx(float(none), rel=1e-9)  # nothing is lost
    after = evaluate(law, p_w=16.0, p_post=3.0, **trained)
    plain = evaluate(fj.Precision.published(), p_w=16.0, p_post=3.0, **trained)
    kept = 1.0 - np.exp(-0.7 * 13.0)
    lost = float(plain) - float(
        evaluate(fj.Precision.published(), p_w=16.0, p_post=100.0, **trained)
    )
    assert float(after) == pytest.approx(float(plain) - (1.0 - kept) * lost, rel=1e-9)


def test_a_sharp_break_does_not_overflow() -> None:
    law = fj.Distillation(c0=2.0, c1=500.0, d1=1.3, f1=1e-3, **SIZES)
    losses = evaluate(
        law, N=1e9, D=1e11, supervised_loss=2.2, teacher_loss=np.array([1.8, 2.8, 3.5])
    )
    assert np.isfinite(losses).all()
    assert losses[2] == pytest.approx(3.5)  # such a teacher is imitated at once


@pytest.mark.parametrize("name", ["parscale", "moe-saturating", "data-constrained"])
def test_a_fit_and_its_file(name: str) -> None:
    found, (_, _, inputs) = fitted(name, 1e-3), law_of(name)
    again = fj.Fit.from_json(found.to_json())
    at = {own: values[:3] for own, values in inputs.items()}
    np.testing.assert_array_equal(again.predict(**at), found.predict(**at))


BAD: list[tuple[str, dict[str, Any], str]] = [
    ("data-constrained", {"N": 1e8, "U": [1e9, 3e9], "D": 2e9}, r"U \(unique tokens\) must not be"),
    (
        "chinchilla(D=repeated-tokens)",
        {"N": 1e8, "U": 3e9, "D": 2e9},
        r"must not be above D .* row 0 ",
    ),
    ("moe-bilinear", {"N": 1e8, "experts": 0}, "'experts': .* not a positive whole number"),
    ("moe-joint", {"N_active": 1e8, "D": 1e9, "experts": 0.5}, "not a positive whole number"),
    (
        "moe-sparsity",
        {"N": 1e8, "D": 1e9, "S": 1.0},
        r"must be below 1; row 0 has S",
    ),
    ("moe-upcycling", {"N_active": 1e8, "expansion": 0.5}, "expansion .* must be 1 or more"),
    (
        "parscale",
        {"N": 1e8, "D": 1e9},
        "P .parallel streams., which the law parscale needs: name it",
    ),
    ("parscale", {"N": 1e8, "parallel_stream": 2}, "did you mean 'parallel_stream'"),
    ("distillation", {"N": 1e8, "D": 1e9}, "loss of the teacher., which the law distillation"),
]


@pytest.mark.parametrize(("name", "columns", "message"), BAD)
def test_bad_tables(name: str, columns: dict[str, Any], message: str) -> None:
    table = {own: np.resize(np.asarray(values, float), 4) for own, values in columns.items()}
    with pytest.raises(ValueError, match=message):
        fj.fit(name, table | {"loss": [3.0, 2.9, 2.8, 2.7]})


@pytest.mark.parametrize(
    ("law", "point", "message"),
    [
        (fj.DataConstrained.published(), {"N": 1e9, "D": 1e9, "U": 2e9}, "U = 2e.09, D = 1e.09"),
        (
            fj.MoESaturating.published("Hash"),
            {"N": 1e9, "experts": 0.5},
            "experts must be 1 or more",
        ),
        (
            fj.MoESparsity.published(),
            {"N": 1e9, "D": 1e9, "S": [0.5, 1.0]},
            "position 1 has S = 1",
        ),
    ],
)
def test_bad_points(law: fj.Law, point: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        evaluate(law, **point)


def test_runs_outside_a_limit_are_named_by_group() -> None:
    table = {
        "corpus": ["web", "web", "code", "code"],
        "N": [1e8, 2e8] * 2,
        "D": [2e9, 4e9] * 2,
        "U": [1e9, 1e9, 1e9, 8e9],
        "loss": [3.0, 2.8, 2.0, 1.9],
    }
    with pytest.raises(
        ValueError, match=r"row 1 of corpus = code has U = 8e.09, D = 4e.09: correct it"
    ):
        fj.fit("data-constrained", table, by="corpus")


def test_columns_are_found_by_their_usual_names() -> None:
    inputs = WORLDS["moe-saturating"][1]
    table = {"num_experts": inputs["experts"], "dense_parameter_count": inputs["N"]}
    table["loss"] = evaluate(fj.MoESaturating.published("Hash"), **inputs)
    assert fj.fit("moe-saturating", table).law.parameters()["E_max"] == pytest.approx(
        477.741, rel=1e-6
    )


def test_every_law_is_listed_once() -> None:
    names = [name for name in WORLDS if name in LAWS]
    assert len(names) == 11
    assert all(LAWS[name].formula and LAWS[name].__doc__ for name in names)
