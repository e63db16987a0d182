"""Fitting laws to runs, and the resulting fits: as objects, text and files."""
