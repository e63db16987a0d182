"""Uncertainty: refits of resampled runs, and intervals that are read off them."""
