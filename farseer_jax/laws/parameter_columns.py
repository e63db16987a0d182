"""The parameters of a law, or of a batch of laws, as columns: ``U.level``, ``C[web]``."""

import jax
import numpy as np

from farseer_jax.laws.law import Law


def column_names(law: Law) -> list[str | list[str]]:
    """The column of each of a law's leaves, such as ``U.level``; one per entry for a vector."""
    paths, _ = jax.tree_util.tree_flatten_with_path(law)
    names = [jax.tree_util.keystr(path).lstrip(".") for path, _ in paths]
    shares = dict(type(law).shares)
    entries = {field.name: shares[field.along] for field in type(law).fields() if field.along}
    return [
        [f"{name}[{entry}]" for entry in entries[name]] if name in entries else name
        for name in names
    ]


def numbers_by_column(law: Law) -> dict[str, np.ndarray]:
    """The parameters of a batch of laws by column, ``(law,)`` each."""
    columns: dict[str, np.ndarray] = {}
    for names, leaf in zip(column_names(law), jax.tree.leaves(law), strict=True):
        columns |= (
            {names: leaf} if isinstance(names, str) else dict(zip(names, leaf.T, strict=True))
        )
    return columns
