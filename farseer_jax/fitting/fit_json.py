"""Fits as JSON: versioned and exact, without pickle."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax._version import __version__
from farseer_jax.fitting.fit_checks import check_fits, fitted_of, outcome_of
from farseer_jax.fitting.fit_warnings import require_warnings
from farseer_jax.fitting.registry import DIAGNOSTICS, METHODS
from farseer_jax.laws.law import Law
from farseer_jax.laws.law_json import class_from_dict, class_to_dict
from farseer_jax.link_functions import Link
from farseer_jax.methods.method import Method
from farseer_jax.results.agreement import difference
from farseer_jax.results.converter import UnknownNameError, cause_of, classes_given, register
from farseer_jax.results.json_file import read_content
from farseer_jax.results.numbers import or_null
from farseer_jax.runs.columns import json_value
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit

FORMAT = "farseer_jax.fit"
FORMAT_VERSION = 2
Parts = tuple[tuple["Fit", ...], tuple[str, ...], tuple[str, ...]]  # fits, by and shared


def to_dict(
    fits: Sequence["Fit"],
    by: Sequence[str] = (),
    shared: Sequence[str] = (),
    *,
    warnings: Sequence[Sequence[str]] | None = None,
) -> dict[str, Any]:
    """The content of a fit file; the parts of a single fit are repeated at the top level.

    Args:
        fits: the fits.
        by: the grouping columns.
        shared: parameters that the groups share.
        warnings: those of each fit, if known: a robust fit finds outliers for them.
    """
    first = fits[0]
    notes = [fit.warnings for fit in fits] if warnings is None else warnings
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
        each = zip(fits, notes, strict=True)
        return {**content, "fits": [{**_summary(fit), **_details(fit, own)} for fit, own in each]}
    own = _summary(first)
    return {
        **content,
        "parameters": own["parameters"],
        "outcome": own["outcome"],
        **_details(first, notes[0]),
        "fits": [own],
    }


def read(source: str | Path, law: type | Sequence[type] | None = None) -> Parts:
    """Read fits, the grouping columns and the shared parameters from a path or JSON text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is not a valid fit file, or was changed.
        TypeError: neither a path nor text, or ``law`` is not a law's class.
    """
    classes = law if isinstance(law, Sequence) else () if law is None else (law,)
    if not all(isinstance(own, type) and issubclass(own, Law) for own in classes):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {law!r}")
    name, content = read_content(source, "a fit file", FORMAT, FORMAT_VERSION, "fit again")
    try:
        with classes_given(law):
            return from_dict(content)
    except UnknownNameError as error:  # whole, but not for this reader
        raise ValueError(f"{name} {error}") from None
    except NotImplementedError as error:  # whole, but made with what no file can keep
        raise ValueError(f"{name}: {error}") from None
    except Exception as error:
        raise ValueError(
            f"{name}: the fit is damaged ({cause_of(error)}); write it again"
        ) from error


def from_dict(content: Mapping[str, Any]) -> Parts:
    """The inverse of :func:`to_dict`: the fits, ``by`` and ``shared``, checked.

    Raises:
        UnknownNameError: the law or the method is unknown.
        ValueError: what can be computed again is not as the content says.
    """
    kind = class_from_dict(content)
    method = method_from_dict(content["method"])
    parts, by, shared = content["fits"], *(_names(content, key) for key in ("by", "shared"))
    if not isinstance(parts, list) or not parts:
        raise ValueError("it contains no fit")
    if len(parts) == 1:
        parts = [{**content, **parts[0]}]
    columns = {k: own["column"] for k, own in content["inputs"].items() if "column" in own}
    fits = tuple(_fit(kind, part, method, columns) for part in parts)
    check_fits(fits, by, shared)
    warnings = [_names(part, "warnings") for part in parts]
    again = to_dict(fits, by, shared, warnings=warnings)
    del again["library_version"]
    if found := difference({key: content[key] for key in again}, again):
        raise ValueError(found)
    if content["library_version"] == __version__:  # another one may have other sentences
        for fit, own in zip(fits, warnings, strict=True):
            require_warnings(own, fit.remarks, fitted_of(fit))
    return fits, by, shared


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


def _details(fit: "Fit", warnings: Sequence[str]) -> dict[str, Any]:
    errors = {"mean_relative_error": fit.mean_relative_error}
    errors["max_relative_error"] = fit.max_relative_error
    return {
        **fit.law.exact_numbers(),
        "metrics": {**or_null(errors), "num_runs": len(fit.relative_error)},
        "warnings": list(warnings),
        "num_left_out": fit.num_left_out,
        "relative_error": or_null(fit.relative_error),
        "diagnostics": fit.diagnostics.to_dict(),
        "runs": fit.runs.to_dict(),
    }


def _fit(
    kind: type[Law], part: Mapping[str, Any], method: Any, columns: Mapping[str, str]
) -> "Fit":
    """One fit."""
    from farseer_jax.fitting.result import Fit  # which imports this file

    errors = part["relative_error"]
    if not isinstance(errors, list) or any(type(own) not in (int, float) for own in errors):
        raise ValueError("relative_error: expected a list of numbers")
    return Fit(
        law=kind.from_numbers(part),
        runs=Runs.from_dict(part["runs"]),
        method=method,
        outcome=outcome_of(part["outcome"]),
        relative_error=np.array(errors, dtype=float),
        diagnostics=DIAGNOSTICS[method.name].from_dict(part["diagnostics"]),
        group=dict(part["group"]),
        response=part["response"],
        num_left_out=part["num_left_out"],
        columns=dict(columns),
    )


def _names(content: Mapping[str, Any], key: str) -> tuple[str, ...]:
    names = content[key]
    if not isinstance(names, list) or any(type(name) is not str for name in names):
        raise ValueError(f"{key}: expected a list of names, got {names!r:.50}")
    return tuple(names)


def _link_to_json(link: Link) -> Any:
    """The link's name, or a dictionary if its floor and ceiling are not the defaults."""
    return link.name if link == Link(link.name) else link.to_dict()


register(lambda kind: kind is Method, lambda method: method.to_dict(), method_from_dict)
