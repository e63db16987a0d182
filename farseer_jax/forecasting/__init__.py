"""Forecasts: the loss that a run will reach, with intervals."""
