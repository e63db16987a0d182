"""Units of loss (paper Eq. 23): nats per token, bits per character or byte, perplexity.

A model's loss is the mean of ``−ln p`` over tokens: nats per token. In bits, and per character or
byte of the same text instead of per token, it no longer depends on the vocabulary.
"""

import math
from typing import Any, Literal, get_args

import numpy as np

from farseer_jax.link_functions import is_jax, namespace
from farseer_jax.runs.runs import Runs

Unit = Literal[
    "nats per token", "bits per token", "bits per character", "bits per byte", "perplexity"
]
UNITS: tuple[Unit, ...] = get_args(Unit)

_LN_2 = math.log(2.0)


def bits_per_character(loss: Any, characters_per_token: Any) -> Any:
    """Convert nats per token to bits per character (paper Eq. 23); see :func:`convert_loss`.

    Args:
        loss: nats per token: numbers, NumPy or JAX arrays, or :class:`Runs`.
        characters_per_token: of the evaluated text, with the model's tokeniser.

    Example:
        >>> from farseer_jax import bits_per_character
        >>> print(f"{bits_per_character(2.5, 4.2):.4f}")
        0.8587
    """
    return convert_loss(
        loss, "nats per token", "bits per character", characters_per_token=characters_per_token
    )


def bits_per_byte(loss: Any, bytes_per_token: Any) -> Any:
    """Convert nats per token to bits per byte of UTF-8; see :func:`convert_loss`.

    Args:
        loss: nats per token: numbers, NumPy or JAX arrays, or :class:`Runs`.
        bytes_per_token: of the evaluated text, with the model's tokeniser.

    Example:
        >>> from farseer_jax import bits_per_byte
        >>> print(f"{bits_per_byte(2.5, 4.3):.4f}")
        0.8388
    """
    return convert_loss(loss, "nats per token", "bits per byte", bytes_per_token=bytes_per_token)


def perplexity(loss: Any) -> Any:
    """Convert nats per token to perplexity, ``exp(loss)``.

    Args:
        loss: nats per token: numbers, NumPy or JAX arrays, or :class:`Runs`.

    Example:
        >>> from farseer_jax import perplexity
        >>> print(f"{perplexity(2.5):.2f}")
        12.18
    """
    return convert_loss(loss, "nats per token", "perplexity")


def nats_per_token(
    loss: Any,
    unit: Unit,
    *,
    characters_per_token: Any = None,
    bytes_per_token: Any = None,
) -> Any:
    """Convert a loss in another unit to nats per token.

    Args:
        loss: numbers, NumPy or JAX arrays, or :class:`Runs`.
        unit: its unit, see :func:`convert_loss`.
        characters_per_token: needed for bits per character.
        bytes_per_token: needed for bits per byte.

    Example:
        >>> from farseer_jax import bits_per_character, nats_per_token
        >>> bpc = bits_per_character(2.5, 4.2)
        >>> print(f"{nats_per_token(bpc, 'bits per character', characters_per_token=4.2):.4f}")
        2.5000
    """
    return convert_loss(
        loss,
        unit,
        "nats per token",
        characters_per_token=characters_per_token,
        bytes_per_token=bytes_per_token,
    )


def convert_loss(
    loss: Any,
    source: Unit,
    target: Unit,
    *,
    characters_per_token: Any = None,
    bytes_per_token: Any = None,
) -> Any:
    """Convert a loss from one unit to another.

    Args:
        loss: numbers, NumPy or JAX arrays (also under ``jit``), or :class:`Runs`, whose other
            columns are kept and whose ``loss_name`` becomes the target unit.
        source: its unit: ``"nats per token"``, ``"bits per token"``, ``"bits per
            character"``, ``"bits per byte"`` or ``"perplexity"``.
        target: the unit to convert to.
        characters_per_token: needed for bits per character; broadcasts with the loss.
        bytes_per_token: needed for bits per byte; broadcasts with the loss.

    Returns:
        The same kind as ``loss``.

    Raises:
        ValueError: a unit is unknown, an argument that it needs is missing, a number is not
            positive and finite (not checked in JAX arrays), or a perplexity is at most 1.

    Example:
        >>> from farseer_jax import convert_loss, example_runs
        >>> runs = example_runs()
        >>> nats = convert_loss(
        ...     runs, "bits per character", "nats per token", characters_per_token=4.2
        ... )
        >>> print(f"{nats.loss[0] / runs.loss[0]:.4f} {nats.loss_name}")  # 4.2 ln 2
        2.9112 nats per token
    """
    for name, unit in (("source", source), ("target", target)):
        if unit not in UNITS:
            raise ValueError(
                f"{name}: unknown unit {unit!r}; choose from {', '.join(map(repr, UNITS))}"
            )
    sizes = {"bits per character": characters_per_token, "bits per byte": bytes_per_token}
    scales = [_bits_in_nats(unit, sizes) for unit in (source, target)]
    if isinstance(loss, Runs):
        values = _converted(loss.loss, source, target, *scales)
        return loss.with_loss(values, target)
    return _converted(_checked("loss", loss), source, target, *scales)


def _bits_in_nats(unit: Unit, sizes: dict[str, Any]) -> Any:
    """Nats per token in one unit; for perplexity, in one unit of its logarithm."""
    if unit in ("nats per token", "perplexity"):
        return 1.0
    if unit == "bits per token":
        return _LN_2
    argument = {"bits per character": "characters_per_token", "bits per byte": "bytes_per_token"}
    size = sizes[unit]
    if size is None:
        raise ValueError(f"{argument[unit]}: needed for {unit}; count it on the evaluated text")
    return _LN_2 * _checked(argument[unit], size)


def _converted(loss: Any, source: Unit, target: Unit, source_scale: Any, target_scale: Any) -> Any:
    if source == target:
        return loss * 1.0
    if source == "perplexity":
        if not is_jax(loss) and not (np.asarray(loss) > 1).all():
            raise ValueError("loss: a perplexity must be above 1, that of a perfect prediction")
        loss = namespace(loss).log(loss)
    nats = loss * source_scale / target_scale
    return namespace(nats).exp(nats) if target == "perplexity" else nats


def _checked(name: str, values: Any) -> Any:
    """Positive finite numbers; lists become arrays, JAX arrays are not checked."""
    if is_jax(values):
        return values
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"{name}: expected numbers, got {values!r}") from None
    bad = ~(np.isfinite(array) & (array > 0))
    if bad.any():
        raise ValueError(f"{name}: values must be positive and finite, got {array[bad].ravel()[0]}")
    return array if isinstance(values, list | tuple) else values
