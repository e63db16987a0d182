"""Units of loss: exact inverses, on every kind of number."""

from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import farseer_jax as fj
from farseer_jax.runs.units import UNITS, Unit

SIZES: Any = {"characters_per_token": 4.2, "bytes_per_token": 4.4}
units = st.sampled_from(UNITS)


def test_units_are_those_of_the_type() -> None:
    assert get_args(Unit) == UNITS


@given(st.floats(0.05, 30.0), units, units, st.floats(0.3, 20.0))
def test_there_and_back(nats: float, source: Any, target: Any, size: float) -> None:
    sizes = {"characters_per_token": size, "bytes_per_token": 1.1 * size}
    value = fj.convert_loss(nats, "nats per token", source, **sizes)
    there = fj.convert_loss(value, source, target, **sizes)
    back = fj.convert_loss(there, target, source, **sizes)
    assert back == pytest.approx(value, rel=1e-13)


@given(st.floats(0.05, 20.0), st.floats(0.3, 20.0))
def test_what_units_are(nats: float, size: float) -> None:
    """Eq. 23: loss per token times tokens per character, in bits."""
    assert fj.bits_per_character(nats, size) == pytest.approx(nats / size / np.log(2), rel=1e-14)
    assert fj.bits_per_byte(nats, size) == fj.bits_per_character(nats, size)
    assert fj.perplexity(nats) == pytest.approx(np.exp(nats), rel=1e-14)
    assert fj.convert_loss(nats, "nats per token", "bits per token") == pytest.approx(
        np.log2(np.exp(nats)), rel=1e-12
    )
    bits = fj.bits_per_character(nats, size)
    again = fj.nats_per_token(bits, "bits per character", characters_per_token=size)
    assert again == pytest.approx(nats, rel=1e-14)
    byte = fj.nats_per_token(fj.bits_per_byte(nats, size), "bits per byte", bytes_per_token=size)
    assert byte == pytest.approx(nats, rel=1e-14)
    assert fj.nats_per_token(fj.perplexity(nats), "perplexity") == pytest.approx(nats, rel=1e-13)


def test_every_kind_of_number() -> None:
    array = np.array([2.0, 3.0])
    assert isinstance(fj.perplexity(2.0), float)
    assert isinstance(fj.bits_per_character(array, 4.2), np.ndarray)
    np.testing.assert_allclose(
        fj.bits_per_byte([2.0, 3.0], [4.0, 4.2]), array / [4, 4.2] / np.log(2)
    )
    in_jax = fj.perplexity(jnp.asarray(array))
    assert isinstance(in_jax, jax.Array)
    np.testing.assert_allclose(in_jax, np.exp(array), rtol=1e-6)
    slope = jax.jit(jax.grad(lambda x: fj.convert_loss(x, "perplexity", "nats per token")))(4.0)
    assert float(slope) == pytest.approx(0.25)


def test_runs_keep_their_columns() -> None:
    runs = fj.Runs([1e8], [1e9], [2.0], {"arm": ["a"]})
    found = fj.bits_per_character(runs, 4.2)
    assert found.loss == pytest.approx(2.0 / 4.2 / np.log(2))
    assert found.loss_name == "bits per character"
    assert (found.N[0], found.D[0], found.extra["arm"][0]) == (1e8, 1e9, "a")


def test_runs_know_the_column_of_their_loss() -> None:
    runs = fj.Runs.from_dataframe(
        {"N": [1e8, 2e8], "D": [1e9, 1e9], "bpc_zh": [2.0, 1.9]}, loss="bpc_zh"
    )
    assert runs.loss_name == "bpc_zh"
    assert runs.select(max_N=1e8).loss_name == "bpc_zh"
    assert fj.Runs.from_dict(runs.to_dict()).loss_name == "bpc_zh"
    named, unnamed = fj.Runs([1e8], [1e9], [2.0], loss_name="nats"), fj.Runs([1e8], [1e9], [2.0])
    assert named.loss_name == "nats"
    assert named == unnamed  # a name is no part of equality
    assert "loss_name" not in unnamed.to_dict()
    import pickle

    assert pickle.loads(pickle.dumps(runs)).loss_name == "bpc_zh"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: fj.bits_per_character(2.0, 0.0), "characters_per_token: values must be positive"),
        (lambda: fj.bits_per_byte(-2.0, 4.0), "loss: values must be positive and finite, got -2.0"),
        (lambda: fj.perplexity("x"), "loss: expected numbers"),
        (lambda: fj.nats_per_token(0.9, "perplexity"), "a perplexity must be above 1"),
        (
            lambda: fj.nats_per_token(0.9, "bits per byte"),
            "bytes_per_token: needed for bits per byte",
        ),
        (lambda: fj.convert_loss(1.0, "bpc", "perplexity"), "source: unknown unit 'bpc'"),  # type: ignore[arg-type]
    ],
)
def test_refusals(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        call()
