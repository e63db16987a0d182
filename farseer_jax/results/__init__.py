"""Shared parts of all results: formatting of numbers, tables, JSON, files."""
