"""Compiled functions let go of what they compiled for other laws and tables."""

import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import farseer_jax
from farseer_jax.laws.expression_law import expression_law
from farseer_jax.runs.inputs import Kind
from farseer_jax.runtime.compiled import MOST, compiled

PACKAGE = Path(farseer_jax.__file__).parent
KINDS: dict[str, Kind] = {"N": "positive", "D": "positive"}
HOME = PACKAGE / "runtime" / "compiled.py"
# in code, not in sentences or examples
JITTED = re.compile(r"^(?! *(?:>>>|\.\.\.)).*(?<!`)\b(?:jax\.jit|filter_jit|pmap)\b", re.MULTILINE)


def _live() -> int:
    return len(jax.devices()[0].client.live_executables())


def test_compilations_are_let_go() -> None:
    @compiled(most=3, static=("power",))
    def raised(x: jax.Array, power: int) -> jax.Array:
        return jnp.cumsum(x) ** power

    before = _live()
    for power in range(1, 12):
        x = np.linspace(0.0, 1.0, 5 + power % 2)
        np.testing.assert_allclose(raised(x, power), np.cumsum(x) ** power, rtol=1e-5)
        assert raised.num_kept <= 3
        assert _live() - before <= 3
    raised.clear_cache()
    assert _live() == before


def test_the_second_call_does_not_compile() -> None:
    traced = []

    @compiled(static=("name",))
    def shifted(x: jax.Array, name: str = "plain") -> jax.Array:
        traced.append(name)
        return x + len(name)

    for _ in range(2):
        shifted(np.ones(3))
        shifted(np.zeros(3), name="other")
        shifted(np.zeros(4))
    assert traced == ["plain", "other", "plain"]
    assert shifted.num_kept == 3


def test_within_another_function_it_is_part_of_that() -> None:
    @compiled()
    def twice(x: jax.Array) -> jax.Array:
        return 2.0 * x

    assert float(jax.grad(lambda x: twice(x) ** 2)(3.0)) == 24.0
    assert float(jax.jit(lambda x: twice(x) + 1.0)(3.0)) == 7.0
    assert twice.num_kept == 0


def test_all_functions_are_compiled_in_one_place() -> None:
    for path in PACKAGE.rglob("*.py"):
        if path != HOME:
            assert not JITTED.search(path.read_text("utf-8")), path


def test_a_process_that_uses_many_laws_keeps_a_limited_number() -> None:
    N, D = np.array([1e9, 1e10]), 1e12
    first = 0
    for k in range(MOST + 4):
        kind = expression_law(f"E + A/N**a + B/D**{0.3 + k / 1000}", KINDS)
        loss = kind(E=1.7, A=400.0, a=0.34, B=400.0)(N=N, D=D)
        expected = 1.7 + 400.0 / N**0.34 + 400.0 / D ** (0.3 + k / 1000)
        np.testing.assert_allclose(loss, expected, rtol=1e-5)
        first = _live() if k == 0 else first
        assert _live() - first < MOST
