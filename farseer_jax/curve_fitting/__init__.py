"""Fits of laws of curves, and what they answer."""
