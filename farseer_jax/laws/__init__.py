"""Scaling laws, one per file."""
