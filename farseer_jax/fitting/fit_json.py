"""Fits as JSON: versioned and exact, without pickle."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from farseer_jax._version import __version__
from farseer_jax.fitting.registry import DIAGNOSTICS, METHODS
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_json import class_from_dict, class_to_dict
from farseer_jax.link_functions import Link
from farseer_jax.methods.method import Method
from farseer_jax.methods.outcome import Outcome
from farseer_jax.results.converter import UnknownNameError, classes_given, register
from farseer_jax.results.numbers import or_null
from farseer_jax.results.result import parse_json, read_source
from farseer_jax.runs.columns import json_value
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit

FORMAT = "farseer_jax.fit"
FORMAT_VERSION = 2


def to_dict(
    fits: Sequence["Fit"], by: Sequence[str] = (), shared: Sequence[str] = ()
) -> dict[str, Any]:
    """The content of a fit file; the parts of a single fit are repeated at the top level."""
    first = fits[0]
    content = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "library_version": __version__,
        **class_to_dict(type(first.law), first.columns),
        "link": _link_to_json(first.runs.link),
        "by": list(by),
        "shared": list(shared),
        "method": first.method.to_dict(),
    }
    if len(fits) > 1:
        return {**content, "fits": [{**_summary(fit), **_details(fit)} for fit in fits]}
    own = _summary(first)
    return {
        **content,
        "parameters": own["parameters"],
        "outcome": own["outcome"],
        **_details(first),
        "fits": [own],
    }


def read(source: str | Path, law: type | Sequence[type] | None = None) -> dict[str, Any]:
    """Read the parts of fits, ``fits``, ``by`` and ``shared``, from a path or JSON text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a valid fit file.
        TypeError: neither a path nor text, or ``law`` is not a law's class.
    """
    classes = law if isinstance(law, Sequence) else () if law is None else (law,)
    if not all(isinstance(own, type) and issubclass(own, Law) for own in classes):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {law!r}")
    name, text = read_source(source)
    content = parse_json(name, text)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f'{name}: expected a fit file with "format": "{FORMAT}"')
    _check_version(content, name)
    try:
        with classes_given(law):
            return from_dict(content)
    except UnknownNameError as error:  # whole, but not for this reader
        raise ValueError(f"{name} {error}") from None
    except NotImplementedError as error:  # whole, but made with what no file can keep
        raise ValueError(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{name}: the fit is damaged ({type(error).__name__}: {error}); write it again"
        ) from error


def from_dict(content: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of :func:`to_dict`: the fields of each fit, ``by`` and ``shared``.

    Raises:
        UnknownNameError: the law or the method is unknown.
    """
    kind = class_from_dict(content)
    method = method_from_dict(content["method"])
    parts = content["fits"]
    if len(parts) == 1:
        parts = [{**content, **parts[0]}]
    columns = {k: own["column"] for k, own in content["inputs"].items() if "column" in own}
    fits = [_fit(kind, part, method, columns) for part in parts]
    if not fits:
        raise ValueError("it contains no fit")
    return {"fits": fits, "by": tuple(content["by"]), "shared": tuple(content["shared"])}


def method_from_dict(content: Mapping[str, Any]) -> Any:
    """A method's settings, by its name.

    Raises:
        UnknownNameError: the method is not the library's.
    """
    name = content["name"]
    if name not in METHODS:
        raise UnknownNameError(
            f"holds a fit by the method {name!r}; this farseer_jax ({__version__}) knows "
            f"{', '.join(map(repr, METHODS))}, and cannot read fits by your own methods"
        )
    return METHODS[name].from_dict(content)


def _summary(fit: "Fit") -> dict[str, Any]:
    return {
        "group": {name: json_value(label) for name, label in fit.group.items()},
        "response": fit.response,
        "parameters": or_null(fit.law.parameters()),
        "outcome": {"name": fit.outcome.name, "message": fit.outcome.message},
    }


def _details(fit: "Fit") -> dict[str, Any]:
    errors = {"mean_relative_error": fit.mean_relative_error}
    errors["max_relative_error"] = fit.max_relative_error
    return {
        **fit.law.exact_numbers(),
        "metrics": {**or_null(errors), "num_runs": len(fit.relative_error)},
        "warnings": list(fit.warnings),
        "num_left_out": fit.num_left_out,
        "relative_error": or_null(fit.relative_error),
        "diagnostics": fit.diagnostics.to_dict(),
        "runs": fit.runs.to_dict(),
    }


def _fit(
    kind: type[Law], part: Mapping[str, Any], method: Any, columns: Mapping[str, str]
) -> dict[str, Any]:
    """The fields of one fit."""
    runs = Runs.from_dict(part["runs"])
    law = kind.from_numbers(part)
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(law)):
        raise ValueError("a parameter of its law is not finite")
    return {
        "law": law,
        "runs": runs,
        "method": method,
        "outcome": Outcome[part["outcome"]["name"]],
        "relative_error": np.array(part["relative_error"], dtype=float),
        "diagnostics": DIAGNOSTICS[method.name].from_dict(part["diagnostics"]),
        "group": dict(part["group"]),
        "response": part["response"],
        "num_left_out": int(part["num_left_out"]),
        "columns": dict(columns),
    }


def _link_to_json(link: Link) -> Any:
    """The link's name, or a dictionary if its floor and ceiling are not the defaults."""
    return link.name if link == Link(link.name) else link.to_dict()


def _check_version(content: dict[str, Any], name: str) -> None:
    version = content.get("version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ValueError(
            f"{name} has version {version!r} of the fit format, and this farseer_jax "
            f"({__version__}) reads version {FORMAT_VERSION}: upgrade farseer_jax"
        )
    if version < FORMAT_VERSION:
        raise ValueError(
            f"{name} has version {version} of the fit format, from before laws had named inputs; "
            f"this farseer_jax ({__version__}) reads version {FORMAT_VERSION}: fit again"
        )


register(lambda kind: kind is Method, lambda method: method.to_dict(), method_from_dict)
