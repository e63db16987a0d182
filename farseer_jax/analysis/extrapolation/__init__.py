"""Extrapolations repeated inside the data (paper §4.1–4.3, §5.2)."""
