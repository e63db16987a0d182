"""Laws of one's own: all that is derived from ``loss``, and what is said of a loss that is none."""

import json
import math
from pathlib import Path
from typing import Annotated, Any

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import farseer_jax as fj
from farseer_jax.laws.evaluate import evaluate, evaluate_runs

HUBER = fj.LeastSquares("huber", num_starts=16)


class Repeated(fj.Law):
    """Repeated data count less: N, D and the unique tokens U (Muennighoff et al., Eq. 5)."""

    E: fj.Positive
    A: fj.Positive
    B: fj.Positive
    alpha: fj.Exponent
    beta: fj.Exponent
    R: fj.Positive

    def loss(self, N: Any, D: Any, U: Any) -> Any:
        repeats = jnp.maximum(D / U - 1, 0.0)
        unique = jnp.minimum(D, U)
        worth = unique * (1 + self.R * (1 - jnp.exp(-repeats / self.R)))
        return self.E + self.A / N**self.alpha + self.B / worth**self.beta


class Mixed(fj.Law):
    """A loss of N and of the shares h of a mixture, a coefficient for each share."""

    E: fj.Real
    C: Annotated[fj.Positive, fj.Along("h")]
    alpha: fj.Exponent

    def loss(self, N: Any, h: Any) -> Any:
        return self.E + jnp.sum(self.C * h, -1) * (N / 1e8) ** -self.alpha


class Optimised(fj.Law):
    """A level for each optimiser, a slope in the learning rate, which may be any real number."""

    level: Annotated[fj.Real, fj.Along("optimiser")]
    slope: fj.Real

    def loss(self, optimiser: fj.Category, rate: fj.Real) -> Any:
        return jnp.sum(self.level * optimiser, -1) + self.slope * rate**2


REPEATED = {"E": 1.8, "A": 400.0, "B": 1500.0, "alpha": 0.34, "beta": 0.36, "R": 15.0}


def repeated(N: Any, D: Any, U: Any, p: dict[str, Any] = REPEATED) -> Any:
    """The formula of ``Repeated`` in NumPy."""
    over = D > U
    worth = np.where(over, U * (1 + p["R"] * (1 - np.exp(-(D / U - 1) / p["R"]))), D)
    return p["E"] + p["A"] / N ** p["alpha"] + p["B"] / worth ** p["beta"]


def repeated_runs(noise: float = 0.0) -> fj.Runs:
    rng = np.random.default_rng(0)
    N = np.repeat([5e7, 2e8, 8e8, 3e9], 12)
    U = np.tile(np.repeat([1e9, 1e10, 1e11], 4), 4)
    D = U * np.tile([0.5, 3.0, 11.0, 40.0], 12)
    loss = repeated(N, D, U) * np.exp(noise * rng.standard_normal(len(N)))
    return fj.Runs(loss=loss, inputs={"N": N, "D": D, "U": U})


def mixed_table(num: int = 40) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    shares = rng.dirichlet([1.0, 1.0, 1.0], num)
    N = np.exp(rng.uniform(np.log(2e7), np.log(2e9), num))
    loss = 1.5 + shares @ [2.0, 1.0, 0.5] * (N / 1e8) ** -0.3
    names = ("share_web", "share_code", "share_books")
    return {"N": N, "loss": loss, **dict(zip(names, shares.T, strict=True))}


# What is derived


def test_names_kinds_and_scales_follow_from_the_class() -> None:
    assert Repeated.inputs() == {"N": "positive", "D": "positive", "U": "positive"}
    assert Repeated.parameter_names() == ("E", "A", "B", "alpha", "beta", "R")
    assert Repeated.linear() == ("E", "A", "B")
    assert Repeated.log_parameters() == ("R",)  # what the loss is linear in is searched as it is
    assert Repeated.domains()["A"].lower == 0.0
    assert Repeated.name == "Repeated"
    assert Mixed.inputs() == {"N": "positive", "h": "mixture"}
    law = Mixed.with_shares({"h": ("web", "code")})
    assert law.parameter_names() == ("E", "C[web]", "C[code]", "alpha")
    assert law is Mixed.with_shares({"h": ("web", "code")})
    assert Optimised.inputs() == {"optimiser": "category", "rate": "real"}


