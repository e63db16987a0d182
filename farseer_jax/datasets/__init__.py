"""Runs that the package makes itself."""
