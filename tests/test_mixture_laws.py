"""Laws of mixtures: recovery, the totals that their definitions fix, agreement with SciPy."""

from typing import Annotated, Any

import jax.numpy as jnp
import numpy as np
import pytest

import farseer_jax as fj

SHARES = ("web", "code", "books")


def simulated(num: int = 90, seed: int = 0, noise: float = 0.0) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    h = rng.dirichlet([2.0, 2.0, 2.0], num)
    table = {"N": 10 ** rng.uniform(8, 9.5, num), "D": 10 ** rng.uniform(9.5, 11, num)}
    table |= {f"share_{name}": column for name, column in zip(SHARES, h.T, strict=True)}
    return table | {"noise": np.exp(noise * rng.standard_normal(num))}


def shares_of(table: dict[str, Any]) -> np.ndarray:
    return np.stack([table[f"share_{name}"] for name in SHARES], axis=1)


LAWS: dict[str, tuple[type[fj.Law], dict[str, Any]]] = {
    "data-mixing": (fj.DataMixing, {"c": 2.0, "k": 0.8, "t": [-1.5, 0.5, 1.0]}),
    "mixture-power": (fj.MixturePower, {"E": 2.0, "C": [2.0, 0.5, 0.3], "g": 0.4, "e": 0.02}),
    "mixture-power-size": (
        fj.MixturePowerSize,
        {"E": 1.5, "A": 250.0, "alpha": 0.3, "C": [2.0, 0.5, 0.3], "g": 0.4},
    ),
    "optimal-mixture": (
        fj.OptimalMixture,
        {
            "E": 1.2, "C": [2.0, 0.5, 1.0], "gamma": [0.5, 0.4, 0.8], "A": 60.0, "alpha": 0.3,
            "B": 900.0, "beta": 0.35,
        },
    ),
    "optimal-mixture-joint": (
        fj.OptimalMixtureJoint,
        {
            "E": 1.2, "C": [2.0, 0.5, 1.0], "gamma": [0.5, 0.4, 0.8], "a": [200.0, 50.0, 90.0],
            "p": 0.8, "alpha": 0.3, "b": [900.0, 2500.0, 1500.0], "q": 0.9, "beta": 0.35,
        },
    ),
    "mixture-factor": (
        fj.MixtureFactor,
        {
            "E": 1.2, "A": 60.0, "alpha": 0.3, "B": 900.0, "beta": 0.35, "c": [0.6, 0.3, 0.1],
            "g": [0.2, 0.1, 0.4],
        },
    ),
}  # fmt: skip


def losses_of(name: str, table: dict[str, Any]) -> np.ndarray:
    kind, parameters = LAWS[name]
    law = kind.with_shares({"h": SHARES})(**parameters)
    inputs = {key: shares_of(table) if key == "h" else table[key] for key in law.inputs()}
    return np.asarray(law(**inputs), float)


@pytest.fixture(scope="module", params=LAWS)
def recovered(request: pytest.FixtureRequest) -> tuple[str, fj.Fit]:
    """The fit to runs of the law itself, by its name in the shell."""
    table = simulated(240 if request.param == "optimal-mixture-joint" else 90)
    table["loss"] = losses_of(request.param, table)
    method = fj.LeastSquares("huber", num_starts=16)
    return request.param, fj.fit(request.param, table, method, columns_of={"h": "share_*"})


def test_simulated_runs_are_recovered(recovered: tuple[str, fj.Fit]) -> None:
    name, fit = recovered
    assert fit.outcome.name == "success", fit
    assert np.max(np.abs(fit.relative_error)) < 1e-6
    for key, value in LAWS[name][1].items():
        np.testing.assert_allclose(getattr(fit.law, key), value, rtol=2e-3, err_msg=key)


def test_totals_are_those_of_the_definition(recovered: tuple[str, fj.Fit]) -> None:
    for field in type(recovered[1].law).fields():
        if field.total is not None:
            total = np.sum(getattr(recovered[1].law, field.name))
            assert total == pytest.approx(field.total, abs=1e-12)


def test_the_file_gives_the_law_back(recovered: tuple[str, fj.Fit]) -> None:
    fit = recovered[1]
    again = fj.Fit.from_json(fit.to_json())
    np.testing.assert_array_equal(again.law.to_vector(), fit.law.to_vector())