def test_what_is_derived_is_not_declared() -> None:
    with pytest.raises(TypeError, match="the law Logs defines `log_loss`: define `loss`, from"):

        class Logs(fj.Law):
            E: fj.Positive

            def log_loss(self, N: Any) -> Any:
                return jnp.log(self.E)

    with pytest.raises(TypeError, match="the law Said declares `positive`, which is derived"):

        class Said(fj.Law):
            positive = ("E",)
            E: fj.Positive

            def loss(self, N: Any) -> Any:
                return self.E + 1 / N


def test_a_loss_names_its_inputs() -> None:
    class Anything(fj.Law):
        E: fj.Positive

        def loss(self, *inputs: Any) -> Any:
            return self.E + inputs[0]

    with pytest.raises(TypeError, match=r"the law Anything: `loss` must name its inputs, such as"):
        Anything.inputs()


def test_parameters_and_inputs_are_given_by_name_or_in_order() -> None:
    law = Repeated(**REPEATED)
    assert float(law(1e9, 1e10, 1e9)) == float(law(U=1e9, N=1e9, D=1e10))
    with pytest.raises(TypeError, match=r"has the parameters E, A, B, alpha, beta, R; got E, A"):
        Repeated(1.0, 2.0)
    for call in (lambda: law(1e9, 1e10), lambda: evaluate(law, 1e9, 1e10)):
        with pytest.raises(TypeError, match="has the inputs N, D, U; got N, D"):
            call()
    with pytest.raises(TypeError, match="has the inputs N, D, U; got N, D, V"):
        law(N=1e9, D=1e10, V=1e9)


# A loss that is overridden


class Doubled(fj.Chinchilla):
    """A factor of two, and nothing else defined."""

    def loss(self, N: Any, D: Any) -> Any:
        return 2.0 * super().loss(N, D)


class Written(fj.Chinchilla):
    """The same, written out: it is linear in E, A and B."""

    def loss(self, N: Any, D: Any) -> Any:
        return 2.0 * (self.E + self.A / N**self.alpha + self.B / D**self.beta)


class DoubledFarseer(fj.Farseer):
    """Of a law whose parameters are those of its curves."""

    def loss(self, N: Any, D: Any) -> Any:
        return 2.0 * super().loss(N, D)


@pytest.mark.parametrize(
    ("law", "method"),
    [
        (Doubled, HUBER),
        (Written, HUBER),
        (Doubled, fj.Restarts(objective="huber", num_starts=16)),
        (Written, fj.VariableProjection("huber")),
    ],
)
def test_a_subclass_with_a_loss_alone_is_fitted_as_it_says(law: Any, method: Any) -> None:
    """The same optimum as the base class, at half the coefficients."""
    runs = fj.example_runs()
    base = fj.fit(fj.Chinchilla, runs, HUBER)
    fit = fj.fit(law, runs, method)
    assert fit.success
    assert fit.diagnostics.objective == pytest.approx(base.diagnostics.objective, rel=1e-9)
    for name, factor in (("E", 2), ("A", 2), ("B", 2), ("alpha", 1), ("beta", 1)):
        expected = float(getattr(base.law, name))
        assert factor * float(getattr(fit.law, name)) == pytest.approx(expected, rel=2e-5)
    N, D = np.array([1e9, 5e10])[:, None], np.array([1e11, 1e13])
    g = fit.law
    plain = 2 * (g.E + g.A / N**g.alpha + g.B / D**g.beta)
    np.testing.assert_allclose(fit.predict(N, D), plain, rtol=1e-12)
    with jax.enable_x64(True):
        np.testing.assert_allclose(g(N, D), plain, rtol=1e-12)
        np.testing.assert_allclose(g.log_loss(N, D), np.log(plain), rtol=1e-12)
    error = np.abs(fit.predict(runs.N, runs.D) / runs.loss - 1)
    assert fit.mean_relative_error == pytest.approx(error.mean(), rel=1e-12)
    assert fit.mean_relative_error == pytest.approx(base.mean_relative_error, rel=1e-4)


def test_a_subclass_of_a_law_with_curves_of_its_own() -> None:
    runs, method = fj.example_runs(), fj.LeastSquares(num_starts=8)
    base, fit = fj.fit(fj.Farseer, runs, method), fj.fit(DoubledFarseer, runs, method)
    assert fit.diagnostics.objective == pytest.approx(base.diagnostics.objective, rel=1e-9)
    np.testing.assert_allclose(fit.predict(1e10, 1e12), base.predict(1e10, 1e12), rtol=1e-6)
    again = fj.Fit.from_json(fit.to_json(), law=DoubledFarseer)
    assert again.predict(1e10, 1e12) == fit.predict(1e10, 1e12)


