"""The manifest of a file of draws: what determines them, checked before draws are added."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from farseer_jax._version import __version__
from farseer_jax.fitting.result import Fit
from farseer_jax.laws.law import Law
from farseer_jax.methods.method import weights_of
from farseer_jax.results.converter import UnknownNameError
from farseer_jax.results.digest import KEY, check_digest, digest_of
from farseer_jax.uncertainty.draws_parquet import OF_THE_WHOLE, DrawsParquet, opened
from farseer_jax.uncertainty.draws_table import columns_of
from farseer_jax.uncertainty.resampling import Scheme, as_json_has_it
from farseer_jax.uncertainty.schemes_by_name import scheme_of

METADATA = b"farseer_jax.bootstrap"
FORMAT_VERSION = 2
# What determines the draws, each with how it is said to differ from here.
_DETERMINES = {
    "library_version": "farseer_jax {0} (here {1})",
    "runs": "other runs, {0[num]} (here {1[num]})",
    "law": "another law or fit, {0[name]} (here {1[name]})",
    "method": "other settings of the method, {0} (here {1})",
    "scheme": "another scheme, {0} (here {1})",
    "seed": "another seed, {0} (here {1})",
    "columns": "the columns {0} (here {1})",
}
_OF_THE_FIT = ("runs", "law", "method", "columns")
_KINDS = {
    "library_version": str,
    "scheme": dict,
    "seed": int,
    "fit": str,
    "runs": dict,
    "law": dict,
    "method": dict,
    "columns": list,
}


def manifest_of(fit: Fit, scheme: Scheme, seed: int) -> dict[str, Any]:
    """Everything that determines the draws, for JSON, and its digest."""
    content = {
        "version": FORMAT_VERSION,
        "library_version": __version__,
        "scheme": as_json_has_it(scheme.to_dict()),
        "seed": seed,
        "fit": fit.to_json(),
        "runs": _fingerprint(fit),
        "law": {"name": fit.law.name, "values": _sha256(_leaves(fit.law))},
        "method": as_json_has_it(fit.method.to_dict()) | _own_starts(fit),
        "columns": columns_of(fit.law),
    }
    return {**content, KEY: digest_of(_with_exact_seed(content))}


def bootstrap_digest(manifest: Mapping[str, Any]) -> str:
    """Digest of what determines the draws, which their parts carry."""
    return digest_of(_with_exact_seed({key: manifest[key] for key in _DETERMINES}))


def check_same(name: str, found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    """Refuse to continue draws of another bootstrap.

    Raises:
        ValueError: the manifests differ; the message says in what.
    """
    differs = [
        text.format(found.get(key), expected[key])
        for key, text in _DETERMINES.items()
        if found.get(key) != expected[key]
    ]
    if differs:
        raise ValueError(
            f"{name} was begun with {'; '.join(differs[:2])}: continue with the same, or name "
            "another file"
        )


def bootstrapped(
    name: str, manifest: Mapping[str, Any], law: type[Law] | None, scheme: Scheme | None
) -> tuple[Fit, Scheme, int]:
    """The fit, the scheme and the seed of draws, compared with the rest of the manifest.

    Args:
        name: where the manifest is, for messages.
        manifest: as it was read.
        law: the law's class, if it is not the library's.
        scheme: the scheme, if it is not the library's.

    Raises:
        ValueError: the fit or the scheme cannot be read, or is not that of the draws.
    """
    try:
        fit = Fit.from_json(manifest["fit"], law)
    except ValueError as error:
        what = str(error).replace("the JSON text", f"the fit in {name}", 1)
        # an intact fit by a law or a method that only its author has is no fault of the file
        is_unknown = isinstance(error.__context__, UnknownNameError)
        raise (UnknownNameError if is_unknown else ValueError)(what) from None
    scheme = scheme_of(manifest["scheme"], scheme)
    found = as_json_has_it(manifest_of(fit, scheme, manifest["seed"]))
    own = {**manifest, "method": dict(manifest["method"])}
    if "own_starts" not in found["method"]:  # a file of a fit does not keep them
        own["method"].pop("own_starts", None)
    for key in _OF_THE_FIT:
        if found[key] != own[key]:
            raise ValueError(
                f"the {key} of the fit in {name} are not those of its draws: {OF_THE_WHOLE}"
            )
    return fit, scheme, manifest["seed"]


def file_of(path: Path) -> DrawsParquet:
    """A whole file of draws, as its manifest describes it.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a file of draws, or its manifest is damaged.
    """
    manifest = read_manifest(path)
    return DrawsParquet(path, bootstrap_digest(manifest), manifest["columns"])


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a file of draws.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: not a file of draws, or its manifest is damaged.
    """
    with opened(path, "name another") as file:
        metadata = file.metadata.metadata or {}
    if METADATA not in metadata:
        raise ValueError(f"{path} is a Parquet file without draws; name another")
    return parsed_manifest(str(path), metadata[METADATA], OF_THE_WHOLE)


def parsed_manifest(name: str, text: bytes | str, remedy: str) -> dict[str, Any]:
    """A manifest from its text, checked.

    Args:
        name: where it is, for messages.
        text: its JSON.
        remedy: what to do if it is damaged.

    Raises:
        ValueError: it is damaged, was changed, or has another version.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the manifest of {name} is damaged ({error}): {remedy}") from None
    version = content.get("version") if isinstance(content, dict) else None
    if type(version) is not int:
        raise ValueError(
            f"the manifest of {name} is damaged (expected a version, got {version!r}): {remedy}"
        )
    if version != FORMAT_VERSION:
        raise ValueError(
            f"{name} has version {version} of the format of draws, but this farseer_jax "
            f"({__version__}) reads version {FORMAT_VERSION}: read it with the version that "
            "wrote it, or make the draws again"
        )
    wrong = [key for key, kind in _KINDS.items() if type(content.get(key)) is not kind]
    if wrong:
        raise ValueError(
            f"the manifest of {name} is damaged (expected {wrong[0]!r}, got "
            f"{content.get(wrong[0])!r}): {remedy}"
        )
    check_digest(f"the manifest of {name}", _with_exact_seed(content), remedy)
    return content


def _with_exact_seed(content: Mapping[str, Any]) -> dict[str, Any]:
    """A content whose digest depends on every digit of a seed, which may be above 2⁵³."""
    return {**content, "seed": str(content["seed"])}


def _fingerprint(fit: Fit) -> dict[str, Any]:
    """A digest of what a fit takes from its runs: inputs, response, link and weights."""
    runs = fit.runs
    texts = {"kinds": dict(runs.kinds), "shares": dict(runs.shares), "link": runs.link.to_dict()}
    labels = {name: list(map(str, runs.inputs[name])) for name in runs.labels}
    numbers = [column for name, column in runs.inputs.items() if name not in labels]
    own = [*numbers, runs.loss, weights_of(runs)]
    return {"num": len(runs), "sha256": _sha256(own, json.dumps([texts, labels]))}


def _own_starts(fit: Fit) -> dict[str, Any]:
    """A digest of the user's own starts, which a method's settings do not include."""
    starts = getattr(fit.method, "starts", None)
    return {} if starts is None else {"own_starts": _sha256(_leaves(starts))}


def _leaves(law: Law) -> list[np.ndarray]:
    import jax

    return [np.asarray(leaf, dtype=float) for leaf in jax.tree.leaves(law)]


def _sha256(arrays: list[np.ndarray], text: str = "") -> str:
    import hashlib

    content = text.encode() + b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return hashlib.sha256(content).hexdigest()