def test_the_factor_has_18_free_parameters_with_seven_shares() -> None:
    from farseer_jax.methods.end_to_end.free_parameters import build_free

    law = fj.MixtureFactor.with_shares({"h": tuple("abcdefg")})
    assert build_free(law, fj.Center(1e9, 1e10), {}, (), {}).basis.shape == (19, 18)


def test_vectors_and_parameters_are_inverse() -> None:
    for kind, parameters in LAWS.values():
        law = kind.with_shares({"h": SHARES})(**parameters)
        again = type(law).from_vector(np.asarray(law.to_vector()))
        for key, value in parameters.items():
            np.testing.assert_allclose(getattr(again, key), value, rtol=1e-12)


@pytest.mark.parametrize("option", ["fixed", "bounds"])
def test_entries_of_a_total_cannot_be_set_alone(option: str) -> None:
    table = simulated()
    table["loss"] = losses_of("data-mixing", table)
    value: Any = 0.5 if option == "fixed" else (0.0, 1.0)
    method = fj.LeastSquares(**{option: {"t[share_web]": value}})
    message = r"the entries of 't' sum to 0, so 't\[share_web\]' cannot be fixed"
    with pytest.raises(ValueError, match=message):
        fj.fit(fj.DataMixing, table, method, columns_of={"h": "share_*"})


def test_totals_are_0_or_1_and_fit_the_domain() -> None:
    with pytest.raises(ValueError, match="entries sum to 0 or 1"):
        fj.Along("h", total=2.0)

    class Wrong(fj.Law):
        t: Annotated[fj.Positive, fj.Along("h", total=0)]

        def loss(self, h: fj.Mixture) -> Any:
            return jnp.sum(self.t * h, axis=-1)

    with pytest.raises(TypeError, match="entries of t that sum to 0 must be Real"):
        Wrong.parameter_names()


def test_a_law_of_ones_own_with_totals_needs_no_starts() -> None:
    class Own(fj.Law):
        E: fj.Positive
        k: fj.Positive
        w: Annotated[fj.Positive, fj.Along("h", total=1)]

        def loss(self, h: fj.Mixture) -> Any:
            return self.E + self.k / (0.1 + jnp.sum(self.w * h, axis=-1))

    table = simulated()
    table["loss"] = 1.5 + 0.3 / (0.1 + shares_of(table) @ [0.5, 0.3, 0.2])
    fit = fj.fit(Own, table, columns_of={"h": "share_*"})
    np.testing.assert_allclose(fit.law.w, [0.5, 0.3, 0.2], rtol=1e-6)


# --- bad input ----------------------------------------------------------------------------------


def test_shares_that_do_not_sum_to_1_are_refused_with_their_rows() -> None:
    table = simulated()
    table["loss"] = losses_of("data-mixing", table)
    table["share_web"] = table["share_web"] + np.isin(np.arange(90), [4, 7]) * 0.1
    with pytest.raises(ValueError, match=r"rows 4, 7 do not sum to 1 .*name all shares"):
        fj.fit("data-mixing", table, columns_of={"h": "share_*"})


def test_an_absent_domain_is_named(recovered: tuple[str, fj.Fit]) -> None:
    _, fit = recovered
    others = {name: 1e9 for name in fit.law.inputs() if name != "h"}
    with pytest.raises(ValueError, match=r"expected the shares .*share_books.*got share_web"):
        fit.predict(**others, h={"share_web": 0.5, "share_code": 0.5})


def test_a_table_without_shares_says_what_the_law_needs() -> None:
    table = {"N": [1e9, 2e9], "D": [1e10, 2e10], "loss": [3.0, 2.9]}
    with pytest.raises(ValueError, match="as the mixture h, which the law optimal-mixture needs"):
        fj.fit("optimal-mixture", table)


def test_shares_rounded_to_two_digits_are_a_mixture() -> None:
    rng = np.random.default_rng(3)
    h = rng.dirichlet([3, 3, 3], 30).round(2)
    assert (h.sum(1) != 1.0).any()
    table = {
        "share_a": h[:, 0],
        "share_b": h[:, 1],
        "share_c": h[:, 2],
        "loss": 2.0 + h @ [1, 2, 3],
    }
    fitted = fj.fit("sum(C[h]*h)", table, columns_of={"h": "share_*"})
    assert fitted.outcome.usable
