"""Laws as JSON: their class and their exact parameters."""

from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np

from farseer_jax._version import __version__
from farseer_jax.laws.expression_law import ExpressionLaw, expression_law
from farseer_jax.laws.law import Center, Law
from farseer_jax.laws.registry import LAWS, law_named
from farseer_jax.results.converter import (
    UnknownNameError,
    array_from_plain,
    array_to_plain,
    given_classes,
    register,
)


def class_to_dict(law: type[Law], columns: Mapping[str, str] = {}) -> dict[str, Any]:
    """The class of a law for JSON: its name or formula, its inputs and their entries.

    Args:
        law: the class.
        columns: the columns of inputs that have another name.
    """
    entries = dict(law.shares)
    inputs: dict[str, Any] = {}
    for name, kind in law.inputs().items():
        inputs[name] = {"kind": kind}
        if name in entries:
            inputs[name]["entries"] = list(entries[name])
        if name in columns:
            inputs[name]["column"] = columns[name]
    content: dict[str, Any] = {"law": law.name, "expression": None, "inputs": inputs}
    if issubclass(law, ExpressionLaw):
        order = list(law.inputs())  # of arguments, which the order of keys may lose
        content |= {"expression": str(law.expression), "real": list(law.real), "arguments": order}
    return content


def class_from_dict(content: Mapping[str, Any]) -> type[Law]:
    """The inverse of :func:`class_to_dict`.

    Raises:
        UnknownNameError: the law is neither the library's nor among the classes given to the
            reader.
    """
    inputs = content["inputs"]
    law = _expression_law(content) or _law_named(content["law"])
    made = law.with_shares(
        {name: tuple(own["entries"]) for name, own in inputs.items() if "entries" in own}
    )
    found = {
        name: {key: value for key, value in own.items() if key != "column"}
        for name, own in inputs.items()
    }
    if found != class_to_dict(made)["inputs"]:
        raise ValueError(f"inputs: the law {law.name} has the inputs {made.inputs()}, got {found}")
    return made


def law_to_dict(law: Law) -> dict[str, Any]:
    """A law, or a batch of laws: its class, and the leaves of its pytree by their paths."""
    leaves = jax.tree_util.tree_leaves_with_path(law)
    return {
        **class_to_dict(type(law)),
        "leaves": {
            jax.tree_util.keystr(path): array_to_plain(np.asarray(leaf)) for path, leaf in leaves
        },
    }


def law_from_dict(
    content: Mapping[str, Any], find: Callable[[Any], type[Law]] = class_from_dict
) -> Law:
    """The inverse of :func:`law_to_dict`, with leaves in NumPy.

    Args:
        content: the law.
        find: the class of the law from the content.
    """
    kind = find(content)
    vector = np.zeros(len(kind.parameter_names()))
    form = jax.eval_shape(lambda own: kind.from_vector(own, Center(1.0, 1.0)), vector)
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree_util.tree_leaves_with_path(form)]
    leaves = [array_from_plain(content["leaves"][path]) for path in paths]
    return jax.tree.unflatten(jax.tree.structure(form), leaves)


def _law_named(name: Any) -> type[Law]:
    own = {law.name: law for law in given_classes() if issubclass(law, Law)}
    known = LAWS | own
    if isinstance(name, str) and name not in known and (made := law_named(name)) is not None:
        return made
    if not (isinstance(name, str) and name in known):
        raise UnknownNameError(
            f"holds a fit of the law {name!r}; this farseer_jax ({__version__}) knows "
            f"{', '.join(map(repr, known))}; to read a fit of your own law, give its class, as in "
            "Fit.from_json(…, law=…)"
        )
    return known[name]


def _expression_law(content: Mapping[str, Any]) -> type[Law] | None:
    """The law of a formula; None for other laws."""
    if content.get("expression") is None:
        return None
    kinds = {key: content["inputs"][key]["kind"] for key in content["arguments"]}
    real = tuple(content.get("real", ()))
    return expression_law(str(content["expression"]), kinds, real=real, name=content.get("law"))


register(Law, law_to_dict, law_from_dict)
