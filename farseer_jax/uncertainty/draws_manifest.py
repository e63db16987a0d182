"""The manifest of a file of draws: what determines them, checked before draws are added."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from farseer_jax._version import __version__
from farseer_jax.methods.method import weights_of
from farseer_jax.uncertainty.resampling import Scheme, as_json_has_it

if TYPE_CHECKING:
    from farseer_jax.fitting.result import Fit
    from farseer_jax.laws.law import Law

METADATA = b"farseer_jax.bootstrap"
FORMAT_VERSION = 1


def manifest_of(fit: "Fit", scheme: Scheme, seed: int) -> dict[str, Any]:
    """Everything that determines the draws, for JSON."""
    return {
        "version": FORMAT_VERSION,
        "library_version": __version__,
        "scheme": as_json_has_it(scheme.to_dict()),
        "seed": seed,
        "fit": fit.to_json(),
        "runs": _fingerprint(fit),
        "law": {"name": fit.law.name, "values": _digest(_leaves(fit.law))},
        "method": as_json_has_it(fit.method.to_dict()) | _own_starts(fit),
    }


def check_same(name: str, found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Refuse to continue draws of another bootstrap.

    Raises:
        ValueError: the manifests differ; the message says in what.
    """
    texts = {
        "version": "a version of the format, {0} (here {1})",
        "library_version": "farseer_jax {0} (here {1})",
        "runs": "other runs, {0[num]} (here {1[num]})",
        "law": "another law or fit, {0[name]} (here {1[name]})",
        "method": "other settings of the method, {0} (here {1})",
        "scheme": "another scheme, {0} (here {1})",
        "seed": "another seed, {0} (here {1})",
    }
    differs = [
        text.format(found.get(key), expected[key])
        for key, text in texts.items()
        if found.get(key) != expected[key]
    ]
    if differs:
        raise ValueError(
            f"{name} was begun with {'; '.join(differs[:2])}: continue with the same, or name "
            "another file"
        )


def _fingerprint(fit: "Fit") -> dict[str, Any]:
    """A digest of what a fit takes from its runs: inputs, response, link and weights."""
    runs = fit.runs
    texts = {"kinds": dict(runs.kinds), "shares": dict(runs.shares), "link": runs.link.to_dict()}
    labels = {name: list(map(str, runs.inputs[name])) for name in runs.labels}
    numbers = [column for name, column in runs.inputs.items() if name not in labels]
    own = [*numbers, runs.loss, weights_of(runs)]
    return {"num": len(runs), "sha256": _digest(own, json.dumps([texts, labels]))}


def _own_starts(fit: "Fit") -> dict[str, Any]:
    """A digest of the user's own starts, which a method's settings do not include."""
    starts = getattr(fit.method, "starts", None)
    return {} if starts is None else {"own_starts": _digest(_leaves(starts))}


def _leaves(law: "Law") -> list[np.ndarray]:
    import jax

    return [np.asarray(leaf, dtype=float) for leaf in jax.tree.leaves(law)]


def _digest(arrays: list[np.ndarray], text: str = "") -> str:
    import hashlib

    content = text.encode() + b"".join(np.ascontiguousarray(array).tobytes() for array in arrays)
    return hashlib.sha256(content).hexdigest()


def read_manifest(path: Path) -> dict[str, Any]:
    """Read the manifest of a file of draws.

    Raises:
        ValueError: not a file of draws.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        metadata = pq.read_schema(path).metadata or {}
    except pa.ArrowInvalid as error:
        raise ValueError(f"{path} is not a valid Parquet file ({error}); name another") from None
    if METADATA not in metadata:
        raise ValueError(f"{path} is a Parquet file without draws; name another")
    content: dict[str, Any] = json.loads(metadata[METADATA])
    return content