def test_variable_projection_refuses_a_loss_that_is_no_sum() -> None:
    """In place of the terms of the base class, which are not this law's."""

    class Squared(fj.Chinchilla):
        def loss(self, N: Any, D: Any) -> Any:
            return super().loss(N, D) ** 2

    assert Squared.linear() == ()
    with pytest.raises(ValueError, match="the law 'Squared' is linear in no parameter: fit it wi"):
        fj.fit(Squared, fj.example_runs(), fj.VariableProjection())


# A loss that is none


def law_of(name: str, loss: Any) -> type[fj.Law]:
    """A law with two parameters and a loss."""
    body = {
        "__annotations__": {"E": fj.Positive, "A": fj.Positive},
        "__module__": __name__,
        "loss": loss,
    }
    made: type[fj.Law] = type(fj.Law)(name, (fj.Law,), body)
    return made


def nowhere(self: Any, N: Any, D: Any) -> Any:
    return self.E + self.A * jnp.log(-N * D)


def twofold(self: Any, N: Any, D: Any) -> Any:
    return jnp.stack([self.E + self.A / N, self.A / D])


def imaginary(self: Any, N: Any, D: Any) -> Any:
    return self.E + self.A * 1j / N + 0 * D


def counted(self: Any, N: Any, D: Any) -> Any:
    return jnp.floor(self.E * N / D).astype(int)


def nothing(self: Any, N: Any, D: Any) -> Any:
    return None


def branched(self: Any, N: Any, D: Any) -> Any:
    return self.E if N > D else self.E + self.A / N


def by_numpy(self: Any, N: Any, D: Any) -> Any:
    return self.E + self.A / np.log(N * D)


def by_math(self: Any, N: Any, D: Any) -> Any:
    return self.E + self.A / math.log(N * D)


def words(self: Any, N: Any, D: Any) -> Any:
    return {"loss": self.E + self.A / N}


@pytest.mark.parametrize(
    ("loss", "error", "sentence"),
    [
        (nowhere, ValueError, r"^the law 'Bad' has no finite loss or derivative at any of 16 st"),
        (twofold, ValueError, r"^the law Bad: .*one number per run, got an array of shape \(2,\)"),
        (imaginary, TypeError, r"^the law Bad: .* must return a real number, got complex"),
        (counted, TypeError, r"^the law Bad: .* must return a real number, got int"),
        (nothing, TypeError, r"^the law Bad: .*one number per run, got NoneType"),
        (
            branched,
            TypeError,
            r"^the law Bad: a law must be written with jax\.numpy: jnp\.where in",
        ),
        (by_numpy, TypeError, r"^the law Bad: a law must be written with jax\.numpy: .* of NumPy"),
        (by_math, TypeError, r"^the law Bad: a law must be written with jax\.numpy: .* `math`"),
        (words, TypeError, r"^the law Bad: .*one number per run, got dict"),
    ],
)
def test_a_loss_that_is_no_number(loss: Any, error: type[Exception], sentence: str) -> None:
    with pytest.raises(error, match=sentence) as caught:
        fj.fit(law_of("Bad", loss), fj.example_runs(), HUBER)
    assert "\n" not in str(caught.value)


def test_runs_without_an_input_of_the_law() -> None:
    with pytest.raises(
        ValueError,
        match=r"no column was recognised as U \(unique tokens\), which the law Repeated needs",
    ):
        fj.fit(Repeated, fj.example_runs())


def test_an_operation_that_numpy_has_no_rule_for_is_compiled() -> None:
    class Special(fj.Law):
        E: fj.Positive

        def loss(self, x: fj.Real) -> Any:
            return self.E + jax.scipy.special.i0e(x)

    from scipy.special import i0e

    x = np.linspace(-2, 3, 7)
    np.testing.assert_allclose(evaluate(Special(E=0.5), x), 0.5 + i0e(x), rtol=1e-12)


# Derivatives


