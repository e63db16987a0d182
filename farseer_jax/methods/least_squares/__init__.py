"""Fits of all parameters at once, by batched Levenberg–Marquardt."""
