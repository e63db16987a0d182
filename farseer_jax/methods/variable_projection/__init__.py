"""Fits of laws that are linear in some parameters: the others are searched, these solved for."""
