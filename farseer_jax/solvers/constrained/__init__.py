"""Batches of small problems with bounds, constraints and convex combinations of corners."""
