"""The site says of which version it is: one folder of files for each version."""

import runpy
from pathlib import Path
from typing import Any

_VERSION = Path(__file__).parents[2] / "farseer_jax" / "_version.py"


def on_config(config: Any) -> Any:
    """Put the version of the package into the header."""
    version = runpy.run_path(str(_VERSION))["__version__"]
    config.site_name = f"{config.site_name} {version}"
    return config
