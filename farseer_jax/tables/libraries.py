"""Optional libraries, installed by an extra of the package."""

from __future__ import annotations

import importlib
from typing import Any


def extra_library(module: str, extra: str, needed_for: str) -> Any:
    """Import a module of an optional library.

    Args:
        module: its full name.
        extra: the extra of the package that installs it.
        needed_for: what it is needed for, for the message.

    Returns:
        The module.

    Raises:
        ModuleNotFoundError: the library is not installed. The message says how to install it.

    Example:
        >>> extra_library("no_such_library", "excel", "sheets")
        Traceback (most recent call last):
            ...
        ModuleNotFoundError: sheets need no_such_library: python -m pip install
        'farseer-jax[excel]'
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        library = module.partition(".")[0]
        if (error.name or "").partition(".")[0] != library:
            raise  # something else is missing
        raise ModuleNotFoundError(
            f"{needed_for} need {library}: python -m pip install 'farseer-jax[{extra}]'",
            name=library,
        ) from None
