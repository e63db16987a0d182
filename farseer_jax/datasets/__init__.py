"""Public tables of training runs, by name.

No data ships with the package: a dataset is downloaded from its authors at first use, checked
against the SHA-256 of its files, and kept in the user's cache folder, or in the folder that the
environment variable ``FARSEER_DATA`` names.

Example:
    >>> import farseer_jax as fj
    >>> fj.datasets.names()[:3]
    ('chinchilla', 'complexkda', 'farseer')
    >>> table = fj.datasets.load("chinchilla")  # doctest: +SKIP
    >>> fj.fit(fj.Chinchilla, table)  # doctest: +SKIP
"""

from farseer_jax.datasets.catalogue import describe, names
from farseer_jax.datasets.dataset import Dataset
from farseer_jax.datasets.load import load

__all__ = ["Dataset", "describe", "load", "names"]
