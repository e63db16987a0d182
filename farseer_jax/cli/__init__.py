"""The shell: ``farseer`` and its commands, each in a file of its name."""

from farseer_jax.cli.shell import main

__all__ = ["main"]
