"""Fits of all parameters at once, by any first-order optimiser from many starts."""
