"""Laws as text: what the parser reads, what it refuses, and that values are Python's own."""

import pickle
import re
import string
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from farseer_jax.expressions.expression import Expression, parse
from farseer_jax.expressions.names import FUNCTIONS, name_text
from farseer_jax.expressions.parser import MAX_DEPTH, MAX_LENGTH

PARALLEL = "N, P | E + (A/(N*(k*log(P) + 1)))**alpha"
NAMES = ("x", "y", "alpha", "N_2", "β")


# What is read


def test_a_law_is_read_with_its_names() -> None:
    law = parse("N,P|E+(A / (N*((k*log(P)+1))))**alpha")
    assert str(law) == law.text == PARALLEL
    assert law.declared_inputs == ("N", "P")
    assert law.names == ("E", "A", "N", "k", "P", "alpha")
    assert law.exponents == {"alpha"}
    assert (law.indexed, law.mixtures) == ({}, ())


def test_sums_run_over_mixtures() -> None:
    law = parse("E + 1/sum(C[h]*h**g[h]) + sum(t[domain]*domain)*A/N**alpha")
    assert law.declared_inputs is None
    assert law.indexed == {"C": "h", "g": "h", "t": "domain"}
    assert law.mixtures == ("h", "domain")
    assert law.exponents == {"g", "alpha"}


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("((a))", "a"),
        ("+a", "a"),
        ("(a+b)+c", "a + b + c"),
        ("a+(b+c)", "a + (b + c)"),
        ("a-(b-c)", "a - (b - c)"),
        ("(a/b)/c*d", "a/b/c*d"),
        ("a/(b*c)", "a/(b*c)"),
        ("(a**b)**c", "(a**b)**c"),
        ("a**(b**c)", "a**b**c"),
        ("-(x**2)", "-x**2"),
        ("(-x)**2", "(-x)**2"),
        ("2**(-x)", "2**-x"),
        ("(-a)*b", "-a*b"),
        ("-(a*b)", "-(a*b)"),
        ("a - -b", "a - -b"),
        ("1e9*a + .5 + 2. + 1e-7", "1e9*a + 0.5 + 2 + 1e-7"),
        ("123456789 + 6.02E+23", "123456789 + 6.02e23"),
        (
            "where(not(x<1 or y>=2)and x!=y, 1, min(x,y,2))",
            "where(not (x < 1 or y >= 2) and x != y, 1, min(x, y, 2))",
        ),
        ("E\n  + A/N**lambda", "E + A/N**lambda"),
        ("\u00b5*N", "\u03bc*N"),  # the micro sign is a mu
    ],
)
def test_a_text_has_one_spelling(text: str, canonical: str) -> None:
    assert str(parse(text)) == canonical
    assert parse(canonical) == parse(text)
    assert parse(canonical).tree == parse(text).tree


def test_the_laws_of_the_page_are_read() -> None:
    page = (Path(__file__).parents[1] / "docs" / "expressions.md").read_text(encoding="utf-8")
    block = page[page.index("## Laws in use") :].split("```")[1].removeprefix("text\n")
    laws = [parse(re.split(r"\s{2,}", line, maxsplit=1)[1]) for line in block.splitlines()]
    assert len(laws) >= 11
    assert {"lambda", "alpha"} <= {name for law in laws for name in law.exponents}


def test_keywords_of_python_are_names() -> None:
    law = parse("N | lambda*N**-in + class - None")
    assert law.names == ("lambda", "N", "in", "class", "None")
    values = {"lambda": 8.0, "N": 4.0, "in": 0.5, "class": 3.0, "None": 1.0}
    assert float(law.evaluate(values, jnp)) == 6.0


