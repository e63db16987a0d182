"""``farseer plot``: every figure of ``farseer_jax.plots``, a kind each."""

from farseer_jax.cli.plot.group import plot

__all__ = ["plot"]
