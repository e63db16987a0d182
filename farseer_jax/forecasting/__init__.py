"""Forecasts: what a run will reach, and how sure that is."""
