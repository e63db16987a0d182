"""Loading a dataset from the cache folder; its files are downloaded at first use."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from farseer_jax.datasets.catalogue import describe
from farseer_jax.datasets.dataset import Columns, Dataset

if TYPE_CHECKING:
    from requests.exceptions import RequestException


def load(name: str) -> Columns:
    """Load a public table of runs, as columns for :func:`farseer_jax.fit` and `Runs`.

    Its files are downloaded at first use, checked against their SHA-256, and kept in the folder
    that the environment variable ``FARSEER_DATA`` names, or else in the user's cache folder.

    Args:
        name: one of :func:`names`.

    Returns:
        Columns by name, ``(run,)`` each: ``N``, ``D`` and ``loss``, whose meaning :func:`describe`
        gives, and the authors' other columns.

    Raises:
        ConnectionError: a file could not be downloaded; the message says where to save it.
        OSError: the cache folder cannot be written.
        ValueError: the name is unknown, or a downloaded file differs from the published one.

    Example:
        >>> import farseer_jax as fj
        >>> table = fj.datasets.load("farseer")  # doctest: +SKIP
        >>> print(fj.fit(fj.Farseer, table))  # doctest: +SKIP
    """
    dataset = describe(name)
    folder = cache_folder() / dataset.name
    return dataset.read([_fetched(dataset, file, folder) for file in dataset.checksums])


def cache_folder() -> Path:
    """The folder of downloaded files: ``FARSEER_DATA``, otherwise in the user's cache folder."""
    if given := os.environ.get("FARSEER_DATA"):
        return Path(given).expanduser()
    import platformdirs

    return Path(platformdirs.user_cache_dir("farseer_jax", appauthor=False), "datasets")


def _fetched(dataset: Dataset, file: str, folder: Path) -> Path:
    """A file of a dataset, in a folder; downloaded if it is not there, or differs."""
    import pooch
    from requests.exceptions import RequestException

    url, expected = f"{dataset.base_url}/{file}", dataset.checksums[file]
    try:
        with _silent(pooch.get_logger()):
            return Path(pooch.retrieve(url, f"sha256:{expected}", fname=file, path=folder))
    except RequestException as error:
        raise ConnectionError(_where_to_put(dataset, file, folder, error)) from None
    except ValueError:
        raise ValueError(
            f"dataset {dataset.name!r}: {url} differs from the published file (expected "
            f"SHA-256 {expected}) and was not kept; its authors may have changed it, or it was "
            f"altered in transit"
        ) from None


def _where_to_put(dataset: Dataset, file: str, folder: Path, error: RequestException) -> str:
    """The message on a failed download: its address, and where to save the file."""
    differs = (
        ", where the existing file has a different checksum" if (folder / file).exists() else ""
    )
    num_others = len(dataset.checksums) - 1
    others = (
        f", and its {num_others} other files (`fj.datasets.describe({dataset.name!r}).urls`) "
        f"beside it"
        if num_others
        else ""
    )
    return (
        f"dataset {dataset.name!r}: {dataset.base_url}/{file} could not be downloaded "
        f"({_reason(error)}); download it elsewhere and save it as {folder / file}{differs}{others}"
    )


def _reason(error: RequestException) -> str:
    """Why a download failed, in a few words."""
    from requests.exceptions import SSLError, Timeout

    if error.response is not None:
        return f"HTTP status {error.response.status_code}"
    if isinstance(error, SSLError):
        return "its certificate was rejected"
    return "timed out" if isinstance(error, Timeout) else "no connection"


@contextmanager
def _silent(logger: logging.Logger) -> Iterator[None]:
    """Silence a logger: a library prints nothing."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