def test_an_expression_is_a_value() -> None:
    law = parse(PARALLEL)
    assert {law: 1}[parse(f"  {PARALLEL} ")] == 1
    assert pickle.loads(pickle.dumps(law)) == law
    assert pickle.loads(pickle.dumps(law)).tree == law.tree
    with pytest.raises(AttributeError):
        law.text = "x"  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "canonical", "names"),
    [
        ('6*"N"*`D`', "6*N*D", ("N", "D")),
        ("`train/loss`+1", '"train/loss" + 1', ("train/loss",)),
        ('"log"*log("and")', '"log"*log("and")', ("log", "and")),
        ('"a""b"*`a``b`', '"a""b"*"a`b"', ('a"b', "a`b")),
        ('"_step"/"+"', '"_step"/"+"', ("_step", "+")),
        ('"µ"', '"µ"', ("µ",)),  # a name in quotes is exact
        ('"a|b" | "a|b"*c', '"a|b" | "a|b"*c', ("a|b", "c")),
        ('sum(C["web share"]*"web share")', 'sum(C["web share"]*"web share")', ("C", "web share")),
    ],
)
def test_names_are_quoted_where_they_need_it(
    text: str, canonical: str, names: tuple[str, ...]
) -> None:
    formula = parse(text)
    assert (formula.text, formula.names) == (canonical, names)
    assert parse(canonical).tree == formula.tree


@given(st.text(min_size=1, max_size=20), st.text(min_size=1, max_size=20))
@example("sum", '"')
@example("`", "\n")
@example("x", "ª")
def test_any_name_can_be_quoted(name: str, other: str) -> None:
    backticks = "`" + other.replace("`", "``") + "`"
    formula = parse(f"{name_text(name)}*{backticks} + 2")
    assert set(formula.names) == {name, other}
    assert parse(formula.text).tree == formula.tree
    assert formula.evaluate({name: 3.0, other: 3.0}) == 11.0


# What is refused: one sentence each, with the part, its place and what to do

