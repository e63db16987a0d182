"""Fits as JSON: versioned, exact, no pickle."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import numpy as np

from farseer_jax._version import __version__
from farseer_jax.fitting.registry import DIAGNOSTICS, LAWS, METHODS
from farseer_jax.laws.farseer import Farseer
from farseer_jax.laws.law import AbstractLaw
from farseer_jax.methods.outcome import Outcome
from farseer_jax.runs.runs import Runs

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit

FORMAT = "farseer_jax.fit"
FORMAT_VERSION = 1


def to_dict(fit: "Fit") -> dict[str, Any]:
    """The content of a fit file."""
    own = {"curves": fit.law.to_dict()} if isinstance(fit.law, Farseer) else {}
    return {
        "format": FORMAT,
        "version": FORMAT_VERSION,
        "library_version": __version__,
        "law": fit.law.name,
        **own,
        "parameters": {
            name: value if np.isfinite(value) else None
            for name, value in parameters(fit.law).items()
        },
        "metrics": {
            "mean_relative_error": fit.mean_relative_error,
            "max_relative_error": fit.max_relative_error,
            "num_runs": len(fit.relative_error),
        },
        "outcome": {"name": fit.outcome.name, "message": fit.outcome.message},
        "warnings": list(fit.warnings),
        "method": fit.method.to_dict(),
        "relative_error": fit.relative_error.tolist(),
        "diagnostics": fit.diagnostics.to_dict(),
        "runs": fit.runs.to_dict(),
    }


def parameters(law: AbstractLaw) -> dict[str, float]:
    """The numbers of a law by name: those of the paper for Farseer."""
    if isinstance(law, Farseer):
        return law.parameters()
    return {name: float(getattr(law, name)) for name in law.parameter_names()}


def dumps(fit: "Fit") -> str:
    """JSON text; floats with all digits."""
    return json.dumps(to_dict(fit), ensure_ascii=False, allow_nan=False, indent=1) + "\n"


def read(source: str | Path, law: type[AbstractLaw] | None = None) -> dict[str, Any]:
    """The parts of a fit, from a path or from JSON text.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: what is wrong with the file.
    """
    is_text = isinstance(source, str) and (not source or source.lstrip().startswith("{"))
    name = "the JSON text" if is_text else str(source)
    content = _parse(_load(source, is_text, name), name)
    _check_version(content, name)
    kind = _law_class(content, name, law)
    method = _method_name(content, name)
    try:
        fitted = _law(kind, content)
        if not all(np.isfinite(leaf) for leaf in jax.tree.leaves(fitted)):
            raise ValueError("a number of its law is not finite")
        return {
            "law": fitted,
            "runs": Runs.from_dict(content["runs"]),
            "method": METHODS[method].from_dict(content["method"]),
            "outcome": Outcome[content["outcome"]["name"]],
            "relative_error": np.array(content["relative_error"], dtype=float),
            "diagnostics": DIAGNOSTICS[method].from_dict(content["diagnostics"]),
        }
    except NotImplementedError as error:  # whole, but made with what no file can keep
        raise ValueError(f"{name}: {error}") from None
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{name}: the fit is damaged ({type(error).__name__}: {error}); write it again"
        ) from error


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
            f"({__version__}) reads up to {FORMAT_VERSION}: upgrade farseer_jax"
        )


def _law_class(
    content: dict[str, Any], name: str, law: type[AbstractLaw] | None
) -> type[AbstractLaw]:
    if law is not None and not (isinstance(law, type) and issubclass(law, AbstractLaw)):
        raise TypeError(f"law must be a law's class such as `Chinchilla`, got {law!r}")
    known = LAWS if law is None else LAWS | {law.name: law}
    kind = content.get("law")
    if not isinstance(kind, str) or kind not in known:
        raise ValueError(
            f"{name} holds a fit of the law {kind!r}; this farseer_jax ({__version__}) knows "
            f"{', '.join(map(repr, known))}: read a law of your own with Fit.from_json(…, law=…)"
        )
    return known[kind]


def _method_name(content: dict[str, Any], name: str) -> str:
    method = content.get("method")
    known = method.get("name") if isinstance(method, dict) else None
    if isinstance(known, str) and known not in METHODS:
        raise ValueError(
            f"{name} holds a fit by the method {known!r}; this farseer_jax ({__version__}) knows "
            f"{', '.join(map(repr, METHODS))}, and cannot read back fits by a method of one's own"
        )
    return str(known)


def _law(kind: type[AbstractLaw], content: dict[str, Any]) -> AbstractLaw:
    if issubclass(kind, Farseer):
        return kind.from_dict(content["curves"])
    numbers = {
        name: np.asarray(float(content["parameters"][name])) for name in kind.parameter_names()
    }
    return kind(**numbers)
