"""Fits as JSON: versioned, exact, no pickle."""

import json
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from farseer_jax._version import __version__
from farseer_jax.fitting.registry import DIAGNOSTICS, LAWS, METHODS
from farseer_jax.laws.expression_law import ExpressionLaw, expression_law
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import Law
from farseer_jax.links import Link
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.extra_columns import json_value
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit

FORMAT = "farseer_jax.fit"
FORMAT_VERSION = 2


def to_dict(
    fits: Sequence["Fit"], by: Sequence[str] = (), shared: Sequence[str] = ()
) -> dict[str, Any]:
    """The content of a fit file; of one fit, its parts stand at the top as well."""
    first = fits[0]
    content = {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "library_version": __version__,
        **_law_to_dict(type(first.law), first.columns),
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


def parameters(law: Law) -> dict[str, Any]:
    """The numbers of a law by name, a vector as an object by entry; the paper's for Farseer."""
    if isinstance(law, Farseer):
        return law.parameters()
    entries = dict(type(law).shares)
    numbers: dict[str, Any] = {}
    for field in type(law).fields():
        value = np.asarray(getattr(law, field.name), float)
        labels = () if field.along is None else entries[field.along]
        numbers[field.name] = (
            dict(zip(labels, value.tolist(), strict=True)) if labels else float(value)
        )
    return numbers


def dumps(content: Mapping[str, Any]) -> str:
    """JSON text; floats with all digits."""
    return json.dumps(content, ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def read(source: str | Path, law: type[Law] | None = None) -> dict[str, Any]:
    """The parts of fits, from a path or from JSON text: ``fits``, ``by`` and ``shared``.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: what is wrong with the file.
        TypeError: the source is neither.
    """
    if not isinstance(source, str | PathLike):
        raise TypeError(
            f"source: expected a path or JSON text, got {type(source).__name__}: give what "
            "to_json wrote"
        )
    is_text = isinstance(source, str) and (not source or source.lstrip().startswith("{"))
    name = "the JSON text" if is_text else str(source)
    content = _parse(_load(source, is_text, name), name)
    _check_version(content, name)
    kind = _law_class(content, name, law)
    method = _method_name(content, name)
    try:
        settings = METHODS[method].from_dict(content["method"])
        parts = content["fits"]
        if len(parts) == 1:
            parts = [{**content, **parts[0]}]
        columns = {k: own["column"] for k, own in content["inputs"].items() if "column" in own}
        fits = [_fit(kind, part, settings, DIAGNOSTICS[method], columns) for part in parts]
        if not fits:
            raise ValueError("it holds no fit")
        return {"fits": fits, "by": tuple(content["by"]), "shared": tuple(content["shared"])}
    except NotImplementedError as error:  # whole, but made with what no file can keep
        raise ValueError(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{name}: the fit is damaged ({type(error).__name__}: {error}); write it again"
        ) from error


def _summary(fit: "Fit") -> dict[str, Any]:
    return {
        "group": {name: json_value(label) for name, label in fit.group.items()},
        "response": fit.response,
        "parameters": _or_null(parameters(fit.law)),
        "outcome": {"name": fit.outcome.name, "message": fit.outcome.message},
    }


def _details(fit: "Fit") -> dict[str, Any]:
    own = {"curves": fit.law.to_dict()} if isinstance(fit.law, Farseer) else {}
    errors = {"mean_relative_error": fit.mean_relative_error}
    errors["max_relative_error"] = fit.max_relative_error
    return {
        **own,
        "metrics": {**_or_null(errors), "num_runs": len(fit.relative_error)},
        "warnings": list(fit.warnings),
        "num_left_out": fit.num_left_out,
        "relative_error": [x if np.isfinite(x) else None for x in fit.relative_error.tolist()],
        "diagnostics": fit.diagnostics.to_dict(),
        "runs": fit.runs.to_dict(),
    }


def _fit(
    kind: type[Law],
    part: Mapping[str, Any],
    method: Any,
    diagnostics: Any,
    columns: Mapping[str, str],
) -> dict[str, Any]:
    """The fields of one fit."""
    runs = Runs.from_dict(part["runs"])
    law = _law(kind, part)
    if not all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(law)):
        raise ValueError("a number of its law is not finite")
    return {
        "law": law,
        "runs": runs,
        "method": method,
        "outcome": Outcome[part["outcome"]["name"]],
        "relative_error": np.array(part["relative_error"], dtype=float),
        "diagnostics": diagnostics.from_dict(part["diagnostics"]),
        "group": dict(part["group"]),
        "response": part["response"],
        "num_left_out": int(part["num_left_out"]),
        "columns": dict(columns),
    }


def _law_to_dict(law: type[Law], columns: Mapping[str, str]) -> dict[str, Any]:
    """What a law's class is made from."""
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
        content |= {"expression": str(law.expression), "real": list(law.real)}
    return content


def _law_class(content: dict[str, Any], name: str, law: type[Law] | None) -> type[Law]:
    if law is not None and not (isinstance(law, type) and issubclass(law, Law)):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {law!r}")
    inputs = content.get("inputs")
    if not isinstance(inputs, dict):
        raise ValueError(f"{name}: the fit is damaged (it has no inputs); write it again")
    known, kind = LAWS if law is None else LAWS | {law.name: law}, content.get("law")
    if content.get("expression") is None and not (isinstance(kind, str) and kind in known):
        raise ValueError(
            f"{name} holds a fit of the law {kind!r}; this farseer_jax ({__version__}) knows "
            f"{', '.join(map(repr, known))}: read a law of your own with Fit.from_json(…, law=…)"
        )
    try:
        own_law = _expression_law(content) or known[str(kind)]
        entries = {key: tuple(own["entries"]) for key, own in inputs.items() if "entries" in own}
        return own_law.with_shares(entries)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{name}: the fit is damaged ({type(error).__name__}: {error}); write it again"
        ) from error


