"""The shell: ``farseer fit``, ``farseer predict`` and ``farseer bootstrap``."""

from farseer_jax.cli._main import main

__all__ = ["main"]