@pytest.mark.parametrize("argument", [*REPEATED, "N", "D", "U"])
def test_gradients_of_a_law_of_three_inputs_against_differences(argument: str) -> None:
    """Of parameters and inputs alike; runs with and without repeated data."""
    points = {
        "N": np.array([1e8, 3e9, 2e10]),
        "D": np.array([5e9, 4e11, 1e12]),
        "U": np.array([1e10, 2e10, 3e10]),
    }
    values = {**REPEATED, **points}

    def loss(x: Any) -> Any:
        own = {**values, argument: x}
        law = Repeated(**{name: own[name] for name in REPEATED})
        return law.loss(**{name: own[name] for name in points})

    with jax.enable_x64(True):
        x = jnp.asarray(values[argument])
        slope = np.asarray(jax.jvp(loss, (x,), (jnp.ones_like(x),))[1])
        step = 1e-5 * x
        difference = np.asarray((loss(x + step) - loss(x - step)) / (2 * step))
    scale = np.abs(np.asarray(values[argument])) / np.asarray(repeated(**points))
    np.testing.assert_allclose(slope * scale, difference * scale, rtol=1e-6, atol=1e-9)
    repeats = points["D"] > points["U"]
    assert (np.abs(slope * scale)[repeats] > 1e-6).all()  # nothing to compare otherwise


def test_a_fit_of_three_inputs_gives_its_law_back() -> None:
    fit = fj.fit(Repeated, repeated_runs())
    assert fit.success
    for name, value in REPEATED.items():
        assert float(getattr(fit.law, name)) == pytest.approx(value, rel=1e-5)
    assert fit.evaluate(repeated_runs()).r2 == pytest.approx(1.0, abs=1e-9)


def test_a_fit_of_three_inputs_is_at_the_optimum_of_scipy() -> None:
    from scipy.optimize import least_squares

    runs = repeated_runs(noise=5e-3)
    fit = fj.fit(Repeated, runs)
    N, D, U = (runs.inputs[name] for name in "NDU")

    def residuals(v: np.ndarray) -> np.ndarray:
        E, A, B, R = np.exp(v[[0, 1, 2, 5]])
        own = {"E": E, "A": A, "B": B, "alpha": v[3], "beta": v[4], "R": R}
        return np.asarray(np.log(repeated(N, D, U, own) / runs.loss))

    start = np.array([float(getattr(fit.law, name)) for name in REPEATED])
    start[[0, 1, 2, 5]] = np.log(start[[0, 1, 2, 5]])
    moved = start + 0.02 * np.random.default_rng(0).standard_normal(6)
    best = least_squares(residuals, moved, x_scale="jac", xtol=1e-15, ftol=1e-15, gtol=1e-15)
    assert fit.diagnostics.objective == pytest.approx(best.cost, rel=1e-8)


# What else a law of one's own gets


@pytest.fixture(scope="module")
def fitted() -> fj.Fit:
    return fj.fit(Repeated, repeated_runs(noise=5e-3))


def test_refits_of_a_law_of_three_inputs(fitted: fj.Fit) -> None:
    """A weight of 0 leaves out; other losses are other runs."""
    runs, at = fitted.runs, {"N": 1e10, "D": 1e12, "U": 1e11}
    some = runs.inputs["N"] < 1e9
    weights = np.stack([np.ones(len(runs)), some.astype(float)])
    refits = fj.fit_batch(Repeated, runs, weights=weights)
    assert refits.usable.all()
    alone = fj.fit(Repeated, runs.select(mask=some))
    expected = [float(fitted.predict(**at)), float(alone.predict(**at))]
    np.testing.assert_allclose(refits.predict(**at), expected, rtol=1e-7)
    scaled = fj.fit_batch(Repeated, runs, losses=2 * runs.loss[None])
    np.testing.assert_allclose(scaled.predict(**at), 2 * expected[0], rtol=1e-6)


def test_the_bootstrap_of_a_law_of_three_inputs(fitted: fj.Fit) -> None:
    at = {"N": np.array([1e9, 1e10]), "D": 1e12, "U": 1e11}
    first, same, other = (fj.bootstrap(fitted, 100, "residual", seed=seed) for seed in (0, 0, 1))
    assert first.num_failed == 0
    draws = first.predict(**at)
    assert draws.shape == (100, 2)
    np.testing.assert_array_equal(draws, same.predict(**at))
    assert not np.any(draws == other.predict(**at))

    def jacobian(**points: Any) -> np.ndarray:
        own = {name: float(getattr(fitted.law, name)) for name in REPEATED}
        columns = []
        for name, value in own.items():
            above, below = ({**own, name: value * (1 + h)} for h in (1e-5, -1e-5))
            columns.append(np.log(repeated(**points, p=above) / repeated(**points, p=below)) / 2e-5)
        return np.stack(columns, axis=-1)

    J, g = jacobian(**fitted.runs.inputs), jacobian(**at)
    sigma = np.sqrt(2 * fitted.diagnostics.objective / (len(J) - len(REPEATED)))
    expected = sigma * np.sqrt(np.einsum("pi,ij,pj->p", g, np.linalg.inv(J.T @ J), g))
    ratio = np.log(draws).std(axis=0) / expected
    assert (abs(ratio - 1) < 0.25).all()  # 100 draws leave 7 %


