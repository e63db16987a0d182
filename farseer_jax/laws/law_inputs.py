"""Inputs of a law at runs: labels one-hot, shares in the order in which they were fitted."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from farseer_jax.runs.inputs import Kind
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    from farseer_jax.laws.law import Law


def column_of(law: "type[Law]", runs: Runs, name: str, kind: Kind) -> np.ndarray:
    """One input at the runs: ``(run,)``, or ``(run, share)`` for mixtures and categories.

    Raises:
        ValueError: the runs lack the input.
    """
    values = input_of(law, runs, name)
    if kind == "category":
        return one_hot(law, name, values)
    return in_order(law, name, values, runs.shares[name]) if kind == "mixture" else values


def input_of(law: "type[Law]", runs: Runs, name: str) -> np.ndarray:
    """One input of the runs, unchanged.

    Raises:
        ValueError: the runs lack the input.
    """
    if name not in runs.inputs:
        raise ValueError(
            f"the law {law.name} needs the input {name!r}, and the runs have "
            f"{', '.join(runs.inputs)}: bind a column to it ({name}=… in Python, "
            f"--input {name}=COLUMN in the shell)"
        )
    return runs.inputs[name]


def in_order(law: "type[Law]", name: str, values: np.ndarray, columns: Sequence[str]) -> np.ndarray:
    """Shares of a mixture, ``(…, share)``, in the order in which the law was fitted.

    Raises:
        ValueError: the shares have other names.
    """
    known = dict(law.shares).get(name, tuple(columns))
    if tuple(columns) == known:
        return values
    if set(columns) != set(known):
        raise ValueError(
            f"input {name!r}: expected the shares that the law was fitted to, {', '.join(known)}, "
            f"got {', '.join(columns)}; give them the same names"
        )
    return values[..., [list(columns).index(share) for share in known]]


def one_hot(law: "type[Law]", name: str, labels: np.ndarray) -> np.ndarray:
    """Labels of a category, ``(…,)``, one-hot, ``(…, label)``.

    Raises:
        ValueError: the law was not fitted to one of the labels.
    """
    known = dict(law.shares)[name]
    texts = _spelt(np.asarray(labels), known)
    unknown = sorted(set(texts.ravel().tolist()) - set(known))
    if unknown:
        raise ValueError(
            f"input {name!r}: the law was fitted to {', '.join(known)}, not {unknown[0]!r}: leave "
            "those runs out, or fit them too"
        )
    return (texts[..., None] == np.array(known)).astype(float)


def _spelt(labels: np.ndarray, known: Sequence[str]) -> np.ndarray:
    """Labels as the law spells them: 1 and 1.0 are the same label."""
    if labels.dtype.kind not in "iuf":
        return labels.astype(str)
    spellings = {number: text for text in known if (number := _number(text)) is not None}
    values, places = np.unique(labels, return_inverse=True)
    texts = np.array([spellings.get(value, str(value)) for value in values.tolist()], dtype=str)
    return texts[places.ravel()].reshape(labels.shape)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
