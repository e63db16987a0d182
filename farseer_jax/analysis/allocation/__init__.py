"""Where a compute budget goes: parameters, tokens and the loss that they reach."""

from farseer_jax.analysis.allocation._flops import TransformerFLOPs
from farseer_jax.analysis.allocation._published import PublishedModel, published_models
from farseer_jax.analysis.allocation._result import Allocation
from farseer_jax.analysis.allocation.allocate import allocate

__all__ = ["Allocation", "PublishedModel", "TransformerFLOPs", "allocate", "published_models"]
