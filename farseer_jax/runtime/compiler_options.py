"""Options of XLA's compiler that the installed jaxlib knows: one that it does not is an error."""

from collections.abc import Mapping
from typing import Any

from jaxlib.version import __version__ as installed

# (first, end) of the versions that were found to accept an option; they save time, nothing else
_ACCEPTED = {
    "xla_backend_optimization_level": ((0, 10), (0, 13)),
    "xla_cpu_experimental_ynn_fusion_type": ((0, 10), (0, 13)),
    "xla_cpu_parallel_codegen_split_count": ((0, 10), (0, 13)),
    "xla_cpu_prefer_vector_width": ((0, 10), (0, 13)),
    "xla_cpu_use_fusion_emitters": ((0, 10), (0, 11)),  # later ones have the newer only
}


def accepted(options: Mapping[str, Any], version: str | None = None) -> dict[str, Any]:
    """The options that this jaxlib is known to accept.

    Args:
        options: for ``jax.jit(…, compiler_options=…)``.
        version: of jaxlib; None is the installed one.
    """
    version = installed if version is None else version
    own = tuple(map(int, version.split(".")[:2]))
    found = {}
    for name, value in options.items():
        first, end = _ACCEPTED[name]
        if first <= own < end:
            found[name] = value
    return found
