"""Choosing a law for a table: its columns, the laws of these inputs, and which extrapolate best."""
