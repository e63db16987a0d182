"""Laws made from text: which names are inputs, and the class."""

import copy
import csv
import pickle
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from farseer_jax.expressions.expression import parse
from farseer_jax.laws.domains import Domain
from farseer_jax.laws.expression_law import ExpressionLaw, describe, expression_law, split_names

PARALLEL = "E + (A/(N*(k*log(P) + 1)))**alpha"
MIXTURE = "E + 1/sum(C[h]*h**g[h]) + A/N**lambda"


def split(
    text: str, columns: list[str] | None = None, bound: tuple[str, ...] = ()
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    return split_names(parse(text), columns, bound=bound)


# Inputs and parameters


def test_columns_are_inputs_and_other_names_parameters() -> None:
    inputs, parameters = split(PARALLEL, ["N", "P", "corpus", "loss"])
    assert (inputs, parameters) == (("N", "P"), ("E", "A", "k", "alpha"))
    assert describe(inputs, parameters) == "inputs N, P; parameters E, A, k, alpha"


def test_declared_names_are_inputs_whatever_the_columns() -> None:
    law = f"P, N | {PARALLEL}"
    assert split(law) == (("P", "N"), ("E", "A", "k", "alpha"))
    assert split(law, ["E", "A", "params"]) == split(law)
    assert split("N | N*experts", ["N", "experts"]) == (("N",), ("experts",))


def test_usual_names_are_inputs() -> None:
    law = "E + A/N**alpha + B/D**beta"
    expected = (("N", "D"), ("E", "A", "alpha", "B", "beta"))
    assert split(law) == expected
    assert split(law, ["params", "tokens", "loss"]) == expected
    assert split(law, ["something else"]) == expected  # whoever binds D asks for its column
    assert split("E + A/U**a", ["unique_tokens"])[0] == ("U",)
    assert split("E + A/params**a")[0] == ("params",)
    # letters of parameters are none
    assert split("E + N + B*x", ["N", "experts", "batch_size"]) == (("N",), ("E", "B", "x"))


def test_bound_names_and_mixtures_are_inputs() -> None:
    assert split("E + A/x**a", ["parallel_size"], bound=("x",))[0] == ("x",)
    assert split(MIXTURE, ["share_web", "share_code"])[0] == ("h", "N")


@pytest.mark.parametrize(
    ("text", "columns", "both"),
    [
        ("N*unique_token", ["N", "unique_tokens"], ("unique_token", "unique_tokens")),
        ("N*expert", ["N", "experts"], ("expert", "experts")),
        ("N*UniqueTokens", ["N", "unique_tokens"], ("UniqueTokens", "unique_tokens")),
        ("N*Tokens*tokens", ["N", "tokens"], ("Tokens", "tokens")),
        ("n*D", ["N", "D"], ("n", "N")),
        ("E + A/N + d", ["N", "D"], ("d", "D")),
        ("N*steam", ["N", "streams"], ("steam", "streams")),
        ("N*tokens", ["N", "D"], ("tokens", "D")),
        ("params*D", ["N", "D"], ("params", "N")),
    ],
)
def test_a_name_that_nearly_is_a_columns_is_refused(
    text: str, columns: list[str], both: tuple[str, str]
) -> None:
    name, column = both
    expected = (
        f"name {name!r} is not a column and nearly matches the column {column!r}: correct it, or"
    )
    with pytest.raises(ValueError, match=expected):
        split(text, columns)


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("E + A/N**alpha + B/D**beta", ["N", "D", "loss", "a_loss", "B2"]),
        ("d*D + n*N", ["N", "D"]),  # D and N are there: d and n are others
        ("E + k*N", ["N", "loss_E", "lr", "K2"]),
        ("E_min + N**gamma", ["N", "E_code", "gain"]),
    ],
)
def test_usual_parameters_are_no_misspelt_columns(text: str, columns: list[str]) -> None:
    assert split(text, columns)[1]


