"""The command line: ``farseer`` and its commands, each in a file of its own name."""

from farseer_jax.cli.shell import main

__all__ = ["main"]
