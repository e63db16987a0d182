"""Fits of laws that are linear in some parameters: these are solved for, the others searched."""