REFUSED = {
    "": "the formula is empty: write one, such as E",
    "N, P |  ": "the formula is empty",
    "E + A/N^a": r"'\^' at column 8 of the formula: write \*\* for a power",
    "E + A·N": r"'·' at column 6 of the formula: write \* for a product",
    "E − A": "'−' at column 3 of the formula: write - for a minus",
    "a // b": "'//' at column 3 of the formula: write / for a quotient",
    "L = E + N": "'=' at column 3 of the formula: remove it and what is before it",
    "N.real": "name 'N.real' at column 1 of the formula: quote it, \"N.real\"",
    "N .real": "'.' at column 3 of the formula: it cannot stand alone",
    "'N'": 'at column 1 of the formula: quote the name of a column by " or `',
    '6*"N': "'\"' at column 3 of the formula: the quote that ends the name is missing",
    "6*`N": "'`' at column 3 of the formula: the quote that ends the name is missing",
    '6*""': '"" at column 3 of the formula: a name is missing between the quotes',
    '"a""b" "c"': "'\"c\"' at column 8 of the formula: an operator is missing before it",
    '"log"(N)': r"'\(' at column 6 of the formula: an operator is missing before it",
    "__import__('os')": "name '__import__' at column 1 of the formula: begin it with a letter",
    "eval(N)": "unknown function 'eval' at column 1 of the formula: write eval",
    "E + ln(N)": "unknown function 'ln' at column 5 of the formula: did you mean log",
    "E + sqr(N)": "unknown function 'sqr' at column 5 of the formula: did you mean sqrt",
    "k(log(P) + 1)": r"write k\*\(…\) if a product",
    "2N": "'2N' at column 1 of the formula",
    "1.2.3*N": "'1.2.3' at column 1 of the formula",
    "1e999": "'1e999' at column 1 of the formula: the number is too large",
    "x²": "name 'x²' at column 1 of the formula: use letters, digits and _ only, or quote",
    "a b": r"'b' at column 3 of the formula: an operator is missing before it, such as \*",
    "log(a)(b)": r"'\(' at column 7 of the formula: an operator is missing",
    "a +": "the end at column 4 of the formula: a number, a name or a parenthesis is missing",
    "a * / b": "'/' at column 5 of the formula: a number or a name is missing before it",
    "(a + b": r"the end at column 7 of the formula: '\)' is missing",
    "a + b)": r"'\)' at column 6 of the formula: nothing is open that it closes",
    "a, b": "',' at column 2 of the formula: commas stand between the arguments of a function",
    "a < b": "condition 'a < b' at column 1 of the formula: write it as where",
    "1 + (a < b)": "condition 'a < b' at column 5 of the formula",
    "(a < b) + 1": r"'a < b' at column 1 of the formula: a condition cannot be an operand of '\+'",
    "(a < b)**2": r"'a < b' at column 1 of the formula: a condition cannot be an operand of '\*\*'",
    "where(a, b, c)": "'a' at column 7 of the formula: a condition compares two values",
    "where(a < b and c, 1, 2)": "'c' at column 17 of the formula: a condition compares",
    "where(a < b < c, 1, 2)": "join comparisons by and",
    "where(a < b, 1)": "function 'where' at column 1 of the formula: it takes 3 arguments and",
    "max(a)": "function 'max' at column 1 of the formula: it takes 2 or more arguments and got 1",
    "log(a, 2)": "function 'log' at column 1 of the formula: it takes 1 argument and got 2",
    "log": r"function 'log' at column 1 of the formula: write log\(…\)",
    "sum(a*b)": r"sum at column 1 of the formula: name its mixture by an index",
    "sum(C[h]*T[g]*h)": "sum at column 1 of the formula: it runs over one mixture, and g, h",
    "C[h]*h": r"'C\[h\]' has a value per share: write it within sum",
    "h*sum(C[h]*h)": "'h' has a value per share: write it within sum",
    "sum(C[h])": "the mixture 'h' does not occur",
    "sum(C[h]*h) + sum(C[g]*g)": r"parameter 'C' occurs both as C\[g\] and as C\[h\]",
    "C*sum(C[h]*h)": r"parameter 'C' occurs both as C\[h\] and as C:",
    "C[0]": "index '0' at column 3 of the formula: only a parameter has an index",
    "C[h": r"the end at column 4 of the formula: '\]' is missing",
    "N[h](2)": r"'\(' at column 5 of the formula",
    "|a": "the bar at column 1 of the formula: a name of an input is missing before it",
    "N, | N*a": "the bar at column 4 of the formula",
    "N P | N*P": "'P' at column 3 of the formula: put commas between",
    "N + P | N*P": r"'\+' at column 3 of the formula: put commas between",
    "2 | N": "'2' at column 1 of the formula: only names of inputs",
    "N, N | N*a": "input 'N' at column 4 of the formula: it is declared twice",
    "N, D | N*a": "input 'D' is declared before the bar but does not occur",
    "N | a | N": "a second bar at column 7 of the formula",
    "N | N*sum(C[h]*h)": "the mixture 'h' is an input: declare it before the bar",
    "C, h | sum(C[h]*h)": r"input 'C' has an index, C\[h\]: only parameters have one",
    "a" * (MAX_LENGTH + 1): "the formula has 4,001 characters: at most 4,000 are read",
    "(" * 1000 + "a" + ")" * 1000: r"'\(' at column 51 of the formula: nested more than 50 deep",
    "-" * 1000 + "a": "'-' at column 51 of the formula: nested more than 50 deep",
    "a**" * 1000 + "a": r"'\*\*' at column 152 of the formula: nested more than 50 deep",
    "where(" + "not " * 900 + "a<b, 1, 2)": "nested more than 50 deep",
    "exp(" * 900: "nested more than 50 deep",
}


@pytest.mark.parametrize("text", REFUSED, ids=lambda text: text[:20])
def test_what_is_no_law_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(ValueError, match=REFUSED[text]) as refused:
        parse(text)
    assert "\n" not in str(refused.value)
    assert not str(refused.value).endswith(".")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a formula as text, got int"):
        parse(3)  # type: ignore[arg-type]