@pytest.mark.parametrize(
    ("text", "columns", "bound", "message"),
    [
        (
            "E + A/x",
            ["y"],
            (),
            "the law 'E [+] A/x' has no inputs: name a column in it, or declare",
        ),
        ("N/D", ["N", "D"], (), "the law 'N/D' has no parameters: nothing can be fitted"),
        ("E/N", ["N"], ("P",), "input 'P' is bound to a column but does not occur in the law"),
        ("N | E/N", ["N"], ("E",), "input 'E' is bound to a column: declare it before the bar"),
    ],
)
def test_what_cannot_be_fitted_is_refused(
    text: str, columns: list[str], bound: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        split(text, columns, bound)


# The class


@pytest.mark.parametrize("law", ['E + A/"model.size"**a', 'N | E + "a b"/N', "`h 1` | sum(`h 1`)"])
def test_names_of_a_law_are_not_quoted(law: str) -> None:
    refusal = r"in the law .*names of a law are not quoted; write x for it and name its column, "
    with pytest.raises(ValueError, match=refusal + r"columns_of=\{\"x\": "):
        split(law, ["N", "model.size"])
    with pytest.raises(ValueError, match=refusal):
        expression_law(law, {"N": "positive"})


def test_the_class_declares_what_the_text_says() -> None:
    law = expression_law(PARALLEL, {"N": "positive", "P": "count"}, real=["k"], name="streams")
    assert law.name == "streams"
    assert law.formula == f"L = {PARALLEL}"
    assert law.inputs() == {"N": "positive", "P": "count"}
    assert law.parameter_names() == ("E", "A", "k", "alpha")
    assert law.log_parameters() == ("A",)  # E is linear: it is searched as it is, and may be 0
    assert law.domains()["k"] == Domain()
    assert law.domains()["alpha"] == Domain(lower=0.0, start=(0.05, 1.0))
    assert expression_law(f"P, N | {PARALLEL}", {"P": "real", "N": "real"}).formula == law.formula


def test_the_same_text_gives_the_same_class() -> None:
    inputs = {"N": "positive", "P": "positive"}
    law = expression_law(PARALLEL, inputs)  # type: ignore[arg-type]
    assert law is expression_law(parse(f"  ({PARALLEL})"), dict(inputs))  # type: ignore[arg-type]
    others = [
        expression_law(PARALLEL, {"N": "positive", "P": "count"}),
        expression_law(PARALLEL, {"N": "positive", "P": "positive"}, real=["k"]),
        expression_law(PARALLEL, {"N": "positive", "P": "positive"}, name="streams"),
        expression_law(f"{PARALLEL} + 0", {"N": "positive", "P": "positive"}),
    ]
    assert len({law, *others}) == 5


def test_one_compilation_serves_all_values() -> None:
    traced = []

    @jax.jit
    def value(law: ExpressionLaw, N: jax.Array) -> jax.Array:
        traced.append(1)
        return law.loss(N=N, P=2.0)

    for E in (1.0, 2.0):
        law = expression_law(PARALLEL, {"N": "positive", "P": "positive"})
        value(law(E=E, A=1e8, k=0.3, alpha=0.2), jnp.asarray(1e9))
    assert len(traced) == 1


def mixture_law() -> ExpressionLaw:
    law = expression_law(MIXTURE, {"N": "positive", "h": "mixture"})
    law = law.with_shares({"h": ("web", "code")})
    return law(**{"E": 1.5, "C": [2.0, 3.0], "g": [0.5, 0.25], "A": 50.0, "lambda": 0.5})


def test_a_law_of_a_mixture() -> None:
    law = mixture_law()
    names = ("E", "C[web]", "C[code]", "g[web]", "g[code]", "A", "lambda")
    assert type(law).parameter_names() == names
    h = np.array([[0.25, 0.75], [1.0, 0.0]])
    loss = law(N=[100.0, 400.0], h=h)
    middle = 1 / (2 * 0.25**0.5 + 3 * 0.75**0.25)
    np.testing.assert_allclose(loss, [1.5 + middle + 5.0, 1.5 + 0.5 + 2.5], rtol=1e-6)
    again = type(law).from_vector(law.to_vector())
    np.testing.assert_allclose(again(N=[100.0, 400.0], h=h), loss, rtol=1e-6)


def test_laws_and_their_classes_are_pickled() -> None:
    law = mixture_law()
    for made in (type(law), expression_law(PARALLEL, {"N": "positive", "P": "positive"})):
        assert pickle.loads(pickle.dumps(made)) is made
    assert pickle.loads(pickle.dumps(ExpressionLaw)) is ExpressionLaw
    for again in (pickle.loads(pickle.dumps(law)), copy.deepcopy(law)):
        assert type(again) is type(law)
        assert eqx.tree_equal(again, law)


@pytest.mark.parametrize(
    ("text", "inputs", "real", "message"),
    [
        ("E/N", {}, (), "no inputs are given: the law 'E/N' has E, N"),
        ("E/N", {"D": "positive"}, (), "input 'D' does not occur: the law 'E/N' has E, N"),
        ("N, P | E/N*P", {"N": "positive"}, (), "declares the inputs N, P, got N: give the same"),
        ("E/N", {"N": "posit"}, (), "input 'N': unknown kind 'posit'; did you mean 'positive'"),
        ("E*sum(C[h]*h)", {"h": "real"}, (), "of kind real: give its kind as mixture"),
        ("E/N", {"N": "mixture"}, (), "input 'N' is of kind mixture: write it within sum"),
        ("N*sum(C[h]*h)", {"N": "real"}, (), "a sum runs over 'h': give it as an input of kind"),
        ("sum(C[h]*h)", {"C": "real", "h": "mixture"}, (), "input 'C' has an index"),
        ("D/N", {"N": "real", "D": "real"}, (), "the law 'D/N' has no parameters"),
        ("loss/N", {"N": "real"}, (), "parameter 'loss' has a name that is reserved for laws"),
        ("E/N", {"N": "real"}, ("F",), "real parameter 'F' is unknown; choose from E"),
    ],
)
def test_what_does_not_fit_the_text_is_refused(
    text: str, inputs: dict[str, str], real: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        expression_law(text, inputs, real=real)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("corpus", "params", "objective"),
    [
        ("pile", {"E": 1.3283, "A": 1.641e8, "alpha": 0.2072, "k": 0.3426}, 1.0845e-5),
        ("stack", {"E": 0.7283, "A": 1.077e7, "alpha": 0.2074, "k": 0.4024}, 2.5210e-5),
    ],
)
def test_the_law_of_parallel_streams_has_the_objective_known_of_it(
    shared_data: Path, corpus: str, params: dict[str, float], objective: float
) -> None:
    with (shared_data / "named_inputs" / "parallel.csv").open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["corpus"] == corpus]
    N, P, loss = (np.array([float(row[name]) for row in rows]) for name in ("N", "P", "loss"))
    law = expression_law(PARALLEL, {"N": "positive", "P": "positive"})(**params)
    with jax.enable_x64(True):
        residuals = np.abs(np.log(np.asarray(law(N=N, P=P))) - np.log(loss))
    delta = 1e-3
    huber = np.where(residuals < delta, residuals**2 / 2, delta * (residuals - delta / 2))
    # the parameters are printed to four digits
    assert huber.sum() == pytest.approx(objective, rel=0.02)
