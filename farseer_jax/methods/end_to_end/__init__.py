"""Shared by the methods that fit all parameters at once: settings, layout, free parameters."""
