"""How to reproduce the report: commands, Python, versions, and the data's fingerprint."""

import platform
from importlib.metadata import version

from farseer_jax._version import __version__
from farseer_jax.reporting.content import Code, Facts, Section
from farseer_jax.runs.fingerprint import fingerprint
from farseer_jax.runs.runs import Runs

_LIBRARIES = ("jax", "numpy", "scipy", "plotly")


def remake(
    commands: str, python: str, tables: dict[str, Runs], settings: dict[str, str]
) -> Section:
    """Commands and Python code that make the report, with the versions and data behind it.

    Args:
        commands: shell commands; may be empty.
        python: the same in Python.
        tables: the runs by name.
        settings: seed and the like, by name.
    """
    shell = [Code("In the shell", commands)] if commands else []
    versions = {name: version(name) for name in _LIBRARIES}
    prints = {f"SHA-256 of {name}": fingerprint(runs) for name, runs in tables.items()}
    made_by = {"farseer_jax": __version__, **versions, "Python": platform.python_version()}
    return Section(
        "remake",
        "Reproduce this report",
        [*shell, Code("In Python", python), Facts({**settings, **prints, **made_by})],
    )
