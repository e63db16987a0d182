"""Choosing a law for a table: what its columns are, which laws they serve, which extrapolate."""
