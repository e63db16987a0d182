"""Fitting methods, one per package or file."""
