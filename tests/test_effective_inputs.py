"""Laws of effective inputs, and published parameters."""

import pickle
from typing import Annotated

import jax.numpy as jnp
import numpy as np
import pytest

import farseer_jax as fj
from farseer_jax.laws.registry import LAWS, law_named

REPEATED = fj.with_effective(fj.Chinchilla, D=fj.RepeatedTokens)
TRUE = REPEATED(E=1.9, A=300.0, B=900.0, alpha=0.34, beta=0.31, R_D=12.0)


def repeated_runs(noise: float = 0.0) -> dict[str, np.ndarray]:
    N, U, epochs = np.meshgrid(
        np.geomspace(1e8, 4e9, 5), np.geomspace(1e9, 1e11, 4), [1.0, 3.0, 10.0, 40.0]
    )
    N, U, D = N.ravel(), U.ravel(), (U * epochs).ravel()
    rng = np.random.default_rng(0)
    loss = np.asarray(TRUE(N=N, D=D, U=U)) * np.exp(noise * rng.standard_normal(N.size))
    return {"N": N, "U": U, "D": D, "loss": loss}


@pytest.fixture(scope="module")
def fitted() -> fj.Fit:
    return fj.fit(REPEATED, repeated_runs())


def test_the_formula() -> None:
    N, D, U, R = 1e9, 5e10, 1e10, 12.0
    D_eff = U * (1 + R * (1 - np.exp(-(D / U - 1) / R)))
    expected = 1.9 + 300.0 / N**0.34 + 900.0 / D_eff**0.31
    assert float(TRUE(N=N, D=D, U=U)) == pytest.approx(expected, rel=1e-6)
    assert float(TRUE(N=N, D=U, U=U)) == pytest.approx(
        float(fj.Chinchilla(1.9, 300.0, 900.0, 0.34, 0.31)(N, U)), rel=1e-6
    )


def test_recovers_the_parameters(fitted: fj.Fit) -> None:
    for name, value in TRUE.parameters().items():
        assert fitted.law.parameters()[name] == pytest.approx(value, rel=1e-5)
    assert fitted.diagnostics.fraction_at_best() > 0.9


def test_any_law_takes_it() -> None:
    for law in (fj.Coupled, fj.Kaplan, fj.law("N, D | E + (A/N)**a + (B/D)**b")):
        own = fj.with_effective(law, D=fj.RepeatedTokens)
        assert own.parameter_names() == (*law.parameter_names(), "R_D")
        assert set(own.inputs()) == {"N", "D", "U"}


def test_is_linear_where_the_law_is() -> None:
    assert REPEATED.linear() == ("E", "A", "B")


def test_one_name_in_files_and_in_the_shell(fitted: fj.Fit) -> None:
    assert law_named(REPEATED.name) is REPEATED
    again = fj.Fit.from_json(fitted.to_json())
    at = {"N": 1e10, "D": 1e12, "U": 1e11}
    assert again.predict(**at) == fitted.predict(**at)
    assert type(again.law) is REPEATED
    assert pickle.loads(pickle.dumps(REPEATED)) is REPEATED


def test_two_replaced_inputs() -> None:
    class Streams(fj.EffectiveInput):
        k: Annotated[float, fj.Domain(lower=0.0, start=(0.1, 1.0))]

        def value(self, N, P):  # type: ignore[no-untyped-def]
            return N * (1 + self.k * jnp.log(P))

    law = fj.with_effective(fj.Chinchilla, N=Streams, D=fj.RepeatedTokens)
    assert list(law.inputs()) == ["N", "P", "D", "U"]
    assert law.name == "chinchilla(N=Streams, D=repeated-tokens)"
    assert list(law.domains())[-2:] == ["k", "R_D"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("chinchilla(D=tokens)", "unknown effective input 'tokens'; choose from repeated-tokens"),
        ("gopher(D=repeated-tokens)", "unknown law 'gopher'; choose from farseer"),
        ("chinchilla(U=repeated-tokens)", "has the inputs N, D, not 'U'"),
    ],
)
def test_unknown_parts(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        law_named(text)


def test_what_cannot_be_replaced() -> None:
    class Same(fj.EffectiveInput):
        E: fj.Positive

        def value(self, D):  # type: ignore[no-untyped-def]
            return D * self.E

    with pytest.raises(ValueError, match="the parameter 'E' occurs twice"):
        fj.with_effective(fj.Chinchilla, D=Same)
    with pytest.raises(TypeError, match="parameters that are not numbers of its own"):
        fj.with_effective(fj.Farseer, D=fj.RepeatedTokens)
    with pytest.raises(TypeError, match="expected a class of effective inputs"):
        fj.with_effective(fj.Chinchilla, D=TRUE)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="expected an effective input"):
        fj.with_effective(fj.Chinchilla)


def test_one_law_however_many_steps() -> None:
    both = fj.with_effective(fj.Chinchilla, D=fj.RepeatedTokens, N=fj.ExcessParameters)
    step = fj.with_effective(fj.Chinchilla, D=fj.RepeatedTokens, name="mine")
    for again in (
        fj.with_effective(fj.Chinchilla, N=fj.ExcessParameters, D=fj.RepeatedTokens),
        law_named(both.name),
        fj.with_effective(
            fj.Chinchilla, D=fj.RepeatedTokens, N=fj.ExcessParameters, name=both.name
        ),
    ):
        assert again is both

    class Streams(fj.EffectiveInput):
        k: fj.Positive

        def value(self, N, P):  # type: ignore[no-untyped-def]
            return N * (1 + self.k * (P - 1))

    assert fj.with_effective(step, N=Streams) is fj.with_effective(
        fj.Chinchilla, N=Streams, D=fj.RepeatedTokens
    )


@pytest.mark.parametrize("name", ["chinchilla", "broken-power-law-2", "kaplan+floor"])
def test_names_of_the_library_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"is a law of the library; choose another name"):
        fj.with_effective(fj.Chinchilla, D=fj.RepeatedTokens, name=name)

    class Other(fj.EffectiveInput):
        name = "repeated-tokens"
        k: fj.Positive

        def value(self, D):  # type: ignore[no-untyped-def]
            return D * self.k

    with pytest.raises(ValueError, match=r"'repeated-tokens' is an effective input of the library"):
        fj.with_effective(fj.Chinchilla, D=Other)


def test_published_parameters() -> None:
    assert float(fj.Kaplan.published()(1e9, 1e11)) == pytest.approx(2.33, abs=0.005)
    with pytest.raises(ValueError, match=r"'Hoffmann et al.' or 'Besiroglu et al.', got none"):
        fj.Chinchilla.published()
    with pytest.raises(ValueError, match="got 'me'"):
        fj.Chinchilla.published("me")
    with pytest.raises(ValueError, match="the law coupled has no published parameters"):
        fj.Coupled.published()


def test_published_laws_evaluate() -> None:
    for law in LAWS.values():
        for name in law.published_parameters:
            own = law.published(name)
            vector = np.asarray(own.to_vector())
            assert np.isfinite(vector).all(), (law.name, name)
            assert fj.published_method(law).objective is not None


def test_a_law_shows_its_numbers() -> None:
    law = fj.Chinchilla.published("besiroglu et al.")  # whatever the case
    assert repr(law) == "Chinchilla(E=1.8172, A=482.01, B=2085.43, alpha=0.3478, beta=0.3658)"