def test_the_text_of_a_law_of_three_inputs(fitted: fj.Fit) -> None:
    text = str(fitted)
    assert text.startswith(
        "Repeated law  fitted by least-squares, squared log residuals\n48 runs; "
    )
    assert "N from 50 M to 3 B; D from 500 M to 4 T; U from " in text
    assert f"R      {float(fitted.law.R):.6g}" in text
    assert fitted.warnings == ()


def test_methods_for_N_and_D_say_so(fitted: fj.Fit) -> None:
    with pytest.raises(ValueError, match="allocate needs a law over N and D, and the law Repeated"):
        fj.allocate(fitted, 1e21)
    with pytest.raises(TypeError, match="the piecewise method fits the law's class `Farseer` or"):
        fj.fit(Repeated, fitted.runs, fj.Piecewise())


# Many points


def test_losses_at_points_are_the_formula() -> None:
    law = Repeated(**REPEATED)
    N = np.geomspace(1e7, 1e11, 5)[:, None, None]
    D = np.geomspace(1e9, 1e13, 4)[:, None]
    U = np.array([1e9, 1e11, 1e14])
    found = evaluate(law, N, D, U=U)
    assert found.shape == (5, 4, 3)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, repeated(N, D, U), rtol=1e-13)
    single = evaluate(law, 1e9, 10**11, U=10**10)
    assert np.ndim(single) == 0
    assert single == pytest.approx(repeated(1e9, 1e11, 1e10), rel=1e-13)
    assert evaluate(law, [], [], []).shape == (0,)
    with pytest.raises(ValueError, match=r"N and D and U: shapes \(2,\) and \(3,\) and \(\) do no"):
        evaluate(law, np.full(2, 1e9), np.full(3, 1e10), 1e10)
    with pytest.raises(ValueError, match=r"^U: .* positive and finite; position 1 is not"):
        evaluate(law, 1e9, 1e10, [1e10, 0.0])


def test_losses_of_a_stack_of_laws() -> None:
    """Leading axes of the leaves come first; as many points as fill several blocks."""
    factors = np.linspace(0.5, 2.0, 6).reshape(2, 3)
    stack = Repeated(**{name: value * factors for name, value in REPEATED.items()})
    N, D, U = np.geomspace(1e7, 1e11, 300)[:, None], np.geomspace(1e9, 1e13, 200), 1e11
    found = evaluate(stack, N, D, U)
    assert found.shape == (2, 3, 300, 200)
    for i, j in np.ndindex(2, 3):
        own = {name: value * factors[i, j] for name, value in REPEATED.items()}
        np.testing.assert_allclose(found[i, j], repeated(N, D, U, own), rtol=1e-12)
    runs = repeated_runs()
    at = evaluate_runs(stack, runs)
    assert at.shape == (2, 3, len(runs))
    np.testing.assert_array_equal(at, evaluate(stack, **runs.inputs))