def _expression_law(content: Mapping[str, Any]) -> type[Law] | None:
    """The law of a text; None of a class."""
    if content.get("expression") is None:
        return None
    kinds = {key: value["kind"] for key, value in content["inputs"].items()}
    real = tuple(content.get("real", ()))
    return expression_law(str(content["expression"]), kinds, real=real, name=content.get("law"))


def _law(kind: type[Law], content: Mapping[str, Any]) -> Law:
    if issubclass(kind, Farseer):
        return kind.from_dict(content["curves"])
    entries, numbers = dict(kind.shares), {}
    for field in kind.fields():
        value = content["parameters"][field.name]
        own = value if field.along is None else [value[label] for label in entries[field.along]]
        numbers[field.name] = np.asarray(own, dtype=np.float64)
    return kind(**numbers)


def _link_to_json(link: Link) -> Any:
    """Its name, with its ends where they are not the usual ones."""
    return link.name if link == Link(link.name) else link.to_dict()


def _or_null(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """What is not finite is null."""
    return {
        name: _or_null(value)
        if isinstance(value, Mapping)
        else (value if np.isfinite(value) else None)
        for name, value in numbers.items()
    }


def _load(source: str | Path, is_text: bool, name: str) -> str:
    if is_text:
        return str(source)
    path = Path(source)
    if path.is_dir():
        raise IsADirectoryError(f"{name} is a directory; name a fit file (farseer fit --json FILE)")
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise FileNotFoundError(f"{name}: no such file") from None
    except UnicodeDecodeError:
        raise ValueError(f"{name} is not a fit file: it is not text") from None


def _parse(text: str, name: str) -> dict[str, Any]:
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{name} is not a whole JSON file ({error}): it is truncated or no fit file; "
            "write it again with `farseer fit --json FILE`"
        ) from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ValueError(f'{name} is not a fit file: it has no "format": "{FORMAT}"')
    return content


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


def _method_name(content: dict[str, Any], name: str) -> str:
    method = content.get("method")
    known = method.get("name") if isinstance(method, dict) else None
    if isinstance(known, str) and known not in METHODS:
        raise ValueError(
            f"{name} holds a fit by the method {known!r}; this farseer_jax ({__version__}) knows "
            f"{', '.join(map(repr, METHODS))}, and cannot read back fits by a method of one's own"
        )
    return str(known)
