"""Files below a folder, each found once, and the names of runs by their folders."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


def files_below(folder: str | os.PathLike[str], matches: Callable[[str], bool]) -> list[Path]:
    """Find files by their name, at any depth, in the order of their paths.

    Links to folders are followed. A file reached by several paths (such as ``wandb/latest-run``) is
    returned once, by the path without links if there is one.

    Args:
        folder: where to look.
        matches: whether a file name is one of those looked for.

    Returns:
        The files.

    Raises:
        FileNotFoundError: there is no such folder.
        NotADirectoryError: it is a file.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     _ = Path(folder, "a.json").write_text("{}")
        ...     [path.name for path in files_below(folder, lambda name: name.endswith(".json"))]
        ['a.json']
    """
    folder = Path(folder).expanduser()
    if not folder.exists():
        raise FileNotFoundError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise NotADirectoryError(f"{folder}: expected a folder, got a file")
    found: dict[str, Path] = {}
    links = _found_in(folder, matches, found)
    seen = {os.path.realpath(folder)}
    while links:  # after all folders themselves
        link = links.pop(0)
        if (real := os.path.realpath(link)) not in seen:
            seen.add(real)
            links += _found_in(link, matches, found)
    return sorted(found.values())


def run_name(run: Path, folder: str | os.PathLike[str]) -> str:
    """Name a run by the path of its folder from the folder that was given.

    Example:
        >>> run_name(Path("out/small/seed1"), "out")
        'small/seed1'
    """
    folder = Path(folder).expanduser()
    if run == folder or not run.is_relative_to(folder):  # itself, or the folder above it
        return run.resolve().name
    return run.relative_to(folder).as_posix()


def _found_in(folder: Path, matches: Callable[[str], bool], found: dict[str, Path]) -> list[Path]:
    """Add the files below a folder to those found, and return the links to folders in it."""
    links = []
    for parent, folders, files in os.walk(folder):
        folders.sort()
        links += [Path(parent, name) for name in folders if os.path.islink(Path(parent, name))]
        for name in sorted(filter(matches, files)):
            path = Path(parent, name)
            found.setdefault(os.path.realpath(path), path)
    return links
