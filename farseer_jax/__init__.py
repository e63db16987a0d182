"""Fit LLM scaling laws: the Farseer law, fast, exact and honest about what the runs determine."""

import lazy_loader

# `__init__.pyi` is the list of public names. Each is imported on first use: `farseer --help` and
# mistakes on the command line must not wait for JAX.
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
