"""The shell: ``farseer fit`` and ``farseer predict``."""

from farseer_jax.cli._main import main

__all__ = ["main"]