@settings(max_examples=500)
@given(st.text() | st.text(alphabet=string.printable) | st.text(alphabet="ah1.,+-*/()<=[]| ^_eE"))
@example("where(a<b" * 100)
@example("[" * MAX_LENGTH)
@example("a[h]" * (MAX_LENGTH // 4))
@example("1e" * (MAX_LENGTH // 2))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        law = parse(text)
    except ValueError as refused:
        assert "\n" not in str(refused)  # noqa: PT017
    else:
        assert parse(str(law)).tree == law.tree


@pytest.mark.parametrize("between", ["+a", "*a", "-1", "/b"])
def test_a_long_law_is_read_and_computed(between: str) -> None:
    law = parse("a" + between * ((MAX_LENGTH - 1) // 2))
    assert np.isfinite(law.evaluate({"a": 1.0, "b": 1.0}, np))
    assert len(str(law)) >= MAX_LENGTH - 2


def test_the_deepest_law_is_read_and_computed() -> None:
    text = "(-x + 1*" * (MAX_DEPTH // 2) + "x" + ")" * (MAX_DEPTH // 2)
    assert np.isfinite(parse(text).evaluate({"x": 0.5}, np))
    assert parse(str(parse(text))) == parse(text)


# Values


class Value:
    """A number whose operators are NumPy's, for Python to evaluate a text with."""

    def __init__(self, value: Any) -> None:
        self.value = np.float64(value)

    def __neg__(self) -> "Value":
        return Value(-self.value)

    def __pos__(self) -> "Value":
        return self


def _operator(function: Callable[..., Any]) -> Callable[[Value, Value], Any]:
    def apply(one: Value, other: Value) -> Any:
        result = function(one.value, other.value)
        return bool(result) if isinstance(result, np.bool) else Value(result)

    return apply


for name, function in {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "truediv": np.divide,
    "pow": np.power,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
    "eq": np.equal,
    "ne": np.not_equal,
}.items():
    setattr(Value, f"__{name}__", _operator(function))


def python_functions() -> dict[str, Any]:
    """The functions of the grammar for :class:`Value`."""

    def of(function: Callable[..., Any]) -> Callable[..., Value]:
        return lambda *values: Value(function(*(value.value for value in values)))

    plain = {n: getattr(np, n) for n in ("log", "log2", "log10", "exp", "sqrt", "abs", "tanh")}
    plain |= {"sin": np.sin, "cos": np.cos, "atan": np.arctan}
    plain |= {"min": lambda *v: np.min(v), "max": lambda *v: np.max(v)}
    where = {"where": lambda condition, a, b: a if condition else b}
    return {name: of(function) for name, function in plain.items()} | where


def texts() -> st.SearchStrategy[tuple[str, str]]:
    """Formulas, for our parser and, with each number as a :class:`Value`, for Python's."""
    numbers = st.sampled_from(["0", "1", "2", "3", ".5", "1.5e0", "2e-1", "7."])
    leaves = st.sampled_from(NAMES).map(lambda name: (name, name))
    leaves |= numbers.map(lambda number: (number, f"Value({number})"))
    return st.recursive(leaves, larger, max_leaves=25)


def larger(inner: st.SearchStrategy[tuple[str, str]]) -> st.SearchStrategy[tuple[str, str]]:
    def joined(shape: str, parts: Any) -> tuple[str, str]:
        return shape.format(*(p[0] for p in parts)), shape.format(*(p[1] for p in parts))

    binary = ["{}+{}", "{} - {}", "{}*{}", "{} / {}", "{}**{}", "{}**-{}", "min({}, {})"]
    unary = ["-{}", "+{}", "({})", "( {} )", "-({})", "abs({})", "exp({})", "log({})", "tanh({})"]
    unary += ["sqrt({})", "sin({})", "cos({})", "atan({})", "log2({})", "log10({})"]
    conditions = ["{}<{}", "{}<={}", "{} > {}", "not {}>={}", "{}=={} or {}!={}"]
    conditions += ["not ({} < {} or {} > {}) and {} < {}", "({}+{}) < {} and ({} < {})"]
    shapes = [*binary, *unary, "max({}, {}, {})"]
    shapes += [f"where({condition}, {{}}, {{}})" for condition in conditions]
    return st.sampled_from(shapes).flatmap(
        lambda shape: st.lists(inner, min_size=shape.count("{}"), max_size=shape.count("{}")).map(
            lambda parts: joined(shape, parts)
        )
    )


@settings(max_examples=400)
@given(texts(), st.lists(st.floats(-3, 3), min_size=len(NAMES), max_size=len(NAMES)))
@example(("-x**2", "-x**Value(2)"), [3.0, 0, 0, 0, 0])
@example(("x**y**alpha", "x**y**alpha"), [2.0, 3.0, 2.0, 0, 0])
@example(("x/y*alpha-x-y", "x/y*alpha-x-y"), [2.0, 3.0, 5.0, 0, 0])
def test_values_are_pythons_own(pair: tuple[str, str], numbers: list[float]) -> None:
    text, python = pair
    law = parse(text)
    values = dict(zip(NAMES, map(np.float64, numbers), strict=True))
    scope = {name: Value(value) for name, value in values.items()}
    with np.errstate(all="ignore"):
        expected = eval(python, {"Value": Value} | python_functions(), scope).value
    assert np.array_equal(law.evaluate(values, np), expected, equal_nan=True)
    again = parse(str(law))
    assert again.tree == law.tree
    assert np.array_equal(again.evaluate(values, np), expected, equal_nan=True)


LAWS = {
    PARALLEL: lambda v: v.E + (v.A / (v.N * (v.k * np.log(v.P) + 1))) ** v.alpha,
    "a*log10(N) + b*log10(x) + c*log10(N)*log10(x) + d": lambda v: (
        v.a * np.log10(v.N) + v.b * np.log10(v.x) + v.c * np.log10(v.N) * np.log10(v.x) + v.d
    ),
    "where(D > U, U*(1 + R*(1 - exp(-(D/U - 1)/R))), D)": lambda v: np.where(
        v.D > v.U, v.U * (1 + v.R * (1 - np.exp(-(v.D / v.U - 1) / v.R))), v.D
    ),
    "E + 1/sum(C[h]*h**g[h]) + A/N**alpha": lambda v: (
        v.E + 1 / (v.C * v.h**v.g).sum(axis=-1) + v.A / v.N**v.alpha
    ),
    "c + k*exp(sum(t[h]*h)/N)": lambda v: v.c + v.k * np.exp(v.h @ v.t / v.N),
    "sum(N*h**g[h]*sum(K[w]*w)) + sum(h**2)": lambda v: (
        (v.N[:, None] * v.h**v.g).sum(axis=-1) * (v.K * v.w).sum(axis=-1) + (v.h**2).sum(axis=-1)
    ),
    "tanh(x) + sin(x) + cos(x) + atan(x) + log2(x) + pi*max(x, N, P) - abs(-x)": lambda v: (
        (np.tanh(v.x) + np.sin(v.x) + np.cos(v.x) + np.arctan(v.x) + np.log2(v.x))
        + (np.pi * np.maximum(np.maximum(v.x, v.N), v.P) - v.x)
    ),
}


class Values:
    """A number or an array for every name that laws here have."""

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        for name in "NPDUx":
            setattr(self, name, rng.uniform(1.0, 4.0, 30))
        for name in ("E", "A", "k", "alpha", "a", "b", "c", "d", "R"):
            setattr(self, name, rng.uniform(0.5, 2.0))
        self.h, self.w = rng.dirichlet(np.ones(3), 30), rng.dirichlet(np.ones(5), 30)
        self.h[0] = [0.0, 0.4, 0.6]
        self.C, self.g, self.t = rng.uniform(0.2, 1.0, (3, 3))
        self.K = rng.uniform(0.2, 1.0, 5)


@pytest.mark.parametrize("text", LAWS)
def test_laws_have_the_values_that_their_formulas_have(text: str) -> None:
    values = Values()
    law, expected = parse(text), LAWS[text](values)
    np.testing.assert_allclose(law.evaluate(vars(values), np), expected, rtol=1e-14)
    with jax.enable_x64(True):
        computed = jax.jit(lambda **given: law.evaluate(given, jnp))(**vars(values))
        assert computed.shape == (30,)
        np.testing.assert_allclose(computed, expected, rtol=1e-13)


def test_values_keep_the_precision_of_the_arrays() -> None:
    law = parse("E + 2**3*A/N**.5 + where(N > 2, 1/3, pi)")
    values = {name: jnp.asarray([1.5, 2.5], jnp.float32) for name in ("E", "A", "N")}
    assert law.evaluate(values, jnp).dtype == jnp.float32
    with jax.enable_x64(True):
        assert law.evaluate(values, jnp).dtype == jnp.float32
        doubles = {name: jnp.asarray([1.5, 2.5], jnp.float64) for name in values}
        assert law.evaluate(doubles, jnp).dtype == jnp.float64


def test_a_share_of_zero_has_no_value_and_no_derivative() -> None:
    law = parse("sum(C[h]*h**g[h])")
    h, C, g = jnp.array([0.0, 0.25, 0.75]), jnp.array([2.0, 3.0, 4.0]), jnp.array([0.5, 0.5, 1.0])

    def value(C: jax.Array, g: jax.Array) -> jax.Array:
        return law.evaluate({"h": h, "C": C, "g": g}, jnp)

    assert float(value(C, g)) == 4.5
    for derivative in (jax.grad, jax.jacfwd):
        by_C, by_g = derivative(value, argnums=(0, 1))(C, g)
        np.testing.assert_allclose(by_C, [0.0, 0.5, 0.75], rtol=1e-6)
        expected = np.array([0.0, 1.5 * np.log(0.25), 3.0 * np.log(0.75)])
        np.testing.assert_allclose(by_g, expected, rtol=1e-6)


def test_zero_to_the_zero_is_one() -> None:
    law = parse("x**g")
    assert float(law.evaluate({"x": 0.0, "g": 0.0}, jnp)) == 1.0
    assert float(law.evaluate({"x": 0.0, "g": 0.0}, np)) == 1.0
    assert float(jax.grad(lambda g: law.evaluate({"x": 0.0, "g": g}, jnp))(0.0)) == 0.0


@pytest.mark.parametrize("exponent", ["2", "3", "-1", "1", "0"])
def test_whole_powers_of_negative_numbers_have_derivatives(exponent: str) -> None:
    law, power = parse(f"x**{exponent}"), float(exponent)
    slope = jax.grad(lambda x: law.evaluate({"x": x}, jnp))(-2.0)
    assert float(slope) == pytest.approx(power * (-2.0) ** (power - 1.0))


def test_what_has_no_value_is_named() -> None:
    with pytest.raises(ValueError, match="missing a value for A, alpha; give one for each name"):
        parse("E + A/N**alpha").evaluate({"E": 1.0, "N": 2.0})


@pytest.mark.parametrize("text", ["1/0", "log(-1)", "2**10000 + 0/0", "0**-1", "-8**.5"])
def test_constants_out_of_range_do_not_raise(text: str) -> None:
    law: Expression = parse(text)
    computed = float(law.evaluate({}, jnp))
    np.testing.assert_allclose(computed, float(law.evaluate({}, np)), rtol=1e-6)


def test_every_function_is_computed() -> None:
    for name, (least, _) in FUNCTIONS.items():
        if name in ("sum", "where"):
            continue
        law = parse(f"{name}({', '.join(['x'] * least)})")
        assert np.isfinite(law.evaluate({"x": 0.5}, jnp))