def test_losses_of_mixtures_and_categories() -> None:
    kind = Mixed.with_shares({"h": ("web", "code", "books")})
    C = np.array([2.0, 1.0, 0.5])
    law = kind(E=1.5, C=C, alpha=0.3)
    shares = np.random.default_rng(0).dirichlet([1.0, 1.0, 1.0], 4)
    N = np.geomspace(1e7, 1e9, 3)[:, None]
    plain = 1.5 + (shares @ C) * (N / 1e8) ** -0.3
    np.testing.assert_allclose(evaluate(law, N, h=shares), plain, rtol=1e-13)
    np.testing.assert_allclose(evaluate(law, 1e8, shares[0]), 1.5 + shares[0] @ C, rtol=1e-13)
    levels = np.array([0.0, 1.0])
    stack = kind(E=levels, C=np.stack([C, 2 * C]), alpha=np.full(2, 0.3))
    found = evaluate(stack, N, h=shares)
    assert found.shape == (2, 3, 4)
    np.testing.assert_allclose(found[1], 1.0 + 2 * (plain - 1.5), rtol=1e-12)
    with pytest.raises(ValueError, match="h: values must be shares from 0 to 1 that sum to 1"):
        evaluate(law, N, h=0.5 * shares)
    own = Optimised.with_shares({"optimiser": ("adam", "sgd")})(level=[1.0, 2.0], slope=-0.5)
    rate = np.array([-1.0, 0.0, 2.0])
    found = evaluate(own, np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), rate)
    np.testing.assert_allclose(found, np.array([1.0, 2.0, 2.0]) - 0.5 * rate**2, rtol=1e-13)


# Files


def test_a_fit_of_a_mixture_goes_to_json_and_back() -> None:
    fit = fj.fit(Mixed, mixed_table(), columns_of={"h": "share_*"})
    assert fit.success
    assert np.allclose(fit.law.C, [2.0, 1.0, 0.5], rtol=1e-6)
    text = fit.to_json()
    content = json.loads(text)
    coefficients = content["parameters"]["C"]
    shares = ["share_web", "share_code", "share_books"]
    assert list(coefficients) == shares
    assert list(coefficients.values()) == np.asarray(fit.law.C).tolist()
    assert content["inputs"]["h"] == {"kind": "mixture", "entries": shares}
    assert content["fits"][0]["parameters"] == content["parameters"]
    again = fj.Fit.from_json(text, law=Mixed)
    assert type(again.law) is type(fit.law)
    assert again.runs == fit.runs
    assert again.to_json() == text
    assert str(again) == str(fit)
    h = np.array([[0.2, 0.3, 0.5], [1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(again.predict(3e8, h), fit.predict(3e8, h=h))
    np.testing.assert_array_equal(
        again.evaluate(again.runs).predicted, fit.evaluate(fit.runs).predicted
    )
    table = again.evaluate(again.runs).to_dataframe()
    assert table.columns.tolist() == ["N", *shares, "predicted", "observed", "relative_error"]
    with pytest.raises(ValueError, match="a fit of the law 'Mixed'"):
        fj.Fit.from_json(text)


def test_a_fit_of_a_category_goes_to_json_and_back() -> None:
    rng = np.random.default_rng(0)
    optimiser = rng.choice(["adam", "sgd", "lion"], 60)
    rate = rng.standard_normal(60)
    levels = {"adam": 2.0, "sgd": 3.0, "lion": 2.5}
    loss = np.array([levels[name] for name in optimiser]) + 0.3 * rate**2
    fit = fj.fit(Optimised, {"optimiser": optimiser, "rate": rate, "loss": loss})
    text = fit.to_json()
    found = json.loads(text)["parameters"]["level"]
    assert found == pytest.approx(levels, rel=1e-9)
    again = fj.Fit.from_json(text, law=Optimised)
    assert again.to_json() == text
    np.testing.assert_allclose(again.evaluate(again.runs).predicted, loss, rtol=1e-9)


class Streams(fj.Law):
    E: fj.Positive
    A: fj.Positive
    k: fj.Positive
    alpha: fj.Exponent

    def loss(self, N, P):
        return self.E + (self.A / (N * (self.k * jnp.log(P) + 1))) ** self.alpha


@fj.law
def streams(N, P, *, E, A, k, alpha):
    return E + (A / (N * (k * jnp.log(P) + 1))) ** alpha


def test_a_law_written_in_three_ways_is_one_fit(shared_data: Path) -> None:
    table = pd.read_csv(shared_data / "named_inputs" / "parallel.csv")
    pile, method = table[table.corpus == "pile"], fj.LeastSquares("huber")
    fits = [
        fj.fit(law, pile, method) for law in (Streams, streams, "E + (A/(N*(k*log(P)+1)))**alpha")
    ]
    found = [[float(x) for x in jax.tree.leaves(fit.law)] for fit in fits]
    assert found[0] == found[1] == found[2]  # to the last digit
    np.testing.assert_allclose(found[0], [1.3283, 1.641e8, 0.3426, 0.2072], rtol=3e-4)
    assert all(fit.diagnostics.fraction_at_best() > 0.95 for fit in fits)
